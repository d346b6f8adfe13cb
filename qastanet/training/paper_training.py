"""Training of the paper's network on difference maps: squared error plus correlation, Adam.

The network is that of `qastanet.models.network` with the true SWAP. It has some 730 weights, so a
few training scenes are kept apart and the state that predicts these best is taken (early stopping;
all steps are done, because the validation loss may fall late).
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray
from tqdm.auto import tqdm

from qastanet.models.network import DifferenceNetwork
from qastanet.storage import replacing
from qastanet.training.cross_validation import Fold

DEAD = 0.05
"""A network whose scores of the training pairs spread by less has not begun to learn."""

TRIES = 5
"""Seeds that are tried before a dead network is taken."""

SCALE = (30.0, 1.0, 5.0, 0.5)
"""The maps are divided by these (dB, 1, 1, 1) before the network, which helps it to start."""


@dataclass(frozen=True)
class PaperRecipe:
    """How the network is trained.

    Attributes:
        pooling: see `qastanet.models.network`.
        steps: in all; the loss may rest on a plateau for a hundred before it falls.
        rate: learning rate.
        correlation: weight of 1 - Pearson's correlation beside the mean squared error.
        validation: number of training scenes kept apart for stopping.
        seed: of the initial weights and of the scenes kept apart.
    """

    pooling: str = "swap"
    steps: int = 300
    rate: float = 0.01
    correlation: float = 0.1
    validation: int = 2
    seed: int = 0


class Batch:
    """Maps of several pairs, stacked where they are equally long.

    Args:
        maps: difference maps (features, 29, frames) of each pair.
    """

    def __init__(self, maps: Sequence[NDArray]):
        lengths = np.array([each.shape[-1] for each in maps])
        scale = torch.tensor(SCALE)[: len(maps[0]), None, None]
        self.size = len(maps)
        self.groups = []
        for length in np.unique(lengths):
            index = np.flatnonzero(lengths == length)
            stacked = torch.from_numpy(np.stack([maps[i] for i in index]).astype(np.float32))
            self.groups.append((torch.from_numpy(index), stacked / scale))

    def __call__(self, network: DifferenceNetwork) -> torch.Tensor:
        """Score all pairs, shape (pairs,)."""
        index = torch.cat([index for index, _ in self.groups])
        scores = torch.cat([network(stacked) for _, stacked in self.groups])
        return torch.zeros(self.size).index_put((index,), scores)


def paper_loss(score: torch.Tensor, rating: torch.Tensor, correlation: float) -> torch.Tensor:
    """Mean squared error plus a share of 1 - Pearson's correlation.

    Example:
        >>> x = torch.tensor([0.1, 0.5, 0.9])
        >>> paper_loss(x, x, 1.0).abs().item() < 1e-3
        True
    """
    error = (score - rating).square().mean()
    pair = torch.stack([score - score.mean(), rating - rating.mean()])
    norm = torch.linalg.vector_norm(pair, dim=1)
    return error + correlation * (1 - (pair[0] * pair[1]).sum() / (norm.prod() + 1e-6))


def train_paper(
    maps: Sequence[NDArray],
    rating: NDArray,
    scene: NDArray,
    recipe: PaperRecipe,
    checkpoint: str | Path | None = None,
) -> tuple[DifferenceNetwork, pd.DataFrame]:
    """Train the network of the paper.

    Args:
        maps: difference maps of the training pairs, (features, 29, frames) each.
        rating: 0..1, shape (pairs,).
        scene: of each pair.
        recipe: how.
        checkpoint: file that the state is written to every 50 steps, and resumed from.

    Returns:
        The network at the step with the least validation loss, and curves with ``step``,
        ``training`` and ``validation``.
    """
    rng = np.random.default_rng([31, recipe.seed])
    names = np.unique(scene)
    apart = np.isin(scene, rng.permutation(names)[: min(recipe.validation, len(names) - 1)])
    batches = [Batch([m for m, a in zip(maps, apart, strict=True) if a == k]) for k in (0, 1)]
    target = [torch.tensor(rating[apart == k], dtype=torch.float32) for k in (0, 1)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = DifferenceNetwork(len(maps[0]), recipe.pooling)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.rate)
    curve: list[dict] = []
    best = (np.inf, copy.deepcopy(network.state_dict()))
    if checkpoint is not None and Path(checkpoint).is_file():
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        best, curve = (state["least"], state["best"]), state["curve"]
    for step in range(len(curve), recipe.steps):
        optimiser.zero_grad()
        loss = paper_loss(batches[0](network), target[0], recipe.correlation)
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            found = float((batches[1](network) - target[1]).square().mean())
        curve.append({"step": step, "training": float(loss.detach()), "validation": found})
        if found < best[0]:
            best = (found, copy.deepcopy(network.state_dict()))
        if checkpoint is not None and (step + 1) % 50 == 0:
            state = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
            with replacing(checkpoint) as temporary:
                torch.save(state | {"least": best[0], "best": best[1], "curve": curve}, temporary)
    network.load_state_dict(best[1])
    return network, pd.DataFrame(curve)


def predict_paper(
    table: pd.DataFrame,
    maps: Mapping[str, NDArray],
    all_folds: Sequence[Fold],
    recipe: PaperRecipe,
    seeds: Sequence[int] = (0,),
    jobs: int = 1,
) -> NDArray:
    """Predict by networks that have not seen the pairs, the mean over seeds.

    About one training in six does not begin: it is done again from another seed.

    Args:
        table: rated pairs, one per key of the maps.
        maps: stimulus -> difference maps, for each row of the table.
        all_folds: of `qastanet.training.cross_validation.folds`, for this table.
        recipe: how; its seed is replaced.
        seeds: of the networks.
        jobs: processes; the result does not depend on it.

    Returns:
        Scores, shape (pairs, folds).
    """
    each = [maps[name] for name in table.stimulus]
    rating, scene = table["mean"].to_numpy() / 100, table.content.astype(str).to_numpy()
    tasks = [(np.flatnonzero(fold.train), seed) for fold in all_folds for seed in seeds]
    run = delayed(_predict_all)
    work = (run(each, rating, scene, chosen, replace(recipe, seed=seed)) for chosen, seed in tasks)
    found = Parallel(jobs, return_as="generator")(work)
    scores = np.stack(list(tqdm(found, total=len(tasks), unit="network")), axis=1)
    return scores.reshape(len(table), len(all_folds), len(seeds)).mean(-1)


def _predict_all(
    maps: Sequence[NDArray], rating: NDArray, scene: NDArray, chosen: NDArray, recipe: PaperRecipe
) -> NDArray:
    """Train on the chosen pairs and score all, once more from another seed if it did not begin."""
    torch.set_num_threads(1)  # so that sums are taken in the same order
    part = [maps[i] for i in chosen]
    whole = Batch(maps)
    for attempt in range(TRIES):
        tried = replace(recipe, seed=recipe.seed + 1000 * attempt)
        network, _ = train_paper(part, rating[chosen], scene[chosen], tried)
        with torch.no_grad():
            scores = whole(network).numpy()
        if np.ptp(scores[chosen]) >= DEAD:
            break
    return scores
