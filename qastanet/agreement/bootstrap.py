"""Confidence intervals of measures of agreement, by resampling whole scenes.

Intervals are **percentile** intervals of a bootstrap of whole units, scenes or recordings (see
`qastanet.agreement.resampling`). With few scenes (below about ten) they are too narrow rather than
too wide; say how many there were. Samples in which a measure is undefined (one side constant) are
left out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from qastanet.agreement.resampling import REPLICATES, Samples, replicate, samples_of_scenes

LEVEL = 0.95
SAME = 10  # decimals of a difference; what is smaller comes from rounding, and counts as none


class Interval(NamedTuple):
    """A two-sided interval."""

    low: float
    high: float


class PairedDifference(NamedTuple):
    """Difference of two metrics on the same items: estimate, interval, two-sided p value."""

    difference: float
    low: float
    high: float
    p: float


def percentile_interval(values: ArrayLike) -> Interval:
    """Central 95 % interval of bootstrap values, those undefined left out.

    Example:
        >>> percentile_interval([3.0, float("nan"), 3.0])
        Interval(low=3.0, high=3.0)
    """
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))


def cluster_interval(
    score: ArrayLike,
    rating: ArrayLike,
    scene: ArrayLike,
    measure: str = "pearson",
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Interval:
    """95 % percentile interval of a measure, bootstrap clustered by scene.

    Args:
        score: outputs of the metric, shape (items,).
        rating: mean ratings, shape (items,).
        scene: name of the scene of each item, shape (items,).
        measure: ``pearson``, ``spearman``, ``kendall`` or ``rmse``.
        replicates: number of bootstrap samples.
        seed: of the random numbers.

    Returns:
        The interval; NaN with a single scene.

    Example:
        >>> x = np.arange(12.0)
        >>> cluster_interval(x, x**2, np.arange(12) // 3, "spearman")
        Interval(low=1.0, high=1.0)
    """
    if len(np.unique(np.asarray(scene))) < 2:
        return Interval(float("nan"), float("nan"))
    samples = samples_of_scenes(scene, replicates, seed)
    return percentile_interval(replicate(score, rating, samples, measure))


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    rating: ArrayLike,
    scene: ArrayLike,
    measure: str = "pearson",
    replicates: int = REPLICATES,
    seed: int = 0,
) -> PairedDifference:
    """Compare two metrics on the same items by the bootstrap of the difference of a measure.

    Both metrics see the same samples of scenes. The p value is twice the smaller share of
    differences on either side of zero, with one added to the counts.

    Args:
        first: outputs of one metric, shape (items,).
        second: outputs of the other, shape (items,); turn distances round (minus) beforehand.
        rating: as all that follow, see `cluster_interval`.
        scene: the same.
        measure: the same.
        replicates: the same.
        seed: the same.

    Returns:
        Measure of the first minus that of the second, its 95 % percentile interval, and p; the last
        three NaN with a single scene.

    Example:
        >>> x = np.arange(12.0)
        >>> paired_difference(x, -x, x, np.arange(12) // 3).difference
        2.0
    """
    samples = samples_of_scenes(scene, replicates, seed)
    once = Samples(np.ones((1, samples.times.shape[1])), samples.place)
    estimate, differences = (
        replicate(first, rating, each, measure) - replicate(second, rating, each, measure)
        for each in (once, samples)
    )
    if len(np.unique(np.asarray(scene))) < 2:
        return PairedDifference(float(estimate[0]), *[float("nan")] * 3)
    differences = np.round(differences[np.isfinite(differences)], SAME)
    below, above = (np.sum(differences <= 0) + 1, np.sum(differences >= 0) + 1)
    p = min(1.0, 2 * min(below, above) / (len(differences) + 1))
    return PairedDifference(float(estimate[0]), *percentile_interval(differences), float(p))
