"""The Hilbert kernel of a ring of steps, cut by smooth windows into parts near and far.

H is a convolution with (1 - cos(pi u)) / (P tan(pi u / P)), where u is a lag in steps and P the
period. Near it, the sum over 64 odd lags is taken as it is. Far from it, what is left,
1 / (P tan(pi u / P)), is so smooth that it takes and gives values at every 16th step, and all
others by interpolation (Lagrange); in a long signal what is very far does so at every 400th. Of the
far kernel the part with cos(pi u) is left out: it would only turn the phase of the envelope within
some 100 Hz of 3 kHz.
"""

import functools
import math

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from qastanet.hearing.compiled.bands import STEP
from qastanet.hearing.envelope import lowpass_pole
from qastanet.hearing.fast.turning import COARSE, NODES, REACH

SHAPE = 13.0
"""Of the window (Kaiser) of the near part: its spectrum has fallen to 1e-5 at 104 Hz."""

TOGETHER = 16
"""Rows whose far parts are transformed at a time."""

TRANSIENT = 512
"""Steps after which a transient of the low-pass has gone (p^4096 = 1e-35)."""


def window(lag: np.ndarray, reach: float, shape: float = SHAPE) -> np.ndarray:
    """Return the window that cuts the kernel, 1 at 0 and 0 from a reach on.

    A larger shape makes a smaller step at the reach, and a narrower window.

    Example:
        >>> window(np.array([0, 64, 128]), 128).round(3).tolist()
        [1.0, 0.189, 0.0]
    """
    inside = np.clip(1 - (lag / reach) ** 2, 0, None)
    return np.where(inside > 0, np.i0(shape * np.sqrt(inside)) / np.i0(shape), 0)


def cotangent(lag: np.ndarray, period: float) -> np.ndarray:
    """Return 1 / (P tan(pi u / P)), and 0 for u = 0.

    Example:
        >>> cotangent(np.array([0, 1]), 4).round(9).tolist()
        [0.0, 0.25]
    """
    safe = np.where(lag == 0, 1, lag)
    return np.where(lag == 0, 0, 1 / (period * np.tan(math.pi * safe / period)))


@functools.cache
def interpolation(steps: int = COARSE, shift: float = 0.0) -> np.ndarray:
    """Return the weights of NODES values at the steps of a cell, which begins at the fifth.

    Args:
        steps: of the cell, from one value to the next
        shift: of all its steps, in steps

    Returns:
        float32, shape (NODES, steps)

    Example:
        >>> abs(interpolation()[:, 0]).tolist()
        [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    return lagrange((np.arange(steps) + shift) / steps)


def lagrange(places: np.ndarray) -> np.ndarray:
    """Return the weights of NODES values one apart at places behind the fifth.

    Returns:
        float32, shape (NODES, places)

    Example:
        >>> lagrange(np.array([0.5])).sum().round(6)
        np.float32(1.0)
    """
    nodes = np.arange(NODES) - (NODES // 2 - 1)
    weights = np.ones((NODES, len(places)))
    for i, node in enumerate(nodes):
        for other in np.delete(nodes, i):
            weights[i] *= (places - other) / (node - other)
    return weights.astype(np.float32)


def transient(steps: int) -> np.ndarray:
    """Return the step means of p^n from n = 0, float32, of the first steps of a signal.

    Example:
        >>> len(transient(10_000)) == TRANSIENT
        True
    """
    p = lowpass_pole()
    decay = p ** (STEP * np.arange(min(TRANSIENT, steps), dtype=float))
    return (decay * (1 - p**STEP) / (1 - p) / STEP).astype(np.float32)


class Near:
    """The near part for a number of steps and a period in (steps - 1, steps].

    Attributes:
        lags: the kernel at odd lags, float32, shape (REACH / 2,)

    Example:
        >>> Near(1000, 999.5).lags.shape
        (64,)
    """

    def __init__(self, steps: int, period: float):
        lag = np.arange(1.0, REACH, 2)
        self.lags = (2 * cotangent(lag, period) * window(lag, REACH)).astype(np.float32)
        lag = np.arange(1.0, 2 * REACH) + period - steps
        across = (1 - np.cos(math.pi * lag)) * cotangent(lag, period) * window(lag, REACH)
        self._seam = sliding_window_view(across.astype(np.float32), REACH)[:, ::-1]

    def across(self, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what the first REACH rows of a signal take from the last, and vice versa."""
        return self._seam @ last, -self._seam.T @ first


class Far:
    """Convolution of values with a far part of the kernel, by transforms of one length.

    Args:
        half: the kernel at the lags of 1, 2, ... values, its negative being that before
        values: at most, that are to be convolved

    Example:
        >>> values = np.eye(4, 1, dtype=np.float32)
        >>> Far(np.array([3.0, 2.0]), 4).turn(values)
        >>> values[:, 0].round(6).tolist()
        [0.0, 3.0, 2.0, 0.0]
    """

    def __init__(self, half: np.ndarray, values: int):
        self.n_fft = scipy.fft.next_fast_len(values + len(half), real=True)
        gap = np.zeros(self.n_fft - 2 * len(half) - 1)
        whole = np.concatenate([[0], half, gap, -half[::-1]])
        self.spectrum = scipy.fft.rfft(whole.astype(np.float32))

    def turn(self, values: np.ndarray) -> None:
        """Convolve columns (values, columns) in place."""
        for first in range(0, values.shape[1], TOGETHER):
            given = values[:, first : first + TOGETHER].T
            spectra = scipy.fft.rfft(np.ascontiguousarray(given), self.n_fft)
            spectra *= self.spectrum
            given[:] = scipy.fft.irfft(spectra, self.n_fft)[:, : len(values)]


def round_the_ring(
    values: int, apart: int, reach: float, period: float, shape: float = SHAPE
) -> np.ndarray:
    """Return the kernel beyond a reach, at the lags between some values round the ring, for `Far`.

    Args:
        values: their number
        apart: steps from one to the next
        reach: of the window in steps
        period: P in steps
        shape: of the window

    Returns:
        at lags of 1, 2, ... times that many steps, shape (values - 1,)

    Example:
        >>> (800 * round_the_ring(8, 100, 150, 800)[1::2]).round(9).tolist()
        [1.0, 0.0, -1.0]
    """
    lag = apart * np.arange(1.0, values)
    lag -= period * np.round(lag / period)  # the nearest way round
    near = window(lag, reach, shape) + window(period - np.abs(lag), reach, shape)
    return cotangent(lag, period) * (1 - near)
