"""What the parts of the paper's network are worth, and how few ratings tell the scale of a test."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from qastanet.agreement.statistics import rmse
from qastanet.evidence.fold_agreement import agreement
from qastanet.training.cross_validation import Fold, collect, folds
from qastanet.training.paper_training import PaperRecipe, predict_paper
from qastanet.training.rating_scale import fit_curve

GROUPS = 5
"""Groups of scenes that are left out together where the paper's network is trained many times."""


def in_groups(all_folds: Sequence[Fold], groups: int) -> list[Fold]:
    """Merge folds, so that fewer trainings leave out more scenes each.

    Args:
        all_folds: of one protocol.
        groups: number of folds that are left.

    Example:
        >>> masks = [np.array([True, False]), np.array([False, True])]
        >>> in_groups([Fold("loso", ~m, m) for m in masks], 1)[0].test.tolist()
        [True, True]
    """
    merged = []
    for first in range(min(groups, len(all_folds))):
        some = all_folds[first::groups]
        train = np.logical_and.reduce([fold.train for fold in some])
        test = np.logical_or.reduce([fold.test for fold in some])
        merged.append(Fold(some[0].protocol, train, test))
    return merged


def poolings(table: pd.DataFrame, maps: Mapping, recipe: PaperRecipe) -> pd.DataFrame:
    """Evaluate the paper's network with each pooling over time, leaving scenes out.

    Args:
        table: rated ambisonic pairs.
        maps: stimulus -> difference maps.
        recipe: how the network is trained.
    """
    all_folds = in_groups(folds(table, ["pooled-loso"]), GROUPS)
    parts = []
    for pooling in ("swap", "sum", "max", "p-norm"):
        chosen = PaperRecipe(**(recipe.__dict__ | {"pooling": pooling}))
        scores = predict_paper(table, maps, all_folds, chosen)
        found = agreement(collect(table, all_folds, scores, "qastanet-paper"))
        parts.append(found.assign(variant=f"paper's network, {pooling}", seed=recipe.seed))
    return pd.concat(parts, ignore_index=True)


def scale_efficiency(predictions: pd.DataFrame, most: int = 4) -> pd.DataFrame:
    """Error on a listening test that was never seen, when some of its scenes tell its scale.

    The scale is that of two numbers which `qastanet.own_test.own_scale` fits.

    Args:
        predictions: of `qastanet.training.parts_fit.predict`; those under ``lodo`` are used.
        most: largest number of scenes that tell the scale.

    Returns:
        ``dataset``, ``signal``, ``scenes`` (that tell the scale), ``draw`` and ``rmse`` in points
        on the other scenes, for all choices of the scenes.
    """
    chosen = predictions[(predictions.protocol == "lodo") & (predictions.role != "reference")]
    rows = []
    for (dataset, signal), part in chosen.groupby(["dataset", "signal"]):
        score, rating = part.score.to_numpy(), part["mean"].to_numpy() / 100
        content = part.content.astype(str)
        scenes = pd.unique(content)
        for size in range(min(most, len(scenes) - 2) + 1):  # two at least are left to predict
            for draw, some in enumerate(itertools.combinations(scenes, size)):
                known = content.isin(some).to_numpy()
                scaled = fit_curve(score[known], rating[known])(score[~known])
                row = {"dataset": dataset, "signal": signal, "scenes": size, "draw": draw}
                rows.append(row | {"rmse": 100 * rmse(scaled, rating[~known])})
    return pd.DataFrame(rows)
