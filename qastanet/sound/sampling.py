"""The grid of time: sampling rate, frames, pieces; and resampling to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
import soxr

from qastanet.errors import InputError

SAMPLING_RATE = 48000
"""Sampling rate of the auditory model in Hz."""

FRAME = 1920
"""Samples of a frame: 40 ms at 48 kHz, no overlap; an incomplete last frame is dropped."""

PIECE = 25 * FRAME
"""Samples taken at a time: one second."""


def resample(samples: np.ndarray, rate: int, target: int) -> np.ndarray:
    """Resample with a linear-phase filter that delays nothing (soxr, high quality).

    Args:
        samples: shape (channels, samples)
        rate: sampling rate of the samples in Hz, a whole number
        target: wanted sampling rate in Hz

    Returns:
        float32 samples, shape (channels, ceil(samples * target / rate)); the input if the rates
        agree

    Raises:
        InputError: if the rate is no whole number

    Example:
        >>> resample(np.ones((2, 441)), 44100, 48000).shape
        (2, 480)
    """
    samples = np.asarray(samples, dtype=np.float32)
    if rate == target:
        return samples
    if rate != int(rate):
        raise InputError(f"sampling rate {rate} Hz; it must be a whole number")
    wanted = -(-samples.shape[-1] * target // int(rate))
    longer = np.concatenate([samples, _ending(len(samples), int(rate), target)], axis=1)
    return np.ascontiguousarray(soxr.resample(longer.T, int(rate), target)[:wanted].T)


def resampled(blocks: Iterable[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    """Resample a signal block by block to 48 kHz, to the very samples that `resample` gives.

    Args:
        blocks: shape (channels, samples), not all of one length
        rate: of the blocks in Hz

    Yields:
        shape (channels, PIECE), the last one shorter or equal
    """
    stream, taken, given = None, 0, 0
    kept = np.zeros((0, 0), dtype=np.float32)
    for block in chain(blocks, [None]):
        if stream is None:
            channels = len(block)
            stream = soxr.ResampleStream(rate, SAMPLING_RATE, channels, dtype="float32")
            kept = np.zeros((channels, 0), dtype=np.float32)
        last = block is None
        taken += 0 if last else block.shape[1]
        part = _ending(channels, rate, SAMPLING_RATE) if last else block
        kept = np.concatenate([kept, stream.resample_chunk(part.T.copy(), last=last).T], axis=1)
        if last:
            kept = kept[:, : -(-taken * SAMPLING_RATE // rate) - given]
        while kept.shape[1] >= PIECE or (last and kept.shape[1]):
            yield np.ascontiguousarray(kept[:, :PIECE])
            given += kept[:, :PIECE].shape[1]
            kept = kept[:, PIECE:]


def _ending(channels: int, rate: int, target: int) -> np.ndarray:
    """Return silence for a sample more at the target rate; soxr rounds lengths, here up."""
    return np.zeros((channels, rate // target + 2), dtype=np.float32)
