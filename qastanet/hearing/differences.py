"""The four differences between a degraded signal and its reference, per band and frame."""

from __future__ import annotations

import numpy as np

from qastanet.hearing.features import Features, audible
from qastanet.lazy import torch

FEATURE_NAMES = ("ild", "coherence", "power", "directiveness")
"""The order in which the differences are stacked."""

PAPER_ILD = 2
"""The method takes 20 log10 of a ratio of powers for the ILD: twice the dB."""

POWER_CEILING = 20.0
"""The relative change of power is limited to this before it is halved."""


def _finite_difference(xp, degraded, reference, inaudible=None):
    """Return degraded - reference, zero where it is NaN or inaudible, with finite gradients."""
    with np.errstate(invalid="ignore"):
        difference = degraded - reference
    nothing = xp.isnan(difference)
    if inaudible is not None:
        nothing = nothing | inaudible
    return xp.where(nothing, 0, difference)


def differences(reference: Features, degraded: Features) -> torch.Tensor | np.ndarray:
    """Compare the features of a degraded signal with those of its reference.

    ======================  ===================================================================
    ild                     absolute difference of 20 log10(P_left / P_right): twice the dB, since
                            the published weights were trained so
    coherence               magnitude of the difference of the complex coherence, 0..2
    power                   relative change min(|P_d - P_r| / min(P_d, P_r), 20) / 2, 0..10
    directiveness           squared difference, 0..1 (only if both signals have it)
    ======================  ===================================================================

    Where a feature is undefined (NaN), and for ILD and directiveness where the reference is below
    the hearing threshold, the difference is 0. An infinite ILD difference becomes the largest
    finite number.

    Args:
        reference: features of the reference
        degraded: features of the degraded signal

    Returns:
        non-negative differences in the order of FEATURE_NAMES; of numpy features a numpy array

    Shape:
        - each feature: (..., bands, frames)
        - output: (..., 3 or 4, bands, frames)

    Example:
        >>> from qastanet.hearing.features import binaural_features
        >>> same = binaural_features(torch.randn(2, 4000))
        >>> differences(same, same).abs().max().item()
        0.0
    """
    xp = np if isinstance(reference.power, np.ndarray) else torch
    inaudible = ~audible(reference.power)
    maps = [
        abs(_finite_difference(xp, PAPER_ILD * degraded.ild, PAPER_ILD * reference.ild, inaudible)),
        abs(_finite_difference(xp, degraded.coherence, reference.coherence)),
    ]
    change = abs(degraded.power - reference.power)
    change = change / xp.minimum(degraded.power, reference.power)
    maps.append(xp.clip(change, None, POWER_CEILING) / 2)
    if reference.directiveness is not None and degraded.directiveness is not None:
        change = _finite_difference(xp, degraded.directiveness, reference.directiveness, inaudible)
        maps.append(xp.square(change))
    return xp.nan_to_num(xp.stack(maps, -3))
