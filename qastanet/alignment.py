"""Time alignment: the delay of a degraded signal, its drift, and the difference in level.

The delay is the lag of the largest generalised cross-correlation, with the cross-spectrum summed
over all channels and over blocks of a few seconds, and divided by the square root of its magnitude:
half way to the phase transform, sharp for broadband signals and still robust for narrow ones. A
parabola through an eight-fold interpolated peak gives a fraction of a sample.
"""

from typing import NamedTuple

import numpy as np
import scipy.fft
import scipy.signal
import scipy.stats

from qastanet.errors import InputError

BOUND = 0.1
"""Largest delay that is looked for, in seconds."""

BLOCK = 1 << 17
"""Samples of a block of the cross-spectrum."""

NEGLIGIBLE = 0.25
"""Delays below this many samples are not compensated: they are within what a codec does."""

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


def _cross_spectrum(reference: np.ndarray, degraded: np.ndarray, n_fft: int) -> np.ndarray:
    """Sum conj(R) D over channels and over windowed blocks of n_fft / 2 samples."""
    size = n_fft // 2
    samples = min(reference.shape[1], degraded.shape[1])
    starts = range(0, max(samples - size // 2, 1), size // 2)
    window = np.hanning(size) if samples > size else np.ones(size)
    total = np.zeros(n_fft // 2 + 1, dtype=complex)
    for start in starts:
        pieces = [x[:, start : start + size] for x in (reference, degraded)]
        spectra = [
            scipy.fft.rfft(piece * window[: piece.shape[1]], n_fft, workers=1) for piece in pieces
        ]
        total += (spectra[0].conj() * spectra[1]).sum(0)
    return total


def _lag(cross: np.ndarray, n_fft: int, bound: int) -> float:
    """Return the lag in samples of the peak of the weighted cross-correlation."""
    weighted = cross / np.sqrt(np.maximum(np.abs(cross), 1e-12 * np.abs(cross).max() + 1e-300))
    correlation = scipy.fft.irfft(weighted, n_fft)
    lags = np.arange(-bound, bound + 1)
    coarse = lags[np.argmax(correlation[lags])]
    near = coarse + np.arange(-2 * INTERPOLATION, 2 * INTERPOLATION + 1) / INTERPOLATION
    frequency = np.arange(len(weighted)) * (2 * np.pi / n_fft)
    fine = np.array([(weighted * np.exp(1j * frequency * lag)).real.sum() for lag in near])
    peak = int(np.clip(np.argmax(fine), 1, len(near) - 2))
    left, top, right = fine[peak - 1 : peak + 2]
    bend = left - 2 * top + right
    return float(near[peak] + (0.5 * (left - right) / bend if bend < 0 else 0.0) / INTERPOLATION)


def estimate_delay(
    reference: np.ndarray, degraded: np.ndarray, rate: int, bound: float = BOUND
) -> Delay:
    """Estimate by how much a degraded signal is late.

    Args:
        reference: shape (channels, samples)
        degraded: shape (channels, samples), the same number of channels, any length
        rate: sampling rate in Hz
        bound: largest delay that is looked for, in seconds

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
    limit = max(1, round(bound * rate))
    longest = max(reference.shape[1], degraded.shape[1])
    n_fft = scipy.fft.next_fast_len(2 * max(min(longest, BLOCK), 2 * limit), real=True)
    n_fft += n_fft % 2
    delay = _lag(_cross_spectrum(reference, degraded, n_fft), n_fft, limit)
    aligned = shift(reference, degraded, delay)
    confidence = _correlation(*aligned)
    drift, sure = _drift(reference, degraded, rate, delay)
    return Delay(delay, confidence, drift, sure)


def _correlation(reference: np.ndarray, degraded: np.ndarray) -> float:
    """Return the correlation of two signals over all channels."""
    energy = np.sqrt(float((reference**2).sum()) * float((degraded**2).sum()))
    return float(np.clip((reference * degraded).sum() / energy, 0, 1)) if energy > 0 else 0.0


def _drift(
    reference: np.ndarray, degraded: np.ndarray, rate: int, delay: float
) -> tuple[float, bool]:
    """Return the drift in ppm (median slope of the delays of ten parts), and whether it is sure."""
    parts = 10
    samples = min(reference.shape[1], degraded.shape[1])
    size, near = samples // parts, 64
    if size < rate // 10:
        return 0.0, False
    n_fft = scipy.fft.next_fast_len(2 * size, real=True)
    n_fft += n_fft % 2
    whole = round(delay)
    times, lags = [], []
    for start in range(0, parts * size, size):
        first = start + whole
        if first < 0 or first + size > degraded.shape[1]:
            continue
        pieces = reference[:, start : start + size], degraded[:, first : first + size]
        if min(float((piece**2).sum()) for piece in pieces) > 0:
            times.append(start)
            lags.append(_lag(_cross_spectrum(*pieces, n_fft), n_fft, near))
    if len(times) < 5:
        return 0.0, False
    slope, _, low, high = scipy.stats.theilslopes(lags, times, 0.99)
    sure = bool((low > 0 or high < 0) and abs(slope) * samples > 1)
    return float(slope * 1e6), sure


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
            kernel = np.sinc(taps + fraction) * scipy.signal.windows.kaiser(len(taps), 8)
            kernel = (kernel / kernel.sum()).astype(degraded.dtype)
            degraded = scipy.signal.oaconvolve(degraded, kernel[None], mode="same", axes=-1)
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
