"""Time alignment: the delay of a degraded signal, its drift, and the difference in level.

The delay is the lag of the largest generalised cross-correlation, with the cross-spectrum summed
over channels and over blocks of about a second, and divided by the square root of its magnitude:
half way to the phase transform, sharp for broadband signals and still robust for narrow ones. A
parabola through an eight-fold interpolated peak gives a fraction of a sample. The delays of the
single blocks tell whether the clocks drift.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import scipy.fft

from qastanet.errors import InputError
from qastanet.sound.pairs.excerpts import BLOCK, Excerpt, sounding

BOUND = 0.1
"""Largest delay that is looked for, in seconds."""

NEGLIGIBLE = 0.25
"""Delays below this many samples are not compensated: they are within what a codec does."""

TRUSTED = 0.3
"""Delays are believed from this confidence on."""

NEAR = 10
"""Samples by which a delay may differ from where it is said to be."""

DRIFT_RANGE = 100
"""Samples by which the delay of a block may differ from that of the whole."""

SURE = 0.5
"""Blocks that correlate by so much tell of a jump of the delay."""

LEAST_JUMP = 48
"""Samples by which a delay must jump to be told."""

FADE = 0.05
"""Seconds over which blocks are faded: a slow swing (wind, rumble) that is cut by the edges of a
block, at the same place in both signals, would look like no delay at all."""

INTERPOLATION = 8
SINC_TAPS = 64


class Delay(NamedTuple):
    """How a degraded signal lies in time against its reference."""

    samples: float
    """Delay in samples, positive when the degraded signal is late."""
    confidence: float
    """Correlation of the aligned signals, 0..1; below about 0.2 the delay means little."""
    drift_ppm: float
    """Clock drift in parts per million, positive when the degraded signal gets later."""
    drifts: bool
    """Whether the drift is beyond doubt and moves the signals by more than one sample."""
    jump: tuple[float, float] | None = None
    """Where the delay jumps, in samples from the start, and by how many samples; None: nowhere."""
    method: str = "waveform"
    """What it was found by: waveform, or envelopes."""


class Block(NamedTuple):
    """Cross-spectrum of one block of both signals, and their energies."""

    start: int
    cross: np.ndarray
    energies: np.ndarray


def _faded(x: np.ndarray, width: int) -> np.ndarray:
    """Return rows without their mean, faded in and out over so many samples."""
    faded = x - x.mean(axis=-1, keepdims=True, dtype=np.float32)
    width = min(width, x.shape[-1] // 2)
    fade = (0.5 - 0.5 * np.cos(np.pi * (np.arange(width) + 0.5) / width)).astype(np.float32)
    faded[:, :width] *= fade
    faded[:, x.shape[-1] - width :] *= fade[::-1]
    return faded.astype(np.float32, copy=False)


def block(excerpt: Excerpt, n_fft: int, fade: int = 0) -> Block:
    """Return conj(R) D of an excerpt, summed over channels; faded over so many samples, if any."""
    pieces = [_faded(x, fade) if fade else x.astype(np.float32) for x in excerpt[1:]]
    spectra = [scipy.fft.rfft(piece, n_fft, workers=1) for piece in pieces]
    energies = np.array([float(np.sum(piece.astype(float) ** 2)) for piece in pieces])
    return Block(excerpt.start, (spectra[0].conj() * spectra[1]).sum(0), energies)


def weighted(cross: np.ndarray, n_fft: int) -> np.ndarray:
    """Return the correlation of a cross-spectrum divided by the root of its magnitude."""
    magnitude = np.abs(cross)
    flattened = cross / np.sqrt(np.maximum(magnitude, 1e-12 * magnitude.max() + 1e-30))
    return scipy.fft.irfft(flattened, n_fft)


def summit(left: float, middle: float, right: float) -> float:
    """Return where a parabola through three values is highest, in steps from the middle one."""
    bend = left - 2 * middle + right
    return 0.5 * (left - right) / bend if bend < 0 else 0.0


def _lag(cross: np.ndarray, n_fft: int, lags: np.ndarray) -> float:
    """Return the lag in samples, near the given ones, of the weighted cross-correlation's peak."""
    correlation = weighted(cross, n_fft)
    coarse = int(lags[np.argmax(correlation[lags])])
    near = np.arange(-SINC_TAPS // 2, SINC_TAPS // 2 + 1)
    steps = np.arange(-INTERPOLATION, INTERPOLATION + 1) / INTERPOLATION
    kernel = np.sinc(steps[:, None] - near) * np.kaiser(len(near), 8)
    fine = kernel @ correlation[(coarse + near) % n_fft]
    peak = int(np.clip(np.argmax(fine), 1, len(steps) - 2))
    return float(coarse + steps[peak] + summit(*fine[peak - 1 : peak + 2]) / INTERPOLATION)


def estimate_delay(
    reference: np.ndarray, degraded: np.ndarray, rate: int, near: int | None = None
) -> Delay:
    """Estimate by how much a degraded signal is late.

    Args:
        reference: shape (channels, samples); W alone is enough for ambisonics
        degraded: shape (channels, samples), the same number of channels, any length
        rate: sampling rate in Hz
        near: look within NEAR samples of this delay only, not within BOUND

    Returns:
        delay, its confidence, and the drift over the signal

    Raises:
        InputError: if the numbers of channels differ

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((2, 9600))
        >>> late = np.concatenate([np.zeros((2, 12)), noise], axis=1)
        >>> round(estimate_delay(noise, late, 48000).samples, 2)
        12.0
    """
    if reference.shape[0] != degraded.shape[0]:
        raise InputError(
            f"{reference.shape[0]} and {degraded.shape[0]} channels cannot be aligned; give both "
            "signals the same channels"
        )
    shorter = min(reference.shape[1], degraded.shape[1])
    starts, size = sounding(reference[:, :shorter])
    parts = [
        Excerpt(start, *(x[:, start : start + size] for x in (reference, degraded)))
        for start in starts
    ]
    if shorter < 2 * BLOCK:  # all there is, also of the longer signal
        parts = [Excerpt(0, *(x[:, : size + round(BOUND * rate)] for x in (reference, degraded)))]
    return delay_of_excerpts(parts, rate, near)


def delay_of_excerpts(excerpts: Iterable[Excerpt], rate: int, near: int | None = None) -> Delay:
    """Estimate a delay from excerpts of the signals, at `positions`.

    Args:
        excerpts: the same parts of both signals
        rate: sampling rate in Hz
        near: see `estimate_delay`

    Returns:
        see `estimate_delay`
    """
    excerpts, limit = list(excerpts), max(1, round(BOUND * rate))
    longest = max(x.shape[1] for part in excerpts for x in part[1:])
    n_fft = 2 * scipy.fft.next_fast_len(max(longest, 2 * limit), real=True)
    blocks = [block(part, n_fft, round(FADE * rate)) for part in excerpts]
    total = sum(each.cross for each in blocks)
    first, last = (-limit, limit) if near is None else (near - NEAR, near + NEAR)
    delay = _lag(total, n_fft, np.arange(first, last + 1))
    energy = np.sqrt(np.prod(sum(each.energies for each in blocks)))
    peak = scipy.fft.irfft(total, n_fft)[round(delay) + np.arange(-1, 2)].max()
    confidence = float(np.clip(peak / energy, 0, 1)) if energy > 0 else 0.0
    drift = _drift(blocks, n_fft, round(delay))
    jump = _jump(excerpts, blocks, n_fft, limit) if near is None and not drift[1] else None
    return Delay(delay, confidence, *drift, jump)


def _jump(
    excerpts: list[Excerpt], blocks: list[Block], n_fft: int, limit: int
) -> tuple[float, float] | None:
    """Find where a delay changes once, as by samples that were inserted or lost."""
    found = []
    for excerpt, each in zip(excerpts, blocks, strict=True):
        size = np.sqrt(np.prod(each.energies))
        heights = scipy.fft.irfft(each.cross, n_fft)
        lags = np.arange(-limit, limit + 1)
        lag = int(lags[np.argmax(np.abs(heights[lags]))])
        if size > 0 and abs(heights[lag]) >= SURE * size:
            found.append((excerpt.start, excerpt.start + excerpt.reference.shape[1], lag))
    for k in range(2, len(found) - 1):
        before, after = ([lag for *_, lag in part] for part in (found[:k], found[k:]))
        step = float(np.median(after) - np.median(before))
        spread = max(np.ptp(before), np.ptp(after))
        if abs(step) >= LEAST_JUMP and spread <= NEAR:
            return (found[k - 1][1] + found[k][0]) / 2, step
    return None


def _drift(blocks: list[Block], n_fft: int, delay: int) -> tuple[float, bool]:
    """Return the drift in ppm (Theil-Sen slope of the delays of the blocks), and if it is sure."""
    heard = [each for each in blocks if each.energies.min() > 0]
    if len(heard) < 5:
        return 0.0, False
    near = delay + np.arange(-DRIFT_RANGE, DRIFT_RANGE + 1)
    lags = np.array([_lag(each.cross, n_fft, near) for each in heard])
    starts = np.array([each.start for each in heard])
    first, second = np.triu_indices(len(starts), 1)
    slope = np.median((lags[second] - lags[first]) / (starts[second] - starts[first]))
    if abs(slope) * (starts[-1] - starts[0]) <= 1:
        return float(slope * 1e6), False
    from scipy.stats import theilslopes  # takes half a second, and few signals drift

    *_, low, high = theilslopes(lags, starts, 0.99)
    return float(slope * 1e6), bool(low > 0 or high < 0)


def shift(
    reference: np.ndarray, degraded: np.ndarray, delay: float
) -> tuple[np.ndarray, np.ndarray]:
    """Undo a delay: move the degraded signal, and cut both to the part they share.

    The fraction of a sample is moved by a windowed sinc of 64 taps; delays of less than a quarter
    of a sample are left alone, apart from the cut to the same length.

    Args:
        reference: shape (channels, samples)
        degraded: shape (channels, samples)
        delay: of the degraded signal, in samples

    Returns:
        both signals, of one length

    Example:
        >>> x = np.arange(10.0)[None]
        >>> [y.tolist() for y in shift(x, x[:, 2:], -2)][1]
        [[2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]]
    """
    if abs(delay) >= NEGLIGIBLE:
        whole = int(np.round(delay))
        fraction = delay - whole
        if abs(fraction) >= NEGLIGIBLE:
            taps = np.arange(-SINC_TAPS // 2, SINC_TAPS // 2 + 1)
            kernel = np.sinc(taps + fraction) * np.kaiser(len(taps), 8)
            kernel = (kernel / kernel.sum()).astype(degraded.dtype)
            # imported here: it takes half a second, and is needed for a part of a sample only
            from scipy.signal import oaconvolve

            degraded = oaconvolve(degraded, kernel[None], mode="same", axes=-1)
        reference, degraded = reference[:, max(-whole, 0) :], degraded[:, max(whole, 0) :]
    samples = min(reference.shape[1], degraded.shape[1])
    return reference[:, :samples], degraded[:, :samples]


def level_change(reference: np.ndarray, degraded: np.ndarray) -> float:
    """Return the level of the degraded signal above the reference in dB, over all channels.

    Example:
        >>> round(level_change(np.ones((4, 9)), 2 * np.ones((4, 9))), 2)
        6.02
    """
    powers = [np.mean(np.square(x, dtype=np.float64)) for x in (reference, degraded)]
    if min(powers) <= 0:
        return float("nan")
    return float(10 * np.log10(powers[1] / powers[0]))
