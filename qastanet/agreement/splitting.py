"""What carries a correlation: which coding is better, on which sound it is heard, and the rest.

Ratings of a listening test are split additively, rating = condition + scene + rest, by least
squares, and so are the scores of a metric on the same items. A metric may know the conditions and
nothing of the scenes, and still correlate well, if conditions differ much.

Arrays have the shape (items,); ``condition`` and ``scene`` are names.
"""

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qastanet.agreement.statistics import pearson

GAP = 15.0
"""A condition whose mean rating lies more points below the next one is called extreme."""

SHUFFLES = 2000

EXACT = 6
"""Up to so many conditions all orders of them are looked at."""


class Split(NamedTuple):
    """Parts of the values of some items, each with mean 0, and what they vary by (variances)."""

    conditions: NDArray
    scenes: NDArray
    rest: NDArray


def split(values: ArrayLike, condition: ArrayLike, scene: ArrayLike) -> Split:
    """Split values additively into what conditions, scenes and neither of them say.

    The table of conditions and scenes need not be full.

    Example:
        >>> found = split([1, 2, 3, 4], ["x", "y", "x", "y"], ["a", "a", "b", "b"])
        >>> [each.round(9).tolist() for each in found[:2]]
        [[-0.5, 0.5, -0.5, 0.5], [-1.0, -1.0, 1.0, 1.0]]
    """
    values = np.asarray(values, dtype=float)
    columns = [_indicators(each) for each in (condition, scene)]
    design = np.hstack([np.ones((len(values), 1)), *columns])
    effects = np.linalg.lstsq(design, values, rcond=None)[0]
    first = 1 + columns[0].shape[1]
    parts = [columns[0] @ effects[1:first], columns[1] @ effects[first:]]
    parts = [part - part.mean() for part in parts]
    return Split(*parts, values - design @ effects)


def _indicators(names: ArrayLike) -> NDArray:
    """One column per name, 1 where an item has it."""
    known, index = np.unique(np.asarray(names, dtype=str), return_inverse=True)
    return np.eye(len(known))[index]


def correlation_of_parts(
    score: ArrayLike, rating: ArrayLike, condition: ArrayLike, scene: ArrayLike
) -> dict[str, float]:
    """Pearson's correlation of the parts of scores with those of ratings.

    Over the conditions, the scenes, and the items.

    Returns:
        ``conditions``, ``scenes`` and ``rest``; NaN for a part that does not vary.

    Example:
        >>> x = np.arange(6.0)
        >>> found = correlation_of_parts(x, x**2, list("xyzxyz"), list("aaabbb"))
        >>> {name: round(value, 2) for name, value in found.items()}
        {'conditions': 0.99, 'scenes': 1.0, 'rest': nan}
    """
    parts = (split(each, condition, scene) for each in (score, rating))
    single = [
        np.unique(np.asarray(names, str), return_index=True)[1] for names in (condition, scene)
    ]
    units = dict(zip(Split._fields, [*single, slice(None)], strict=True))
    found = {}
    for name, *both in zip(Split._fields, *parts, strict=True):
        first, second = (each[units[name]] for each in both)
        limit = 1e-9 * max(np.ptp(np.asarray(score, float)), 1e-300)
        varies = np.ptp(first) > limit and np.ptp(second) > 1e-9
        found[name] = pearson(first, second) if varies else np.nan
    return found


def shuffled(
    score: ArrayLike,
    rating: ArrayLike,
    condition: ArrayLike,
    shuffles: int = SHUFFLES,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Pearson's correlation of scores that are shuffled among the items of the same condition.

    What is left then is what the conditions alone carry.

    Returns:
        Shape (shuffles,).

    Example:
        >>> x = np.arange(8.0)
        >>> values = shuffled(x, x, np.repeat(["x", "y"], 4), 100)
        >>> bool(0.5 < values.mean() < 1)
        True
    """
    score, rating = np.asarray(score, dtype=float), np.asarray(rating, dtype=float)
    rng = np.random.default_rng([13, seed])
    drawn = np.tile(score, (shuffles, 1))
    for name in np.unique(np.asarray(condition, dtype=str)):
        inside = np.asarray(condition, dtype=str) == name
        drawn[:, inside] = rng.permuted(drawn[:, inside], axis=1)
    drawn = drawn - drawn.mean(1, keepdims=True)
    centred = rating - rating.mean()
    return drawn @ centred / (np.linalg.norm(drawn, axis=1) * np.linalg.norm(centred))


def condition_null(
    score: ArrayLike, rating: ArrayLike, condition: ArrayLike, scene: ArrayLike
) -> NDArray[np.float64]:
    """Correlation of the conditions' parts when a metric does not know which condition is which.

    All orders of the conditions, or SHUFFLES of them where there are more than six conditions.

    Returns:
        Shape (orders,); NaN if a part does not vary.

    Example:
        >>> x = np.arange(6.0)
        >>> null = condition_null(x, x, list("xyzxyz"), list("aaabbb"))
        >>> len(null), round(float(null.max()), 9)
        (6, 1.0)
    """
    once = np.unique(np.asarray(condition, str), return_index=True)[1]
    first, second = (split(each, condition, scene).conditions[once] for each in (score, rating))
    if len(once) <= EXACT:
        orders = np.array(list(itertools.permutations(range(len(once)))))
    else:
        some = np.tile(np.arange(len(once)), (SHUFFLES, 1))
        orders = np.random.default_rng([17, 0]).permuted(some, axis=1)
    first, second = first - first.mean(), second - second.mean()
    length = np.linalg.norm(first) * np.linalg.norm(second)
    if length < 1e-9:
        return np.full(len(orders), np.nan)
    return first[orders] @ second / length


def extreme_condition(rating: ArrayLike, condition: ArrayLike, gap: float = GAP) -> str | None:
    """Name the condition whose mean lies more than a gap below the next, if there is one.

    Args:
        rating: points, shape (items,).
        condition: of each.
        gap: points.

    Example:
        >>> extreme_condition([10, 20, 60, 70], ["mono", "mono", "a", "b"])
        'mono'
        >>> extreme_condition([50, 60, 70], ["a", "b", "c"]) is None
        True
    """
    names = np.asarray(condition, dtype=str)
    rating = np.asarray(rating, dtype=float)
    means = sorted((float(rating[names == name].mean()), str(name)) for name in np.unique(names))
    if len(means) < 2 or means[1][0] - means[0][0] <= gap:
        return None
    return means[0][1]
