"""Monotone third-order mapping from the scores of a metric to ratings.

ITU-T P.1401 (01/2020), 7.3 and appendix I, lets a metric be mapped to the scale of the ratings by a
cubic that is monotone, because every test uses its scale a little differently. The mapping belongs
to the training side: `map_out_of_fold` never fits it on the scene that it is applied to.
"""

from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.polynomial import polynomial
from numpy.typing import ArrayLike, NDArray

from qastanet.agreement.statistics import paired

RAYS = 201  # corners of the cone of monotone cubics that the fit may combine

SLOPES = [*([tau**2, -2 * tau, 1.0] for tau in np.linspace(-1, 1, RAYS)), [1.0, 0.0, -1.0]]
RISES = np.stack([polynomial.polyint(slope) for slope in SLOPES])
"""Coefficients of the monotone cubics that span all others, shape (RAYS + 1, 4)."""


@dataclass(frozen=True)
class MonotoneCubic:
    """A third-order mapping from scores to ratings that never turns back.

    Beyond the scores it was fitted on it stays at its end values, so it is monotone everywhere.

    Attributes:
        low: lowest score of the fit.
        high: highest score of the fit.
        coefficients: of 1, t, t^2, t^3, where t = -1 at ``low`` and 1 at ``high``.
    """

    low: float
    high: float
    coefficients: tuple[float, ...]

    def __call__(self, score: ArrayLike) -> NDArray:
        """Mapped ratings in points, in the shape of ``score``."""
        half = (self.high - self.low) / 2 or 1.0
        t = np.clip((np.asarray(score, dtype=float) - self.low) / half - 1, -1, 1)
        return polynomial.polyval(t, self.coefficients)


def fit_monotone_cubic(
    score: ArrayLike, rating: ArrayLike, increasing: bool = True
) -> MonotoneCubic:
    """Fit the least-squares cubic among those that are monotone over the range of the scores.

    A quadratic is non-negative on [-1, 1] if and only if it is a sum of squares (t - tau)^2 and of
    1 - t^2 with non-negative weights (Lukacs). The slope of the mapping is put together from these,
    tau on a grid, by non-negative least squares: it is monotone exactly, not at grid points only,
    and there is one optimum. Fit on training items and apply to others; on the same items the
    result is in-sample and must be called so (P.1401, 7.3 and appendix I).

    Args:
        score: outputs of the metric, shape (items,).
        rating: mean ratings in points, shape (items,).
        increasing: False for distances, where a larger output means lower quality.

    Returns:
        The mapping, to be called with scores.

    Example:
        >>> mapping = fit_monotone_cubic([0.1, 0.4, 0.6, 0.9], [20, 40, 60, 80])
        >>> bool(mapping(0.5) > mapping(0.45))
        True
    """
    score, rating = paired(score, rating)
    low, high = float(score.min()), float(score.max())
    t = (score - low) / ((high - low) / 2 or 1.0) - 1
    design = polynomial.polyval(t, RISES.T)  # (slopes, items)
    sign = 1 if increasing else -1
    centred = sign * (design - design.mean(axis=1, keepdims=True)).T
    weights, _ = scipy.optimize.nnls(centred, rating - rating.mean())
    cubic = sign * weights @ RISES
    cubic[0] = rating.mean() - polynomial.polyval(t, cubic).mean()
    return MonotoneCubic(low, high, tuple(cubic.tolist()))


def map_out_of_fold(
    score: ArrayLike, rating: ArrayLike, scene: ArrayLike, increasing: bool = True
) -> NDArray:
    """Map every scene by the monotone cubic fitted on all the other scenes.

    Args:
        score: outputs of the metric, shape (items,).
        rating: mean ratings in points, shape (items,).
        scene: name of the scene (content) of each item, shape (items,).
        increasing: see `fit_monotone_cubic`.

    Returns:
        Mapped scores in points, shape (items,), none of them fitted on its own scene; NaN if there
        is only one scene.

    Example:
        >>> map_out_of_fold([1, 2, 1, 2], [30, 50, 34, 54], ["a", "a", "b", "b"]).round(6)
        array([34., 54., 30., 50.])
    """
    score, rating = paired(score, rating)
    scene = np.asarray(scene)
    mapped = np.full(len(score), np.nan)
    for name in np.unique(scene):
        held_out = scene == name
        if not held_out.all():
            mapping = fit_monotone_cubic(score[~held_out], rating[~held_out], increasing)
            mapped[held_out] = mapping(score[held_out])
    return mapped
