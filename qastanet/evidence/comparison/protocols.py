"""On which items, and having seen what of a listening test, a metric is held against its ratings.

Protocols say what a number may have seen of the listening test it is compared with:

* ``direct``: the scores as they are; nothing was fitted.
* ``loso``: leave one scene out. The scores of a scene are mapped to points by the monotone cubic
  fitted on the other scenes of the same test (or a trained model has not seen the scene).
* ``source-out``: as loso, with all scenes of the same dry recording left out.
* ``pooled-...``: one map, or one model, for all tests together.
* ``...-scaled``: other scenes of the test tell the model its scale
  (`qastanet.training.rating_scale`).
* ``lodo``: leave one data set out. The cubic, or the model, was fitted on another test.
* ``reported``: scores or correlations that the authors of a metric report.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from qastanet.agreement.correlations import correlations, increasing
from qastanet.agreement.mapping import fit_monotone_cubic, map_out_of_fold
from qastanet.agreement.resampling import REPLICATES
from qastanet.listening_tests.contents import recording
from qastanet.rivals.other_metrics import SCALES

POOLED = "pooled"


def main_subsets(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Subsets by the role of the items.

    Args:
        table: with ``role`` (reference, coded, anchor) and ``condition``.

    Returns:
        Name -> mask. ``without_reference`` leaves out all items that equal the reference, also
        those that are not labelled so; ``without_labelled_reference`` only those that are.

    Example:
        >>> rows = {"role": ["reference", "reference", "coded"], "condition": ["REF", "P2", "P1"]}
        >>> {name: int(mask.sum()) for name, mask in main_subsets(pd.DataFrame(rows)).items()}
        {'with_reference': 3, 'without_reference': 1,
         'without_reference_and_anchor': 1, 'without_labelled_reference': 2}
    """
    return {
        "with_reference": table.role.notna(),
        "without_reference": table.role != "reference",
        "without_reference_and_anchor": table.role == "coded",
        "without_labelled_reference": ~table.condition.isin(["REF", "reference"]),
    }


def group_subsets(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Subsets by kind of content, room, ambisonic order and condition, all without references.

    Args:
        table: with ``role``, ``group``, ``room``, ``order`` and ``condition``.

    Returns:
        Name (``group_speech``, ``room_anechoic``, ``order_1``, ``condition_FOA``, ...) -> mask.
    """
    rated = table.role != "reference"
    found = {}
    for column in ("group", "room", "order", "condition"):
        for value in sorted(table.loc[rated, column].dropna().unique()):
            name = f"{value:g}" if column == "order" else value
            found[f"{column}_{name}"] = rated & (table[column] == value)
    return found


def map_scenes(
    table: pd.DataFrame,
    metrics: Mapping[str, float | None],
    pooled: bool = False,
    unit: Callable[[str], str] = str,
) -> pd.DataFrame:
    """Map every metric to points by the other scenes of the same listening test and signal.

    Args:
        table: table of scores.
        metrics: metric -> scale, see `qastanet.agreement.correlations`.
        pooled: one map for all listening tests.
        unit: content -> what is left out together with it.

    Returns:
        The table with points in the columns of the metrics, NaN where there is no score.
    """
    mapped = table.copy()
    for _, part in table.groupby(["signal"] if pooled else ["dataset", "signal"]):
        for metric, scale in metrics.items():
            items = part.dropna(subset=metric)
            if len(items) > 1:
                mapped.loc[items.index, metric] = map_out_of_fold(
                    items[metric], items["mean"], items["content"].map(unit), increasing(scale)
                )
    return mapped


def map_datasets(table: pd.DataFrame, metrics: Mapping[str, float | None]) -> pd.DataFrame:
    """Map every metric to points by the other listening tests, of the same signal.

    Args:
        table: table of scores.
        metrics: metric -> scale, see `qastanet.agreement.correlations`.

    Returns:
        The rows for which there is another test, with points in the columns of the metrics.
    """
    parts = []
    for (dataset, signal), part in table.groupby(["dataset", "signal"]):
        others = table[(table.dataset != dataset) & (table.signal == signal)]
        part = part.copy()
        for metric, scale in metrics.items():
            train = others.dropna(subset=metric)
            scored = part[metric].notna()
            if len(train) > 1 and scored.any():
                cubic = fit_monotone_cubic(train[metric], train["mean"], increasing(scale))
                part.loc[scored, metric] = cubic(part.loc[scored, metric])
            else:
                part[metric] = np.nan
        parts.append(part)
    return pd.concat(parts).sort_index()


def _with_pooled(table: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    """Rows by (dataset, signal), and pooled, without metrics that only one test has."""
    parts = dict(iter(table.groupby(["dataset", "signal"])))
    for signal, part in table.groupby("signal"):
        if part.dataset.nunique() > 1:
            single = [
                name
                for name in part.columns.intersection(list(SCALES))
                if part.dataset[part[name].notna()].nunique() < 2
            ]
            parts[POOLED, signal] = part.assign(**dict.fromkeys(single, np.nan))
    return parts


def correlation_table(
    table: pd.DataFrame,
    metrics: Sequence[str],
    protocol: str,
    replicates: int = REPLICATES,
    seed: int = 0,
    groups: bool = False,
    trained: bool = False,
) -> pd.DataFrame:
    """Rows of the table of correlations for some metrics under one protocol.

    Args:
        table: table of scores.
        metrics: columns; those that a test does not have are left out there.
        protocol: ``direct``, ``loso``, ``lodo`` (mapped here) or ``reported``.
        replicates: number of bootstrap samples.
        seed: of the random numbers.
        groups: also the subsets of `group_subsets`.
        trained: the scores are predictions (0..1) of models trained under the protocol; they are
            not mapped for it.
    """
    known = [name for name in metrics if name in table]
    scales = dict.fromkeys(known, 100.0) if trained else {name: SCALES.get(name) for name in known}
    mapping = None if trained else {"loso": map_scenes, "lodo": map_datasets}.get(protocol)
    if mapping is not None:
        table = mapping(table, scales)
        scales = dict.fromkeys(scales, 1.0)
    remap = mapping is None and not (trained and protocol == "lodo")
    rows = []
    for (dataset, signal), part in _with_pooled(table).items():
        subsets = main_subsets(part) | (group_subsets(part) if groups else {})
        labels = {"dataset": dataset, "signal": signal, "protocol": protocol}
        part = part.assign(recording=part.content.astype(str).map(recording))
        there = {name: s for name, s in scales.items() if part[name].notna().any()}
        rows.append(correlations(part, there, subsets, labels, replicates, seed, remap=remap))
    return pd.concat(rows, ignore_index=True)


def add_predictions(table: pd.DataFrame, predictions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Join predictions of trained models to the table of scores.

    Args:
        table: table of scores.
        predictions: ``dataset``, ``stimulus``, ``metric``, ``protocol``, ``score`` (0..1), and
            ``signal`` (ambisonic if there is no such column).

    Returns:
        Protocol -> the table of scores with one more column per model.
    """
    if "signal" not in predictions:
        predictions = predictions.assign(signal="ambisonic")
    key = ["dataset", "stimulus", "signal"]
    found = {}
    for protocol, part in predictions.groupby("protocol"):
        wide = part.pivot(index=key, columns="metric", values="score").reset_index()
        found[protocol] = table.merge(wide, on=key, how="inner")
    return found
