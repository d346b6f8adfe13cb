"""Fitting the model to a listening test of one's own, and how good it is on scenes not seen.

Nine numbers are fitted: how strictly the test rates, the curve of its scale, and the units of the
seven parts, which stay near the shipped ones unless the ratings say otherwise. It takes seconds.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qastanet.errors import InputError
from qastanet.models.parts_model import PartsScores, read_weights, scores_of
from qastanet.training.calibration import calibrate
from qastanet.training.folds import Fold, collect
from qastanet.training.parts_fit import FREE, METRIC, balance, fit

FOLDS = 20
"""More scenes than this are left out in this many groups."""


class Trained(NamedTuple):
    """What a training gives.

    Attributes:
        model: that was fitted to all pairs, or to the training part.
        predictions: of every pair, with ``part`` and ``score`` (0..1).
        quantile: calibration of the interval.
    """

    model: PartsScores
    predictions: pd.DataFrame
    quantile: float


def scene_folds(table: pd.DataFrame) -> list[Fold]:
    """Leave each scene out once; many scenes in FOLDS groups.

    Args:
        table: with ``content`` and ``role``. A scene is left out of all data sets that have it;
            pairs that equal their reference are predicted, but never trained on.

    Example:
        >>> table = pd.DataFrame({"content": list("aabb"), "role": ["reference"] + ["coded"] * 3})
        >>> [(fold.train.tolist(), fold.test.tolist()) for fold in scene_folds(table)][0]
        ([False, False, True, True], [True, True, False, False])
    """
    group = pd.factorize(table.content)[0] % FOLDS
    seen = (table.role != "reference").to_numpy()
    return [Fold("scene-out", seen & (group != k), group == k) for k in np.unique(group)]


def train_own(table: pd.DataFrame, values: NDArray, parts: pd.Series | None = None) -> Trained:
    """Fit the model to a listening test and predict what was not seen.

    Args:
        table: pairs, of `qastanet.own_test.own_pairs.own_parts`.
        values: the parts in which they differ, of the same, shape (pairs, 7, 29).
        parts: part of each pair (training, validation, test). None: all pairs are trained on, the
            predictions are those of scenes left out, and calibrate the interval. With parts: only
            the training part is trained on, and the validation part calibrates the interval.
    """
    folds, masks = out_of_fold(table, parts)
    rating, start = table["mean"].to_numpy() / 100, scores_of(read_weights())
    dataset = table.dataset.to_numpy()
    models = [fit(values[m], rating[m], balance(dataset[m]), start, FREE) for m in masks]
    scores = np.stack([model(values) for model in models], axis=1)
    predictions, quantile = calibrated(table, folds, scores, parts)
    return Trained(models[-1], predictions, quantile)


def out_of_fold(table: pd.DataFrame, parts: pd.Series | None) -> tuple[list[Fold], list[NDArray]]:
    """Return what is predicted without having been seen, and what each training may see.

    Args:
        table: pairs with ``content`` and ``role``.
        parts: see `train_own`.

    Returns:
        Folds, and masks over the pairs, the last of them of the training that is kept.
    """
    seen = (table.role != "reference").to_numpy()
    if parts is None:
        folds = scene_folds(table)
        return folds, [*(fold.train for fold in folds), seen]
    own = seen & (parts == "training").to_numpy()
    return [Fold("suffix", own, np.ones(len(table), dtype=bool))], [own]


def calibrated(
    table: pd.DataFrame, folds: Sequence[Fold], scores: NDArray, parts: pd.Series | None
) -> tuple[pd.DataFrame, float]:
    """Put the predictions of what was not seen together, with their interval.

    Args:
        table: pairs.
        folds: of `out_of_fold`.
        scores: of all pairs, shape (pairs, folds or more).
        parts: see `train_own`.

    Returns:
        Predictions and the quantile, see `Trained`.

    Raises:
        InputError: if nothing calibrates the interval
    """
    scores = scores[:, : len(folds)]
    predictions = collect(table, folds, scores, METRIC).drop(columns="protocol")
    whole = table[["stimulus", "reference", "degraded"]]
    whole = whole.assign(part="out of fold" if parts is None else parts.to_numpy())
    predictions = whole.merge(predictions, on="stimulus", validate="one_to_one")
    held_out = predictions[predictions.part.isin(["validation", "out of fold"])]
    held_out = held_out[held_out.role != "reference"]
    if held_out.empty:
        raise InputError("all pairs for validation equal their reference; nothing calibrates")
    return predictions, calibrate(held_out.score, held_out["mean"] / 100)


def shared_scenes(table: pd.DataFrame, parts: Sequence[str]) -> list[str]:
    """Name the scenes that are trained on and tested with.

    Example:
        >>> table = pd.DataFrame({"content": ["a", "a", "b"]})
        >>> shared_scenes(table, ["training", "test", "test"])
        ['a']
    """
    part = pd.Series(list(parts), index=table.index)
    return sorted(set(table.content[part == "training"]) & set(table.content[part == "test"]))
