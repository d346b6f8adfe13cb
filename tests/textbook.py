"""The yardstick: the steps with scipy in float64 as a textbook would, on full-rate arrays."""

import math
from collections.abc import Sequence

import numpy as np
import scipy.signal

from qastanet.hearing.directiveness import LIMIT, erb_averaging, smoothing_coefficients
from qastanet.hearing.envelope import CUTOFF
from qastanet.hearing.features import Features
from qastanet.hearing.gammatone import ENVELOPE_FROM, centre_frequencies, gains, poles
from qastanet.hearing.hearing_threshold import threshold_power
from qastanet.sound.sampling import FRAME, SAMPLING_RATE


def decode(signal: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Render ambisonics (channels, samples) to two ears with filters (2, channels, taps)."""
    samples = signal.shape[-1]
    return np.stack(
        [
            sum(
                scipy.signal.fftconvolve(channel, response.astype(float))[:samples]
                for channel, response in zip(signal, ear[: len(signal)], strict=True)
            )
            for ear in filters
        ]
    )


def gammatone(ears: np.ndarray) -> np.ndarray:
    """Filter ears (2, samples) into complex bands (2, 29, samples)."""
    bands = []
    for pole in poles():
        band = gains(pole) * ears.astype(complex)
        for _ in range(4):
            band = scipy.signal.lfilter([1], [1, -pole], band)
        bands.append(band)
    return np.stack(bands, axis=1)


def frame_mean(signal: np.ndarray) -> np.ndarray:
    """Average the last axis over frames."""
    frames = signal.shape[-1] // FRAME
    return signal[..., : frames * FRAME].reshape(*signal.shape[:-1], frames, FRAME).mean(-1)


def coherence(bands: np.ndarray) -> np.ndarray:
    """Return the interaural coherence of (2, bands, samples) per frame."""
    left, right = bands
    cross = frame_mean(left * right.conj())
    return cross / np.sqrt(frame_mean(np.abs(left) ** 2) * frame_mean(np.abs(right) ** 2))


def binaural_features(ears: np.ndarray, floor_ears: bool = True) -> Features:
    """Compute ILD, coherence and power, each (29, frames), from ears (2, samples)."""
    bands = gammatone(ears)
    analytic = scipy.signal.hilbert(np.abs(bands))
    smooth = scipy.signal.lfilter(*scipy.signal.butter(1, 2 * CUTOFF / SAMPLING_RATE), analytic)
    means = frame_mean(smooth.real / math.sqrt(2))
    threshold = threshold_power()[:, None]
    power = means.mean(0) ** 2 / 2
    left, right = np.maximum(means**2, threshold) if floor_ears else means**2
    fine = (centre_frequencies() < ENVELOPE_FROM)[:, None]
    gamma = np.where(fine, coherence(bands), coherence(smooth))
    gamma[power <= threshold] = np.nan
    return Features(10 * np.log10(left / right), gamma, np.maximum(power, threshold))


def directiveness(signal: np.ndarray) -> np.ndarray:
    """Compute the directiveness (29, frames) of ambisonics (channels, samples)."""
    frames = signal.shape[-1] // FRAME
    window = np.sqrt(scipy.signal.get_window("hann", FRAME))
    spectra = np.fft.rfft(signal[:4, : frames * FRAME].reshape(4, frames, FRAME) * window)
    pressure, velocity = spectra[0], spectra[1:] * math.sqrt(3 / 2)
    intensity = np.linalg.norm((pressure.conj() * velocity).real, axis=0)
    energy = (np.abs(pressure) ** 2 + (np.abs(velocity) ** 2).sum(0)) / 2
    alpha = smoothing_coefficients()
    smoothed = np.zeros((2, frames, len(alpha)))
    for frame in range(1, frames):
        now = np.stack([intensity[frame], energy[frame]])
        smoothed[:, frame] = alpha * smoothed[:, frame - 1] + (1 - alpha) * now
    with np.errstate(invalid="ignore"):
        ratio = np.clip(smoothed[0] / smoothed[1], LIMIT, 1 - LIMIT)
    return erb_averaging() @ ratio.T


def features(
    signal: np.ndarray, filters: Sequence[np.ndarray] = (), floor_ears: bool = True
) -> Features:
    """Compute the features, each (heads, 29, frames), of a signal (channels, samples)."""
    if len(signal) == 2:
        return Features(*(each[None] for each in binaural_features(signal, floor_ears)[:3]))
    heads = [binaural_features(decode(signal, each), floor_ears) for each in filters]
    maps = [np.stack(each) for each in list(zip(*heads, strict=True))[:3]]
    return Features(*maps, np.broadcast_to(directiveness(signal), maps[0].shape))
