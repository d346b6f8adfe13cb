"""Excerpts of a listening test: cut where it is quiet, faded, equally loud."""

import warnings

import numpy as np
from numpy.typing import NDArray

from qastanet.errors import InputError
from qastanet.sound.sampling import SAMPLING_RATE

LONGEST = 12.0
"""Seconds; webMUSHRA refuses longer ones, and BS.1534-3 recommends about 10."""

STEP = SAMPLING_RATE // 50
"""A cut lies on a grid of 20 ms."""

SHORTER = 0.8
"""Share of the wanted length that an excerpt has at least, so that its end can lie at a pause."""

FADES = 0.02, 0.05
"""Seconds of the raised cosines at start and end."""

LOUDNESS = -26.0
"""LUFS that all sounds are brought to."""

PEAK = -1.0
"""dBFS that no sample exceeds."""

FLOOR = 1e-10


def quiet_cut(signal: NDArray, seconds: float) -> tuple[int, int]:
    """Find an excerpt whose ends are quiet beside what lies between them.

    Args:
        signal: 48 kHz, shape (channels, samples)
        seconds: longest duration; at least 80 % of it is taken, all of a shorter signal

    Returns:
        first sample, and the one after the last

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((1, 480000))
        >>> noise[:, 96000:110000] = noise[:, 300000:310000] = 0
        >>> start, stop = quiet_cut(noise, 5)
        >>> 96000 <= start <= 110000, 300000 <= stop <= 310000
        (True, True)
    """
    samples, longest = signal.shape[1], int(seconds * SAMPLING_RATE) // STEP
    steps = samples // STEP
    if samples <= seconds * SAMPLING_RATE:
        return 0, samples
    power = (signal[:, : steps * STEP] ** 2).reshape(len(signal), steps, STEP).mean((0, 2))
    edge = np.concatenate([power[:1], (power[1:] + power[:-1]) / 2, power[-1:]]) + FLOOR
    total = np.concatenate([[0], np.cumsum(power)])
    best, found = np.inf, (0, longest)
    for length in range(int(SHORTER * longest), longest + 1):
        inside = (total[length:] - total[:-length]) / length + FLOOR
        costs = np.log(edge[: len(inside)]) + np.log(edge[length:]) - 2 * np.log(inside)
        place = int(np.argmin(costs))
        if costs[place] < best:
            best, found = costs[place], (place, place + length)
    return found[0] * STEP, found[1] * STEP


def faded(signal: NDArray) -> NDArray:
    """Fade a signal in and out.

    Args:
        signal: 48 kHz, shape (channels, samples)

    Example:
        >>> faded(np.ones((1, 48000)))[0, [0, 24000, -1]].round(3).tolist()
        [0.0, 1.0, 0.0]
    """
    window = np.ones(signal.shape[1])
    for seconds, side in zip(FADES, (slice(None), slice(None, None, -1)), strict=True):
        length = min(round(seconds * SAMPLING_RATE), len(window) // 2)
        window[side][:length] *= np.sin(np.linspace(0, np.pi / 2, length)) ** 2
    return signal * window


def loudness(ears: NDArray, name: str) -> float:
    """Return the integrated loudness after ITU-R BS.1770-4 in LUFS (pyloudnorm).

    Args:
        ears: 48 kHz, shape (2, samples), at least 0.4 s
        name: how messages call it

    Raises:
        InputError: if it is too short or too quiet to have one

    Example:
        >>> tone = 0.1 * np.sin(2 * np.pi * 997 * np.arange(96000) / 48000)
        >>> abs(loudness(np.stack([tone, 0 * tone]), "tone") + 23.01) < 0.1
        True
    """
    import pyloudnorm

    if ears.shape[1] < 0.4 * SAMPLING_RATE:
        raise InputError(f"{name}: lasts {ears.shape[1] / SAMPLING_RATE:.2f} s; 0.4 s are needed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the logarithm of silence
        found = float(pyloudnorm.Meter(SAMPLING_RATE).integrated_loudness(ears.T))
    if not np.isfinite(found):
        raise InputError(f"{name}: is too quiet to have a loudness; leave it out")
    return found


def peak(ears: NDArray) -> float:
    """Return the highest sample in dBFS.

    Example:
        >>> round(peak(np.array([[0.5, -1.0]])), 1)
        0.0
    """
    return 20 * float(np.log10(np.abs(ears).max() + FLOOR))
