"""Our model beside every other metric on the same items and folds, with paired intervals."""

from functools import partial

import pandas as pd

from qastanet.agreement.bootstrap import paired_difference
from qastanet.agreement.resampling import REPLICATES
from qastanet.evidence.comparison.metrics import headline, without_distances
from qastanet.evidence.comparison.protocols import POOLED, add_predictions, map_datasets, map_scenes
from qastanet.listening_tests.contents import recording
from qastanet.rivals.other_metrics import SCALES

MODEL = "parts"
"""Ours."""

PROTOCOLS = {
    "direct": ("loso", None),
    "loso": ("loso", map_scenes),
    "pooled-loso": ("pooled-loso", partial(map_scenes, pooled=True)),
    "pooled-loso-scaled": ("pooled-loso-scaled", map_scenes),
    "direct-pooled": ("pooled-loso-scaled", None),
    "pooled-source-out-scaled": ("pooled-source-out-scaled", partial(map_scenes, unit=recording)),
    "direct-source-out": ("pooled-source-out-scaled", None),
    "lodo": ("lodo", map_datasets),
    "lodo-scaled": ("lodo-scaled", map_scenes),
}
"""Name -> protocol of the predictions, and what maps the other metrics to points."""


def model_differences(
    table: pd.DataFrame,
    predictions: pd.DataFrame,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare our model with other metrics and other trained models.

    Where the model has not seen a scene (``loso``: trained for one test; ``pooled-loso``: one model
    for both, the shipped recipe) or a test (``lodo``), the map of the other metric to points has
    not either, and there is one map for both tests where there is one model. Where the model is
    told the scale of the test by other scenes of it (``...-scaled``), the other metric has a map of
    its own for each test, fitted on the other scenes too. Such a map can cost a metric more than it
    gains: under ``direct`` (predictions of ``loso``), ``direct-pooled`` (``pooled-loso-scaled``)
    and ``direct-source-out`` (``pooled-source-out-scaled``) the other metric is taken as it is.

    Args:
        table: table of scores.
        predictions: of trained models, see
            `qastanet.evidence.comparison.protocols.add_predictions`.
        replicates: number of bootstrap samples.
        seed: of the random numbers.

    Returns:
        One row per dataset (``pooled``: both), signal, protocol and metric, without references:
        ``n``, ``scenes``,
        ``difference`` of Pearson's correlation (the model's minus the other) with ``low`` and
        ``high`` (95 %, clustered by recording); ``rmse_difference``, ``rmse_low`` and
        ``rmse_high`` in points (negative: the model errs less), empty where the other metric is
        taken as it is.
    """
    metrics = headline(table)
    scales = {name: SCALES.get(name) for name in metrics}
    trained = add_predictions(table[table.role != "reference"], predictions)
    trained_too = [name for name in pd.unique(predictions.metric) if name != MODEL]
    rows = []
    for protocol, (seen, mapping) in PROTOCOLS.items():
        items = trained[seen]
        models = [name for name in trained_too if name in items]
        if mapping:
            items = mapping(items, scales)
        else:
            items = without_distances(items, metrics)
        items = items.assign(**{name: 100 * items[name] for name in (MODEL, *models)})
        others = [*(models if mapping else []), *metrics]
        if seen.startswith("pooled-"):
            items = pd.concat([items, items.assign(dataset=POOLED)])
        for (dataset, signal), part in items.groupby(["dataset", "signal"]):
            labels = {"dataset": dataset, "signal": signal, "protocol": protocol}
            for metric in others:
                both = part.dropna(subset=[MODEL, metric])
                if both[metric].nunique() > 1:
                    found = _compare(both, metric, mapping is not None, replicates, seed)
                    rows.append(labels | {"metric": metric} | found)
    return pd.DataFrame(rows)


def _compare(
    items: pd.DataFrame, metric: str, points: bool, replicates: int, seed: int
) -> dict[str, float]:
    """Return the differences of one row."""
    pair = items[MODEL], items[metric], items["mean"], items["content"].map(recording)
    found = paired_difference(*pair, "pearson", replicates, seed)
    row = {"n": len(items), "scenes": items.content.nunique()}
    row |= {"difference": found.difference, "low": found.low, "high": found.high}
    if points:
        found = paired_difference(*pair, "rmse", replicates, seed)
        row |= {"rmse_difference": found.difference, "rmse_low": found.low, "rmse_high": found.high}
    return row
