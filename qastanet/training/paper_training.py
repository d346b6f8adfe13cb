"""Training of the paper's network on difference maps: squared error plus correlation, Adam.

The network is that of `qastanet.models.network` with the true SWAP. It has some 730 weights, so a
few training scenes are kept apart and the state that predicts these best is taken (early stopping;
all steps are done, because the validation loss may fall late). Everything is in double precision:
in single precision the last bit of a machine makes another network.

One training is a draw of a lottery. `qastanet.training.paper_ensembles` trains many.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from qastanet.hearing.gammatone import N_BANDS
from qastanet.models.network import DifferenceNetwork
from qastanet.models.plain_network import SLOPE
from qastanet.training.compiled_network import FEATURES, TILE, activity

SCALE = (3.0, 0.1, 0.5, 0.05)
"""The maps are divided by these (dB, 1, 1, 1) before the network. With ten times smaller inputs a
third of the networks never leaves the plateau it starts on."""

WATCH = 5
"""Steps between two looks at the scenes kept apart."""


@dataclass(frozen=True)
class PaperRecipe:
    """How the network is trained.

    Attributes:
        pooling: see `qastanet.models.network`.
        steps: in all; the loss may rest on a plateau for a hundred before it falls.
        rate: learning rate.
        correlation: weight of 1 - Pearson's correlation beside the mean squared error.
        validation: number of training scenes kept apart for stopping.
        thin: a step sees every so many-th frame, another set of them each time.
        scale: the maps are divided by these.
        seed: of the initial weights and of the scenes kept apart.
    """

    pooling: str = "swap"
    steps: int = 300
    rate: float = 0.01
    correlation: float = 0.1
    validation: int = 2
    thin: int = 8
    scale: tuple[float, ...] = SCALE
    seed: int = 0


class Batch:
    """Maps of several pairs, their frames in tiles.

    Args:
        maps: difference maps (features, 29, frames) of each pair.
        scale: see `PaperRecipe`.
        thin: take every so many-th frame of a pair,
        offset: from this one on.
    """

    def __init__(
        self,
        maps: Sequence[NDArray],
        scale: Sequence[float] = SCALE,
        thin: int = 1,
        offset: int = 0,
    ):
        lengths = np.array([each.shape[-1] for each in maps])
        order = np.argsort(lengths, kind="stable")
        self.back = torch.from_numpy(np.argsort(order))
        found, self.groups = [], []  # (pairs, frames seen, frames there are)
        for length in np.unique(lengths):
            seen = np.stack(
                [maps[i][..., offset % length :: thin] for i in order if lengths[i] == length]
            ).astype(float)
            self.groups.append((len(seen), seen.shape[-1], length))
            found.append(seen.transpose(2, 1, 0, 3).reshape(N_BANDS, len(seen[0]), -1))
        cells = np.concatenate(found, -1) / np.array(scale)[: len(maps[0]), None]
        missing = (0, FEATURES - cells.shape[1]), (0, -cells.shape[-1] % TILE)
        cells = np.pad(cells, ((0, 0), *missing)).reshape(N_BANDS, FEATURES, -1, TILE)
        self.tiles = np.ascontiguousarray(cells.transpose(2, 0, 1, 3))

    def __call__(self, network: DifferenceNetwork) -> torch.Tensor:
        """Score all pairs, shape (pairs,)."""
        flow, start, pooled = activity(network, self.tiles), 0, []
        for pairs, frames, length in self.groups:
            part = flow[:, start : start + pairs * frames].reshape(-1, pairs, frames)
            found = network.pooling(part)
            if network.pooling_name == "sum":
                found = found * (length / frames)
            pooled.append(found)
            start += pairs * frames
        x = torch.nn.functional.leaky_relu(network.hidden(torch.cat(pooled, 1).T), SLOPE)
        return torch.sigmoid(network.output(x)).squeeze(-1)[self.back]


def _paper_loss(score: torch.Tensor, rating: torch.Tensor, correlation: float) -> torch.Tensor:
    """Mean squared error plus a share of 1 - Pearson's correlation.

    Example:
        >>> x = torch.tensor([0.1, 0.5, 0.9])
        >>> _paper_loss(x, x, 1.0).abs().item() < 1e-3
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
    start: Mapping[str, torch.Tensor] | None = None,
) -> tuple[DifferenceNetwork, pd.DataFrame]:
    """Train the network of the paper.

    Args:
        maps: difference maps of the training pairs, (features, 29, frames) each.
        rating: 0..1, shape (pairs,).
        scene: of each pair.
        recipe: how.
        start: weights to start from; drawn from the seed if there are none.

    Returns:
        The network at the step with the least validation loss, and curves with ``step``,
        ``training`` and ``validation`` (mean squared error) every WATCH steps.
    """
    rng = np.random.default_rng([31, recipe.seed])
    names = np.unique(scene)
    apart = np.isin(scene, rng.permutation(names)[: min(recipe.validation, len(names) - 1)])
    seen = [each for each, away in zip(maps, apart, strict=True) if not away]
    batches = [Batch(seen, recipe.scale, recipe.thin, k) for k in range(recipe.thin)]
    watched = Batch([each for each, away in zip(maps, apart, strict=True) if away], recipe.scale)
    target, goal = (torch.from_numpy(rating[apart == k].astype(float)) for k in (False, True))
    network = initial(len(maps[0]), recipe, start)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.rate)
    curve: list[dict] = []
    least, best = np.inf, network.state_dict()
    for step in range(recipe.steps):
        optimiser.zero_grad()
        loss = _paper_loss(batches[step % recipe.thin](network), target, recipe.correlation)
        loss.backward()
        optimiser.step()
        if step % WATCH == WATCH - 1 or step == recipe.steps - 1:
            with torch.no_grad():
                found = float((watched(network) - goal).square().mean())
            curve.append({"step": step, "training": float(loss.detach()), "validation": found})
            if found < least:
                least = found
                best = {name: each.clone() for name, each in network.state_dict().items()}
    network.load_state_dict(best)
    return network, pd.DataFrame(curve)


def initial(
    n_features: int, recipe: PaperRecipe, start: Mapping[str, torch.Tensor] | None = None
) -> DifferenceNetwork:
    """Return the network before its training, in double precision.

    Args:
        n_features: 4 for ambisonics, 3 for binaural signals.
        recipe: its pooling and seed count.
        start: weights to start from instead.
    """
    network = DifferenceNetwork(n_features, recipe.pooling)
    generator = torch.Generator().manual_seed(recipe.seed)
    for layer in (*network.pointwise, network.over_bands, network.hidden, network.output):
        _draw(layer, generator)
    if start is not None:
        network.load_state_dict(start)
    return network.double()


def _draw(layer: torch.nn.Linear, generator: torch.Generator) -> None:
    """Draw weights and bias evenly from +-1/sqrt(inputs), as PyTorch does when it makes a layer.

    PyTorch scales and rounds them differently on different processors; here they are scaled in
    double precision and rounded once.
    """
    bound = float(np.float32(1 / np.sqrt(layer.in_features)))
    with torch.no_grad():
        for each in (layer.weight, layer.bias):
            even = torch.rand(each.shape, generator=generator).double()
            each.copy_((2 * bound * even - bound).float())


def predict(network: DifferenceNetwork, batch: Batch) -> NDArray[np.float64]:
    """Score the pairs of a batch, shape (pairs,)."""
    with torch.no_grad():
        return batch(network).numpy()
