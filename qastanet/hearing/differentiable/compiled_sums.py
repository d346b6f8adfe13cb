"""The sums of `qastanet.hearing.differentiable.band_sums` by compiled loops: CPU, single precision.

The signals of a batch are shared out among the threads of PyTorch. For the gradient the states
before each row of samples are kept, and the bands of a row are computed again.
"""

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch

from qastanet.hearing.compiled.band_gradient import ROW, SECTIONS, rows_gradient, sum_rows
from qastanet.hearing.compiled.bands import (
    EAR,
    HUM,
    LANES,
    LOWEST,
    MOMENTS,
    STATES,
    STEP,
    bank,
    bank_gains,
    filter_bands,
)
from qastanet.hearing.compiled.loops import aligned
from qastanet.hearing.envelope import lowpass_pole
from qastanet.hearing.gammatone import FIRST_ENVELOPE, N_BANDS
from qastanet.sound.sampling import FRAME

POLE = np.float32(lowpass_pole())
HALF = (1 - float(POLE)) / 2
"""Gain of the low-pass, which the loops leave out."""

Parts = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def takes(ears: torch.Tensor) -> bool:
    """Tell whether ears are computed here.

    Example:
        >>> takes(torch.zeros(1, 2, 4800)), takes(torch.zeros(1, 2, 4800, dtype=torch.float64))
        (True, False)
    """
    return ears.device.type == "cpu" and ears.dtype == torch.float32


@functools.cache
def _gain() -> torch.Tensor:
    """Return the gains of the bands, float32, shape (29,)."""
    return torch.from_numpy(bank_gains().astype(np.float32))


class _Memory(NamedTuple):
    """What the loops fill for a batch, as they want it."""

    moments: torch.Tensor
    """(batch, rows, MOMENTS LANES)"""
    envelopes: torch.Tensor
    """(batch, steps, 2 EAR)"""
    lasts: torch.Tensor
    """(batch, rows, 2, LANES)"""
    sections: torch.Tensor
    """(batch, rows, 2, SECTIONS), or of one row if they are not kept"""


