"""Directiveness of an ambisonic signal: how much of its energy flows in one direction.

The ratio of smoothed active intensity to energy density, near 1 for a single plane wave, from the
zeroth and first order only. The norm of the intensity is taken before it is smoothed, so opposite
flows do not cancel, and a diffuse field has about 0.55.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from qastanet.hearing.gammatone import HIGHEST, LOWEST, N_BANDS, centre_frequencies
from qastanet.lazy import torch
from qastanet.sound.precision import whole_precision
from qastanet.sound.sampling import FRAME, SAMPLING_RATE

LIMIT = 1e-3
"""Directiveness is clipped to LIMIT..1 - LIMIT."""

SMOOTHING_PERIODS = 20.0
"""Time constant of the smoothing in periods of the bin's frequency."""

SMOOTHING_CEILING = 3000.0
"""Above this frequency (Hz) the smoothing stays what it is here."""


def smoothing_coefficients() -> np.ndarray:
    """Return the coefficient alpha of the recursive smoothing for each STFT bin, shape (961,).

    alpha(f) = exp(-1 / (20 / f * fs / 1920)), where the bin at 0 Hz takes the next bin's value.

    Example:
        >>> smoothing_coefficients()[:3].round(3).tolist()
        [0.951, 0.951, 0.905]
    """
    frequency = np.arange(FRAME // 2 + 1) * SAMPLING_RATE / FRAME
    frequency[0] = frequency[1]
    frequency = np.minimum(frequency, SMOOTHING_CEILING)
    return np.exp(-frequency * FRAME / (SMOOTHING_PERIODS * SAMPLING_RATE))


def erb_averaging() -> np.ndarray:
    """Return the matrix that averages STFT bins into the 29 ERB bands, shape (29, 961).

    A band takes the plain mean of the bins strictly inside its edges. The edges start at 315 Hz,
    step by half the ERBs of both neighbours, are whole numbers, and end at 12.5 kHz.

    Example:
        >>> bool(np.allclose(erb_averaging().sum(axis=1), 1))
        True
    """
    bandwidth = 24.7 * (4.37 * centre_frequencies() / 1000 + 1)
    edges = [LOWEST]
    for below, above in itertools.pairwise(bandwidth):
        edges.append(int(edges[-1] + below / 2 + above / 2))
    edges.append(HIGHEST)
    frequency = np.arange(FRAME // 2 + 1) * SAMPLING_RATE / FRAME
    lower, upper = np.array(edges[:-1])[:, None], np.array(edges[1:])[:, None]
    inside = (frequency > lower) & (frequency < upper)
    assert inside.shape[0] == N_BANDS
    return inside / inside.sum(axis=1, keepdims=True)


USED = slice(13, 500)
"""The bins from 315 Hz to 12.5 kHz, those of the bands."""


def constants() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the window, and smoothing and averaging of the used bins, float64."""
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * math.pi * np.arange(FRAME) / FRAME))
    return window, smoothing_coefficients()[USED], erb_averaging()[:, USED]


def smoothed(frames: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """Smooth over frames by doubling, y[0] = 0, y[t] = alpha y[t-1] + (1 - alpha) x[t].

    Args:
        frames: x, shape (..., frames, bins)
        alpha: coefficients, shape (bins,)

    Returns:
        y, the same shape

    Example:
        >>> smoothed(torch.ones(4, 1), torch.tensor([0.5])).flatten().tolist()
        [0.0, 0.5, 0.75, 0.875]
    """
    count = frames.shape[-2]
    y = torch.cat([torch.zeros_like(frames[..., :1, :]), (1 - alpha) * frames[..., 1:, :]], -2)
    step = 1
    while step < count:
        later = torch.addcmul(y[..., step:, :], y[..., :-step, :], alpha**step)
        y = torch.cat([y[..., :step, :], later], -2)
        step *= 2
    return y


def directiveness(ambisonics: torch.Tensor) -> torch.Tensor:
    """Compute the directiveness per ERB band and frame.

    The first frame has no past and is NaN, as is a frame before any sound.

    Args:
        ambisonics: signal of order 1 or higher, ACN and SN3D, 48 kHz; only W, Y, Z, X are used

    Returns:
        directiveness, 1e-3..1 - 1e-3, or NaN

    Shape:
        - ambisonics: (..., channels, samples)
        - output: (..., 29, floor(samples / 1920))

    Example:
        >>> plane_wave = torch.randn(9600) * torch.tensor([1.0, 0.0, 0.0, 1.0])[:, None]
        >>> bool(directiveness(plane_wave)[:, 1:].min() > 0.97)
        True
    """
    from qastanet.hearing.differentiable import planned

    with torch.autocast(ambisonics.device.type, enabled=False):
        signal = whole_precision(ambisonics)[..., :4, :]
        window, alpha, averaging = planned.tensors(constants, signal.dtype, signal.device)
        frames = signal.shape[-1] // FRAME
        pieces = signal[..., : frames * FRAME].unflatten(-1, (frames, FRAME))
        spectra = torch.view_as_real(torch.fft.rfft(pieces * window)[..., USED])
        pressure = spectra[..., :1, :, :, :]
        velocity = spectra[..., 1:, :, :, :] * math.sqrt(3 / 2)
        flow = torch.linalg.vector_norm((pressure * velocity).sum(-1), dim=-3)
        density = (pressure.square().sum((-1, -4)) + velocity.square().sum((-1, -4))) / 2
        flow, density = smoothed(flow, alpha), smoothed(density, alpha)
        silent = density <= 0
        ratio = (flow / torch.where(silent, 1, density)).clamp(LIMIT, 1 - LIMIT)
        means, unknown = (averaging @ x.transpose(-1, -2) for x in (ratio, silent.to(ratio)))
        return torch.where(unknown > 0, torch.nan, means)
