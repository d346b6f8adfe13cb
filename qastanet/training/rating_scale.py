"""How a listening test rates: an exponent on the score, and the best rating that a pair can get.

Two tests of the same coding seldom agree in points: other anchors, other listeners, another
reference. Scores are put on the scale of a test by numbers of its own:

    rating = ceiling * score ^ exponent

The ceiling is 1, unless the listeners compared with a better reference than is at hand (that of the
codec set was of third order, the files are of first order): then all codings carry a loss that no
metric can see. Who knows some ratings of a test can fit them, which keeps the order of the
predictions.
"""

import math
from typing import NamedTuple

import numpy as np
import scipy.optimize
from numpy.typing import ArrayLike, NDArray

LIMIT = 3.0
"""Largest absolute logarithm of an exponent."""


CURVE_SPREAD = 0.35
EXPONENT_SPREAD = 0.5
"""How far the logarithms of curve and exponent may be from 0 before ratings must say so.

Chosen among the pairs that `qastanet.evidence.our_model.few_ratings.scale_priors` lists, with all
public tests in sight."""

ERROR = 0.12
"""What a mean rating (0..1) may be off; weighs the ratings against this spread."""


class CurveScale(NamedTuple):
    """How a listening test rates by the model that is made of parts: a and b of its own.

    The score exp(-a D^b) becomes exp(-exponent (a D^b)^curve), of the same form.

    Attributes:
        exponent: above 1 if it rates more strictly than the model.
        curve: above 1 if it is kinder to small differences.

    Example:
        >>> CurveScale(2.0, 1.0)([0.5, 1.0]).round(3).tolist()
        [0.25, 1.0]
    """

    exponent: float = 1.0
    curve: float = 1.0

    def __call__(self, score: ArrayLike) -> NDArray:
        """Put scores on the scale; those of exactly 1 stay."""
        lost = -np.log(np.clip(np.asarray(score, dtype=float), 1e-300, 1))
        return np.exp(-self.exponent * lost**self.curve)


def fit_curve(
    score: ArrayLike,
    rating: ArrayLike,
    spreads: tuple[float, float] = (EXPONENT_SPREAD, CURVE_SPREAD),
) -> CurveScale:
    """Fit the scale of a listening test by least squares, near that of the model unless told so.

    Args:
        score: predictions, 0..1, shape (items,).
        rating: mean ratings, 0..1, shape (items,).
        spreads: how far the logarithms of exponent and curve may be from 0 without being told.

    Example:
        >>> score = np.linspace(0.1, 0.9, 40)
        >>> round(fit_curve(score, CurveScale(2.0, 1.0)(score)).exponent, 1)
        1.9
    """
    score, rating = _coded(score, rating)
    if not len(score):
        return CurveScale()

    def residuals(logs: NDArray) -> NDArray:
        misses = (CurveScale(*np.exp(logs))(score) - rating) / ERROR
        return np.concatenate([misses, logs / spreads])

    found = scipy.optimize.least_squares(residuals, np.zeros(2), bounds=(-LIMIT, LIMIT))
    return CurveScale(*np.exp(found.x).tolist())


def _coded(score: ArrayLike, rating: ArrayLike) -> tuple[NDArray, NDArray]:
    """Keep the rated items that differ from their reference."""
    score, rating = np.asarray(score, dtype=float), np.asarray(rating, dtype=float)
    coded = (score < 1) & np.isfinite(rating)
    return score[coded], rating[coded]


class RatingScale(NamedTuple):
    """How a listening test rates.

    Attributes:
        exponent: above 1 if it rates more strictly than the model.
        ceiling: rating of a coding without any loss, 0..1.

    Example:
        >>> RatingScale(2.0, 0.8)([0.5, 1.0]).round(3).tolist()
        [0.2, 1.0]
    """

    exponent: float = 1.0
    ceiling: float = 1.0

    def __call__(self, score: ArrayLike) -> NDArray:
        """Put scores on the scale; those of exactly 1 stay, they are of the hidden reference."""
        score = np.asarray(score, dtype=float)
        return np.where(score >= 1, 1.0, self.ceiling * score**self.exponent)


def fit_scale(score: ArrayLike, rating: ArrayLike, better_reference: bool = False) -> RatingScale:
    """Fit the scale of a listening test by least squares.

    Args:
        score: predictions, 0..1, shape (items,).
        rating: mean ratings, 0..1, shape (items,).
        better_reference: whether the listeners compared with a better reference than the model, so
            that there is a ceiling to fit.

    Returns:
        The scale; that of the model itself if nothing can tell it (no items that differ from their
        reference).

    Example:
        >>> round(fit_scale([0.9, 0.5, 0.2], [0.81, 0.25, 0.04]).exponent, 3)
        2.0
    """
    score, rating = _coded(score, rating)
    if not len(score):
        return RatingScale()

    def scale(logarithm: float) -> RatingScale:
        bent = score ** math.exp(logarithm)
        best = bent @ rating / max(bent @ bent, 1e-12) if better_reference else 1.0
        return RatingScale(math.exp(logarithm), float(min(best, 1.0)))

    def error(logarithm: float) -> float:
        return float(np.square(scale(logarithm)(score) - rating).mean())

    grid = np.linspace(-LIMIT, LIMIT, 61)  # there may be several minima
    start, step = grid[np.argmin([error(x) for x in grid])], grid[1] - grid[0]
    bounds = (max(start - step, -LIMIT), min(start + step, LIMIT))
    best = scipy.optimize.minimize_scalar(error, bounds=bounds, method="bounded")
    return scale(best.x if best.fun < error(start) else start)
