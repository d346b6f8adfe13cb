"""Training on a listening test of one's own, and how good it is on scenes it has not seen.

The recipe is that of the shipped weights (`qastanet.training.recipe`): pre-training on synthetic
pairs towards a mix of other metrics that is fitted on the ratings at hand, then fine-tuning on
these; but with one scale for all tests, if there are several, since the scores shall fit each of
them. The pairs of the pre-training are a part of the compendium, not of the installed package.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qastanet.errors import InputError
from qastanet.models.monotone import MonotoneEnsemble
from qastanet.own_test.own_pairs import shipped_decoder
from qastanet.training.calibration import calibrate
from qastanet.training.cross_validation import Fold, collect, scores_of_runs, train_runs
from qastanet.training.recipe import Recipe
from qastanet.training.shipping import ship
from qastanet.training.training_sets import Material, read_statistics

PRETRAINING = ("synthetic_pairs.csv", "common_pairs.csv")
STATISTICS = ("synthetic_statistics.npz", "common_statistics.npz")
FOLDS = 20
"""More scenes than this are left out in this many groups."""

OWN = Recipe(test_scales=False, ceilings=False)
"""How weights of one's own are trained."""


class Trained(NamedTuple):
    """What a training gives.

    Attributes:
        ensemble: that was trained on all pairs, or on the training part.
        predictions: of every pair, with ``part`` and ``score`` (0..1).
        quantile: calibration of the interval.
    """

    ensemble: MonotoneEnsemble
    predictions: pd.DataFrame
    quantile: float


def pretraining_folder(named: str | Path | None = None) -> Path:
    """Find the pairs of the pre-training.

    Args:
        named: folder to look in; default: data/processed of the compendium that is the working
            folder, or that the package is a part of

    Raises:
        InputError: if they are not there, with the remedy
    """
    roots = [Path.cwd(), Path(__file__).parents[2]]
    places = [Path(named)] if named else [root / "data" / "processed" for root in roots]
    for folder in places:
        if all((folder / name).is_file() for name in (*PRETRAINING, *STATISTICS)):
            return folder
    raise InputError(
        f"{places[0]}: the pairs of the pre-training ({', '.join((*PRETRAINING, *STATISTICS))}) "
        "are not here. They are a part of the compendium, not of the installed package: work in a "
        "clone of its repository, or name its folder with --pretraining CLONE/data/processed"
    )


def own_material(rated: pd.DataFrame, statistics: NDArray, folder: str | Path) -> Material:
    """Put one's own pairs and those of the pre-training together.

    Args:
        rated: of `qastanet.own_test.own_pairs.own_statistics`.
        statistics: of the same.
        folder: of `pretraining_folder`.
    """
    tables = [pd.read_csv(Path(folder) / name) for name in PRETRAINING]
    values = [
        read_statistics(Path(folder) / name, table)
        for name, table in zip(STATISTICS, tables, strict=True)
    ]
    return Material(rated, statistics, tables[0], values[0], tables[1], values[1])


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


def train_own(
    material: Material, recipe: Recipe, parts: pd.Series | None = None, label: str | None = None
) -> Trained:
    """Train on a listening test and predict what was not seen.

    Args:
        material: of `own_material`.
        recipe: how.
        parts: part of each pair (training, validation, test). None: all pairs are trained on, the
            predictions are those of scenes left out, and calibrate the interval. With parts: only
            the training part is trained on, and the validation part calibrates the interval.
        label: shown with progress bars.
    """
    table = material.rated
    folds, masks = out_of_fold(table, parts)
    ensemble, _ = train_runs(material, masks, recipe, label)
    scores = scores_of_runs(ensemble, material, len(masks))
    predictions, quantile = calibrated(table, folds, scores, parts)
    return Trained(_last_run(ensemble, recipe, len(masks)), predictions, quantile)


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
    predictions = collect(table, folds, scores, "qastanet").drop(columns="protocol")
    whole = table[["stimulus", "reference", "degraded"]]
    whole = whole.assign(part="out of fold" if parts is None else parts.to_numpy())
    predictions = whole.merge(predictions, on="stimulus", validate="one_to_one")
    held_out = predictions[predictions.part.isin(["validation", "out of fold"])]
    held_out = held_out[held_out.role != "reference"]
    if held_out.empty:
        raise InputError("all pairs for validation equal their reference; nothing calibrates")
    return predictions, calibrate(held_out.score, held_out["mean"] / 100)


def write_own(trained: Trained, recipe: Recipe, path: str | Path, facts: Mapping[str, str]) -> None:
    """Write the weights, in the form of the shipped ones.

    Args:
        trained: of `train_own`.
        recipe: that was used.
        path: file ending in .safetensors.
        facts: on the training, for the header.
    """
    ship(trained.ensemble, recipe, shipped_decoder(), trained.quantile, path, facts)


def _last_run(ensemble: MonotoneEnsemble, recipe: Recipe, runs: int) -> MonotoneEnsemble:
    """Take the members of the last run out of all."""
    members = len(recipe.members)
    last = MonotoneEnsemble(recipe.members, recipe.seed)
    state = {
        name: tensor if name in ("shapes", "others") else tensor[(runs - 1) * members :]
        for name, tensor in ensemble.state_dict().items()
    }
    last.load_state_dict(state)
    return last


def shared_scenes(table: pd.DataFrame, parts: Sequence[str]) -> list[str]:
    """Name the scenes that are trained on and tested with.

    Example:
        >>> table = pd.DataFrame({"content": ["a", "a", "b"]})
        >>> shared_scenes(table, ["training", "test", "test"])
        ['a']
    """
    part = pd.Series(list(parts), index=table.index)
    return sorted(set(table.content[part == "training"]) & set(table.content[part == "test"]))