def _memory(ears: torch.Tensor, keep: bool) -> _Memory:
    """Return memory for ears (batch, 2, samples)."""
    batch, rows = ears.shape[0], -(-ears.shape[-1] // ROW)
    return _Memory(
        ears.new_zeros(batch, rows, MOMENTS * LANES),
        ears.new_empty(batch, rows * (ROW // STEP), 2 * EAR),
        ears.new_empty(batch, rows, 2, LANES),
        ears.new_empty(batch, rows if keep else 1, 2, SECTIONS),
    )


def _rows(ears: np.ndarray) -> np.ndarray:
    """Return ears (2, samples) in rows, shape (rows, 2, ROW), of which the last is filled up."""
    hum = ears.any(axis=-1, keepdims=True) * HUM
    padded = np.pad(ears + hum, ((0, 0), (0, -ears.shape[-1] % ROW)))
    return np.ascontiguousarray(padded.reshape(2, -1, ROW).swapaxes(0, 1))


def _filter(ears: np.ndarray, memory: _Memory) -> None:
    """Run the bands over the ears (2, samples) of a signal."""
    moments, envelopes, lasts, sections = (x.numpy() for x in memory)
    rows, samples = _rows(ears), ears.shape[-1]
    whole, rest = divmod(samples, ROW)
    state = aligned(2, STATES * LANES)
    state[:] = 0
    sum_rows(rows[:whole], bank(), POLE, state, moments, envelopes, lasts, sections)
    if not rest:
        return
    sections[-1], state[:, SECTIONS:] = state[:, :SECTIONS], 0
    here = envelopes[whole * (ROW // STEP) :]
    ending = np.ascontiguousarray(rows[whole, :, :rest])
    filter_bands(ending, bank(), POLE, state, moments[whole:], here)
    last = state[:, SECTIONS:]
    decay = np.cumsum(POLE ** np.arange(ROW - rest) * (1 + POLE))  # of v, which goes on
    silent, final = -rest % STEP, -(-rest // STEP) - 1
    if silent:
        tail = decay[silent - 1] * last[:, LOWEST:].reshape(-1)
        here[final] = (here[final] * (STEP - silent) + tail) / STEP
    here[final + 1 :] = 0
    moments[whole, : 2 * LANES] += decay[-1] * last.reshape(-1)
    lasts[whole] = last * POLE ** (ROW - rest)


def _for_each(function: Callable, *batches: Sequence) -> None:
    """Call a function for every signal of a batch, in as many threads as PyTorch may use."""
    threads = min(torch.get_num_threads(), len(batches[0]))
    if threads == 1:
        list(map(function, *batches))
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(function, *batches))


def _signals(memory: _Memory) -> list[_Memory]:
    """Return what belongs to each signal."""
    return [_Memory(*parts) for parts in zip(*memory, strict=True)]


def _sums(memory: _Memory, frames: int) -> Parts:
    """Bring what the loops left into the form of `band_sums`."""
    moments = memory.moments.unflatten(-1, (MOMENTS, LANES))[..., :N_BANDS]
    lasts, p, gain = memory.lasts[..., :N_BANDS], float(POLE), _gain()
    sums = (moments[:, :, :2] + lasts) * ((1 - p) / 2) + lasts * p  # e[t] = q[t] - p q[t-1]
    rows = torch.stack([sums * gain, lasts * (gain * HALF * (1 + p))], -1)
    products = moments[:, : frames * (FRAME // ROW), 2:, :FIRST_ENVELOPE]
    products = products.unflatten(1, (frames, -1)).sum(2) * gain[:FIRST_ENVELOPE].square()
    envelopes = memory.envelopes.unflatten(-1, (2, EAR)).unflatten(1, (-1, ROW // STEP))
    envelopes = envelopes[..., FIRST_ENVELOPE - LOWEST : N_BANDS - LOWEST]
    envelopes = envelopes * (gain[FIRST_ENVELOPE:] * HALF)
    return (
        rows.permute(0, 2, 3, 1, 4).contiguous(),
        envelopes.permute(0, 3, 4, 1, 2).contiguous(),
        products.permute(0, 2, 3, 1).contiguous(),
        memory.sections[None],
    )


def empty(ears: torch.Tensor, keep: bool) -> Parts:
    """Return tensors like those of `sums`.

    Example:
        >>> [tuple(x.shape) for x in empty(torch.zeros(1, 2, 4800), keep=True)][2:]
        [(1, 4, 9, 2), (1, 1, 20, 2, 256)]
    """
    batch, rows = ears.shape[0], -(-ears.shape[-1] // ROW)
    return (
        ears.new_empty(batch, 2, N_BANDS, rows, 2),
        ears.new_empty(batch, 2, N_BANDS - FIRST_ENVELOPE, rows, ROW // STEP),
        ears.new_empty(batch, 4, FIRST_ENVELOPE, ears.shape[-1] // FRAME),
        ears.new_empty(1, batch, rows if keep else 1, 2, SECTIONS),
    )


def sums(ears: torch.Tensor, keep: bool) -> Parts:
    """Do what `band_sums` says; the last tensor, (1, batch, rows, 2, values), is for the gradient.

    Args:
        ears: shape (batch, 2, samples), float32, on the CPU
        keep: whether there will be a gradient

    Example:
        >>> [tuple(x.shape) for x in sums(torch.zeros(1, 2, 4800), keep=False)][:2]
        [(1, 2, 29, 20, 2), (1, 2, 20, 20, 30)]
    """
    memory = _memory(ears, keep)
    _for_each(_filter, ears.numpy(), _signals(memory))
    return _sums(memory, ears.shape[-1] // FRAME)


def gradient(
    ears: torch.Tensor,
    sections: torch.Tensor,
    rows: torch.Tensor,
    envelopes: torch.Tensor,
    products: torch.Tensor,
) -> torch.Tensor:
    """Return the gradient of ears from those of what `sums` returns, and what it kept.

    Example:
        >>> ears = torch.randn(1, 2, 4800)
        >>> found = sums(ears, keep=True)
        >>> gradient(ears, found[3], *found[:3]).shape
        torch.Size([1, 2, 4800])
    """
    gain, p, samples = _gain(), float(POLE), ears.shape[-1]
    scale = gain[FIRST_ENVELOPE:, None, None] * (HALF / STEP)
    losses = (
        envelopes * scale,
        rows[..., 1] * (gain * HALF * (1 + p))[:, None],
        rows[..., 0] * gain[:, None],
        products * gain[:FIRST_ENVELOPE, None].square(),
    )
    losses = [x.contiguous().numpy() for x in losses]
    found = ears.new_empty(ears.shape[0], rows.shape[-2], 2, ROW)

    def one(signal, states, gained, *lost):
        rows_gradient(_rows(signal), samples, states, bank(), POLE, lost, gained)

    _for_each(one, ears.numpy(), sections[0].numpy(), found.numpy(), *losses)
    return found.movedim(1, 2).flatten(-2)[..., :samples].contiguous()
