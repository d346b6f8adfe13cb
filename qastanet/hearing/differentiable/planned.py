"""What the PyTorch front end makes once and keeps: constants by length, precision and device.

The bank filters chunks of sound that overlap by its ringing. A chunk has CHUNK_FRAMES frames or
less, and a length of 1920 times a product of 2, 3 and 5. The envelopes of the high bands are kept
at a lower rate in single precision, every eighth sample, and at the full rate in double precision,
which is exact and meant for checks.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.fft
import torch

from qastanet.hearing.compiled.band_gradient import ROW
from qastanet.hearing.envelope import lowpass_pole
from qastanet.hearing.gammatone import RINGING, transfer_functions
from qastanet.sound.sampling import FRAME

CHUNK_FRAMES = (4, 5, 6, 8, 9, 10, 12, 15, 16, 18, 20, 24, 25, 27, 30, 32)
"""Lengths of a chunk with its overlap, in frames."""

STEPS = {torch.float32: 8, torch.float64: 1}
"""Samples per value of a kept envelope."""

SHARPENING = 1 / 24
"""Times a second difference: what step means lack to be values (see `envelope_coherence`)."""

KEPT = 4
"""Number of lengths whose constants are kept."""


def kept(function: Callable) -> Callable:
    """Keep the tensors that a function makes; they serve with and without gradients."""

    @functools.lru_cache(maxsize=KEPT)
    def make(*args):
        with torch.inference_mode(False), torch.no_grad():
            return function(*args)

    @torch.compiler.assume_constant_result
    @functools.wraps(function)
    def get(*args):
        return make(*args)

    get.made = lambda: make.cache_info().misses
    return get


def _to_device(array: np.ndarray, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Return an array as a tensor; a complex one in the complex precision of dtype."""
    dtype = dtype.to_complex() if np.iscomplexobj(array) else dtype
    return torch.from_numpy(np.ascontiguousarray(array)).to(device=device, dtype=dtype)


class Chunks(NamedTuple):
    """How a signal is cut.

    Example:
        >>> chunks(480000)
        Chunks(length=61440, hop=55680, count=9)
    """

    length: int
    """Samples of a chunk."""
    hop: int
    """Those of them that are new, whole frames; before them lie RINGING samples of the past."""
    count: int

    @property
    def samples(self) -> int:
        """Samples of the signal, with zeros at its end."""
        return self.hop * self.count


