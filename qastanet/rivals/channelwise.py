"""Metrics of one channel, run on each channel of a spatial signal by itself.

Each ear of a binaural signal, each component of an ambisonic one; three numbers come out: the mean
over the channels, which bears the plain name of the metric, the ``-worst`` one, and that of the
``-first`` channel (the left ear, or W). Channels in which the reference is silent are left out.
Nothing here compares channels with each other, so a mere change of direction is heard only as far
as it changes single channels.
"""

from collections.abc import Callable

import numpy as np
import scipy.signal
from numpy.typing import ArrayLike, NDArray

from qastanet.errors import InputError

WINDOW = 2048  # samples, Hann, three quarters overlapping
FLOOR = 1e-10  # of the strongest bin of the reference; spectra are not followed below (-100 dB)
LIMIT = 100.0  # dB; the distortion ratio is cut there


def by_channel(
    name: str,
    measure: Callable[[NDArray, NDArray], float],
    reference: ArrayLike,
    degraded: ArrayLike,
    worst: Callable[[list[float]], float],
    least: int,
) -> dict[str, float]:
    """Run a one-channel measure on each channel.

    Args:
        name: start of the names of the scores.
        measure: takes the reference and the degraded signal of a channel, shape (samples,) each.
        reference: shape (channels, samples); silent channels are left out.
        degraded: same shape.
        worst: ``max`` for distances, ``min`` for qualities.
        least: samples that the measure needs.

    Returns:
        ``<name>`` (the mean), ``<name>-worst``, ``<name>-first`` (NaN if silent).

    Raises:
        InputError: if the shapes differ, the signals are too short or not finite, or the reference
            is silent.

    Example:
        >>> signals = np.arange(6.0).reshape(2, 3)
        >>> by_channel("gap", lambda x, y: float(y[0] - x[0]), signals, signals + 1, max, 1)
        {'gap': 1.0, 'gap-worst': 1.0, 'gap-first': 1.0}
    """
    reference, degraded = (np.asarray(s, dtype=float) for s in (reference, degraded))
    if reference.shape != degraded.shape or reference.ndim != 2:
        raise InputError(
            f"reference {reference.shape} and degraded {degraded.shape} must have the same shape "
            "(channels, samples); trim and align them first"
        )
    if reference.shape[1] < least:
        raise InputError(f"{reference.shape[1]} samples are too short for {name}: {least} needed")
    if not (np.isfinite(reference).all() and np.isfinite(degraded).all()):
        raise InputError("the signals hold NaN or infinity; check how they were made")
    audible = np.ptp(reference, axis=1) > 0
    if not audible.any():
        raise InputError(f"the reference is silent; {name} cannot be worked out")
    values = [
        measure(x, y) if heard else float("nan")
        for x, y, heard in zip(reference, degraded, audible, strict=True)
    ]
    heard = [value for value, yes in zip(values, audible, strict=True) if yes]
    return {
        name: float(np.mean(heard)),
        f"{name}-worst": worst(heard),
        f"{name}-first": values[0],
    }


def log_spectral_distance(
    reference: ArrayLike, degraded: ArrayLike, sampling_rate: float
) -> dict[str, float]:
    """Root mean square difference of log spectra in dB per frame, averaged over frames.

    Args:
        reference: shape (channels, samples).
        degraded: same shape.
        sampling_rate: Hz; the frames are 2048 samples at any rate.

    Returns:
        ``lsd``, ``lsd-worst``, ``lsd-first``: dB, 0 for identical signals, larger is worse.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((2, 48000))
        >>> round(log_spectral_distance(noise, noise / 2, 48000)["lsd"], 2)
        6.02
    """

    def distance(x: NDArray, y: NDArray) -> float:
        form = {"nperseg": WINDOW, "noverlap": WINDOW * 3 // 4, "boundary": None}
        powers = [np.abs(scipy.signal.stft(signal, **form)[2]) ** 2 for signal in (x, y)]
        floor = FLOOR * powers[0].max()
        levels = [10 * np.log10(np.maximum(power, floor)) for power in powers]
        return float(np.mean(np.sqrt(np.mean((levels[0] - levels[1]) ** 2, axis=0))))

    return by_channel("lsd", distance, reference, degraded, worst=max, least=WINDOW)


def si_sdr(reference: ArrayLike, degraded: ArrayLike, sampling_rate: float) -> dict[str, float]:
    """Scale-invariant ratio of signal to distortion, a waveform measure.

    10 log10(|a s|^2 / |a s - d|^2) with a = <d, s> / |s|^2, means taken out (Le Roux, Wisdom,
    Erdogan, Hershey, "SDR - half-baked or well done?", ICASSP 2019, equation 4).

    Args:
        reference: shape (channels, samples).
        degraded: same shape.
        sampling_rate: Hz; of no influence.

    Returns:
        ``si-sdr``, ``si-sdr-worst``, ``si-sdr-first``: dB, cut at -100 and 100, larger is
        better.

    Example:
        >>> time = np.arange(48000) / 48000
        >>> tones = np.sin(2 * np.pi * np.outer([100, 200], time))
        >>> round(si_sdr(tones[:1], tones[:1] + 0.1 * tones[1:], 48000)["si-sdr"], 6)
        20.0
    """

    def ratio(x: NDArray, y: NDArray) -> float:
        x, y = x - x.mean(), y - y.mean()
        target = x * (y @ x) / (x @ x)
        signal, distortion = target @ target, (target - y) @ (target - y)
        tiny = 10 ** (-LIMIT / 10)
        if signal <= tiny * max(distortion, x @ x * tiny):
            return -LIMIT
        return float(min(10 * np.log10(signal / max(distortion, tiny * signal)), LIMIT))

    return by_channel("si-sdr", ratio, reference, degraded, worst=min, least=2)
