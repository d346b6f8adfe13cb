"""Which parts of long signals are looked at: spread over them, or where there is sound."""

from typing import NamedTuple

import numpy as np

BLOCK, BLOCKS = 1 << 15, 16
"""Samples of a block, and how many at most are looked at, spread over the signal."""

SILENT = 1e-6
"""Blocks with less than this share of the energy of the loudest are pauses."""


class Excerpt(NamedTuple):
    """The same part of both signals."""

    start: int
    reference: np.ndarray
    degraded: np.ndarray


def positions(samples: int) -> tuple[list[int], int]:
    """Return where the blocks start that `delay_of_excerpts` wants to see, and their length.

    Args:
        samples: of the shorter signal

    Example:
        >>> positions(48000)
        ([0], 32768)
    """
    size = min(max(samples, 1), BLOCK)
    number = int(np.clip(samples // BLOCK, 1, BLOCKS))
    return [int(k) for k in np.linspace(0, max(samples - size, 0), number)], size


def sounding(samples: np.ndarray) -> tuple[list[int], int]:
    """Return `positions`, but where there is sound, if it is sparse.

    Args:
        samples: reference, shape (channels, samples)

    Example:
        >>> pause = np.zeros((1, 40 * BLOCK))
        >>> pause[0, 3 * BLOCK + 5] = 1.0
        >>> sounding(pause)[0] == [3 * BLOCK]
        True
    """
    starts, size = positions(samples.shape[1])
    if samples.shape[1] < 2 * BLOCK:
        return starts, size
    grid = np.arange(0, samples.shape[1] - size + 1, size)
    energies = np.array([np.square(samples[:, k : k + size], dtype=float).sum() for k in grid])
    return loudest(energies, starts, size), size


def loudest(energies: np.ndarray, starts: list[int], size: int) -> list[int]:
    """Return where the loudest blocks start, if most of a signal is silent; else the given starts.

    Args:
        energies: of the blocks of the signal
        starts: of blocks spread over it
        size: samples of a block
    """
    energies = np.asarray(energies)
    heard = np.flatnonzero(energies > SILENT * energies.max(initial=0.0))
    if len(heard) > len(energies) / 2 or not len(heard):
        return starts
    chosen = heard[np.argsort(energies[heard])[::-1][:BLOCKS]]
    return [int(k) * size for k in sorted(chosen)]
