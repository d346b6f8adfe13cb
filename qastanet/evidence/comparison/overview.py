"""One table for a reader: every metric on every listening test, and what carries its agreement.

Recordings are the clusters: intervals resample them, models have not seen the recording (or the
test) that they predict, and the maps that turn the scores of a metric into points are fitted on
other recordings.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from qastanet.agreement.bootstrap import cluster_interval
from qastanet.agreement.correlations import increasing
from qastanet.agreement.listener_noise import simulated_panels
from qastanet.agreement.mapping import map_out_of_fold
from qastanet.agreement.splitting import correlation_of_parts, extreme_condition, shuffled
from qastanet.agreement.statistics import pearson, rmse, spearman
from qastanet.evidence.comparison.metrics import YARDSTICKS
from qastanet.listening_tests.contents import recording
from qastanet.rivals.other_metrics import SCALES

ALL, WITHOUT = "all", "without the extreme condition"
"""Subsets of the items that differ from their reference."""

AS_IT_IS = "as it is"
SEEN = {"pooled-source-out": "recording left out", "lodo": "test left out"}
"""Protocols of models -> what they have not seen."""

LISTENERS = "listeners"
"""Row of what a new panel of as many listeners would reach."""

PANELS = 200
"""Simulated panels of listeners."""


def main_form(table: pd.DataFrame) -> pd.DataFrame:
    """Keep one form of each listening test: ambisonic where there is one, else binaural.

    Args:
        table: with ``dataset`` and ``signal``.
    """
    ambisonic = table.loc[table.signal == "ambisonic", "dataset"].unique()
    return table[(table.signal == "ambisonic") | ~table.dataset.isin(ambisonic)]


def with_yardsticks(table: pd.DataFrame) -> pd.DataFrame:
    """Add columns that say what can be known without listening.

    Args:
        table: table of scores in one form.

    Returns:
        The table with ``bitrate`` (kbit/s, where the condition tells it) and ``condition-mean``,
        the mean rating of the condition in the other recordings of the test.
    """
    rate = table.condition.astype(str).str.extract(r"^FOA(\d+)$", expand=False).astype(float)
    unit = table.content.astype(str).map(recording)
    means = pd.Series(np.nan, index=table.index)
    for name in unit.unique():
        others = table[(unit != name) & (table.role != "reference")]
        known = others.groupby(["dataset", "condition"])["mean"].mean()
        own = table[unit == name]
        means[own.index] = known.reindex(pd.MultiIndex.from_frame(own[["dataset", "condition"]]))
    return table.assign(**{"bitrate": rate, "condition-mean": means})


def overview(
    table: pd.DataFrame,
    predictions: pd.DataFrame,
    metrics: Sequence[str],
    replicates: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Agreement of everything with everything.

    Args:
        table: table of scores, see `qastanet.evidence.comparison.metrics`.
        predictions: of trained models, with ``metric``, ``protocol``, ``signal``, ``score`` (0..1).
        metrics: columns of the table; those without scores in a test are left out there.
        replicates: samples of the bootstrap over recordings.
        seed: of the random numbers.

    Returns:
        One row per test, subset, metric and what it has not seen (``unseen``): ``items``,
        ``recordings``, ``pearson`` and ``spearman`` with intervals (``_low``, ``_high``; NaN for
        fewer than two recordings), ``points`` (error, once other recordings tell how points are
        used), the correlations of the parts (``conditions``, ``scenes``, ``rest``), and what scores
        shuffled within conditions reach (``shuffled``, and ``shuffled_high``, 95 % of the time).
    """
    table = with_yardsticks(main_form(table[table.role != "reference"]))
    predictions = main_form(predictions[predictions.role != "reference"])
    rows = []
    for dataset, items in table.groupby("dataset", sort=False):
        items = items.dropna(subset="mean")
        columns = {
            (name, AS_IT_IS): (items[name], _mapped(items, items[name], name))
            for name in (*metrics, *YARDSTICKS)
            if name in items
        }
        for protocol, unseen in SEEN.items():
            for metric in predictions.metric.unique():
                columns[metric, unseen] = (
                    _predicted(predictions, items, metric, protocol),
                    100 * _predicted(predictions, items, metric, f"{protocol}-scaled"),
                )
        extreme = extreme_condition(items["mean"], items.condition)
        subsets = {ALL: np.ones(len(items), bool), WITHOUT: (items.condition != extreme).to_numpy()}
        for subset, mask in subsets.items():
            if subset == WITHOUT and extreme is None:
                continue
            labels = {"dataset": dataset, "subset": subset}
            for (metric, unseen), (values, points) in columns.items():
                if values.notna().all() and values[mask].nunique() > 1:
                    upward = increasing(SCALES.get(metric))
                    given = (each[mask] for each in (items, values, points))
                    row = _row(*given, upward, replicates, seed)
                    rows.append(labels | {"metric": metric, "unseen": unseen} | row)
            rows += [labels | row for row in _listeners(items[mask], seed)]
    return pd.DataFrame(rows)