def chunks(samples: int) -> Chunks:
    """Cut a signal of some samples into chunks of one length with little left over."""
    past = RINGING // FRAME
    frames = -(-samples // FRAME)
    count = -(-frames // (CHUNK_FRAMES[-1] - past))
    each = -(-frames // count)
    length = next(n for n in CHUNK_FRAMES if n - past >= each)
    hop = length - past
    return Chunks(length * FRAME, hop * FRAME, -(-frames // hop))


@kept
def bank(length: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Return the transfer functions of a chunk, shape (2, 29, 1, bins), complex.

    Those of the real and of the imaginary part of the bands, each of which is a real filter.
    """
    whole = transfer_functions(length)
    mirrored = np.roll(whole[:, ::-1], 1, axis=1).conj()
    parts = np.stack([(whole + mirrored) / 2, (whole - mirrored) / 2j])
    return _to_device(parts[:, :, None, : length // 2 + 1], dtype, device)


def _step_means(values: np.ndarray, step: int) -> np.ndarray:
    """Return the means over steps along the first axis."""
    return values.reshape(-1, step, *values.shape[1:]).mean(axis=1)


class Smoothing(NamedTuple):
    """The 150 Hz low-pass of rows of ROW samples e, as products with matrices.

    The state of the low-pass is s[n] = p s[n-1] + q e[n], and v[n] = s[n-1] + (1 - p)/2 e[n].
    """

    weights: torch.Tensor
    """(ROW, values + 2): step means of v from rest; the sum of e; the last s."""
    decay: torch.Tensor
    """(values,): step means of v without sound, from a state of one."""


@kept
def smoothing(dtype: torch.dtype, device: torch.device) -> Smoothing:
    """Return the matrices of the low-pass."""
    step, p = STEPS[dtype], lowpass_pole()
    b = (1 - p) / 2
    lag = np.subtract.outer(np.arange(ROW), np.arange(ROW)).astype(float)
    from_rest = np.where(lag > 0, b * (1 + p) * p ** np.maximum(lag - 1, 0), b * (lag == 0))
    last = b * (1 + p) * p ** np.arange(ROW - 1.0, -1, -1)
    weights = np.concatenate([_step_means(from_rest, step), np.ones((1, ROW)), last[None]])
    decay = _step_means(p ** np.arange(float(ROW)), step)
    return Smoothing(_to_device(weights.T, dtype, device), _to_device(decay, dtype, device))


def hilbert_kernel(lag: np.ndarray, period: float) -> np.ndarray:
    """Return the circular Hilbert kernel of a period P at whole lags u, 0 at 0.

    (1 - cos(pi u)) / (P tan(pi u / P)) for even periods (and broken ones, nearly), and
    (cos(pi u / P) - cos(pi u)) / (P sin(pi u / P)) for odd ones.

    Example:
        >>> spectrum = np.fft.fft(hilbert_kernel(np.arange(7), 7))
        >>> spectrum.imag.round(12).tolist()
        [0.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0]
    """
    angle = math.pi * (lag - period * np.round(lag / period)) / period  # the nearest way round
    safe = np.where(angle == 0, 1, angle)
    if period % 2 == 1:
        kernel = (np.cos(safe) - np.cos(safe * period)) / (period * np.sin(safe))
    else:
        kernel = (1 - np.cos(safe * period)) / (period * np.tan(safe))
    return np.where(angle == 0, 0, kernel)


def _sharpened_kernel(lag: np.ndarray, period: float) -> np.ndarray:
    """Return the Hilbert kernel that takes means over steps to values in their middle."""
    kernel = hilbert_kernel(lag, period)
    beside = hilbert_kernel(lag - 1, period) + hilbert_kernel(lag + 1, period)
    return kernel + SHARPENING * (2 * kernel - beside)


def _durations(samples: int, step: int) -> np.ndarray:
    """Return how long each kept value of some samples lasts, in steps."""
    lasting = np.ones(-(-samples // step))
    lasting[-1] = samples / step - (len(lasting) - 1)
    return lasting


def _last_state(samples: int, step: int) -> np.ndarray:
    """Return what gives the last state s of the low-pass of H(e) as a product with values of c.

    With v[n] = s[n-1] + (1 - p)/2 e[n], a state is (1 + p) / (1 + z^-1) times its v: half a sample
    earlier, so it is H(c) between the last sample and the first.
    """
    p = lowpass_pole()
    if step == 1:
        turns = scipy.fft.rfft(hilbert_kernel(np.arange(float(samples)), samples))
        delay = np.exp(-2j * math.pi * np.arange(len(turns)) / samples)
        if samples % 2 == 0:
            turns[-1], delay[-1] = 0, 1  # c has nothing there
        return scipy.fft.irfft(turns * (1 + p) / (1 + delay), samples)[::-1]
    period, weights = samples / step, _durations(samples, step)
    lag = period - np.arange(len(weights)) - weights / 2
    kernel = _sharpened_kernel(lag, period) * (1 + p) / 2
    return weights * (kernel - weights @ kernel / period)


class Analysis(NamedTuple):
    """The circular Hilbert transform of N samples on envelopes kept at steps.

    With c the output of a low-pass that is circular over N, from that from rest, v::

        c = v + (last s) transient,    lowpass(H(e)) = H(c) - (last s of H(e)) transient
    """

    values: int
    """Kept values of an envelope."""
    n_fft: int
    kernel: torch.Tensor
    """Spectrum of the kernel, which takes step means to sharpened ones."""
    transient: torch.Tensor
    """(2, values): step means, and values in the middle of steps."""
    last: torch.Tensor
    """(values,): its product with c is the last state of the circular low-pass of H(e)."""
    uneven: torch.Tensor | None
    """(2, values) if the last step is not whole: weights of the values, and what their mean
    leaves."""


@kept
def analysis(samples: int, dtype: torch.dtype, device: torch.device) -> Analysis:
    """Return the constants of the Hilbert transform of some samples."""
    step, p = STEPS[dtype], lowpass_pole()
    values, period = -(-samples // step), samples / step
    n_fft = scipy.fft.next_fast_len(2 * values - 1, real=True)
    lags = np.arange(1.0, values)
    half = hilbert_kernel(lags, period) if step == 1 else _sharpened_kernel(lags, period)
    gap = np.zeros(n_fft - 2 * values + 1)
    kernel = scipy.fft.rfft(np.concatenate([[0], half, gap, -half[::-1]]))
    middle = p ** (step * np.arange(values) + (step - 1) / 2)
    means = middle * (1 - p**step) / (1 - p) / step / p ** ((step - 1) / 2)
    uneven = None
    if period != values:
        weights = _durations(samples, step)
        ones = scipy.fft.irfft(scipy.fft.rfft(weights, n_fft) * kernel, n_fft)[:values]
        uneven = _to_device(np.stack([weights, ones]), dtype, device)
    return Analysis(
        values,
        n_fft,
        _to_device(kernel, dtype, device),
        _to_device(np.stack([means, middle]), dtype, device),
        _to_device(_last_state(samples, step), dtype, device),
        uneven,
    )


@kept
def tensors(
    make: Callable[[], tuple[np.ndarray, ...]], dtype: torch.dtype, device: torch.device
) -> tuple[torch.Tensor, ...]:
    """Return arrays that depend on nothing else as tensors."""
    return tuple(_to_device(array, dtype, device) for array in make())
