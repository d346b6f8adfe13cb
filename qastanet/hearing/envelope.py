"""Envelopes of the auditory bands, and the 40 ms frames in which the model looks at them.

Above about 1.3 kHz the ear follows the envelope of a band rather than its fine structure. This
model takes 150 Hz as the limit up to which envelopes are detected; hair cells follow to about
1 kHz and beyond.
"""

from __future__ import annotations

import math

import numpy as np

from qastanet.hearing.gammatone import padded_length
from qastanet.lazy import torch
from qastanet.sound.sampling import FRAME, SAMPLING_RATE

CUTOFF = 150.0
"""Cut-off frequency in Hz of the first-order Butterworth low-pass of the envelope."""


def analytic(envelope: torch.Tensor) -> torch.Tensor:
    """Return the analytic signal e + i H(e) with the discrete Hilbert transform.

    The transform is circular over exactly the given samples, of even or odd number; the real part
    keeps the mean of the input and the imaginary part has none (as `scipy.signal.hilbert`).

    Shape:
        - envelope: (..., samples), real
        - output: (..., samples), complex

    Example:
        >>> t = torch.arange(480, dtype=torch.float64) / 48000
        >>> z = analytic(torch.cos(2 * math.pi * 1000 * t))
        >>> torch.allclose(z.abs(), torch.ones(480, dtype=torch.float64))
        True
    """
    samples = envelope.shape[-1]
    spectrum = torch.fft.fft(envelope)
    weight = torch.zeros(samples, dtype=envelope.dtype, device=envelope.device)
    weight[0] = 1
    weight[1 : (samples + 1) // 2] = 2
    if samples % 2 == 0:
        weight[samples // 2] = 1
    return torch.fft.ifft(spectrum * weight)


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


def lowpass(signal: torch.Tensor) -> torch.Tensor:
    """Apply the causal 150 Hz low-pass (first-order Butterworth, bilinear) from rest.

    Shape:
        - signal: (..., samples), real or complex
        - output: same

    Example:
        >>> lowpass(torch.ones(4800))[-1].round(decimals=4).item()
        1.0
    """
    samples = signal.shape[-1]
    n_fft = padded_length(samples)
    pole = lowpass_pole()
    delay = np.exp(-2j * math.pi * np.arange(n_fft) / n_fft)
    response = (1 - pole) / 2 * (1 + delay) / (1 - pole * delay)
    response = torch.from_numpy(response).to(signal.device)
    if signal.is_complex():
        return torch.fft.ifft(torch.fft.fft(signal, n_fft) * response.to(signal.dtype))[
            ..., :samples
        ]
    spectrum = torch.fft.rfft(signal, n_fft)
    half = response[: spectrum.shape[-1]].to(spectrum.dtype)
    return torch.fft.irfft(spectrum * half, n_fft)[..., :samples]


def haircell(band: torch.Tensor) -> torch.Tensor:
    """Return the low-passed envelope of a band, scaled to its rms: lowpass(|y|) / sqrt(2).

    Args:
        band: complex band signal of `qastanet.hearing.gammatone.filterbank`

    Shape:
        - band: (..., samples), complex
        - output: (..., samples), real
    """
    return lowpass(band.abs()) / math.sqrt(2)


def frame_mean(signal: torch.Tensor, frame: int = FRAME) -> torch.Tensor:
    """Return the mean of each frame.

    Args:
        signal: real or complex
        frame: samples of a frame

    Shape:
        - signal: (..., samples)
        - output: (..., floor(samples / frame))

    Example:
        >>> frame_mean(torch.ones(2, 5000)).shape
        torch.Size([2, 2])
    """
    frames = signal.shape[-1] // frame
    return signal[..., : frames * frame].unflatten(-1, (frames, frame)).mean(-1)
