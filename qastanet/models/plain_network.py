"""The network of `qastanet.models.network` evaluated with numpy, for scores without PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

SLOPE = 0.01
"""Slope of the leaky rectifiers for negative input."""

SCORE_LIMIT = 1e-3
"""Scores are clipped to SCORE_LIMIT..1 - SCORE_LIMIT."""

CHUNK = 4096
"""Frames taken at a time, which bounds the memory."""


def _leaky(x: np.ndarray) -> np.ndarray:
    """Apply the leaky rectifier."""
    return np.maximum(x, SLOPE * x)


def _layer(x: np.ndarray, weights: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Apply a linear layer to the last axis."""
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def activity(differences: np.ndarray, weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return what is pooled over time (`DifferenceNetwork.activity`).

    Args:
        differences: shape (heads, features, 29, frames)
        weights: state of a `DifferenceNetwork`

    Returns:
        shape (heads, 6, frames)
    """
    x = np.moveaxis(differences * weights["band_weight"][..., None], -3, -1)
    for k in range(3):
        x = _leaky(_layer(x, weights, f"pointwise.{k}"))
    x = _leaky(_layer(np.moveaxis(x, -3, -1), weights, "over_bands")[..., 0])
    return np.swapaxes(x, -1, -2)


def pool(x: np.ndarray, pooling: str, weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """Pool over frames (..., frames) by name (`qastanet.models.network.POOLINGS`).

    Example:
        >>> pool(np.array([1.0, 3.0]), "max", {}).item()
        3.0
    """
    if pooling == "sum":
        return x.sum(-1)
    if pooling == "max":
        return x.max(-1)
    if pooling == "p-norm":
        p = weights["pooling.p"]
        return ((np.abs(x) ** p).mean(-1) + 1e-6) ** (1 / p)
    sharp = weights["pooling.beta"] * x  # swap
    weight = np.exp(sharp - sharp.max(-1, keepdims=True))
    return (weight * x).sum(-1) / weight.sum(-1)


@dataclass(frozen=True)
class PlainNetwork:
    """A `qastanet.models.network.DifferenceNetwork` as plain arrays.

    Args:
        weights: its state
        pooling: name of its pooling
    """

    weights: Mapping[str, np.ndarray]
    pooling: str

    def __call__(self, differences: np.ndarray) -> float:
        """Map difference maps (heads, features, 29, frames) to a score, clipped."""
        frames = differences.shape[-1]
        parts = (differences[..., t : t + CHUNK] for t in range(0, frames, CHUNK))
        x = np.concatenate([activity(part, self.weights) for part in parts], axis=-1)
        pooled = pool(x, self.pooling, self.weights)
        hidden = _leaky(_layer(pooled, self.weights, "hidden"))
        output = _layer(hidden, self.weights, "output")[..., 0]
        with np.errstate(over="ignore"):  # an infinite exponential is a score of 0
            scores = 1 / (1 + np.exp(-output))
        return float(np.clip(scores.mean(), SCORE_LIMIT, 1 - SCORE_LIMIT))
