"""Non-negative statistics per band in which a degraded signal differs from its reference.

They are what the monotone model compares. Frame by frame differences say how much *changes* (a
codec that flutters), differences of long-term means say what *stays* different (a lost top octave,
a narrower image), differences of spreads say how the *modulation* differs (filled gaps, pumping). A
reverberation that is decorrelated anew has large frame by frame differences and sounds the same;
its long-term means agree.

Frames are weighted by loudness: the larger of both powers, to the power 0.3, above the hearing
threshold. All statistics are means over frames, so they do not depend on the duration, and all are
exactly 0 for identical signals. The same code serves NumPy arrays and PyTorch tensors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from qastanet.hearing.features import Features
from qastanet.hearing.hearing_threshold import threshold_power
from qastanet.lazy import torch

FEATURES = ("level", "ild", "coherence", "directiveness")
"""What is compared."""

STATISTICS = (
    *("frame_level", "frame_ild", "frame_coherence", "frame_directiveness"),
    *("mean_level", "mean_ild", "mean_coherence", "mean_directiveness"),
    *("spread_level", "spread_ild", "spread_coherence", "spread_directiveness"),
    "mean_magnitude",
)
"""Names in the order of the first axis; ``mean_magnitude`` is of the interaural coherence."""

UNITS = (12.0, 1.0, 0.1, 0.1, 12.0, 1.0, 0.1, 0.1, 2.0, 0.5, 0.05, 0.03, 0.05)
"""Size of each statistic that counts as one unit (dB, dB, 1, 1, ...) before compression."""

LOUDNESS_EXPONENT = 0.3
LEVEL_CEILING = 20.0
"""Frame by frame level differences are limited to this (dB)."""

TINY = 1e-12

Array = Any  # numpy.ndarray or torch.Tensor


def needs_directiveness() -> np.ndarray:
    """Tell which statistics come from the directiveness, shape (13,).

    Example:
        >>> int(needs_directiveness().sum())
        3
    """
    return np.array([name.endswith("directiveness") for name in STATISTICS])


def statistics(reference: Features, degraded: Features) -> Array:
    """Compare the features of a degraded signal with those of its reference.

    Args:
        reference: features of the reference, arrays or tensors
        degraded: features of the degraded signal

    Returns:
        compressed statistics log(1 + difference / unit) >= 0; those of the directiveness are 0 if
        the signals have none

    Shape:
        - each feature: (..., 29, frames)
        - output: (..., 13, 29)

    Example:
        >>> from qastanet.hearing.fast import features
        >>> noise = 0.1 * np.random.default_rng(0).standard_normal((2, 9600))
        >>> same = features(noise)
        >>> statistics(same, same).shape, float(statistics(same, same).max())
        ((1, 13, 29), 0.0)
    """
    xp, weight, compared = feature_pairs(reference, degraded)
    parts = []
    for name, pair in compared.items():
        if pair is None:
            parts.append((xp.zeros_like(parts[0][0]),) * 3)
            continue
        change = xp.abs(pair.degraded - pair.reference)
        if name == "level":
            change = change.clip(max=LEVEL_CEILING)
        parts.append((_mean(xp, change, weight), *_moments(xp, *pair, weight)))
        if name == "coherence":
            sizes = (xp.abs(pair.reference), xp.abs(pair.degraded))
            magnitude = _moments(xp, *sizes, pair.valid, weight)[0]
    kinds = zip(*parts, strict=True)  # frame, mean, spread; each level, ild, coherence, dir.
    raw = xp.stack([*(x for kind in kinds for x in kind), magnitude], -2)
    return xp.log1p(raw / _like(np.array(UNITS)[:, None], raw))


class FeaturePair(NamedTuple):
    """A feature of both signals, in dB or as a ratio; each of shape (..., 29, frames)."""

    reference: Array
    degraded: Array
    valid: Array
    """Where the feature says something in both signals; elsewhere both are 0 (not the level)."""


def feature_pairs(reference: Features, degraded: Features):
    """Bring the features of a pair into the form in which they are compared.

    Args:
        reference: features of the reference, arrays or tensors
        degraded: features of the degraded signal

    Returns:
        the package (NumPy or PyTorch); the weights of the frames (..., 29, frames), which sum to 1;
        and a dictionary of `FeaturePair` in the order of FEATURES, None if the signals have no such
        feature
    """
    xp = np if isinstance(reference.power, np.ndarray) else torch
    threshold = _like(threshold_power()[:, None], reference.power)
    heard = (reference.power > threshold) & (degraded.power > threshold)
    weight = _loudness(xp, xp.maximum(reference.power, degraded.power), threshold)
    power = [10 * xp.log10(f.power) for f in (reference, degraded)]
    found: dict[str, FeaturePair | None] = {"level": FeaturePair(*power, xp.isfinite(power[0]))}
    for name, scale in (("ild", 0.5), ("coherence", 1.0), ("directiveness", 1.0)):
        pair = [getattr(f, name) for f in (reference, degraded)]
        if any(x is None for x in pair):
            found[name] = None
            continue
        valid = heard & xp.isfinite(pair[0]) & xp.isfinite(pair[1])
        found[name] = FeaturePair(*(scale * xp.where(valid, x, 0) for x in pair), valid)
    return xp, weight, found


def _like(array: np.ndarray, other: Array) -> Array:
    """Bring an array to the kind of another."""
    if isinstance(other, np.ndarray):
        return array
    return torch.from_numpy(array).to(device=other.device, dtype=other.dtype)


def _loudness(xp, power: Array, threshold: Array) -> Array:
    """Weights of the frames, which sum to 1; uniform in an inaudible band."""
    weight = (power**LOUDNESS_EXPONENT - threshold**LOUDNESS_EXPONENT).clip(min=0) + 1e-10
    return weight / weight.sum(-1)[..., None]


def _mean(xp, x: Array, weight: Array) -> Array:
    return (x * weight).sum(-1)


def _moments(xp, reference: Array, degraded: Array, valid: Array, weight: Array):
    """Differences of the long-term means and of the spreads over the valid frames."""
    weight = xp.where(valid, weight, 0)
    weight = weight / (weight.sum(-1)[..., None] + TINY**2)
    means, spreads = [], []
    for x in (reference, degraded):
        mean = _mean(xp, x, weight)
        means.append(mean)
        deviation = xp.abs(x - mean[..., None])
        spreads.append(xp.sqrt(_mean(xp, deviation * deviation, weight) + TINY))
    return xp.abs(means[1] - means[0]), xp.abs(spreads[1] - spreads[0])
