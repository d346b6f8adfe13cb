"""The delay of a signal that was generated anew: from the envelopes of its auditory bands.

What a generative codec makes has no waveform in common with its reference, but rises and falls
with it, band by band. The envelopes of bands an ERB apart, compressed and smoothed, are correlated;
all bands and channels together tell the delay to about a millisecond. Other scenes have others.
"""

from typing import NamedTuple

import numpy as np
import scipy.fft

from qastanet.sound.pairs.alignment import BOUND, summit
from qastanet.sound.pairs.delay_doubt import LONGEST

RATE = 2000
"""Samples of an envelope per second."""

LOWEST, HIGHEST = 100.0, 10000.0
"""Centre frequencies of the bands in Hz."""

FASTEST = 60.0
"""Changes of the envelopes up to this frequency (Hz) are compared."""

ALIKE = 0.4
"""Envelopes of one scene correlate more at their delay, those of others less: 0.92 and more against
0.26 at most in the public half of a test of neural speech codecs (33 pairs that have no waveform in
common, and 72 with the reference of another utterance)."""

DISTINCT = 1.6
"""The peak must be so many times as high as any beyond the delays that are looked for."""

ACCURACY = 0.001
"""Seconds to which the delay is known; smaller ones are not compensated."""


class EnvelopeDelay(NamedTuple):
    """Where the envelopes of two signals fit best."""

    samples: float
    """Delay in samples of the signals, positive when the degraded one is late."""
    confidence: float
    """Correlation of the envelopes there, 0..1."""
    sure: bool
    """Whether both signals are of one scene, and the delay is beyond doubt."""


def envelope_delay(reference: np.ndarray, degraded: np.ndarray, rate: int) -> EnvelopeDelay:
    """Estimate by how much a degraded signal is late, from envelopes.

    Args:
        reference: shape (channels, samples)
        degraded: the same number of channels, any length
        rate: sampling rate in Hz

    Example:
        >>> random = np.random.default_rng(0)
        >>> rise = np.repeat(random.random(60), 1600)
        >>> first, second = (rise * random.standard_normal((1, 96000)) for _ in range(2))
        >>> found = envelope_delay(first[:, 960:], second[:, :-960], 48000)
        >>> round(found.samples / 48), found.sure
        (20, True)
    """
    pair = [_envelopes(x[:, :LONGEST], rate) for x in (reference, degraded)]
    longest = max(x.shape[1] for x in pair)
    n_fft = 2 * scipy.fft.next_fast_len(longest, real=True)
    kept = scipy.fft.rfftfreq(n_fft, 1 / RATE)
    weight = np.exp(-0.5 * (kept / (FASTEST / 2)) ** 2)
    spectra = [scipy.fft.rfft(x, n_fft, workers=1) * weight for x in pair]
    cross = scipy.fft.irfft((spectra[0].conj() * spectra[1]).sum(0), n_fft)
    energies = [scipy.fft.irfft((np.abs(s) ** 2).sum(0), n_fft)[0] for s in spectra]
    size = float(np.sqrt(energies[0] * energies[1]))
    if size <= 0:
        return EnvelopeDelay(0.0, 0.0, False)
    limit = round(BOUND * RATE)
    lags = np.arange(-limit, limit + 1)
    top = int(lags[np.argmax(cross[lags])])
    near = cross[top + np.arange(-1, 2)]
    beyond = np.arange(2 * limit, min(10 * limit, longest // 2))
    others = np.abs(cross[np.concatenate([beyond, -beyond])]).max(initial=0.0)
    confidence = float(np.clip(near[1] / size, 0, 1))
    enough = len(beyond) >= limit  # of other delays to compare with
    sure = enough and confidence >= ALIKE and near[1] >= DISTINCT * others and abs(top) < limit
    return EnvelopeDelay(float(top + summit(*near)) * rate / RATE, confidence, bool(sure))


def _envelopes(signal: np.ndarray, rate: int) -> np.ndarray:
    """Return the compressed envelopes (bands x channels, samples at RATE), without their means."""
    samples = signal.shape[1]
    spectrum = scipy.fft.rfft(signal.astype(np.float32), workers=1)
    size = max(round(samples * RATE / rate), 1)
    found = []
    for centre, width in _bands(min(HIGHEST, 0.4 * rate)):
        middle, half = centre * samples / rate, width * samples / rate
        first = max(int(middle - half), 1)
        bins = np.arange(first, min(int(middle + half) + 1, spectrum.shape[1], first + size))
        window = np.cos(0.5 * np.pi * np.clip((bins - middle) / half, -1, 1)) ** 2
        band = np.zeros((len(signal), size), dtype=np.complex64)
        band[:, : len(bins)] = spectrum[:, bins] * window
        found.append(np.abs(scipy.fft.ifft(band, workers=1)))
    envelopes = np.concatenate(found)
    loudest = envelopes.max(axis=1, keepdims=True)
    envelopes = envelopes[loudest[:, 0] > 1e-4 * max(float(loudest.max()), 1e-30)]
    compressed = envelopes**0.3
    compressed -= compressed.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.mean(compressed**2, axis=1, keepdims=True))
    return compressed / np.maximum(spread, 1e-12)


def _bands(highest: float) -> list[tuple[float, float]]:
    """Return centre frequencies an ERB apart, and the widths of the bands (Glasberg and Moore)."""
    bands, centre = [], LOWEST
    while centre <= highest:
        width = 24.7 * (4.37 * centre / 1000 + 1)
        bands.append((centre, width))
        centre += width
    return bands
