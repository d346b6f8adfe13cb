"""An interval with the score, calibrated on scenes that were held out.

The error of a prediction p is larger in the middle of the scale than at its ends, so errors are
divided by sqrt(p (1 - p) + WIDTH^2). The quantile of these over predictions out of fold, with the
correction for their finite number of split conformal prediction, gives the half-width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

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


def calibrate(score: ArrayLike, rating: ArrayLike, level: float = LEVEL) -> float:
    """Return the quantile of the scaled errors.

    Args:
        score: predictions out of fold, 0..1.
        rating: ratings, 0..1.
        level: wanted coverage.

    Example:
        >>> calibrate([0.5, 0.5, 0.5], [0.5, 0.6, 0.7], level=0.5) > 0
        True
    """
    score, rating = np.asarray(score, dtype=float), np.asarray(rating, dtype=float)
    errors = np.abs(score - rating) / spread(score)
    return float(np.quantile(errors, min(1.0, level * (1 + 1 / len(errors))), method="higher"))


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


def add_intervals(predictions: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """Add intervals to predictions, each calibrated on the predictions of other scenes.

    Under ``pooled-...``, ``loso`` and ``source-out`` the other scenes of the same protocol (and for
    the last two of the same test) calibrate; the models that predicted these have seen the scene.
    Under ``lodo`` the ``loso`` predictions of the other tests calibrate.

    Args:
        predictions: of one metric, see `qastanet.cross_validation.predict`.
        level: wanted coverage.

    Returns:
        The table with ``low`` and ``high`` (0..1), NaN where nothing can calibrate.
    """
    result = predictions.assign(low=np.nan, high=np.nan)
    rated = predictions[predictions.role != "reference"]
    for (protocol, dataset, content), part in predictions.groupby(
        ["protocol", "dataset", "content"]
    ):
        within = rated.protocol == ("loso" if protocol == "lodo" else protocol)
        if protocol in ("loso", "source-out"):
            within &= rated.dataset == dataset
        if protocol == "lodo":
            within &= rated.dataset != dataset
        others = rated[within & (rated.content != content)]
        if len(others) > 1:
            quantile = calibrate(others.score, others["mean"] / 100, level)
            low, high = interval(part.score, quantile)
            result.loc[part.index, "low"], result.loc[part.index, "high"] = low, high
    return result


def coverage(predictions: pd.DataFrame) -> pd.DataFrame:
    """Share of ratings inside their interval, without the items that equal the reference.

    Returns:
        One row per protocol, dataset and signal with ``n``, ``coverage`` and the mean ``width`` in
        points.
    """
    rated = predictions[predictions.role != "reference"].dropna(subset="low")
    inside = (rated["mean"] / 100).between(rated.low, rated.high)
    rated = rated.assign(inside=inside, width=100 * (rated.high - rated.low))
    grouped = rated.groupby(["metric", "protocol", "dataset", "signal"])
    found = grouped.agg(n=("inside", "size"), coverage=("inside", "mean"), width=("width", "mean"))
    return found.reset_index()
