"""The interaural coherence of the high bands, from stored envelopes at a low rate.

The method compares the ears by z = lowpass(e + i H(e)), where e is the envelope of a band and H the
Hilbert transform, circular over the N samples of the signal. This module gets z from v = lowpass(e)
averaged over STEP = 8 samples (6 kHz), which the compiled bands store:

* H and the low-pass commute if both are circular. The low-pass is not, it starts from rest. Its
  output from rest and the circular one differ by a transient that starts from the last state:
  c[n] - v[n] = p^n b (1 + p) q[N-1], b = (1 - p)/2 (see `qastanet.hearing.compiled.bands`). It is
  added before H; after it, one from (1 + p)/2 H(v)[N-1] is taken away, which is right if H(e) is
  slow.
* The average over 8 samples falls off like a sinc; three taps undo this to second order.
* The envelopes have M = ceil(N / 8) values on a period P = N / 8, which need not be whole. H is a
  convolution with the kernel of that period, (1 - cos(pi u)) / (P tan(pi u / P)).
* The kernel is cut in two by a smooth window. Near it, the sum over 64 odd lags is taken as it is.
  Far from it, what is left, 1 / (P tan(pi u / P)), is so smooth that it takes and gives values at
  every 16th step, and all others by interpolation (Lagrange). Of the far kernel the part with
  cos(pi u) is left out: it would only turn the phase of the envelope within some 100 Hz of 3 kHz.

What is stored takes 192 bytes per step, 1.2 MB per second of sound.
"""

import functools
import math

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from qastanet.hearing.compiled.bands import EAR, STEP
from qastanet.hearing.compiled.loops import aligned
from qastanet.hearing.envelope import lowpass_pole
from qastanet.hearing.fast.turning import (
    BLOCK,
    COARSE,
    NODES,
    REACH,
    frame_products,
    give,
    sharpen,
)
from qastanet.sound.sampling import FRAME

SHAPE = 13.0
"""Of the window (Kaiser): its spectrum ends near 100 Hz, but for 1e-6."""

TOGETHER = 16
"""Rows whose far parts are transformed at a time."""

TRANSIENT = 512
"""Steps after which a transient of the low-pass has gone (p^4096 = 1e-35)."""


def _window(lag: np.ndarray) -> np.ndarray:
    """Return the window that cuts the kernel, 1 at 0 and 0 from REACH on."""
    inside = np.clip(1 - (lag / REACH) ** 2, 0, None)
    return np.where(inside > 0, np.i0(SHAPE * np.sqrt(inside)) / np.i0(SHAPE), 0)


def _cotangent(lag: np.ndarray, period: float) -> np.ndarray:
    """Return 1 / (P tan(pi u / P)), and 0 for u = 0."""
    safe = np.where(lag == 0, 1, lag)
    return np.where(lag == 0, 0, 1 / (period * np.tan(math.pi * safe / period)))


