"""What each part of the model is worth: variants of the recipe, and fewer training scenes.

Every variant is trained and tested in the same folds as the shipped recipe. Free counterparts of
the monotone network see the same statistics: a linear map of any sign behind the same exponential.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from qastanet.agreement.statistics import rmse
from qastanet.evidence.fold_agreement import agreement
from qastanet.training.cross_validation import (
    Fold,
    collect,
    folds,
    predict,
    rated_pairs,
    scores_of_runs,
    train_runs,
)
from qastanet.training.paper_training import PaperRecipe, predict_paper
from qastanet.training.rating_scale import fit_scale
from qastanet.training.recipe import FRAMES, MEANS, Recipe, optimise
from qastanet.training.training_sets import Material

FEATURES = {
    "level": ("level",),
    "ILD": ("ild",),
    "coherence": ("coherence", "magnitude"),
    "directiveness": ("directiveness",),
}
"""Feature -> last part of the names of its statistics."""

GROUPS = 5
"""Groups of scenes that are left out together where the paper's network is trained many times."""

PROTOCOLS = ("loso", "pooled-loso", "lodo")  # the last two also with the scale of the test
"""Protocols that variants are compared under."""

KINDS = {"frame by frame": "frame", "long-term coherence": "mean", "spreads": "spread"}


def _keep(recipe: Recipe, wanted) -> Recipe:
    """Leave only the wanted statistics in all members, members without any left out."""
    members = []
    for member in recipe.members:
        names = tuple(name for name in member.statistics if wanted(name))
        if names:
            members.append(member._replace(statistics=names))
    return replace(recipe, members=tuple(members))


def _each(recipe: Recipe, **changes) -> Recipe:
    """Change all members in the same way."""
    members = (member._replace(**changes) for member in recipe.members)
    return replace(recipe, members=tuple(dict.fromkeys(members)))


def variants(recipe: Recipe = Recipe()) -> dict[str, Recipe]:  # noqa: B008 - it is frozen
    """Return the variants by name, the recipe itself first.

    Example:
        >>> len(variants()) > 10
        True
    """
    found = {"shipped": recipe}
    for name, ends in FEATURES.items():
        found[f"without {name}"] = _keep(recipe, lambda s, e=ends: not s.endswith(e))
    for name, start in KINDS.items():
        found[f"without {name}"] = _keep(recipe, lambda s, k=start: not s.startswith(k))
    found["means instead of frames"] = _each(recipe, statistics=MEANS)
    further = ("spread_level", "spread_directiveness")
    found["spreads of all features"] = _each(recipe, statistics=(*FRAMES, *further))
    for cosines in (0, 2):
        found[f"{cosines} cosines over the bands"] = _each(recipe, cosines=cosines)
    several = tuple(recipe.members[0]._replace(cosines=cosines) for cosines in (0, 1, 2))
    found["mean of 0, 1 and 2 cosines"] = replace(recipe, members=several)
    found["without common knowledge"] = replace(recipe, common=0.0)
    unprimed = _each(recipe, prior=0.0)
    found["without synthetic pairs"] = replace(unprimed, first_steps=0, common=0.0)
    for prior in (0.1, 1.0, 3.0):
        found[f"synthetic pairs weigh {prior:g}"] = _each(recipe, prior=prior)
    found["synthetic pairs alone"] = replace(recipe, steps=0)
    found["without ceiling"] = replace(recipe, ceilings=False)
    found["one scale for all tests"] = replace(recipe, test_scales=False, ceilings=False)
    return found


def compare(
    material: Material, recipes: Mapping[str, Recipe], seeds: Sequence[int] = (0,)
) -> pd.DataFrame:
    """Evaluate variants of the recipe.

    Args:
        material: what there is.
        recipes: by name.
        seeds: of the initial weights.

    Returns:
        ``variant``, ``seed`` and the columns of `qastanet.evidence.fold_agreement.agreement`.
    """
    parts = []
    for name, recipe in tqdm(recipes.items(), unit="variant"):
        for seed in seeds:
            predictions = predict(material, replace(recipe, seed=seed), PROTOCOLS)
            parts.append(agreement(predictions).assign(variant=name, seed=seed))
    return pd.concat(parts, ignore_index=True)


def free_predictions(material: Material, decay: float = 0.03, steps: int = 300) -> pd.DataFrame:
    """Predict by free weights of any sign on the same statistics, from ratings alone.

    score = exp(-softplus(w x + b)); a penalty on the squares of the weights is its only restraint.
    """
    pairs = rated_pairs(material)
    all_folds = folds(material.rated, PROTOCOLS)
    used = torch.tensor(np.stack([fold.train for fold in all_folds])).float()
    used = (used / used.sum(1, keepdim=True)).T
    layer = torch.nn.Linear(pairs.statistics[0].numel(), len(all_folds))
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.fill_(-1.0)

    def scores() -> torch.Tensor:
        return torch.exp(-torch.nn.functional.softplus(layer(pairs.statistics.flatten(1))))

    def loss() -> torch.Tensor:
        error = (scores() - pairs.target[:, None]).square()
        return (used * error).sum() + decay * layer.weight.square().sum()

    optimise(layer, loss, steps, 0.01)
    found = scores().detach().double().numpy()
    return collect(material.rated, all_folds, found, "free weights")


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


def data_efficiency(
    material: Material, recipes: Mapping[str, Recipe], sizes: Sequence[int], draws: int
) -> pd.DataFrame:
    """Train on fewer scenes, drawn at random, and test on all the others.

    Args:
        material: what there is.
        recipes: by name.
        sizes: numbers of training scenes.
        draws: random draws of each size.

    Returns:
        ``variant``, ``scenes``, ``draw`` and the measures of `agreement` for each signal, under
        ``pooled-loso`` and ``pooled-loso-scaled``; a test of which no scene was drawn has no scale.
    """
    table = material.rated
    scenes = pd.unique(table.content.astype(str))
    seen = (table.role != "reference").to_numpy()
    runs = []
    for size in sizes:
        for draw in range(draws):
            chosen = np.random.default_rng([41, size, draw]).permutation(scenes)[:size]
            inside = table.content.astype(str).isin(chosen).to_numpy()
            runs.append((size, draw, Fold("pooled-loso", inside & seen, ~inside)))
    rows = []
    for name, recipe in recipes.items():
        ensemble, _ = train_runs(material, [fold.train for *_, fold in runs], recipe, name)
        scores = scores_of_runs(ensemble, material, len(runs))
        for number, (size, draw, fold) in enumerate(runs):
            part = agreement(collect(table, [fold], scores[:, [number]], "qastanet"))
            part = part[part.dataset == "pooled"]
            rows.append(part.assign(variant=name, scenes=size, draw=draw))
    return pd.concat(rows, ignore_index=True)


def scale_efficiency(predictions: pd.DataFrame, most: int = 4) -> pd.DataFrame:
    """Error on a listening test that was never seen, when some of its scenes tell its scale.

    The scale is an exponent, without a ceiling, as `qastanet.own_test.own_scale` fits it.

    Args:
        predictions: of `qastanet.training.cross_validation.predict`; those under ``lodo`` are used.
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
                scaled = fit_scale(score[known], rating[known])(score[~known])
                row = {"dataset": dataset, "signal": signal, "scenes": size, "draw": draw}
                rows.append(row | {"rmse": 100 * rmse(scaled, rating[~known])})
    return pd.DataFrame(rows)
