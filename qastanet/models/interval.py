"""The interval of a score, wider in the middle of the scale than at its ends.

Errors of a prediction p are divided by sqrt(p (1 - p) + WIDTH^2); a quantile of these
(`qastanet.training.calibration`) times that root is the half-width.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.9
WIDTH = 0.15
"""Half-width kept at the ends of the scale, times the quantile."""


def spread(score: ArrayLike) -> NDArray:
    """Return what errors are divided by.

    Example:
        >>> spread([0.0, 0.5]).round(3)
        array([0.15 , 0.522])
    """
    score = np.asarray(score, dtype=float)
    return np.sqrt(score * (1 - score) + WIDTH**2)


def interval(score: ArrayLike, quantile: float) -> tuple[NDArray, NDArray]:
    """Return low and high, within 0..1.

    Example:
        >>> low, high = interval(1.0, 1.0)
        >>> round(float(low), 2), float(high)
        (0.85, 1.0)
    """
    score = np.asarray(score, dtype=float)
    half = quantile * spread(score)
    return np.clip(score - half, 0, 1), np.clip(score + half, 0, 1)
