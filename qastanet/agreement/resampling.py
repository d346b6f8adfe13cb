"""Bootstrap samples of whole scenes, and measures of agreement worked out in all of them at once.

Items of one scene (content) share its difficulties, so they are not independent: a sample draws
*scenes* with replacement and takes all their items. It is stored as the number of times that each
item occurs in it, and the measures are written for items that occur several times, so 10,000
samples of 60 items take some hundredths of a second.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qastanet.agreement.statistics import paired
from qastanet.errors import InputError

REPLICATES = 10_000


def draw_scenes(scene: ArrayLike, replicates: int = REPLICATES, seed: int = 0) -> NDArray:
    """How often each item occurs in each bootstrap sample of scenes.

    Args:
        scene: name of the scene of each item, shape (items,); all different for a bootstrap over
            single items.
        replicates: number of samples.
        seed: of the random numbers; the same seed gives the same samples.

    Returns:
        Counts, shape (replicates, items).

    Example:
        >>> draw_scenes(["a", "a", "b"], replicates=2, seed=1)
        array([[1., 1., 1.],
               [2., 2., 0.]])
    """
    names, index = np.unique(np.asarray(scene), return_inverse=True)
    chances = np.full(len(names), 1 / len(names))
    counts = np.random.default_rng(seed).multinomial(len(names), chances, size=replicates)
    return counts[:, index].astype(float)


def replicate(
    score: ArrayLike, rating: ArrayLike, counts: NDArray, measure: str = "pearson"
) -> NDArray:
    """A measure in every bootstrap sample.

    Args:
        score: outputs of the metric, shape (items,).
        rating: mean ratings, shape (items,).
        counts: from `draw_scenes`, shape (replicates, items).
        measure: ``pearson``, ``spearman``, ``kendall`` or ``rmse``.

    Returns:
        The measure, shape (replicates,); NaN where it is undefined.

    Raises:
        InputError: if the measure is unknown or the shapes do not fit.

    Example:
        >>> replicate([1, 2, 3], [1, 2, 4], np.ones((1, 3)), "kendall")
        array([1.])
    """
    score, rating = paired(score, rating)
    if measure not in MEASURES:
        raise InputError(f"unknown measure {measure!r}; use one of {', '.join(MEASURES)}")
    if counts.ndim != 2 or counts.shape[1] != len(score):
        raise InputError(f"counts {counts.shape} do not fit {len(score)} items")
    with np.errstate(invalid="ignore", divide="ignore"):
        return MEASURES[measure](score, rating, counts)


def _pearson(x: NDArray, y: NDArray, counts: NDArray) -> NDArray:
    """Weighted correlation; x and y are (items,) or (replicates, items)."""
    total = counts.sum(axis=1, keepdims=True)
    dx = x - (counts * x).sum(axis=1, keepdims=True) / total
    dy = y - (counts * y).sum(axis=1, keepdims=True) / total
    xx, yy = ((counts * d * d).sum(axis=1) for d in (dx, dy))
    tiny = 1e-24 * counts.sum(axis=1)  # rounding left over when one side is constant
    flat = (xx <= tiny * np.max(np.abs(x)) ** 2) | (yy <= tiny * np.max(np.abs(y)) ** 2)
    return np.where(flat, np.nan, (counts * dx * dy).sum(axis=1) / np.sqrt(xx * yy))


def _spearman(x: NDArray, y: NDArray, counts: NDArray) -> NDArray:
    def ranks(v: NDArray) -> NDArray:
        before = (v[:, None] < v) + 0.5 * (v[:, None] == v)  # does item i stand before item j?
        return counts @ before

    return _pearson(ranks(x), ranks(y), counts)


def _kendall(x: NDArray, y: NDArray, counts: NDArray) -> NDArray:
    def pairs(signs: NDArray) -> NDArray:
        return np.einsum("ri,ri->r", counts @ signs, counts)

    sx, sy = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    return pairs(sx * sy) / np.sqrt(pairs(sx**2) * pairs(sy**2))


def _rmse(x: NDArray, y: NDArray, counts: NDArray) -> NDArray:
    return np.sqrt(counts @ (x - y) ** 2 / counts.sum(axis=1))


MEASURES: dict[str, Callable[[NDArray, NDArray, NDArray], NDArray]] = {
    "pearson": _pearson,
    "spearman": _spearman,
    "kendall": _kendall,
    "rmse": _rmse,
}
