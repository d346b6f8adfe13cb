"""Folds: what is left out, trained on and predicted, and the table of what is predicted unseen.

Protocols (few scenes, for learning curves: `qastanet.training.paper_plans.plan_folds`):

* ``loso``: leave one scene out within a listening test; the other test is not seen either.
* ``pooled-loso``: leave one scene out of all tests together.
* ``source-out`` and ``pooled-source-out``: the same, but with a scene go all others that were made
  of the same dry recording. The seven scenes of AES 2023 are made of three recordings in different
  rooms, and two recordings of the codec set occur in two scenes each, so that a model knows the
  material of a single scene that is left out.
* ``lodo``: leave one data set out; trained on the other tests.
* ``pooled-loso-scaled``, ``pooled-source-out-scaled``, ``lodo-scaled``: the same predictions on the
  scale of their listening test (`qastanet.training.rating_scale`), fitted on ratings of other
  scenes of that test: those that were trained on, under ``lodo-scaled`` all other recordings. A
  model trained for one test (``loso``, ``source-out``) always predicts on its scale.

All forms of a scene (ambisonic and binaural) are left out together.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qastanet.listening_tests.contents import recording
from qastanet.training.rating_scale import fit_scale

PROTOCOLS = ("loso", "source-out", "pooled-loso", "pooled-source-out", "lodo")
SCALED = {name: f"{name}-scaled" for name in ("pooled-loso", "pooled-source-out", "lodo")}
"""Protocols under which the model does not know the scale of a test -> the same with the scale."""

ONE_TEST = ("loso", "source-out")
"""Protocols under which a model is trained for the test that it predicts."""

BETTER_REFERENCE = ("ambiqual2",)
"""Tests whose listeners compared with a better reference (of third order) than is at hand."""

COLUMNS = ["dataset", "stimulus", "content", "condition", "role", "signal", "mean"]
"""What a table of predictions keeps of the rated pairs."""


class Fold(NamedTuple):
    """One training and what it is tested on; masks over the rated pairs."""

    protocol: str
    train: NDArray[np.bool_]
    test: NDArray[np.bool_]


def folds(table: pd.DataFrame, protocols: Sequence[str] = PROTOCOLS) -> list[Fold]:
    """List the trainings of some protocols.

    Args:
        table: with ``dataset``, ``content`` and ``role``. Items that equal the reference are never
            trained on: their score is 1 whatever the weights.
        protocols: which.

    Example:
        >>> table = pd.DataFrame({"dataset": list("aab"), "content": list("xyz"), "role": "coded"})
        >>> [fold.protocol for fold in folds(table, ["loso", "lodo"])]
        ['loso', 'loso', 'lodo', 'lodo']
    """
    dataset, content = table.dataset.to_numpy(), table.content.astype(str)
    seen = table.role.to_numpy() != "reference"
    units = {"loso": content.to_numpy(), "source-out": content.map(recording).to_numpy()}
    found = []
    for name in pd.unique(dataset):
        inside = dataset == name
        for kind, unit in units.items():
            for scene in pd.unique(unit[inside]):
                test = inside & (unit == scene)
                if kind in protocols and (inside & seen & ~test).any():
                    found.append(Fold(kind, inside & seen & ~test, test))
                if f"pooled-{kind}" in protocols and (seen & ~test).any():
                    found.append(Fold(f"pooled-{kind}", seen & ~test, test))
        if "lodo" in protocols and (seen & ~inside).any():
            found.append(Fold("lodo", seen & ~inside, inside))
    return sorted(found, key=lambda fold: protocols.index(fold.protocol))


def _scaled_scores(table: pd.DataFrame, fold: Fold, score: NDArray) -> NDArray:
    """Put scores (pairs,) on the scales of their listening tests; NaN for what is not tested."""
    rating, found = table["mean"].to_numpy() / 100, np.full(len(score), np.nan)
    for dataset, own, known in scenes_and_scale(table, fold):
        scale = fit_scale(score[known], rating[known], dataset in BETTER_REFERENCE)
        found[own] = scale(score[own])
    return found


def scenes_and_scale(
    table: pd.DataFrame, fold: Fold
) -> Iterator[tuple[str, NDArray[np.bool_], NDArray[np.bool_]]]:
    """Choose the ratings that tell a model how strictly a test rates, for each scene it predicts.

    These are what the fold was trained on, of the same test; where that is left out as a whole, the
    other recordings of the test.

    Args:
        table: rated pairs.
        fold: what was trained on and what is tested.

    Yields:
        the test, the items of the scene, and those that tell the scale.
    """
    seen = (table.role != "reference").to_numpy()
    source = table.content.astype(str).map(recording).to_numpy()
    scenes = table.loc[fold.test, ["dataset", "content"]].drop_duplicates()
    for dataset, content in scenes.itertuples(index=False):
        test = (table.dataset == dataset).to_numpy()
        own = fold.test & test & (table.content == content).to_numpy()
        other = seen & test & (source != recording(str(content)))
        yield dataset, own, other if fold.protocol == "lodo" else fold.train & test


def collect(
    table: pd.DataFrame, all_folds: Sequence[Fold], scores: NDArray, metric: str
) -> pd.DataFrame:
    """Put the predictions of the folds into one table.

    Args:
        table: rated pairs.
        all_folds: of `folds`.
        scores: of all pairs, 0..1, shape (pairs, folds).
        metric: name of the model.

    Returns:
        Table with COLUMNS, ``metric``, ``protocol`` and ``score`` (0..1), also under the protocols
        SCALED.
    """
    parts = []
    for fold, score in zip(all_folds, scores.T, strict=True):
        found = {fold.protocol: score}
        if fold.protocol in (*ONE_TEST, *SCALED):
            name = SCALED.get(fold.protocol, fold.protocol)
            found[name] = _scaled_scores(table, fold, score)
        for protocol, values in found.items():
            part = table.loc[fold.test, COLUMNS]
            parts.append(part.assign(metric=metric, protocol=protocol, score=values[fold.test]))
    return pd.concat(parts, ignore_index=True)
