"""Agreement of predictions out of fold with ratings, and a yardstick that hears nothing."""

from collections.abc import Mapping

import pandas as pd
from numpy.typing import NDArray

from qastanet.agreement.statistics import kendall, pearson, rmse, spearman
from qastanet.training.folds import COLUMNS, SCALED


def condition_means(table: pd.DataFrame) -> pd.DataFrame:
    """Predict every item by the mean rating of its condition in the other scenes of its test.

    A yardstick that looks at no sound: what is known once it is known which coding was used, and in
    which test.

    Args:
        table: rated pairs.

    Returns:
        As `qastanet.training.folds.collect`, with the metric ``condition-mean`` and the
        protocols ``loso`` and ``pooled-loso-scaled``, which say the same.
    """
    rows = table[(table.role != "reference") & (table.signal == "ambisonic")]
    groups = rows.groupby(["dataset", "condition"])["mean"]
    others = (groups.transform("sum") - rows["mean"]) / (groups.transform("size") - 1)
    known = rows[COLUMNS].assign(metric="condition-mean", score=others / 100)
    known = known.dropna(subset="score")
    protocols = ("loso", SCALED["pooled-loso"])
    return pd.concat([known.assign(protocol=name) for name in protocols], ignore_index=True)


def agreement(predictions: pd.DataFrame) -> pd.DataFrame:
    """Correlation and error of predictions, without the items that equal the reference.

    Args:
        predictions: of `qastanet.training.folds.collect`.

    Returns:
        One row per metric, protocol, signal and data set (``pooled`` for both together under the
        pooled protocols) with ``n``, ``pearson``, ``spearman``, ``kendall`` and ``rmse`` in points,
        and ``pearson_within``: of deviations from the means of each data set, so that what tests
        differ by in the mean does not count.
    """
    coded = predictions[predictions.role != "reference"]
    coded = coded.assign(test=coded.dataset.to_numpy())
    pooled = coded[coded.protocol.str.startswith("pooled-")].assign(dataset="pooled")
    rows = []
    keys = ["metric", "protocol", "signal", "dataset"]
    for key, part in pd.concat([coded, pooled]).groupby(keys):
        part = part.reset_index(drop=True)
        score, rating = 100 * part.score, part["mean"]
        row = dict(zip(keys, key, strict=True)) | measures(score, rating)
        within = (each - each.groupby(part.test).transform("mean") for each in (score, rating))
        rows.append(row | {"pearson_within": pearson(*within)})
    return pd.DataFrame(rows)


def agreement_with_yardstick(predictions: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """`agreement` of predictions and of `condition_means`, in two subsets.

    Args:
        predictions: of trained models.
        table: rated pairs.

    Returns:
        As `agreement`, with ``subset``: ``without_labelled_reference`` leaves out the hidden
        references only, ``without_reference`` also all that equals them, sample by sample.
    """
    predictions = pd.concat([predictions, condition_means(table)], ignore_index=True)
    labelled = predictions.condition.isin(["REF", "reference"])
    parts = {
        "without_labelled_reference": predictions[~labelled].assign(role="coded"),
        "without_reference": predictions,
    }
    return pd.concat(
        [agreement(part).assign(subset=name) for name, part in parts.items()], ignore_index=True
    )


def measures(score: NDArray, rating: NDArray) -> Mapping[str, float]:
    """Agreement of predictions in points with ratings."""
    return {
        "n": len(score),
        "pearson": pearson(score, rating),
        "spearman": spearman(score, rating),
        "kendall": kendall(score, rating),
        "rmse": rmse(score, rating),
    }