@functools.cache
def _interpolation() -> np.ndarray:
    """Return the weights of NODES values at the COARSE steps behind the fifth, float32."""
    nodes = np.arange(NODES) - (NODES // 2 - 1)
    steps = np.arange(COARSE) / COARSE
    weights = np.ones((NODES, COARSE))
    for i, node in enumerate(nodes):
        for other in np.delete(nodes, i):
            weights[i] *= (steps - other) / (node - other)
    return weights.astype(np.float32)


class _Kernel:
    """The circular Hilbert kernel of a period in (steps - 1, steps], cut in two."""

    def __init__(self, steps: int, period: float):
        lag = np.arange(1.0, REACH, 2)
        self.near = (2 * _cotangent(lag, period) * _window(lag)).astype(np.float32)
        lag = np.arange(1.0, 2 * REACH) + period - steps
        across = (1 - np.cos(math.pi * lag)) * _cotangent(lag, period) * _window(lag)
        self.seam = sliding_window_view(across.astype(np.float32), REACH)[:, ::-1]
        self.values = -(-steps // COARSE) + NODES
        self.n_fft = scipy.fft.next_fast_len(2 * self.values - 1, real=True)
        lag = COARSE * np.arange(1.0, self.values)
        lag -= period * np.round(lag / period)  # the nearest way round
        near = _window(lag) + _window(period - np.abs(lag))
        half = _cotangent(lag, period) * (1 - near)
        gap = np.zeros(self.n_fft - 2 * self.values + 1)
        whole = np.concatenate([[0], half, gap, -half[::-1]])
        self.far = scipy.fft.rfft(whole.astype(np.float32))


_kernel = functools.lru_cache(maxsize=1)(_Kernel)


def _transient(steps: int) -> np.ndarray:
    """Return the step means of p^n from n = 0, float32, of the first steps."""
    p = lowpass_pole()
    decay = p ** (STEP * np.arange(min(TRANSIENT, steps), dtype=float))
    return (decay * (1 - p**STEP) / (1 - p) / STEP).astype(np.float32)


class Envelopes:
    """The envelopes of the high bands of both ears, at every step of a signal.

    Args:
        samples: N, the length of the signal

    Attributes:
        rows: to be filled with the means of v over steps, without its gain b, float32, shape
            (steps, 2 EAR)

    Example:
        >>> envelopes = Envelopes(5760)
        >>> envelopes.rows[:] = 1
        >>> envelopes.products(np.zeros(2 * EAR, dtype=np.float32)).shape
        (4, 24, 3)
    """

    def __init__(self, samples: int):
        self.samples, steps = samples, -(-samples // STEP)
        # whole blocks, and what is near them
        self._memory = aligned(-(-steps // BLOCK) * BLOCK + 2 * REACH, 2 * EAR)
        self.rows = self._memory[REACH : REACH + steps]

    def products(self, last: np.ndarray) -> np.ndarray:
        """Return the frame sums of the products of the ears' analytic envelopes.

        The rows are overwritten.

        Args:
            last: q at the last sample, float32, shape (2 EAR,)

        Returns:
            |l|^2, |r|^2, Re and Im of l conj(r), without b^2, float32, shape (4, EAR, frames)
        """
        products = np.zeros((self.samples // FRAME, 4 * EAR), dtype=np.float32)
        steps, period, p = len(self.rows), self.samples / STEP, np.float32(lowpass_pole())
        if len(products):
            transient, kernel = _transient(steps), _kernel(steps, period)
            last = (1 + p) * last
            self.rows[: len(transient)] += np.outer(transient, last)
            mean = self._sharpen(period)
            seam = self._across_the_seam(kernel, mean)
            far = self._seen_from_far(kernel, mean).reshape(-1)
            near, weights, flat = kernel.near, _interpolation(), self._memory.reshape(-1)
            frame_products(flat, steps, near, far, weights, seam, transient, last, p, products)
        return np.moveaxis(products.reshape(-1, 4, EAR), 0, -1)

    def _sharpen(self, period: float) -> np.ndarray:
        """Make step means values; return their mean, which is all there is outside the signal."""
        sums = sharpen(self._memory[REACH:].reshape(-1), len(self.rows))
        lasts = period - (len(self.rows) - 1)  # the last value counts as much as it lasts
        mean = ((sums - (1 - lasts) * self.rows[-1]) / period).astype(np.float32)
        self.rows[-1] = mean + np.float32(lasts) * (self.rows[-1] - mean)
        self._memory[:REACH], self._memory[REACH + len(self.rows) :] = mean, mean
        return mean

    def _across_the_seam(self, kernel: _Kernel, mean: np.ndarray) -> np.ndarray:
        """Return what the first rows take from the last ones, which are near, and vice versa."""
        start = kernel.seam @ (self.rows[-REACH:] - mean)
        return np.stack([start, -kernel.seam.T @ (self.rows[:REACH] - mean)])

    def _seen_from_far(self, kernel: _Kernel, mean: np.ndarray) -> np.ndarray:
        """Return what values at every COARSE step take from all that are far from them."""
        far = np.zeros((kernel.values + BLOCK // COARSE, len(mean)), dtype=np.float32)
        cells = -(-len(self.rows) // COARSE)
        rows = self._memory[REACH : REACH + cells * COARSE].reshape(-1)
        give(rows, mean, _interpolation(), far.reshape(-1))
        for first in range(0, len(mean), TOGETHER):
            given = far[: kernel.values, first : first + TOGETHER].T
            spectra = scipy.fft.rfft(np.ascontiguousarray(given), kernel.n_fft)
            spectra *= kernel.far
            given[:] = scipy.fft.irfft(spectra, kernel.n_fft)[:, : kernel.values]
        return far
