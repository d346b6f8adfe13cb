"""How much of the bands is computed at a time, by the memory there is."""

from collections.abc import Iterator
from typing import NamedTuple

import torch

from qastanet.hearing.differentiable.planned import ROW, Chunks
from qastanet.hearing.gammatone import FIRST_ENVELOPE, N_BANDS
from qastanet.sound.sampling import FRAME

CACHE_BYTES = 2**25
"""Memory of a block of bands on a CPU, so that it stays near the core."""

LONG_BYTES = 2**27
"""Memory of a band on a CPU above which its chunks are computed in parts. So no array is larger
than what memory that was freed can serve."""

WORKSPACE = 8
"""Arrays of the size of a real part that a block needs at a time, about."""

_free: dict[torch.device, int] = {}


@torch.compiler.assume_constant_result
def room(device: torch.device) -> int:
    """Return a quarter of the memory in bytes that is free on a CUDA device.

    On others it is 0: there, computing the bands again takes less time than keeping them.
    """
    if device.type != "cuda":
        return 0
    if not torch.cuda.is_current_stream_capturing():  # then as before
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        _free[device] = torch.cuda.mem_get_info(device)[0] + held
    return _free.get(device, 2**30) // 4


class Block(NamedTuple):
    """What is computed at a time; of rows, frames and samples what lies in the chunks."""

    signals: slice
    bands: slice
    chunks: slice
    rows: slice
    frames: slice
    samples: slice


def blocks(ears: torch.Tensor, cut: Chunks) -> Iterator[Block]:
    """Yield parts of the work: many bands and signals if they are short, a part of one if long."""
    samples, cuda = ears.shape[-1], ears.device.type == "cuda"
    budget = max(1, room(ears.device)) if cuda else CACHE_BYTES
    one = 2 * cut.length * ears.element_size() * WORKSPACE  # a chunk of a band of both ears
    parts = -(-one * cut.count // (budget if cuda else LONG_BYTES))
    together = -(-cut.count // parts)
    one *= together
    signals = min(ears.shape[0], max(1, budget // one))
    bands = max(1, budget // (one * signals))
    for first in range(0, ears.shape[0], signals):
        for low, high in ((0, FIRST_ENVELOPE), (FIRST_ENVELOPE, N_BANDS)):
            for band in range(low, high, bands):
                for start in range(0, cut.count, together):
                    stop = min(start + together, cut.count)
                    begin, end = start * cut.hop, stop * cut.hop
                    yield Block(
                        slice(first, first + signals),
                        slice(band, min(band + bands, high)),
                        slice(start, stop),
                        slice(begin // ROW, end // ROW),
                        slice(begin // FRAME, min(end, samples) // FRAME),
                        slice(begin, min(end, samples)),
                    )
