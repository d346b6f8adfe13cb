"""How well the scores of a metric agree with the ratings of listeners.

Agreement is measured as ITU-T P.1401 (01/2020) does: Pearson's correlation, the root mean square
error, the same error with a dead zone as wide as the confidence interval of the ratings, and the
outlier ratio; and by the rank correlations of Spearman and Kendall. Errors are taken between
predictions on the scale of the ratings: see `qastanet.agreement.mapping` for how to get there.

Conventions: ``score`` are the outputs of a metric, ``rating`` the mean ratings of the same items,
both shape (items,), ratings in points of the scale of the test (0..100 for MUSHRA).
``half_width`` is half of the 95 % confidence interval of each mean rating, in points. Measures are
undefined (NaN) where one side does not vary.
"""

import numpy as np
import scipy  # its parts are imported on first use
from numpy.typing import ArrayLike, NDArray

from qastanet.errors import InputError

CUBIC_FREEDOM = 4  # degrees of freedom that a third-order mapping uses up
SETTLED = 9  # decimals of scores and ratings, relative to the largest, that ranks are taken of


def pearson(score: ArrayLike, rating: ArrayLike) -> float:
    """Pearson's linear correlation (P.1401, 7.5.3), -1..1.

    Example:
        >>> round(pearson([1, 2, 3, 4], [10, 20, 30, 50]), 4)
        0.9827
    """
    score, rating = paired(score, rating)
    if np.ptp(score) == 0 or np.ptp(rating) == 0:
        return float("nan")
    return float(scipy.stats.pearsonr(score, rating).statistic)


def spearman(score: ArrayLike, rating: ArrayLike) -> float:
    """Spearman's rank correlation with mean ranks for ties, -1..1.

    Example:
        >>> round(spearman([1, 2, 3, 4], [10, 20, 50, 30]), 4)
        0.8
    """
    score, rating = (settled(values) for values in paired(score, rating))
    return pearson(scipy.stats.rankdata(score), scipy.stats.rankdata(rating))


def kendall(score: ArrayLike, rating: ArrayLike) -> float:
    """Kendall's rank correlation tau-b, -1..1.

    Example:
        >>> round(kendall([1, 2, 3, 4], [10, 20, 50, 30]), 4)
        0.6667
    """
    score, rating = (settled(values) for values in paired(score, rating))
    return float(scipy.stats.kendalltau(score, rating).statistic)


def settled(values: NDArray) -> NDArray:
    """Round values to a billionth of the largest, so that no last bit decides which are equal.

    Scores that were mapped to points on a plateau differ by rounding alone, and otherwise on every
    processor.

    Example:
        >>> settled(np.array([3.0, 0.1 + 0.2, 0.3])).round(3)
        array([1. , 0.1, 0.1])
    """
    return np.round(values / (np.abs(values).max() or 1.0), SETTLED)


def rmse(score: ArrayLike, rating: ArrayLike, freedom: int = 0) -> float:
    """Root mean square error in points, sqrt(sum error^2 / (N - d)) (P.1401, 7.5.1).

    Args:
        score: predicted ratings in points, shape (items,).
        rating: mean ratings in points, shape (items,).
        freedom: the degrees of freedom d that a mapping fitted *on these items* has used up: 4
            after a third-order mapping, 0 for a prediction from elsewhere.

    Returns:
        The error in points.

    Raises:
        InputError: if there are not more items than degrees of freedom.

    Example:
        >>> rmse([10, 20], [13, 16])
        3.5355...
    """
    score, rating = paired(score, rating)
    if len(score) <= freedom:
        raise InputError(f"{len(score)} items are too few for {freedom} degrees of freedom")
    return float(np.sqrt(np.sum((score - rating) ** 2) / (len(score) - freedom)))


def rmse_epsilon(score: ArrayLike, rating: ArrayLike, half_width: ArrayLike) -> float:
    """Root mean square error that forgives what the ratings leave open (P.1401, 7.7).

    An error counts only as far as it leaves the confidence interval of the mean rating:
    max(0, abs(rating - score) - half_width).

    Args:
        score: predicted ratings in points, shape (items,).
        rating: mean ratings in points, shape (items,).
        half_width: half of the 95 % confidence interval of each rating, shape (items,).

    Returns:
        The error in points.

    Example:
        >>> rmse_epsilon([10, 20], [13, 16], [3, 2])
        1.4142...
    """
    score, rating = paired(score, rating)
    half_width = paired(half_width, rating)[0]
    errors = np.maximum(np.abs(rating - score) - half_width, 0)
    return float(np.sqrt(np.mean(errors**2)))


def outlier_ratio(score: ArrayLike, rating: ArrayLike, half_width: ArrayLike) -> float:
    """Share of items predicted outside their confidence interval, 0..1 (P.1401, 7.5.2.2).

    Example:
        >>> outlier_ratio([10, 20], [13, 16], [3, 2])
        0.5
    """
    score, rating = paired(score, rating)
    half_width = paired(half_width, rating)[0]
    return float(np.mean(np.abs(rating - score) > half_width))


def paired(first: ArrayLike, second: ArrayLike) -> tuple[NDArray, NDArray]:
    """Two finite float arrays of the same shape (items,), or an error.

    Raises:
        InputError: if the shapes differ, there are no two items, or a value is not finite.

    Example:
        >>> paired([1, 2], [3, 4])[0]
        array([1., 2.])
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if first.shape != second.shape or first.ndim != 1 or len(first) < 2:
        raise InputError(f"need two rows of at least 2 items, got {first.shape} and {second.shape}")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise InputError("a score or a rating is NaN or infinite; drop unrated items first")
    return first, second


def row_correlation(first: NDArray, second: NDArray) -> NDArray:
    """Pearson's correlation along the last axis; NaN where one side is constant.

    Example:
        >>> row_correlation(np.arange(3.0), np.array([[0.0, 2.0, 4.0], [1.0, 0.0, -1.0]]))
        array([ 1., -1.])
    """
    a = first - first.mean(axis=-1, keepdims=True)
    b = second - second.mean(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (a * b).sum(axis=-1) / np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))


def ahead(first: ArrayLike, second: ArrayLike, rating: ArrayLike, unit: ArrayLike) -> int:
    """Count the units (such as recordings) in which the first metric agrees better by Pearson.

    Args:
        first: outputs of one metric, shape (items,).
        second: outputs of the other.
        rating: mean ratings.
        unit: of each item; one in which a correlation is undefined does not count.

    Example:
        >>> ahead([1, 2, 1, 2], [2, 1, 1, 2], [3, 4, 3, 4], list("aabb"))
        1
    """
    first, second, rating, unit = map(np.asarray, (first, second, rating, unit))
    own = [unit == name for name in np.unique(unit)]
    return sum(bool(pearson(first[k], rating[k]) > pearson(second[k], rating[k])) for k in own)
