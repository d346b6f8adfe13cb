"""Envelopes of the auditory bands, one step after another.

Above about 1.3 kHz the ear follows the envelope of a band rather than its fine structure. This
model takes 150 Hz as the limit up to which envelopes are detected; hair cells follow to about
1 kHz and beyond. The front ends compute the same in one go; these functions show the steps.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qastanet.sound.sampling import SAMPLING_RATE

CUTOFF = 150.0
"""Cut-off frequency in Hz of the first-order Butterworth low-pass of the envelope."""


def analytic(envelope: NDArray) -> NDArray:
    """Return the analytic signal e + i H(e) with the discrete Hilbert transform.

    The transform is circular over exactly the given samples, of even or odd number; the real part
    keeps the mean of the input and the imaginary part has none.

    Shape:
        - envelope: (..., samples), real
        - output: (..., samples), complex

    Example:
        >>> z = analytic(np.cos(2 * math.pi * 1000 * np.arange(480) / 48000))
        >>> bool(np.allclose(np.abs(z), 1))
        True
    """
    import scipy.signal  # late: scoring does without

    return scipy.signal.hilbert(envelope)


def lowpass_pole() -> float:
    """Return the pole p of the 150 Hz low-pass, whose transfer function is as follows.

    (1 - p)/2 (1 + z^-1) / (1 - p z^-1), the bilinear transform of the first-order Butterworth
    filter.

    Example:
        >>> round(lowpass_pole(), 6)  # scipy.signal.butter(1, 2 * 150 / 48000)[1][1] is -p
        0.980555
    """
    warped = math.tan(math.pi * CUTOFF / SAMPLING_RATE)
    return (1 - warped) / (1 + warped)


def lowpass(signal: NDArray) -> NDArray:
    """Apply the causal 150 Hz low-pass (first-order Butterworth, bilinear) from rest.

    Shape:
        - signal: (..., samples), real or complex
        - output: same

    Example:
        >>> round(float(lowpass(np.ones(4800))[-1]), 4)
        1.0
    """
    pole = lowpass_pole()
    import scipy.signal

    return scipy.signal.lfilter([(1 - pole) / 2, (1 - pole) / 2], [1, -pole], signal)


def haircell(band: NDArray) -> NDArray:
    """Return the low-passed envelope of a band, scaled to its rms: lowpass(|y|) / sqrt(2).

    Args:
        band: complex band signal of `qastanet.hearing.differentiable.filterbank.filterbank`

    Shape:
        - band: (..., samples), complex
        - output: (..., samples), real

    Example:
        >>> round(float(haircell(np.full(4800, 1j))[-1]), 4)
        0.7071
    """
    return lowpass(np.abs(band)) / math.sqrt(2)
