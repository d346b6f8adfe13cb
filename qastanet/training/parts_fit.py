"""The few numbers of the model that ratings tell, and predictions of what was not seen.

All of the model but one number is set beforehand: the units of the parts, the norm over them and
the curve b (`START`) come from a study of the same kind of statistics, and which parts there are
was chosen with a look at the public tests (`qastanet.evidence.our_model.configurations` lists all
that was tried). The strictness a is fitted, in every fold anew. A test that uses its scale in
another way tells a and b of its own.

Protocols (see `qastanet.training.folds.folds` for the folds):

* ``direct``: the shipped numbers, which have seen the ratings: a is one number for all tests.
* ``loso``, ``source-out``: a from other scenes, or recordings, of the same test.
* ``pooled-loso``, ``pooled-source-out``, ``lodo``: a from all tests without the scene, the
  recording or the test; and on the scale of the test (``...-scaled``): a and b from other scenes
  of it (but under ``lodo-scaled`` only of other recordings).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.optimize
from numpy.typing import NDArray

from qastanet.hearing.parts import PARTS
from qastanet.models.parts_model import PartsScores, rated
from qastanet.training.folds import (
    BETTER_REFERENCE,
    COLUMNS,
    ONE_TEST,
    SCALED,
    folds,
    scenes_and_scale,
)
from qastanet.training.rating_scale import CURVE_SPREAD, ERROR, fit_curve

UNITS = {
    **{"level": 12.0, "fluctuation": 0.7, "width": 0.2, "phase": 1.0},
    **{"place": 24.0, "movement": 8.0, "gain": 24.0},
}
"""What counts as one: dB; log ratio; coherence; coherence; dB; dB; dB."""

START = PartsScores(np.array([UNITS[name] for name in PARTS]), 6.0, 4.0, 1.25)
"""The model before anything is fitted; a is a starting value."""

UNIT_SPREAD = 0.3
"""How far the logarithms of the units may be from the shipped ones before ratings must say so."""

FREE = ("strictness", "curve", "units")
"""All numbers that ratings can tell."""

METRIC = "parts"
"""Key of the model in tables."""


def fit(
    values: NDArray,
    rating: NDArray,
    weight: NDArray | None = None,
    start: PartsScores = START,
    free: Sequence[str] = ("strictness",),
) -> PartsScores:
    """Fit numbers of the model by least squares.

    Args:
        values: parts of pairs that differ from their reference, shape (pairs, 7, 29).
        rating: mean ratings, 0..1.
        weight: of each pair, mean 1; None for equal ones.
        start: the model to start from, and which the numbers but a stay near to.
        free: which numbers: ``strictness`` (a), ``curve`` (b), ``units``.

    Returns:
        The model; `start` if there are no pairs.

    Example:
        >>> values = np.random.default_rng(0).random((20, 7, 29))
        >>> rating = PartsScores(START.units, 6.0, 2.0, 1.25)(values)
        >>> round(fit(values, rating).strictness, 3)
        2.0
    """
    if not len(rating):
        return start
    root = np.sqrt(np.ones(len(rating)) if weight is None else weight) / ERROR
    fixed = start.distance(values)
    number = {"strictness": 1, "curve": 1, "units": len(PARTS)}

    def model(steps: NDArray) -> PartsScores:
        """Change the free numbers by factors, given as logarithms."""
        factors, first = dict.fromkeys(number, 1.0), 0
        for name in free:
            found = np.exp(steps[first : first + number[name]])
            factors[name] = found if name == "units" else float(found[0])
            first += number[name]
        scale = [start.strictness * factors["strictness"], start.curve * factors["curve"]]
        return PartsScores(start.units * factors["units"], start.norm, *scale)

    spreads = {"strictness": np.inf, "curve": CURVE_SPREAD, "units": UNIT_SPREAD}
    spread = np.concatenate([np.full(number[name], spreads[name]) for name in free])

    def residuals(steps: NDArray) -> NDArray:
        each = model(steps)
        far = each.distance(values) if "units" in free else fixed
        misses = root * (rated(far, each.strictness, each.curve) - rating)
        return np.concatenate([misses, steps / spread])

    found = scipy.optimize.least_squares(residuals, np.zeros(len(spread)), bounds=(-3, 3))
    return model(found.x)


def balance(dataset: NDArray) -> NDArray:
    """Weights (mean 1) with which every listening test counts alike.

    Example:
        >>> balance(np.array(["a", "a", "b"])).tolist()
        [0.75, 0.75, 1.5]
    """
    _, index, count = np.unique(dataset, return_inverse=True, return_counts=True)
    return len(index) / (len(count) * count[index])


def fit_strictness(table: pd.DataFrame, values: NDArray, mask: NDArray) -> PartsScores:
    """Fit a on some of the rated pairs.

    Tests whose listeners compared with a better reference than is at hand are not fitted to, unless
    there are no others: their ratings hold a loss that no metric can see.

    Args:
        table: rated pairs with ``dataset`` and ``mean``.
        values: their parts, shape (pairs, 7, 29).
        mask: pairs that may be seen, none of which equals its reference.
    """
    dataset = table.dataset.to_numpy()
    plain = mask & ~np.isin(dataset, BETTER_REFERENCE)
    mask = plain if plain.any() else mask
    rating = table["mean"].to_numpy() / 100
    return fit(values[mask], rating[mask], balance(dataset[mask]))


def predict(table: pd.DataFrame, values: NDArray, shipped: PartsScores) -> pd.DataFrame:
    """Predict every rated pair under every protocol.

    Args:
        table: rated pairs with the columns COLUMNS.
        values: their parts, shape (pairs, 7, 29).
        shipped: the model with its fitted number, for ``direct``.

    Returns:
        Table with COLUMNS, ``metric``, ``protocol`` and ``score`` (0..1).
    """
    kept = table[COLUMNS].assign(metric=METRIC)
    result = [kept.assign(protocol="direct", score=shipped(values))]
    rating = table["mean"].to_numpy() / 100
    for fold in folds(table):
        part = kept[fold.test].assign(protocol=fold.protocol)
        if fold.protocol in ONE_TEST:
            model = fit(values[fold.train], rating[fold.train])
            result.append(part.assign(score=model(values[fold.test])))
            continue
        model = fit_strictness(table, values, fold.train)
        score = model(values)
        result.append(part.assign(score=score[fold.test]))
        for _, own, others in scenes_and_scale(table, fold):
            scaled = fit_curve(score[others], rating[others])
            part = kept[own].assign(protocol=SCALED[fold.protocol])
            result.append(part.assign(score=scaled(score[own])))
    found = pd.concat(result, ignore_index=True)
    order = pd.Categorical(found.protocol, dict.fromkeys(found.protocol))
    return found.assign(order=order).sort_values(["order"], kind="stable").drop(columns="order")
