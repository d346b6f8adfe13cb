"""The interaural coherence of the high bands, from stored envelopes at a low rate.

The method compares the ears by z = lowpass(e + i H(e)), where e is the envelope of a band and H the
Hilbert transform, circular over the N samples of the signal. This module gets z from v = lowpass(e)
averaged over STEP = 8 samples (6 kHz), which the compiled loop stores:

* H and the low-pass commute if both are circular. The low-pass is not, it starts from rest. Its
  output from rest and the circular one differ by a transient that starts from the last state:
  c[n] - v[n] = p^n (p v[N-1] + b e[N-1]), b = (1 - p)/2. It is added before H and taken away, with
  H(v)[N-1] in place of v[N-1], after it.
* The average over 8 samples falls off like a sinc; three taps undo this to second order.
* The envelopes have M = ceil(N / 8) values on a period of N / 8. If that is whole, H is a product
  of spectra. If not (or if M has large prime factors), it is a convolution with the kernel of the
  period N / 8, cot(pi u P^-1) (1 - cos(pi u)) / P, by longer transforms. A period off by as little
  as one value would show in the quiet frames beside loud ones.

All this is global, but takes 8 bytes per band and step: 0.9 MB per second of sound.
"""

import functools
import math

import numpy as np
import scipy.fft

from qastanet.hearing.envelope import lowpass_pole
from qastanet.hearing.fast.kernels import STEP, compiled, kept
from qastanet.sound.sampling import FRAME

CHUNK = 2**18
"""Values transformed at a time (at least the two ears of one band)."""

TRANSIENT = 512
"""Steps after which a transient of the low-pass has gone (p^4096 = 1e-35)."""


@functools.lru_cache(maxsize=1)
def _kernel_spectrum(steps: int, period: float) -> tuple[int, np.ndarray]:
    """Return the length of the transforms and the spectrum of the circular Hilbert kernel."""
    length = scipy.fft.next_fast_len(2 * steps - 1, real=True)
    lag = np.arange(1.0, steps)
    lag -= period * np.round(lag / period)  # the nearest way round
    half = (1 - np.cos(math.pi * lag)) / (period * np.tan(math.pi * lag / period))
    kernel = np.zeros(length, dtype=np.float32)
    kernel[1:steps] = half
    kernel[length - steps + 1 :] = -half[::-1]
    return length, scipy.fft.rfft(kernel)


def circular_hilbert(rows: np.ndarray, period: float) -> np.ndarray:
    """Return the Hilbert transform of rows whose period is not longer than they are.

    Args:
        rows: float32, shape (rows, steps)
        period: in steps, in (steps - 1, steps]; of the last value only this part counts

    Returns:
        float32, same shape, without mean

    Example:
        >>> angle = 2 * np.pi * np.arange(900) / 899.5
        >>> h = circular_hilbert(np.cos(angle, dtype=np.float32)[None], 899.5)
        >>> bool(np.abs(h - np.sin(angle))[:, 20:-20].max() < 0.01)  # away from the seam
        True
    """
    steps = rows.shape[-1]
    if period == steps and scipy.fft.next_fast_len(steps, real=True) == steps:
        spectra = scipy.fft.rfft(rows)
        spectra *= np.complex64(-1j)
        spectra[:, 0] = 0
        if steps % 2 == 0:
            spectra[:, -1] = 0
        return scipy.fft.irfft(spectra, steps, overwrite_x=True)
    last = period - (steps - 1)
    total = rows[:, :-1].sum(-1, dtype=np.float64) + last * rows[:, -1]
    centred = rows - (total / period).astype(np.float32)[:, None]
    centred[:, -1] *= last
    length, kernel = _kernel_spectrum(steps, period)
    spectra = scipy.fft.rfft(centred, length)
    spectra *= kernel
    return scipy.fft.irfft(spectra, length, overwrite_x=True)[:, :steps]


@compiled
def _sharpen(rows, output):
    """Fill output with circular rows less a 24th of their second difference; shapes (rows, n)."""
    n = rows.shape[1]
    centre, side = np.float32(13 / 12), np.float32(1 / 24)
    for r in range(rows.shape[0]):
        x, y = rows[r], output[r]
        for k in range(1, n - 1):
            y[k] = centre * x[k] - side * (x[k - 1] + x[k + 1])
        y[0] = centre * x[0] - side * (x[n - 1] + x[1])
        y[n - 1] = centre * x[n - 1] - side * (x[n - 2] + x[0])


@kept(nogil=True, fastmath={"contract", "reassoc"})
def _frame_products(left, left_hilbert, right, right_hilbert, steps, products):
    """Fill products (4, frames) with the frame sums of |l|^2, |r|^2, Re and Im of l conj(r).

    Args:
        left: envelope of the left ear, the real part of l, float32, shape (at least frames steps,)
        left_hilbert: its Hilbert transform, the imaginary part of l
        right: the same of the right ear
        right_hilbert: the same of the right ear
        steps: values per frame
        products: output
    """
    for frame in range(products.shape[1]):
        ll, rr = np.float32(0), np.float32(0)
        re, im = np.float32(0), np.float32(0)
        for k in range(frame * steps, (frame + 1) * steps):
            a, b, c, d = left[k], left_hilbert[k], right[k], right_hilbert[k]
            ll += a * a + b * b
            rr += c * c + d * d
            re += a * c + b * d
            im += b * c - a * d
        products[0, frame], products[1, frame] = ll, rr
        products[2, frame], products[3, frame] = re, im


def _transient(steps: int) -> np.ndarray:
    """Return the step means of p^n from n = 0, float32, of the first steps."""
    p = lowpass_pole()
    decay = p ** (STEP * np.arange(min(TRANSIENT, steps), dtype=float))
    return (decay * (1 - p**STEP) / (1 - p) / STEP).astype(np.float32)


def envelope_products(envelopes: np.ndarray, ends: np.ndarray, samples: int) -> np.ndarray:
    """Return the frame sums of the products of the ears' analytic low-passed envelopes.

    Args:
        envelopes: step means of v, shape (2 ears, bands, steps); overwritten
        ends: e and v at the last sample, shape (2 ears, bands, 2)
        samples: N, the length of the signal

    Returns:
        |l|^2, |r|^2, Re and Im of l conj(r), shape (4, bands, frames)

    Example:
        >>> v = np.ones((2, 1, 720), dtype=np.float32)
        >>> envelope_products(v, np.ones((2, 1, 2)), 5760)[:2].shape
        (2, 1, 3)
    """
    _, bands, steps = envelopes.shape
    products = np.zeros((4, bands, samples // FRAME), dtype=np.float32)
    p = lowpass_pole()
    transient = _transient(steps)
    reach = len(transient)
    start = p * ends[..., 1] + (1 - p) / 2 * ends[..., 0]
    group = max(1, CHUNK // (2 * steps))
    for first in range(0, bands, group):
        some = slice(first, first + group)
        raw = envelopes[:, some].reshape(-1, steps)  # a copy, unless of all bands
        onset = start[:, some].reshape(-1, 1).astype(np.float32) * transient
        raw[:, :reach] += onset
        rows = np.empty_like(raw)
        _sharpen(raw, rows)
        hilbert = circular_hilbert(rows, samples / STEP)
        rows[:, :reach] -= onset
        hilbert[:, :reach] -= p * hilbert[:, -1:] * transient
        left_right = np.split(rows, 2), np.split(hilbert, 2)
        for band, (left, right, left_h, right_h) in enumerate(
            zip(*left_right[0], *left_right[1], strict=True), start=first
        ):
            _frame_products(left, left_h, right, right_h, FRAME // STEP, products[:, band])
    return products
