"""An interval with the score, calibrated on scenes that were held out.

The error of a prediction p is larger in the middle of the scale than at its ends, so errors are
divided by sqrt(p (1 - p) + WIDTH^2). The quantile of these over predictions out of fold, with the
correction for their finite number of split conformal prediction, gives the half-width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import pandas as pd
from qastanet.models.interval import LEVEL, interval, spread


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


def add_intervals(
    predictions: pd.DataFrame, better: Sequence[str] = (), level: float = LEVEL
) -> pd.DataFrame:
    """Add intervals to predictions, each calibrated on the predictions of other scenes.

    Under ``pooled-...`` the other scenes of the same protocol calibrate, under ``loso``,
    ``source-out`` and ``lodo-scaled`` those of the same test; the models, or the scales, of these
    have seen the scene. Under ``lodo`` the ``loso`` predictions of the other tests calibrate. Of
    tests whose listeners compared with a better reference only predictions on their scale do. Where
    several tests calibrate, the one that needs the widest interval decides.

    Args:
        predictions: of one metric, see `qastanet.training.cross_validation.predict`.
        better: those tests.
        level: wanted coverage.

    Returns:
        The table with ``low`` and ``high`` (0..1), NaN where nothing can calibrate.
    """
    result = predictions.assign(low=np.nan, high=np.nan)
    rated = predictions[predictions.role != "reference"]
    for (protocol, dataset, content), part in predictions.groupby(
        ["protocol", "dataset", "content"]
    ):
        own = rated[rated.content != content]
        if protocol in ("loso", "source-out", "lodo-scaled"):
            own = own[own.dataset == dataset]
        if protocol == "lodo":
            own = own[own.dataset != dataset]
        quantile = widest(own, "loso" if protocol == "lodo" else protocol, better, level)
        low, high = interval(part.score, quantile)
        result.loc[part.index, "low"], result.loc[part.index, "high"] = low, high
    return result


def widest(
    rated: pd.DataFrame, protocol: str, better: Sequence[str] = (), level: float = LEVEL
) -> float:
    """Calibrate on every listening test by itself, and take the widest interval.

    Tests differ in how well they can be predicted; so it holds its level on each of them.

    Args:
        rated: predictions out of fold, without those that equal the reference.
        protocol: of the predictions.
        better: tests whose listeners compared with a better reference: where the model does not
            know the scale of a test (``pooled-...``), those on their own scale are taken instead.
        level: wanted coverage.

    Returns:
        The largest of the quantiles, NaN if nothing can calibrate.
    """
    unscaled = protocol.startswith("pooled-") and not protocol.endswith("-scaled")
    found = []
    for dataset, part in rated.groupby("dataset"):
        name = f"{protocol}-scaled" if unscaled and dataset in better else protocol
        part = part[part.protocol == name]
        if len(part) > 1:
            found.append(calibrate(part.score, part["mean"] / 100, level))
    return max(found, default=float("nan"))


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
