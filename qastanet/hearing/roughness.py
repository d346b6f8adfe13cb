"""Depth of the fast fluctuation of each band: the slow end of roughness (strongest near 70 Hz).

A candidate that the model does without (`qastanet.evidence.our_model.configurations`). Bands are
those of the gammatone filters, their powers taken from short spectra. These resolve about 100 Hz,
so bands below some 700 Hz share their neighbours' fluctuation.
"""

import itertools

import numpy as np
import scipy.signal
from numpy.typing import ArrayLike, NDArray

from qastanet.hearing.gammatone import centre_frequencies
from qastanet.sound.sampling import SAMPLING_RATE

WINDOW, HOP = 960, 240
"""Samples of the short spectra (20 ms, Hann) and between them (5 ms)."""

LOWEST, HIGHEST = 25.0, 50.0
"""Hz; fluctuation between these is counted."""

LEAST = 0.05
"""Depth (0.5 to 0.8 for full modulation) below which nothing is taken to be heard; added to both
sides of a ratio."""


def fast_modulation(signals: ArrayLike) -> NDArray[np.float64]:
    """Depth of the fluctuation of each band's envelope between 25 and 50 Hz.

    Args:
        signals: at 48 kHz, shape (..., samples).

    Returns:
        Root mean square of the fluctuation re the mean of the envelope, times the root of 2: about
        0.8 at 25 Hz falling to 0.5 at 50 Hz for full modulation by a sine (windows of 20 ms smooth
        it); 0 for silence; shape (..., 29).

    Example:
        >>> time = np.arange(48000) / 48000
        >>> tone = np.sin(2 * np.pi * 2000 * time) * (1 + 0.5 * np.sin(2 * np.pi * 40 * time))
        >>> bool(0.3 < fast_modulation(tone)[12] < 0.55)
        True
    """
    signals = np.asarray(signals, dtype=float)
    frequencies, _, spectra = scipy.signal.stft(
        signals, SAMPLING_RATE, nperseg=WINDOW, noverlap=WINDOW - HOP, boundary=None
    )
    edges = np.searchsorted(frequencies, _edges())
    power = np.abs(spectra) ** 2
    bands = [power[..., a : max(b, a + 1), :].sum(-2) for a, b in itertools.pairwise(edges)]
    envelope = np.sqrt(np.stack(bands, -2))
    mean = envelope.mean(-1, keepdims=True)
    relative = np.divide(envelope - mean, mean, out=np.zeros_like(envelope), where=mean > 0)
    found = np.fft.rfft(relative, axis=-1)
    rates = np.fft.rfftfreq(relative.shape[-1], HOP / SAMPLING_RATE)
    inside = (rates >= LOWEST) & (rates <= HIGHEST)
    energy = 2 * (np.abs(found[..., inside]) ** 2).sum(-1) / relative.shape[-1] ** 2
    return np.sqrt(2 * energy)


def _edges() -> NDArray[np.float64]:
    """Limits between the bands in Hz, half way on a logarithmic scale, shape (30,)."""
    centres = centre_frequencies()
    inner = np.sqrt(centres[1:] * centres[:-1])
    return np.concatenate([[centres[0] ** 2 / inner[0]], inner, [centres[-1] ** 2 / inner[-1]]])


def roughness_change(reference: ArrayLike, degraded: ArrayLike) -> NDArray[np.float64]:
    """How far the fast fluctuation of each band is off, the mean over the ears.

    Args:
        reference: ears at 48 kHz, shape (2, samples).
        degraded: same shape.

    Returns:
        |log ratio of the depths|, shape (29,).

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((2, 48000))
        >>> roughness_change(noise, noise).tolist() == [0.0] * 29
        True
    """
    first, second = (fast_modulation(each) + LEAST for each in (reference, degraded))
    return np.abs(np.log(second / first)).mean(0)
