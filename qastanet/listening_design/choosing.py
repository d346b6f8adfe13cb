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

from qastanet.agreement.splitting import extreme_condition
from qastanet.errors import InputError

BANDS = 4
"""Equal parts of the range of predicted points, each of which gets its share."""

GROSS = 45.0
"""Predicted points below which a sound is gross: all metrics know it, so it is taken last. Where
listeners give 20, metrics that are mapped to points hardly predict less than 40."""

GAP = 10.0
"""A condition whose mean prediction lies more points below the next one is gross throughout."""


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
    return _taken(drawn, trials, lambda rows, _: ([*rows.index], rng.random()))


def _by_disagreement(table: pd.DataFrame, trials: int, per_trial: int) -> pd.DataFrame:
    """Take trial after trial, each time the one that adds most."""
    low, high = table.predicted.min(), table.predicted.max()
    place = (table.predicted - low) / max(high - low, 1e-9) * BANDS
    band = place.astype(int).clip(upper=BANDS - 1)
    extreme = extreme_condition(table.predicted, table.condition, GAP)
    gross = (table.predicted < GROSS) | (table.condition == extreme)
    fair = trials * per_trial / BANDS

    def best(rows: pd.DataFrame, kept: Sequence[int]) -> tuple[list[int], float]:
        """Return the conditions of a trial that add most, and how much."""
        counts = np.bincount(band[kept], minlength=BANDS)
        chosen, gained = [], 0.0
        for _ in range(per_trial):
            left = rows.drop(index=chosen)
            gain = left.disagreement / (1 + counts[band[left.index]] / fair)
            gain = gain.where(~gross[left.index], 1e-3 * gain)
            chosen.append(int(gain.idxmax()))
            gained += gain[chosen[-1]]
            counts[band[chosen[-1]]] += 1
        return chosen, gained

    return _taken(table, trials, best)


def _taken(
    table: pd.DataFrame,
    trials: int,
    pick: Callable[[pd.DataFrame, Sequence[int]], tuple[list[int], float]],
) -> pd.DataFrame:
    """Take trials one by one, with equal shares of the recordings.

    `pick` tells, of a trial and the rows that are taken already, rows to take and their worth.
    """
    kept: list[int] = []
    left = table
    for _ in range(trials):
        open_ones = _fair(left, table.loc[kept], table.recording.nunique(), trials)
        found = {name: pick(rows, kept) for name, rows in open_ones.groupby("trial")}
        name = max(found, key=lambda each: (found[each][1], each))
        kept += found[name][0]
        left = left[left.trial != name]
    return table.loc[kept].reset_index(drop=True)


def _fair(left: pd.DataFrame, kept: pd.DataFrame, recordings: int, trials: int) -> pd.DataFrame:
    """Keep the candidates of recordings that have not had their share yet."""
    had = kept.groupby("recording").trial.nunique()
    share = math.ceil(trials / recordings)
    open_ones = left[left.recording.map(had).fillna(0) < share]
    return open_ones if len(open_ones) else left
