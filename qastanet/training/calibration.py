"""An interval with the score, calibrated on tests or scenes that were held out.

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
    """Add intervals to predictions, each calibrated on what the prediction has not seen.

    Under ``lodo`` and ``lodo-scaled`` the predictions of the other listening tests calibrate, under
    the other protocols those of other scenes. Where a model does not know the scale of a test, the
    tests whose listeners compared with a better reference calibrate nothing.

    Args:
        predictions: of one metric, see `qastanet.training.parts_fit.predict`.
        better: those tests.
        level: wanted coverage.

    Returns:
        The table with ``low`` and ``high`` (0..1), NaN where nothing can calibrate.
    """
    result = predictions.assign(low=np.nan, high=np.nan)
    rated = predictions[predictions.role != "reference"]
    keys = ["protocol", "dataset", "content"]
    for (protocol, dataset, content), part in predictions.groupby(keys):
        own = rated[(rated.protocol == protocol) & (rated.content != content)]
        if protocol.startswith("lodo"):
            own = own[own.dataset != dataset]
        if protocol == "lodo" or (protocol.startswith("pooled") and "scaled" not in protocol):
            own = own[~own.dataset.isin(better)]
        if len(own) > 1:
            quantile = calibrate(own.score, own["mean"] / 100, level)
            result.loc[part.index, "low"], result.loc[part.index, "high"] = interval(
                part.score, quantile
            )
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
