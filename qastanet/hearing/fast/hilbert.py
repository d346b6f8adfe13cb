"""The interaural coherence of the high bands, from stored envelopes at a low rate.

The method compares the ears by z = lowpass(e + i H(e)), where e is the envelope of a band and H the
Hilbert transform, circular over the N samples of the signal. This module gets z from v = lowpass(e)
averaged over STEP = 8 samples (6 kHz), which the compiled loop stores:

* H and the low-pass commute if both are circular. The low-pass is not, it starts from rest. Its
  output from rest and the circular one differ by a transient that starts from the last state:
  c[n] - v[n] = p^n (p v[N-1] + b e[N-1]), b = (1 - p)/2. It is added before H and taken away, with
  H(v)[N-1] in place of v[N-1], after it.
* The average over 8 samples falls off like a sinc; three taps undo this to second order.
* The envelopes have M = ceil(N / 8) values on a period P = N / 8, which need not be whole. H is a
  convolution with the kernel of that period, (1 - cos(pi u)) / (P tan(pi u / P)).
* The kernel is cut in two by a smooth window. Near it, blocks that overlap are transformed one
  after another, in the cache. Far from it, what is left, 1 / (P tan(pi u / P)), is so smooth that
  it takes and gives values at every 32nd step, and all others by interpolation (Lagrange). Of the
  far kernel the part with cos(pi u) is left out: it would only turn the phase of the envelope
  within some 30 Hz of 3 kHz.

What is stored takes 8 bytes per band and step: 0.9 MB per second of sound.
"""

import functools
import math

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from qastanet.hearing.envelope import lowpass_pole
from qastanet.hearing.fast.kernels import STEP, compiled, kept
from qastanet.sound.sampling import FRAME

REACH = 480
"""Steps to either side of a value that are near: two frames."""

BLOCK = 36 * FRAME // STEP
"""Steps transformed at a time: 36 frames, with the near ones 9600 (products of 2, 3 and 5 only)."""

COARSE = 32
"""Steps per value of the far part."""

NODES = 6
"""Values that are interpolated between."""

SHAPE = 13.0
"""Of the window (Kaiser): its spectrum ends near 26 Hz, but for 1e-6."""

TOGETHER = 8
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


def _hilbert(lag: np.ndarray, period: float) -> np.ndarray:
    """Return the kernel at lags that need not be whole, none longer than half the period."""
    return (1 - np.cos(math.pi * lag)) * _cotangent(lag, period)


def _both_sides(half: np.ndarray, length: int) -> np.ndarray:
    """Return the spectrum of an odd kernel, given at lags 1, 2, ..., in transforms of a length."""
    gap = np.zeros(length - 2 * len(half) - 1)
    whole = np.concatenate([[0], half, gap, -half[::-1]])
    return scipy.fft.rfft(whole.astype(np.float32))


