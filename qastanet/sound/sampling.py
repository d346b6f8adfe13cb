"""The grid of time: sampling rate, frames, pieces; and resampling to it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from qastanet.errors import InputError

SAMPLING_RATE = 48000
"""Sampling rate of the auditory model in Hz."""

FRAME = 1920
"""Samples of a frame: 40 ms at 48 kHz, no overlap; an incomplete last frame is dropped."""

PIECE = 25 * FRAME
"""Samples taken at a time: one second."""


def resample(samples: np.ndarray, rate: int, target: int) -> np.ndarray:
    """Resample by a rational factor with a zero-phase polyphase filter (`scipy.signal`).

    Args:
        samples: shape (channels, samples)
        rate: sampling rate of the samples in Hz, a whole number
        target: wanted sampling rate in Hz

    Returns:
        float32 samples, shape (channels, ceil(samples * target / rate)); the input if the rates
        agree

    Example:
        >>> resample(np.ones((2, 441)), 44100, 48000).shape
        (2, 480)
    """
    if rate == target:
        return np.asarray(samples, dtype=np.float32)
    if rate != int(rate):
        raise InputError(f"sampling rate {rate} Hz; it must be a whole number")
    import scipy.signal  # heavy, and only needed here

    divisor = math.gcd(int(rate), target)
    up, down = target // divisor, int(rate) // divisor
    return scipy.signal.resample_poly(samples, up, down, axis=-1).astype(np.float32)


def resampled(blocks: Iterable[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    """Resample a signal block by block, with the same result as `qastanet.sound.sampling.resample`.

    The polyphase filter reaches 10 max(up, down) / up samples to either side. Each block is
    resampled together with its neighbours' ends, and what belongs to these is cut off.

    Args:
        blocks: one second each, shape (channels, rate), the last one shorter or equal
        rate: of the blocks in Hz

    Yields:
        one second each at 48 kHz, the last one shorter or equal
    """
    divisor = math.gcd(rate, SAMPLING_RATE)
    up, down = SAMPLING_RATE // divisor, rate // divisor
    margin = down * math.ceil((10 * max(up, down) / up + 1) / down)
    before, current = None, None

    def piece(after: np.ndarray | None) -> np.ndarray:
        """Resample the current block."""
        parts = [current]
        if before is not None:
            parts.insert(0, before[:, -margin:])
        if after is not None:
            parts.append(after[:, :margin])
        first = margin * up // down if before is not None else 0
        stop = first - (-current.shape[-1] * up // down)
        return resample(np.concatenate(parts, axis=1), rate, SAMPLING_RATE)[:, first:stop]

    for block in blocks:
        if current is not None:
            yield piece(block)
            before = current
        current = block
    if current is not None:
        yield piece(None)
