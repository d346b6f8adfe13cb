"""The ceiling that the noise of the listeners puts on any metric.

Mean ratings are estimates from a finite panel. Even a metric that knew the true mean of the
population of listeners would not correlate perfectly with them. Two ways to say how far it could
come: the reliability of the panel by split halves, where single ratings are known, and a simulation
from means, standard deviations and counts, where they are not.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats
from numpy.typing import ArrayLike, NDArray

from qastanet.agreement.statistics import paired, row_correlation
from qastanet.errors import InputError

HIDDEN = ("REF", "reference")
"""How tests call the hidden reference."""


class SplitHalf(NamedTuple):
    """Reliability of a panel of listeners.

    Attributes:
        halves: mean correlation between the mean ratings of two random halves of the panel.
        reliability: the same for two full panels, by Spearman-Brown: 2 r / (1 + r).
        ceiling: highest Pearson correlation to expect between a perfect metric and this panel,
            sqrt(reliability).
    """

    halves: float
    reliability: float
    ceiling: float


class Ceiling(NamedTuple):
    """What a metric that knows the true means would reach on average on ratings this noisy."""

    pearson: float
    spearman: float
    rmse: float


def split_half(ratings: ArrayLike, splits: int = 1000, seed: int = 0) -> SplitHalf:
    """Reliability of the mean ratings of a panel by random split halves.

    With an odd number of listeners one of them, drawn anew each time, sits out.

    Args:
        ratings: shape (listeners, items), points; NaN where a listener did not rate an item.
        splits: number of random splits.
        seed: of the random numbers.

    Returns:
        The correlation of halves, the reliability of the full panel, and the ceiling.

    Raises:
        InputError: with fewer than 4 listeners or 3 items.

    Example:
        >>> truth = np.array([10.0, 30.0, 50.0, 70.0])
        >>> split_half(np.stack([truth] * 6), splits=5).ceiling
        1.0
    """
    ratings = np.asarray(ratings, dtype=float)
    if ratings.ndim != 2 or ratings.shape[0] < 4 or ratings.shape[1] < 3:
        raise InputError(
            f"ratings {ratings.shape} must be (listeners, items) with at least 4 listeners, 3 items"
        )
    listeners = len(ratings)
    half = listeners // 2
    order = np.argsort(np.random.default_rng(seed).random((splits, listeners)), axis=1)
    member = np.zeros((2, splits, listeners))
    for side in range(2):
        np.put_along_axis(member[side], order[:, side * half : (side + 1) * half], 1, axis=1)
    rated = np.isfinite(ratings)
    with np.errstate(invalid="ignore"):
        first, second = member @ np.where(rated, ratings, 0) / (member @ rated.astype(float))
    halves = float(np.nanmean(row_correlation(first, second)))
    reliability = 2 * halves / (1 + halves)
    return SplitHalf(halves, reliability, float(np.sqrt(max(reliability, 0))))


def reliability_table(panels: Mapping[str, pd.DataFrame | None], kept: str | Path) -> pd.DataFrame:
    """Split-half reliability of several panels, with and without the hidden reference.

    Args:
        panels: listening test -> tidy ratings (see `qastanet.listening_tests.webmushra`); NaN are
            left out. None where they are not at hand.
        kept: an earlier table, for panels that are not at hand.

    Returns:
        One row per test and subset (``with_reference``, ``without_reference``): ``items`` and the
        fields of `SplitHalf`.
    """
    rows = []
    for dataset, ratings in panels.items():
        if ratings is None:
            earlier = pd.read_csv(kept)
            rows += earlier[earlier.dataset == dataset].to_dict("records")
            continue
        for subset, left_out in (("with_reference", []), ("without_reference", HIDDEN)):
            rated = ratings[~ratings["condition"].isin(left_out)].dropna(subset="rating")
            wide = rated.pivot(index="listener", columns=["trial", "condition"], values="rating")
            found = split_half(wide)._asdict()
            rows.append({"dataset": dataset, "subset": subset, "items": wide.shape[1]} | found)
    return pd.DataFrame(rows)


def simulated_panels(
    mean: ArrayLike, sd: ArrayLike, listeners: ArrayLike, replicates: int = 2000, seed: int = 0
) -> tuple[NDArray, NDArray]:
    """Mean ratings of new panels, drawn around what the true means may be.

    The variance of the means holds that of the noise, so the true means are taken as the observed
    ones drawn together around their average until their variance is right (empirical Bayes). New
    panels are then drawn around them with normal errors of sd / sqrt(listeners), independent
    between items. The limits of the scale are not modelled. Where listeners differ by an offset
    common to all items, that counts as noise here, though it leaves correlations alone: a ceiling
    then comes out too low rather than too high.

    Args:
        mean: mean ratings, shape (items,), points.
        sd: standard deviation over listeners, shape (items,) or one number, points.
        listeners: number of listeners, shape (items,) or one number.
        replicates: number of simulated panels.
        seed: of the random numbers.

    Returns:
        True means, shape (items,), and those of the panels, shape (replicates, items).

    Raises:
        InputError: if a standard deviation is negative or a count below 1.

    Example:
        >>> simulated_panels([10, 40, 70], 0.0, 20, 1)[1]
        array([[10., 40., 70.]])
    """
    mean = paired(mean, mean)[0]
    sd = np.broadcast_to(np.asarray(sd, dtype=float), mean.shape)
    listeners = np.broadcast_to(np.asarray(listeners, dtype=float), mean.shape)
    if (sd < 0).any() or (listeners < 1).any():
        raise InputError("standard deviations must not be negative, counts of listeners at least 1")
    error = sd / np.sqrt(listeners)
    observed = np.var(mean)
    kept = max(0.0, 1 - np.mean(error**2) / observed) if observed > 0 else 0.0
    truth = mean.mean() + np.sqrt(kept) * (mean - mean.mean())
    noise = np.random.default_rng(seed).standard_normal((replicates, len(mean)))
    return truth, truth + noise * error


def simulated_ceiling(mean: ArrayLike, sd: ArrayLike, listeners: ArrayLike) -> Ceiling:
    """Ceiling from the means, standard deviations and counts of listeners of the items.

    Args:
        mean: as the others, see `simulated_panels`.
        sd: the same.
        listeners: the same.

    Returns:
        Mean Pearson and Spearman correlation and RMSE in points.

    Example:
        >>> simulated_ceiling([10, 40, 70, 90], 0.0, 20)
        Ceiling(pearson=1.0, spearman=1.0, rmse=0.0)
    """
    truth, panels = simulated_panels(mean, sd, listeners)
    pearson = row_correlation(truth, panels)
    ranks = scipy.stats.rankdata(truth), scipy.stats.rankdata(panels, axis=-1)
    spearman = row_correlation(*ranks)
    rmse = np.sqrt(np.mean((panels - truth) ** 2, axis=1))
    return Ceiling(*(float(np.mean(values)) for values in (pearson, spearman, rmse)))