@functools.cache
def _interpolation() -> np.ndarray:
    """Return the weights of NODES values at the COARSE steps behind the third, float32."""
    nodes = np.arange(NODES) - (NODES // 2 - 1)
    steps = np.arange(COARSE) / COARSE
    weights = np.ones((NODES, COARSE))
    for i, node in enumerate(nodes):
        for other in np.delete(nodes, i):
            weights[i] *= (steps - other) / (node - other)
    return weights.astype(np.float32)


class _Kernel:
    """The circular Hilbert kernel of a period in (steps - 1, steps]: whole, or cut in two."""

    def __init__(self, steps: int, period: float):
        lag = np.arange(1.0, min(steps, BLOCK + 1))
        self.margin = 0
        if steps <= BLOCK:
            self.n_fft = scipy.fft.next_fast_len(2 * steps - 1, real=True)
            lag -= period * np.round(lag / period)  # the nearest way round
            self.near = _both_sides(_hilbert(lag, period), self.n_fft)
            return
        self.margin, self.n_fft = REACH, BLOCK + 2 * REACH
        lag = lag[: REACH - 1]
        self.near = _both_sides(_hilbert(lag, period) * _window(lag), self.n_fft)
        across = np.arange(1.0, 2 * REACH) + period - steps
        kernel = (_hilbert(across, period) * _window(across)).astype(np.float32)
        self.seam = sliding_window_view(kernel, REACH)[:, ::-1]
        self.values = -(-steps // COARSE) + NODES
        lag = COARSE * np.arange(1.0, self.values)
        lag -= period * np.round(lag / period)
        self.far_n_fft = scipy.fft.next_fast_len(2 * self.values - 1, real=True)
        self.far = _both_sides(_cotangent(lag, period) * (1 - _window(lag)), self.far_n_fft)


_kernel = functools.lru_cache(maxsize=1)(_Kernel)


class CircularHilbert:
    """The Hilbert transform of rows, block by block.

    Args:
        rows: float32, shape (rows, steps); read when a block is asked for
        period: in steps, in (steps - 1, steps]; of the last value only this part counts

    Example:
        >>> angle = 2 * np.pi * np.arange(9000) / 8999.5
        >>> block = CircularHilbert(np.cos(angle, dtype=np.float32)[None], 8999.5).block(0)
        >>> block.shape, bool(np.abs(block - np.sin(angle[:BLOCK]))[:, 20:].max() < 0.01)
        ((1, 8640), True)
    """

    def __init__(self, rows: np.ndarray, period: float):
        steps = rows.shape[-1]
        self.rows, self.kernel = rows, _kernel(steps, period)
        self.last = np.float32(period - (steps - 1))
        total = rows.sum(-1, keepdims=True) - (1 - self.last) * rows[:, -1:]
        self.mean = total / np.float32(period)
        self.input = np.zeros((len(rows), self.kernel.n_fft), dtype=np.float32)
        if self.kernel.margin:
            self.far = self._seen_from_far()
            self.start = self._taken(steps - REACH, steps) @ self.kernel.seam.T
            self.end = -self._taken(0, REACH) @ self.kernel.seam

    def _taken(self, first: int, stop: int) -> np.ndarray:
        """Return the rows without their mean; the last value counts as much as it lasts.

        The steps asked for may begin before the rows and end behind them, where there is nothing.
        """
        steps = self.rows.shape[-1]
        inside = slice(max(first, 0), min(stop, steps))
        taken = self.input[:, : stop - first]
        taken[:, : inside.start - first] = 0
        np.subtract(
            self.rows[:, inside],
            self.mean,
            out=taken[:, inside.start - first : inside.stop - first],
        )
        taken[:, inside.stop - first :] = 0
        if stop >= steps:
            taken[:, steps - 1 - first] *= self.last
        return taken

    def _seen_from_far(self) -> np.ndarray:
        """Return what values at every COARSE step take from all that are far from them."""
        kernel, steps = self.kernel, self.rows.shape[-1]
        far = np.zeros((len(self.rows), kernel.values), dtype=np.float32)
        for first in range(0, steps, BLOCK):
            size = min(BLOCK, -(-(steps - first) // COARSE) * COARSE)
            cells = self._taken(first, first + size).reshape(len(far), -1, COARSE)
            given = cells @ _interpolation().T
            for node in range(NODES):
                start = first // COARSE + node
                far[:, start : start + given.shape[1]] += given[..., node]
        for first in range(0, len(far), TOGETHER):
            spectra = scipy.fft.rfft(far[first : first + TOGETHER], kernel.far_n_fft)
            spectra *= kernel.far
            seen = scipy.fft.irfft(spectra, kernel.far_n_fft, overwrite_x=True)
            far[first : first + TOGETHER] = seen[:, : kernel.values]
        return far

    def block(self, first: int) -> np.ndarray:
        """Return the transform of the BLOCK steps from a multiple of BLOCK on, or what is left."""
        steps, kernel = self.rows.shape[-1], self.kernel
        size = min(BLOCK, steps - first)
        start = first - kernel.margin
        spectra = scipy.fft.rfft(self._taken(start, start + kernel.n_fft))
        spectra *= kernel.near
        turned = scipy.fft.irfft(spectra, kernel.n_fft, overwrite_x=True)
        turned = np.ascontiguousarray(turned[:, kernel.margin : kernel.margin + size])
        if not kernel.margin:
            return turned
        nodes = sliding_window_view(self.far, NODES, axis=-1)
        cells = nodes[:, first // COARSE : -(-(first + size) // COARSE)] @ _interpolation()
        turned += cells.reshape(len(turned), -1)[:, :size]
        if first == 0:
            turned[:, :REACH] += self.start
        end = max(first, steps - REACH)  # of the last steps, which may lie in two blocks
        if end < first + size:
            turned[:, end - first :] += self.end[:, end - steps + REACH :][:, : first + size - end]
        return turned


@compiled
def _sharpen(rows):
    """Take from circular rows (rows, n) a 24th of their second difference, in place."""
    n = rows.shape[1]
    centre, side = np.float32(13 / 12), np.float32(1 / 24)
    for r in range(rows.shape[0]):
        row = rows[r]
        first, before = row[0], row[n - 1]
        for k in range(n):
            after = row[k + 1] if k + 1 < n else first
            now = row[k]
            row[k] = centre * now - side * (before + after)
            before = now


@kept(nogil=True, fastmath={"contract", "reassoc"})
def _frame_products(rows, turned, first, steps, products):
    """Fill products with the frame sums of |l|^2, |r|^2, Re and Im of l conj(r), from a block.

    Args:
        rows: envelopes of the left ear, then of the right one, the real parts of l and r, float32,
            shape (2 bands, n)
        turned: the imaginary parts of a block of steps
        first: step at which the block begins
        steps: values per frame
        products: shape (4, bands, frames)
    """
    bands = products.shape[1]
    frames = range(first // steps, min(products.shape[2], (first + turned.shape[1]) // steps))
    for band in range(bands):
        for frame in frames:
            here = slice(frame * steps, (frame + 1) * steps)
            there = slice(here.start - first, here.stop - first)
            left, left_turned = rows[band, here], turned[band, there]
            right, right_turned = rows[bands + band, here], turned[bands + band, there]
            ll, rr = np.float32(0), np.float32(0)
            re, im = np.float32(0), np.float32(0)
            for k in range(steps):
                a, b, c, d = left[k], left_turned[k], right[k], right_turned[k]
                ll += a * a + b * b
                rr += c * c + d * d
                re += a * c + b * d
                im += b * c - a * d
            products[0, band, frame], products[1, band, frame] = ll, rr
            products[2, band, frame], products[3, band, frame] = re, im


def _transient(steps: int) -> np.ndarray:
    """Return the step means of p^n from n = 0, float32, of the first steps."""
    p = lowpass_pole()
    decay = p ** (STEP * np.arange(min(TRANSIENT, steps), dtype=float))
    return (decay * (1 - p**STEP) / (1 - p) / STEP).astype(np.float32)


def envelope_products(envelopes: np.ndarray, ends: np.ndarray, samples: int) -> np.ndarray:
    """Return the frame sums of the products of the ears' analytic low-passed envelopes.

    Args:
        envelopes: step means of v without its gain b, shape (2 ears, bands, steps); overwritten
        ends: e and v at the last sample, shape (2 ears, bands, 2)
        samples: N, the length of the signal

    Returns:
        |l|^2, |r|^2, Re and Im of l conj(r), without b^2, shape (4, bands, frames)

    Example:
        >>> v = np.ones((2, 1, 720), dtype=np.float32)
        >>> envelope_products(v, np.ones((2, 1, 2)), 5760)[:2].shape
        (2, 1, 3)
    """
    _, bands, steps = envelopes.shape
    products = np.zeros((4, bands, samples // FRAME), dtype=np.float32)
    p, transient = lowpass_pole(), _transient(steps)
    reach = len(transient)
    rows = envelopes.reshape(-1, steps)
    last = (p * ends[..., 1] + ends[..., 0]).reshape(-1, 1).astype(np.float32)
    rows[:, :reach] += last * transient
    _sharpen(rows)
    hilbert = CircularHilbert(rows, samples / STEP)
    last_turned = None
    for first in reversed(range(0, steps, BLOCK)):
        turned = hilbert.block(first)
        if last_turned is None:
            last_turned = np.float32(p) * turned[:, -1:]
        if first == 0:
            rows[:, :reach] -= last * transient
            turned[:, :reach] -= last_turned * transient
        _frame_products(rows, turned, first, FRAME // STEP, products)
    return products
