"""Which networks of the paper are trained, on which pairs and folds."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from qastanet import registry, storage
from qastanet.errors import InputError
from qastanet.hearing.differences import FEATURE_NAMES
from qastanet.listening_tests.contents import raw_ratings, recording
from qastanet.models.released import load_checkpoint, network_state
from qastanet.training.folds import Fold, folds
from qastanet.training.paper_training import SCALE, PaperRecipe

WEIGHTS = "model_weights.pth.tar"
"""Name of the file of the released weights."""

RATINGS = [f"data/processed/{name}_listening_test.csv" for name in ("aes2023", "ambiqual2")]
LOG_MEL = "log-mel"
"""Form of the control: binaural signals compared by `qastanet.rivals.log_mel`."""

MAPS = {
    "ambisonic": [f"data/processed/{name}_differences.npz" for name in ("aes2023", "ambiqual2")],
    "binaural": [
        f"data/processed/{name}_binaural_differences.npz" for name in ("aes2023", "ambiqual2")
    ],
    LOG_MEL: ["data/processed/log_mel_differences.npz"],
}


POOLED = {"pooled-loso": 20, "pooled-source-out": 20, "lodo": 20}
ALL = "all"
"""The protocol of networks that have seen all pairs; their weights are kept."""

FEW = {f"few-{scenes}": scenes for scenes in (2, 4, 6, 8, 10)}
"""Protocols of the learning curve -> scenes that a network is trained on."""

HELD = (("drums+saw",), ("string_quartet",), ("castanets", "babbleFfemAz"))
"""Recordings that the networks of a learning curve are tested on, three scenes each time; they are
the same whatever the number of training scenes, which come from the other ten."""

DRAWS = 20
"""Draws of training scenes, each with a network of another seed; a larger set holds the smaller."""


class Plan(NamedTuple):
    """Networks of one kind.

    Attributes:
        signal: form of the pairs.
        recipe: how they are trained.
        released: whether they start from the authors' released weights.
        seeds: protocol -> networks for each of its folds.
    """

    signal: str
    recipe: PaperRecipe
    released: bool
    seeds: Mapping[str, int]


_SWAP = {**POOLED, "loso": 10, "source-out": 10, ALL: 20}
_VARIANT = {"pooled-loso": 10, "pooled-source-out": 10}
_ABLATED = {"pooled-source-out": 10}
_CURVE = dict.fromkeys(FEW, 1)
_TUNED = PaperRecipe(pooling="sum", rate=0.003, scale=(1.0, 1.0, 1.0, 1.0))
_MEL = PaperRecipe(scale=(1.5, 1.5, 1.5))  # inputs as large, on average, as those of the others


def _without(feature: str) -> PaperRecipe:
    """Recipe of a network that does not see a feature: it is divided by infinity."""
    pairs = zip(FEATURE_NAMES, SCALE, strict=True)
    return PaperRecipe(scale=tuple(np.inf if name == feature else unit for name, unit in pairs))


PLANS = {
    "swap": Plan("ambisonic", PaperRecipe(), False, _SWAP),
    "swap-binaural": Plan("binaural", PaperRecipe(), False, _SWAP),
    "released": Plan("ambisonic", _TUNED, True, dict.fromkeys(POOLED, 10)),
    "sum": Plan("ambisonic", PaperRecipe(pooling="sum"), False, _VARIANT),
    "max": Plan("ambisonic", PaperRecipe(pooling="max"), False, _VARIANT),
    "p-norm": Plan("ambisonic", PaperRecipe(pooling="p-norm"), False, _VARIANT),
    "log-mel": Plan(LOG_MEL, _MEL, False, {**_VARIANT, "pooled-source-out": 20, "lodo": 20}),
    **{
        f"without-{name}": Plan("ambisonic", _without(name), False, _ABLATED)
        for name in FEATURE_NAMES
    },
    "swap-few": Plan("ambisonic", PaperRecipe(), False, _CURVE),
    "released-few": Plan("ambisonic", _TUNED, True, _CURVE),
    "binaural-few": Plan("binaural", PaperRecipe(), False, _CURVE),
    "log-mel-few": Plan(LOG_MEL, _MEL, False, _CURVE),
}
"""What is trained, by name."""


class Pairs(NamedTuple):
    """Rated pairs of one form: table (``dataset``, ``content``, ``role``, ``mean``) and maps."""

    table: pd.DataFrame
    maps: list[NDArray]


def plan_folds(pairs: Pairs, protocol: str) -> list[Fold]:
    """List the trainings of a protocol; `ALL` has one, of all items but references."""
    seen = (pairs.table.role != "reference").to_numpy()
    if protocol == ALL:
        return [Fold(ALL, seen, ~seen)]
    if protocol in FEW:
        return _learning_folds(pairs.table.content.astype(str), seen, protocol)
    return folds(pairs.table, [protocol])


def _learning_folds(content: pd.Series, seen: NDArray[np.bool_], protocol: str) -> list[Fold]:
    """List the trainings on a few scenes: DRAWS for each of HELD, in this order."""
    found = []
    for held in HELD:
        test = content.map(recording).isin(held).to_numpy()
        scenes = pd.unique(content[~test])
        for draw in range(DRAWS):
            chosen = np.random.default_rng([41, draw]).permutation(scenes)[: FEW[protocol]]
            found.append(Fold(protocol, seen & content.isin(chosen).to_numpy(), test))
    return found


def first_seed(protocol: str, number: int) -> int:
    """Return the seed of the first network of a fold: that of the draw in a learning curve."""
    return number % DRAWS if protocol in FEW else 0


def left_out(table: pd.DataFrame, fold: Fold) -> str:
    """Say in a word what a fold leaves out: a data set, or its contents."""
    if fold.protocol == ALL:
        return "nothing"
    column = "dataset" if fold.protocol == "lodo" else "content"
    return " ".join(sorted(table.loc[fold.test, column].astype(str).unique()))


def released_start() -> dict[str, torch.Tensor]:
    """Return the authors' released weights; they are fetched where they are not at hand."""
    path = registry.path(registry.RELEASE, WEIGHTS)
    return network_state(load_checkpoint(path), path)


def released_start_if_there() -> dict[str, torch.Tensor] | None:
    """Return the released weights if they can be had without a network, else nothing."""
    there = registry.at_hand(registry.find(registry.RELEASE, WEIGHTS))
    return released_start() if there else None


def read_pairs(
    ratings: Sequence[str | Path], maps: Mapping[str, Sequence[str | Path]]
) -> dict[str, Pairs]:
    """Read the rated pairs that have difference maps.

    Args:
        ratings: tables of the listening tests.
        maps: signal -> files of difference maps.

    Returns:
        signal -> pairs, in the order of the tables.

    Raises:
        InputError: if no rated pair of a signal has maps
    """
    known = raw_ratings(map(pd.read_csv, ratings)).dropna(subset="mean")
    found = {}
    for signal, files in maps.items():
        there = dict(itertools.chain.from_iterable(storage.read_maps(f).items() for f in files))
        table = known[known.stimulus.isin(list(there))].reset_index(drop=True)
        if table.empty:
            raise InputError(f"{', '.join(map(str, files))}: no maps of rated pairs")
        found[signal] = Pairs(table.assign(signal=signal), [there[s] for s in table.stimulus])
    return found