def _predicted(
    predictions: pd.DataFrame, items: pd.DataFrame, metric: str, protocol: str
) -> pd.Series:
    """Predictions of the items, NaN where there are none."""
    chosen = predictions[(predictions.metric == metric) & (predictions.protocol == protocol)]
    known = chosen.set_index(["dataset", "stimulus"]).score
    wanted = pd.MultiIndex.from_frame(items[["dataset", "stimulus"]])
    return pd.Series(known.reindex(wanted).to_numpy(), index=items.index)


def _mapped(items: pd.DataFrame, values: pd.Series, metric: str) -> pd.Series:
    """Map scores to points by the other recordings of the test."""
    unit = items.content.astype(str).map(recording)
    if values.isna().any() or unit.nunique() < 2:
        return pd.Series(np.nan, index=items.index)
    upward = increasing(SCALES.get(metric))
    return pd.Series(map_out_of_fold(values, items["mean"], unit, upward), index=items.index)


def _row(
    items: pd.DataFrame,
    values: pd.Series,
    points: pd.Series,
    upward: bool,
    replicates: int,
    seed: int,
) -> dict[str, float]:
    """Work out one row."""
    rating = items["mean"].to_numpy()
    score = values.to_numpy() if upward else -values.to_numpy()
    unit = items.content.astype(str).map(recording).to_numpy()
    facts = {"items": len(items), "recordings": len(np.unique(unit))}
    for name, measure in (("pearson", pearson), ("spearman", spearman)):
        low, high = cluster_interval(score, rating, unit, name, replicates, seed)
        facts |= {name: measure(score, rating), f"{name}_low": low, f"{name}_high": high}
    facts["points"] = rmse(points, rating) if points.notna().all() else np.nan
    null = shuffled(score, rating, items.condition, seed=seed)
    facts |= correlation_of_parts(score, rating, items.condition, items.content)
    return facts | {"shuffled": null.mean(), "shuffled_high": float(np.quantile(null, 0.95))}


def _listeners(items: pd.DataFrame, seed: int) -> list[dict[str, float | str]]:
    """What a new panel of as many listeners would reach, if their number and spread are known."""
    if items[["sd", "listeners"]].isna().any(axis=None):
        return []
    truth, panels = simulated_panels(
        items["mean"], items.sd, items.listeners, replicates=PANELS, seed=seed
    )
    if np.ptp(truth) < 1e-9:  # they vary by no more than their noise: nothing to agree with
        return []
    found: list[Mapping[str, float]] = []
    for panel in panels:
        both = {"pearson": pearson(truth, panel), "spearman": spearman(truth, panel)}
        parts = correlation_of_parts(truth, panel, items.condition, items.content)
        found.append(both | {"points": rmse(truth, panel)} | parts)
    mean = pd.DataFrame(found).mean().to_dict()
    facts = {"items": len(items), "recordings": items.content.map(recording).nunique()}
    return [{"metric": LISTENERS, "unseen": "a new panel"} | facts | mean]


def best(table: pd.DataFrame) -> pd.DataFrame:
    """Name who is best where, and who is level with it (its value within the interval of the best).

    Args:
        table: of `overview`.

    Returns:
        ``dataset``, ``subset``, ``best``, what it has not seen (``unseen``), its ``spearman``, and
        ``level``, the number of others whose value lies within the interval of the best.
    """
    rows = []
    chosen = table[~table.metric.isin([*YARDSTICKS, LISTENERS])]
    for (dataset, subset), part in chosen.groupby(["dataset", "subset"], sort=False):
        first = part.loc[part.spearman.idxmax()]
        others = part[part.metric != first.metric].spearman
        level = (others >= first.spearman_low - 1e-9).sum()
        rows.append((dataset, subset, first.metric, first.unseen, first.spearman, int(level)))
    columns = ["dataset", "subset", "best", "unseen", "spearman", "level"]
    return pd.DataFrame(rows, columns=columns)
