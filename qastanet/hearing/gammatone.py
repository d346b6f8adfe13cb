"""The auditory filters: 29 complex gammatone bands, one per ERB, from 315 Hz to 12.5 kHz.

Each band is a fourth-order all-pole gammatone filter [1]_: four identical complex one-pole
sections, so its output is nearly analytic and its magnitude is the envelope of the band.

References:
    .. [1] V. Hohmann, "Frequency analysis and synthesis using a Gammatone filterbank", Acta
       Acustica united with Acustica 88 (2002) 433-442.
"""

from __future__ import annotations

import math

import numpy as np

from qastanet.sound.sampling import SAMPLING_RATE

LOWEST, BASE, HIGHEST = 315.0, 500.0, 12500.0
"""The band centres are spaced by one ERB on a grid through BASE, within LOWEST..HIGHEST (Hz)."""

N_BANDS = 29
"""Number of bands of the bank."""

ENVELOPE_FROM = 1300.0
"""Bands centred at or above this frequency (Hz) are compared by envelope, not fine structure."""

ORDER = 4
RINGING = 5760
"""Samples after which every band (and the envelope low-pass) has decayed below 1e-16: 3 frames."""


def _erb_number(frequency: float) -> float:
    """Return the number of ERBs below a frequency, E(f) = 9.2645 ln(1 + 0.00437 f)."""
    return 9.2645 * np.log1p(0.00437 * frequency)


def centre_frequencies() -> np.ndarray:
    """Return the 29 band centres in Hz, ascending, float64.

    Example:
        >>> centre_frequencies().round(1)[[0, 2, 28]].tolist()
        [358.5, 500.0, 11833.7]
    """
    below = math.floor(_erb_number(BASE) - _erb_number(LOWEST))
    above = math.floor(_erb_number(HIGHEST) - _erb_number(BASE))
    numbers = _erb_number(BASE) + np.arange(-below, above + 1)
    return np.expm1(numbers / 9.2645) / 0.00437


FIRST_ENVELOPE = int(np.sum(centre_frequencies() < ENVELOPE_FROM))
"""The first of the bands that are compared by envelope."""


def poles() -> np.ndarray:
    """Return the complex pole of each band (z plane), float64, shape (29,).

    The equivalent rectangular bandwidth of a band is 24.7 + f / 9.265 Hz; the damping follows from
    it for a filter of order four (Hohmann 2002, equations 13 and 14).

    Example:
        >>> bool(np.all(np.abs(poles()) < 1))
        True
    """
    centres = centre_frequencies()
    bandwidth = (24.7 + centres / 9.265) / (math.pi * 720 * 2.0**-6 / 36)
    return np.exp(2 * math.pi * (1j * centres - bandwidth) / SAMPLING_RATE)


def gains(pole: np.ndarray) -> np.ndarray:
    """Return the gain 2 (1 - |a|)^4 of bands with the given poles.

    A real sinusoid at the centre of a band then has an envelope of its own amplitude.

    Example:
        >>> gains(np.array([0.5j])).tolist()
        [0.125]
    """
    return 2 * (1 - np.abs(pole)) ** ORDER


def transfer_functions(n_fft: int) -> np.ndarray:
    """Return the complex transfer functions on the DFT grid, complex128, shape (29, n_fft).

    Args:
        n_fft: number of DFT points

    Example:
        >>> bool(np.abs(transfer_functions(48000)[2, 500]).round(6) == 2.0)
        True
    """
    unit_circle = np.exp(-2j * math.pi * np.arange(n_fft) / n_fft)
    pole = poles()[:, None]
    return gains(pole) / (1 - pole * unit_circle) ** ORDER
