"""Binaural features of a signal: ILD, interaural coherence and power per band and frame.

These follow the front end of eMoBi-Q [1]_: gammatone bands, envelope, 40 ms frames, and the
hearing threshold below which a band says nothing.

References:
    .. [1] B. Eurich, S. D. Ewert, M. Dietz, T. Biberger, "A computationally efficient model for
       combined assessment of monaural and binaural audio quality", J. Audio Eng. Soc. (2024).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from qastanet.hearing.gammatone import FIRST_ENVELOPE
from qastanet.hearing.hearing_threshold import threshold_power
from qastanet.lazy import torch
from qastanet.sound.precision import whole_precision
from qastanet.sound.sampling import FRAME


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


def _threshold(like: torch.Tensor | np.ndarray) -> torch.Tensor | np.ndarray:
    """Return the hearing threshold as a column over bands, shape (29, 1)."""
    if isinstance(like, np.ndarray):
        return _threshold_column()[0].astype(like.dtype)
    from qastanet.hearing.differentiable import planned

    return planned.tensors(_threshold_column, like.dtype, like.device)[0]


def _threshold_column() -> tuple[np.ndarray]:
    return (threshold_power()[:, None],)


def audible(power: torch.Tensor | np.ndarray) -> torch.Tensor | np.ndarray:
    """Tell where a power map (..., 29, frames) lies above the hearing threshold.

    Example:
        >>> audible(torch.full((29, 1), 1e-6)).all().item()
        True
    """
    return power > _threshold(power)


def _log10(power: torch.Tensor) -> torch.Tensor:
    """Return log10 with -inf at zero, and a gradient of zero there."""
    return torch.where(power > 0, torch.log10(torch.where(power > 0, power, 1)), -torch.inf)


def _coherence(products: torch.Tensor) -> torch.Tensor:
    """Return l conj(r) / sqrt(|l|^2 |r|^2) of sums of |l|^2, |r|^2, Re and Im; NaN of silence."""
    left, right, real, imaginary = products.unbind(1)
    silent = (left <= 0) | (right <= 0)
    # both branches of `where` must be finite, or the gradients are not
    left, right = (torch.where(silent, 1, x) for x in (left, right))
    coherence = torch.complex(real, imaginary) / (left.sqrt() * right.sqrt())
    return torch.where(silent, torch.nan, coherence)


def binaural_features(ears: torch.Tensor, floor_ears: bool = True) -> Features:
    """Compute ILD, interaural coherence and power of a binaural signal.

    Exact in float64. In float32 the envelopes are kept at 6 kHz, which changes the coherence of the
    high bands by about 1e-5 (1e-3 in the first frame); float16 and bfloat16 are computed in
    float32. All constants are made once per length; a pair of 10 s takes a few hundred operators
    however long it is.

    Args:
        ears: left and right ear at 48 kHz, full scale 1.0
        floor_ears: raise the power of each ear to the hearing threshold before the ILD is taken, so
            that a silent ear gives a finite ILD. The released model does not (`False`).

    Returns:
        features without directiveness

    Shape:
        - ears: (..., 2, samples)
        - output: each (..., 29, floor(samples / 1920))

    Example:
        >>> binaural_features(torch.randn(1, 2, 4000)).ild.shape
        torch.Size([1, 29, 2])
    """
    with torch.autocast(ears.device.type, enabled=False):
        ears = whole_precision(ears)
        means, coherence = _sums(ears.reshape(-1, *ears.shape[-2:]))
        threshold = _threshold(means)
        left, right = means.square().unbind(1)
        power = means.mean(1).square() / 2
        if floor_ears:
            left, right = left.clamp(min=threshold), right.clamp(min=threshold)
        ild = 10 * (_log10(left) - _log10(right))
        coherence = torch.where(power <= threshold, torch.nan, coherence)
        found = ild, coherence, torch.maximum(power, threshold)
    return Features(*(x.reshape(*ears.shape[:-2], *x.shape[1:]) for x in found))


def _sums(ears: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return means of the envelopes and the coherence of ears (batch, 2, samples)."""
    from qastanet.hearing.differentiable import band_sums, envelope_coherence

    rows, envelopes, fine = band_sums.band_sums(ears)
    samples = ears.shape[-1]
    frames = samples // FRAME
    states = envelope_coherence.row_states(rows[..., 1])
    sums = envelope_coherence.envelope_sums(rows[..., 0], states, frames)
    high = states[:, :, FIRST_ENVELOPE:]
    analytic = envelope_coherence.analytic_envelopes(envelopes, high, samples)
    products = [fine, envelope_coherence.frame_products(*analytic, frames)]
    return sums / (FRAME * math.sqrt(2)), _coherence(torch.cat(products, 2))
