"""Binaural features of a signal: ILD, interaural coherence and power per band and frame.

These follow the front end of eMoBi-Q [1]_: gammatone bands, envelope, 40 ms frames, and the
hearing threshold below which a band says nothing.

References:
    .. [1] B. Eurich, S. D. Ewert, M. Dietz, T. Biberger, "A computationally efficient model for
       combined assessment of monaural and binaural audio quality", J. Audio Eng. Soc. (2024).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qastanet.hearing.envelope import analytic, frame_mean, haircell, lowpass
from qastanet.hearing.gammatone import N_BANDS, centre_frequencies, filterbank
from qastanet.hearing.hearing_threshold import threshold_power
from qastanet.lazy import torch
from qastanet.sound.sampling import FRAME

ENVELOPE_FROM = 1300.0
"""Bands centred at or above this frequency (Hz) are compared by envelope, not fine structure."""

BLOCK = 4
"""Bands computed at a time, which bounds the memory."""


class Features(NamedTuple):
    """What the auditory model knows of one signal; each of shape (..., bands, frames).

    Tensors, or numpy arrays if they come from `qastanet.hearing.fast`.
    """

    ild: torch.Tensor
    """Interaural level difference in dB, positive to the left."""
    coherence: torch.Tensor
    """Complex interaural coherence, magnitude 0..1; NaN where the band is inaudible."""
    power: torch.Tensor
    """Power re full scale, mean of both ears, floored at the hearing threshold."""
    directiveness: torch.Tensor | None = None
    """Directiveness 0..1 of a sound field (`qastanet.hearing.directiveness`); None if binaural."""


def _threshold(like: torch.Tensor, bands: slice = slice(None)) -> torch.Tensor:
    """Return the hearing threshold as a column over bands, shape (bands, 1)."""
    column = threshold_power()[bands, None]
    if isinstance(like, np.ndarray):
        return column.astype(like.dtype)
    return torch.from_numpy(column).to(device=like.device, dtype=like.dtype)


def audible(power: torch.Tensor | np.ndarray) -> torch.Tensor | np.ndarray:
    """Tell where a power map (..., 29, frames) lies above the hearing threshold.

    Example:
        >>> audible(torch.full((29, 1), 1e-6)).all().item()
        True
    """
    return power > _threshold(power)


def level_difference(
    left: torch.Tensor, right: torch.Tensor, floor: torch.Tensor | float | None
) -> torch.Tensor:
    """Return the level difference 10 log10(P_left / P_right) of the two ears in dB.

    Args:
        left: power of the left ear
        right: power of the right ear
        floor: both powers are raised to at least this. None leaves them, and an ear of digital
            silence then gives an infinite difference.

    Example:
        >>> level_difference(torch.tensor(1e-2), torch.tensor(1e-3), None).item()
        10.0
    """
    if floor is not None:
        floor = torch.as_tensor(floor, dtype=left.dtype, device=left.device)
        left, right = torch.maximum(left, floor), torch.maximum(right, floor)
    return 10 * (_log10(left) - _log10(right))


def _log10(power: torch.Tensor) -> torch.Tensor:
    """Return log10 with -inf at zero, and a gradient of zero there."""
    return torch.where(power > 0, torch.log10(torch.where(power > 0, power, 1)), -torch.inf)


def interaural_coherence(
    left: torch.Tensor, right: torch.Tensor, frame: int = FRAME
) -> torch.Tensor:
    """Return the complex coherence mean(l conj r) / sqrt(mean|l|^2 mean|r|^2) of each frame.

    Args:
        left: complex band or envelope signal of the left ear
        right: the same of the right ear
        frame: samples of a frame

    Returns:
        coherence, magnitude at most 1; NaN where an ear is silent

    Shape:
        - left, right: (..., samples)
        - output: (..., frames)

    Example:
        >>> x = torch.exp(1j * torch.arange(1920))
        >>> interaural_coherence(x, 1j * x)[0].imag.round(decimals=4).item()
        -1.0
    """
    energy = frame_mean(left.abs().square(), frame) * frame_mean(right.abs().square(), frame)
    silent = energy <= 0
    # both branches of `where` must be finite, or the gradients are not
    safe = torch.sqrt(torch.where(silent, 1, energy))
    coherence = frame_mean(left * right.conj(), frame) / safe
    return torch.where(silent, torch.nan, coherence)


def _band_features(
    ears: torch.Tensor, bands: slice, floor_ears: bool, frame: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compute ILD, coherence and power of some bands; ears has shape (..., 2, samples)."""
    band = filterbank(ears, bands)
    ear_means = frame_mean(haircell(band), frame)
    left, right = ear_means.square().unbind(-3)
    threshold = _threshold(left, bands)
    power = ear_means.mean(-3).square() / 2
    inaudible = power <= threshold
    ild = level_difference(left, right, threshold if floor_ears else None)
    by_envelope = torch.from_numpy(centre_frequencies()[bands] >= ENVELOPE_FROM).to(ears.device)
    first = int((~by_envelope).sum())  # the bands ascend: fine structure first, then envelope
    parts = []
    if first > 0:
        parts.append(interaural_coherence(*band[..., :first, :].unbind(-3), frame))
    if first < len(by_envelope):
        envelopes = lowpass(analytic(band[..., first:, :].abs()))
        parts.append(interaural_coherence(*envelopes.unbind(-3), frame))
    coherence = torch.where(inaudible, torch.nan, torch.cat(parts, dim=-2))
    return ild, coherence, torch.maximum(power, threshold)


def binaural_features(ears: torch.Tensor, floor_ears: bool = True, frame: int = FRAME) -> Features:
    """Compute ILD, interaural coherence and power of a binaural signal.

    Bands are computed a few at a time; when gradients are needed each block is recomputed in the
    backward pass instead of being kept.

    Args:
        ears: left and right ear at 48 kHz, full scale 1.0
        floor_ears: raise the power of each ear to the hearing threshold before the ILD is taken, so
            that a silent ear gives a finite ILD. The released model does not (`False`).
        frame: samples of a frame, 40 ms unless another model looks at other ones

    Returns:
        features without directiveness

    Shape:
        - ears: (..., 2, samples)
        - output: each (..., 29, floor(samples / frame))

    Example:
        >>> binaural_features(torch.randn(1, 2, 4000)).ild.shape
        torch.Size([1, 29, 2])
    """
    blocks = [slice(start, min(start + BLOCK, N_BANDS)) for start in range(0, N_BANDS, BLOCK)]
    recompute = torch.is_grad_enabled() and ears.requires_grad
    checkpoint = torch.utils.checkpoint.checkpoint
    results = [
        checkpoint(_band_features, ears, block, floor_ears, frame, use_reentrant=False)
        if recompute
        else _band_features(ears, block, floor_ears, frame)
        for block in blocks
    ]
    return Features(*(torch.cat(maps, dim=-2) for maps in zip(*results, strict=True)))
