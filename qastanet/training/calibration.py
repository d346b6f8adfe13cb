"""An interval with the score, calibrated on tests or scenes that were held out.

The error of a prediction p is larger in the middle of the scale than at its ends, so errors are
divided by sqrt(p (1 - p) + WIDTH^2). The quantile of these over predictions out of fold, with the
correction for their finite number of split conformal prediction, gives the half-width.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from qastanet.listening_tests.contents import recording
from qastanet.models.interval import LEVEL, interval, spread
from qastanet.training.folds import BETTER_REFERENCE
from qastanet.training.rating_scale import fit_curve


def calibrate(score: ArrayLike, rating: ArrayLike) -> float:
    """Return the quantile (0.9) of the scaled errors.

    Args:
        score: predictions out of fold, 0..1.
        rating: ratings, 0..1.

    Example:
        >>> round(calibrate([0.5, 0.5, 0.5], [0.5, 0.6, 0.7]), 3)
        0.383
    """
    score, rating = np.asarray(score, dtype=float), np.asarray(rating, dtype=float)
    errors = np.abs(score - rating) / spread(score)
    return float(np.quantile(errors, min(1.0, LEVEL * (1 + 1 / len(errors))), method="higher"))


def told_quantile(score: ArrayLike, rating: ArrayLike, unit: ArrayLike) -> float:
    """Calibrate on the ratings that tell the scale of a test, as `qastanet train --scale-only`.

    Each unit (recording or scene) is put on the scale that the others tell.

    Args:
        score: predictions that know nothing of the test, 0..1.
        rating: ratings, 0..1.
        unit: of each item.

    Returns:
        The quantile; NaN of fewer than two units.
    """
    score, rating, unit = np.asarray(score), np.asarray(rating), np.asarray(unit)
    if len(np.unique(unit)) < 2:
        return float("nan")
    told = np.empty(len(score))
    for each in np.unique(unit):
        own = unit == each
        told[own] = fit_curve(score[~own], rating[~own])(score[own])
    return calibrate(told, rating)


def add_intervals(predictions: pd.DataFrame) -> pd.DataFrame:
    """Add intervals to predictions, calibrated on the errors of predictions of other items.

    Under ``lodo`` the predictions of the other listening tests calibrate, under ``lodo-scaled`` the
    ratings of other recordings that tell the scale of the test (`told_quantile`), under the other
    protocols those of other scenes (where recordings are left out, of other recordings), whose
    models may have seen the ratings of this one. Where a model does not know the scale of a test,
    the tests whose listeners compared with a better reference (BETTER_REFERENCE) calibrate nothing.

    Args:
        predictions: of one metric, see `qastanet.training.parts_fit.predict`.

    Returns:
        The table with ``low`` and ``high`` (0..1), NaN where nothing can calibrate.
    """
    result = predictions.assign(low=np.nan, high=np.nan)
    rated = predictions[predictions.role != "reference"]
    keys = ["protocol", "dataset", "content"]
    for (protocol, dataset, content), part in predictions.groupby(keys):
        if protocol == "lodo-scaled":
            continue  # see below
        own = rated[(rated.protocol == protocol) & (rated.content != content)]
        if "source-out" in protocol:
            own = own[own.content.astype(str).map(recording) != recording(str(content))]
        if protocol == "lodo":
            own = own[own.dataset != dataset]
        if protocol == "lodo" or (protocol.startswith("pooled") and "scaled" not in protocol):
            own = own[~own.dataset.isin(BETTER_REFERENCE)]
        if len(own) > 1:
            quantile = calibrate(own.score, own["mean"] / 100)
            result.loc[part.index, "low"], result.loc[part.index, "high"] = interval(
                part.score, quantile
            )
    return _told(result)


def _told(result: pd.DataFrame) -> pd.DataFrame:
    """Add the intervals of `add_intervals` under ``lodo-scaled``."""
    unit = result.content.astype(str).map(recording)
    untold = result[(result.protocol == "lodo") & (result.role != "reference")]
    scaled = result[result.protocol == "lodo-scaled"]
    for (dataset, signal, own), part in scaled.groupby(["dataset", "signal", unit]):
        known = untold[(untold.dataset == dataset) & (untold.signal == signal)]
        known = known[unit[known.index] != own]
        quantile = told_quantile(known.score, known["mean"] / 100, unit[known.index])
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
