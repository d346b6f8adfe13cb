"""Bootstrap samples of whole scenes, and measures of agreement worked out in all of them at once.

Items of one scene (content) share its difficulties, so they are not independent: a sample draws
*scenes* with replacement and takes all their items. It is stored as the number of times that each
scene occurs in it, and the measures are put together from sums over the items of a scene, so 10,000
samples of 60 items take some thousandths of a second. Sums of ranks and of signs are whole numbers
of quarters: rank correlations are exact, the same on every machine.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qastanet.agreement.statistics import paired, settled
from qastanet.errors import InputError

REPLICATES = 10_000

NEARLY_FLAT = 1e-6
"""Share of the variance of all items below which the variance of a sample is worked out from the
items themselves: sums of squares would leave too few digits."""


BLOCK = 512
"""Samples whose ranks are worked out at a time, so that they stay in the cache."""


class Samples(NamedTuple):
    """Bootstrap samples of scenes.

    Attributes:
        times: how often each scene occurs in each sample, shape (replicates, scenes).
        place: which scene each item belongs to, shape (items,).
    """

    times: NDArray
    place: NDArray

    @property
    def counts(self) -> NDArray:
        """How often each item occurs in each sample, shape (replicates, items)."""
        return self.times[:, self.place]

    def by_scene(self, values: NDArray) -> NDArray:
        """Sum values (items, ...) over the items of each scene: (scenes, ...)."""
        member = np.arange(self.times.shape[1])[:, None] == self.place
        return np.tensordot(member.astype(float), values, 1)


def samples_of_scenes(scene: ArrayLike, replicates: int = REPLICATES, seed: int = 0) -> Samples:
    """Draw bootstrap samples of scenes.

    Args:
        scene: name of the scene of each item, shape (items,); all different for a bootstrap over
            single items.
        replicates: number of samples.
        seed: of the random numbers; the same seed gives the same samples.

    Example:
        >>> samples_of_scenes(["a", "a", "b"], replicates=2, seed=1).counts
        array([[1., 1., 1.],
               [2., 2., 0.]])
    """
    names, place = np.unique(np.asarray(scene), return_inverse=True)
    return Samples(_times(len(names), replicates, seed), place)


@functools.lru_cache(maxsize=4)
def _times(scenes: int, replicates: int, seed: int) -> NDArray:
    """Draw; kept because many metrics are compared on the same scenes."""
    chances = np.full(scenes, 1 / scenes)
    times = np.random.default_rng(seed).multinomial(scenes, chances, size=replicates)
    times = times.astype(float)
    times.flags.writeable = False
    return times


def replicate(
    score: ArrayLike, rating: ArrayLike, samples: Samples, measure: str = "pearson"
) -> NDArray:
    """A measure in every bootstrap sample.

    Args:
        score: outputs of the metric, shape (items,).
        rating: mean ratings, shape (items,).
        samples: of `samples_of_scenes`.
        measure: ``pearson``, ``spearman``, ``kendall`` or ``rmse``.

    Returns:
        The measure, shape (replicates,); NaN where it is undefined.

    Raises:
        InputError: if the measure is unknown or the shapes do not fit.

    Example:
        >>> replicate([1, 2, 3], [1, 2, 4], samples_of_scenes([7, 8, 9], 1, 3), "kendall")
        array([1.])
    """
    score, rating = paired(score, rating)
    if measure not in MEASURES:
        raise InputError(f"unknown measure {measure!r}; use one of {', '.join(MEASURES)}")
    if len(samples.place) != len(score):
        raise InputError(f"samples of {len(samples.place)} items do not fit {len(score)} items")
    with np.errstate(invalid="ignore", divide="ignore"):
        return MEASURES[measure](score, rating, samples)


def _pearson(x: NDArray, y: NDArray, samples: Samples) -> NDArray:
    x, y = x - x.mean(), y - y.mean()
    each = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)
    total, sx, sy, xx, yy, xy = (samples.times @ samples.by_scene(each)).T
    xx, yy, xy = xx - sx * sx / total, yy - sy * sy / total, xy - sx * sy / total
    low = (xx <= NEARLY_FLAT * total * x.var()) | (yy <= NEARLY_FLAT * total * y.var())
    found = xy / np.sqrt(xx * yy)
    found[low] = weighted_pearson(x, y, samples.times[low][:, samples.place])
    return found


def weighted_pearson(x: NDArray, y: NDArray, counts: NDArray) -> NDArray:
    """Pearson's correlation of items that occur several times; NaN where one side is constant.

    Args:
        x: shape (items,) or (replicates, items).
        y: the same.
        counts: how often each item occurs, shape (replicates, items).

    Returns:
        Shape (replicates,).

    Example:
        >>> weighted_pearson(np.arange(3), np.array([0, 1, 0]), np.array([[1, 1, 0], [1, 2, 1]]))
        array([1., 0.])
    """
    total = counts.sum(axis=1, keepdims=True)
    dx, dy = (v - (counts * v).sum(axis=1, keepdims=True) / total for v in (x, y))
    xx, yy = ((counts * d * d).sum(axis=1) for d in (dx, dy))
    there = counts > 0
    flat = np.zeros(len(counts), dtype=bool)
    for v in (x, y):
        highest, lowest = (np.where(there, v, -np.inf), np.where(there, v, np.inf))
        flat |= highest.max(axis=1) == lowest.min(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(flat, np.nan, (counts * dx * dy).sum(axis=1) / np.sqrt(xx * yy))


def _spearman(x: NDArray, y: NDArray, samples: Samples) -> NDArray:
    x, y = settled(x), settled(y)
    # does item i stand before item j? (scenes, items j)
    before = [samples.by_scene((v[:, None] < v) + 0.5 * (v[:, None] == v)) for v in (x, y)]
    found = []
    for start in range(0, len(samples.times), BLOCK):
        block = Samples(samples.times[start : start + BLOCK], samples.place)
        counts = block.counts
        rx, ry = (block.times @ each for each in before)
        wx, wy = counts * rx, counts * ry
        sums = [np.einsum("ri,ri->r", a, b) for a, b in ((wx, rx), (wy, ry), (wx, ry))]
        mean = counts.sum(axis=1) ** 3 / 4  # ranks so counted have the mean total / 2
        xx, yy, xy = (each - mean for each in sums)
        found.append(xy / np.sqrt(xx * yy))
    return np.concatenate(found)


def _kendall(x: NDArray, y: NDArray, samples: Samples) -> NDArray:
    def pairs(signs: NDArray) -> NDArray:
        between = samples.by_scene(samples.by_scene(signs).T)
        return np.einsum("rs,rs->r", samples.times @ between, samples.times)

    x, y = settled(x), settled(y)
    sx, sy = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    return pairs(sx * sy) / np.sqrt(pairs(sx**2) * pairs(sy**2))


def _rmse(x: NDArray, y: NDArray, samples: Samples) -> NDArray:
    each = np.stack([(x - y) ** 2, np.ones_like(x)], axis=1)
    squares, total = (samples.times @ samples.by_scene(each)).T
    return np.sqrt(squares / total)


MEASURES: dict[str, Callable[[NDArray, NDArray, Samples], NDArray]] = {
    "pearson": _pearson,
    "spearman": _spearman,
    "kendall": _kendall,
    "rmse": _rmse,
}
