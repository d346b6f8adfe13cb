"""Statistics of a pair of signals, and what other intrusive metrics say of it.

The other metrics serve as teachers and are slightly adapted. eMoBi-Q is worked out in blocks of 2 s
and averaged, since its binaural part grows with the duration. Of a binaural pair, Ambiqual sees
middle and side signal as W and Y. Channels that a signal does not have do not count in LA.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from qastanet.hearing import fast
from qastanet.hearing.feature_statistics import statistics
from qastanet.hearing.features import Features
from qastanet.rivals.ambiqual import EXPONENTS, _channel_similarity
from qastanet.rivals.emobiq import binaural_quality, monaural_quality
from qastanet.sound.binaural import BinauralDecoder

LONG = 10
"""Frames of 40 ms in a frame of eMoBi-Q."""

BLOCK = 5
"""Frames of eMoBi-Q in a block."""


class Heard:
    """A signal, its two ears and its features.

    Args:
        signal: 48 kHz, float32, shape (channels, samples), ambisonic or binaural.
        decoder: of ambisonics.
    """

    def __init__(self, signal: NDArray, decoder: BinauralDecoder):
        self.signal = np.asarray(signal, dtype=np.float32)
        self.ears = self.signal
        if len(signal) != 2:
            self.ears = decoder(torch.from_numpy(self.signal)).numpy()
        self.features = fast.features(self.signal, [decoder.filters.float().numpy()])

    def blocks(self) -> list[Features]:
        """Features in the frames of eMoBi-Q, a block at a time."""
        maps = [torch.from_numpy(x) for x in fast.long_frames(self.ears, LONG)[:3]]
        frames = maps[0].shape[-1]
        count = max(1, (frames - 1) // BLOCK)
        spans = [slice(k * BLOCK, (k + 1) * BLOCK) for k in range(count)]
        return [Features(*(x[..., span] for x in maps)) for span in spans]


def compare(
    reference: Heard, degraded: Heard, metrics: bool = True
) -> tuple[dict[str, float], NDArray]:
    """Compare a degraded signal with its reference.

    Args:
        reference: the reference.
        degraded: the degraded signal, in the same form.
        metrics: also work out the other metrics.

    Returns:
        ``emobiq``, ``lq``, ``la`` (0..1; empty without metrics), and statistics (13, 29).
    """
    values = statistics(reference.features, degraded.features)[0]
    if not metrics:
        return {}, values
    quality = [
        min(monaural_quality(*pair), binaural_quality(*pair))
        for pair in zip(reference.blocks(), degraded.blocks(), strict=True)
    ]
    similarity = _similarities(reference.signal, degraded.signal)
    exponents = np.array([EXPONENTS.get(k, 0.0) for k in range(len(similarity))])
    la = np.prod(np.maximum(similarity, 1e-3) ** exponents)
    return {"emobiq": np.mean(quality), "lq": similarity[0], "la": la}, values


def _similarities(reference: NDArray, degraded: NDArray) -> NDArray:
    """Phase similarity per channel; of a binaural pair, of middle and side."""
    pair = [np.asarray(x, dtype=float) for x in (reference, degraded)]
    if len(reference) == 2:
        pair = [np.stack([x[0] + x[1], x[0] - x[1]]) / 2 for x in pair]
    wanted = (k == 0 or EXPONENTS.get(k, 0) > 0 for k in range(len(pair[0])))
    return np.array(
        [
            _channel_similarity(a, b) if used else 1.0
            for a, b, used in zip(*pair, wanted, strict=True)
        ]
    )
