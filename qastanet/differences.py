"""The four differences between a degraded signal and its reference, per band and frame."""

from __future__ import annotations

from qastanet.features import Features, audible
from qastanet.lazy import torch

FEATURE_NAMES = ("ild", "coherence", "power", "directiveness")
"""The order in which the differences are stacked."""

POWER_CEILING = 20.0
"""The relative change of power is limited to this before it is halved."""


def _finite_difference(degraded: torch.Tensor, reference: torch.Tensor, inaudible=None):
    """Return degraded - reference, zero where it is NaN or inaudible, with finite gradients."""
    difference = degraded - reference
    nothing = torch.isnan(difference)
    if inaudible is not None:
        nothing = nothing | inaudible
    return torch.where(nothing, 0, difference)


def differences(reference: Features, degraded: Features) -> torch.Tensor:
    """Compare the features of a degraded signal with those of its reference.

    ======================  ===================================================================
    ild                     absolute difference of the ILD (dB, see `level_difference`)
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
        non-negative differences in the order of FEATURE_NAMES

    Shape:
        - each feature: (..., bands, frames)
        - output: (..., 3 or 4, bands, frames)

    Example:
        >>> from qastanet.features import binaural_features
        >>> same = binaural_features(torch.randn(2, 4000))
        >>> differences(same, same).abs().max().item()
        0.0
    """
    inaudible = ~audible(reference.power)
    maps = [
        _finite_difference(degraded.ild, reference.ild, inaudible).abs(),
        _finite_difference(degraded.coherence, reference.coherence).abs(),
    ]
    change = (degraded.power - reference.power).abs()
    change = change / torch.minimum(degraded.power, reference.power)
    maps.append(change.clamp(max=POWER_CEILING) / 2)
    if reference.directiveness is not None and degraded.directiveness is not None:
        change = _finite_difference(degraded.directiveness, reference.directiveness, inaudible)
        maps.append(change.square())
    return torch.nan_to_num(torch.stack(maps, dim=-3))
