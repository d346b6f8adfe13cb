"""Which trials and conditions are rated: where metrics disagree most, or drawn.

Maximum differentiation (Z. Wang and E. P. Simoncelli, "Maximum differentiation (MAD) competition",
J. Vision 8(12), 2008): what all metrics agree on teaches nothing about them. The scale is covered
all the same, recordings have equal shares, and gross conditions are left to the anchors.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from qastanet.errors import InputError

BANDS = 4
"""Equal parts of the range of predicted points, each of which gets its share."""

GROSS = 30.0
"""Predicted points below which a condition is gross: all know it, so it is taken last."""


def disagreement(points: ArrayLike) -> NDArray[np.float64]:
    """Return how far metrics disagree on each sound: standard deviation over the metrics, points.

    That a metric is stricter than others throughout does not count: each is centred first.

    Args:
        points: shape (sounds, metrics), NaN where a metric says nothing

    Example:
        >>> disagreement([[50, 60], [50, 60], [90, 40]]).round(1).tolist()
        [10.0, 10.0, 20.0]
    """
    points = np.asarray(points, dtype=float)
    points = points[:, ~np.isnan(points).all(axis=0)]
    return np.nanstd(points - np.nanmean(points, axis=0), axis=1)


def choose(
    table: pd.DataFrame, metrics: Sequence[str], trials: int, per_trial: int, seed: int | None
) -> pd.DataFrame:
    """Choose trials and their conditions.

    Args:
        table: one row per candidate: ``trial``, ``recording``, ``condition``, and predicted points
            by metric
        metrics: names of these columns
        trials: how many are wanted
        per_trial: conditions in each, besides reference and anchors
        seed: of the draw; None: the sounds are chosen on which the metrics disagree most

    Returns:
        The chosen rows, trials in the order in which they were chosen, with ``predicted`` (mean of
        the metrics) and ``disagreement``, both in points.

    Raises:
        InputError: if there are not as many candidates

    Example:
        >>> rows = [
        ...     (t, t, c, 50.0 + k * (t == "b"), 50.0) for t in "ab" for k, c in enumerate("xyz")
        ... ]
        >>> table = pd.DataFrame(rows, columns=["trial", "recording", "condition", "m", "n"])
        >>> choose(table, ["m", "n"], 1, 1, None)[["trial", "condition"]].values.tolist()
        [['b', 'z']]
    """
    points = table[list(metrics)].to_numpy(float)
    table = table.assign(predicted=np.nanmean(points, axis=1), disagreement=disagreement(points))
    sizes = table.groupby("trial").size()
    fit = table[table.trial.map(sizes) >= per_trial]
    if fit.trial.nunique() < trials:
        raise InputError(
            f"{trials} trials of {per_trial} conditions: only {fit.trial.nunique()} references "
            f"have as many (of {table.trial.nunique()}); give more, or ask for fewer"
        )
    if seed is None:
        return _by_disagreement(fit, trials, per_trial)
    rng = np.random.default_rng([41, seed])
    drawn = fit.sample(frac=1, random_state=rng).groupby("trial", sort=False).head(per_trial)
    return _shared(drawn, trials, lambda _: rng.random())


def _by_disagreement(table: pd.DataFrame, trials: int, per_trial: int) -> pd.DataFrame:
    """Take trial after trial, each time the one that adds most."""
    low, high = table.predicted.min(), table.predicted.max()
    place = (table.predicted - low) / max(high - low, 1e-9) * BANDS
    table = table.assign(band=place.astype(int).clip(upper=BANDS - 1))
    fair = trials * per_trial / BANDS
    taken = np.zeros(BANDS)

    def best(rows: pd.DataFrame) -> tuple[list[int], float]:
        """Return the conditions of a trial that add most, and how much."""
        counts, chosen, gained = taken.copy(), [], 0.0
        for _ in range(per_trial):
            left = rows.drop(index=chosen)
            gain = left.disagreement / (1 + counts[left.band] / fair)
            gain = gain.where(left.predicted >= GROSS, 1e-3 * gain)
            index = gain.idxmax()
            chosen.append(index)
            gained += gain[index]
            counts[table.band[index]] += 1
        return chosen, gained

    kept, left = [], table
    while len(kept) < trials:
        found = {n: best(rows) for n, rows in _fair(left, table, kept, trials).groupby("trial")}
        name = max(found, key=lambda each: (found[each][1], each))
        kept.append(table.loc[found[name][0]])
        np.add.at(taken, kept[-1].band, 1)
        left = left[left.trial != name]
    return pd.concat(kept).drop(columns="band").reset_index(drop=True)


def _shared(
    table: pd.DataFrame, trials: int, order: Callable[[pd.DataFrame], float]
) -> pd.DataFrame:
    """Take whole trials by an order, with equal shares of the recordings."""
    kept: list[pd.DataFrame] = []
    left = table
    while len(kept) < trials:
        groups = _fair(left, table, kept, trials).groupby("trial")
        ranks = {name: order(rows) for name, rows in groups}
        name = max(ranks, key=ranks.__getitem__)
        kept.append(table[table.trial == name])
        left = left[left.trial != name]
    return pd.concat(kept).reset_index(drop=True)


def _fair(
    left: pd.DataFrame, table: pd.DataFrame, kept: Sequence[pd.DataFrame], trials: int
) -> pd.DataFrame:
    """Keep the candidates of recordings that have not had their share yet."""
    share = math.ceil(trials / table.recording.nunique())
    had = pd.Series([rows.recording.iloc[0] for rows in kept], dtype=object).value_counts()
    open_ones = left[left.recording.map(had).fillna(0) < share]
    return open_ones if len(open_ones) else left
