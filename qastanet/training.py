"""Training on few ratings: the optimisation loop, pre-training and fine-tuning of the ensemble.

Everything is done on whole batches and from fixed seeds, so a training can be repeated bit by bit
on one machine, and one that was interrupted ends where an uninterrupted one would.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm.auto import tqdm

from qastanet.errors import InputError
from qastanet.monotone import Member, MonotoneEnsemble
from qastanet.storage import replacing

MOTION = ("level", "ild", "coherence", "directiveness")
SPREAD = (*(f"spread_{name}" for name in MOTION), "mean_magnitude")
FRAMES = (*(f"frame_{name}" for name in MOTION), *SPREAD)
MEANS = (*(f"mean_{name}" for name in MOTION), *SPREAD)
PRIOR = 0.35
"""Weight of the synthetic pairs in fine-tuning: less fits a listening test better, more carries
over better to the next one (`qastanet.ablations`)."""

MEMBERS = tuple(Member(FRAMES, cosines, PRIOR) for cosines in (1, 2))
"""The members of the shipped ensemble."""


@dataclass(frozen=True)
class Recipe:
    """How the ensemble is trained.

    Attributes:
        members: what each member looks at.
        common: weight of the pairs whose rating is common knowledge.
        first_steps: of pre-training; 0 leaves it out.
        first_rate: learning rate of pre-training.
        steps: of fine-tuning on ratings.
        rate: learning rate of fine-tuning.
        test_scale: standard deviation of a factor (natural logarithm) on the perceptual loss that
            each listening test may have while training; 0 for none. At use the factor is 1.
        seed: of the initial weights.
    """

    members: tuple[Member, ...] = MEMBERS
    common: float = 0.1
    first_steps: int = 600
    first_rate: float = 0.03
    steps: int = 350
    rate: float = 0.02
    test_scale: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Pairs:
    """Pairs to train on.

    Attributes:
        statistics: shape (pairs, 13, 29), see `qastanet.feature_statistics`.
        directive: whether a pair has directiveness, shape (pairs,).
        target: quality 0..1, shape (pairs,), or (runs, pairs) if it differs between runs.
        test: number of the listening test, shape (pairs,).
    """

    statistics: torch.Tensor
    directive: torch.Tensor
    target: torch.Tensor
    test: torch.Tensor

    @classmethod
    def of(cls, statistics, directive, target, test=None) -> "Pairs":
        """Make pairs from arrays."""
        tensor = torch.tensor(np.asarray(target), dtype=torch.float32)
        number = np.zeros(len(statistics), dtype=int) if test is None else np.asarray(test)
        return cls(
            torch.tensor(np.asarray(statistics), dtype=torch.float32),
            torch.tensor(np.asarray(directive)),
            tensor,
            torch.tensor(number),
        )


def optimise(
    module: nn.Module,
    loss: Callable[[], torch.Tensor],
    steps: int,
    rate: float,
    checkpoint: str | Path | None = None,
    every: int = 100,
    label: str | None = None,
    watch: Callable[[], dict[str, float]] | None = None,
) -> pd.DataFrame:
    """Minimise a loss with Adam.

    Args:
        module: what is trained, in place.
        loss: computes the loss on the whole batch.
        steps: number of steps in all.
        rate: learning rate.
        checkpoint: file that the state is written to, and resumed from if it is there.
        every: steps between checkpoints.
        label: shown with a progress bar; None for none.
        watch: computes what is only looked at, by name.

    Returns:
        Curve with ``step``, ``loss`` and what was watched.

    Raises:
        InputError: if the checkpoint is of something else.
    """
    optimiser = torch.optim.Adam(module.parameters(), lr=rate)
    values: list[float] = []
    watched: list[dict[str, float]] = []
    if checkpoint is not None and Path(checkpoint).is_file():
        state = torch.load(checkpoint, weights_only=True)
        try:
            module.load_state_dict(state["module"])
            optimiser.load_state_dict(state["optimiser"])
        except (RuntimeError, ValueError, KeyError) as error:
            raise InputError(f"{checkpoint}: of another training; remove it ({error})") from error
        values, watched = state["values"], state["watched"]
    bar = tqdm(range(len(values), steps), desc=label, disable=label is None, leave=False)
    for step in bar:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        optimiser.step()
        values.append(float(value.detach()))
        if watch is not None:
            with torch.no_grad():
                watched.append(watch())
        if checkpoint is not None and ((step + 1) % every == 0 or step + 1 == steps):
            state = {"module": module.state_dict(), "optimiser": optimiser.state_dict()}
            state |= {"values": values, "watched": watched}
            with replacing(checkpoint) as temporary:
                torch.save(state, temporary)
    curve = pd.DataFrame({"step": np.arange(len(values)), "loss": values})
    return curve.join(pd.DataFrame(watched))


class _Trainee(nn.Module):
    """The ensemble of every run, side by side, with the scales of the listening tests."""

    def __init__(self, recipe: Recipe, runs: int, tests: int):
        super().__init__()
        self.ensemble = MonotoneEnsemble(recipe.members, recipe.seed).repeated(runs)
        self.log_scale = nn.Parameter(torch.zeros(tests, runs * len(recipe.members)))

    def rated(self, pairs: Pairs) -> torch.Tensor:
        loss = self.ensemble.loss(pairs.statistics, pairs.directive)
        return torch.exp(-loss * torch.exp(self.log_scale[pairs.test]))

    def penalty(self) -> torch.Tensor:
        """Pull of the bends and exponents towards 0."""
        return 1e-5 * self.ensemble.bend.square().sum() + 2e-4 * (
            self.ensemble.log_exponent.square().sum()
        )


def _shares(chosen: Sequence[np.ndarray] | np.ndarray, members: int) -> torch.Tensor:
    """Turn masks (runs, pairs) into weights (pairs, runs x members) that sum to 1 per run."""
    chosen = torch.as_tensor(np.asarray(chosen))
    return (chosen / chosen.sum(1, keepdim=True)).repeat_interleave(members, 0).T


def train(
    recipe: Recipe,
    rated: Pairs,
    used: Sequence[np.ndarray] | np.ndarray,
    drawn: Pairs | None,
    common: Pairs | None,
    checkpoint: str | Path | None = None,
    label: str | None = None,
    held_out: Sequence[np.ndarray] | np.ndarray | None = None,
) -> tuple[MonotoneEnsemble, pd.DataFrame]:
    """Train the ensemble, in several runs at once that differ in the pairs they may see.

    Args:
        recipe: how.
        rated: pairs with ratings.
        used: which of them each run may see, shape (runs, pairs).
        drawn: synthetic pairs with the targets of pre-training, (runs, pairs).
        common: pairs whose rating is common knowledge.
        checkpoint: stem of the files that states are written to and resumed from.
        label: shown with the progress bars; None for none.
        held_out: pairs of each run, shape (runs, pairs), whose error is watched.

    Returns:
        Ensemble with runs x members members (those of a run together), and curves with ``phase``,
        ``step``, ``loss`` and, if watched, ``seen`` and ``held_out``: the mean squared error on
        the ratings that are trained on and on those held out.
    """
    runs, members = len(used), len(recipe.members)
    trainee = _Trainee(recipe, runs, int(rated.test.max()) + 1)
    weight = _shares(used, members)
    unseen = None if held_out is None else _shares(held_out, members)

    def watch() -> dict[str, float]:
        error = trainee.ensemble(rated.statistics, rated.directive) - rated.target[:, None]
        shares = {"seen": weight, "held_out": unseen}
        total = {name: (share * error.square()).sum() for name, share in shares.items()}
        return {name: float(value) / (runs * members) for name, value in total.items()}

    prior = torch.tensor([m.prior for m in recipe.members]).repeat(runs)

    def synthetic(factor: torch.Tensor | float) -> torch.Tensor:
        total = torch.zeros(())
        if drawn is not None:
            target = drawn.target.expand(runs, -1).repeat_interleave(members, 0).T
            error = trainee.ensemble(drawn.statistics, drawn.directive) - target
            total = total + (factor * error.square().mean(0)).sum()
        if common is not None and recipe.common:
            error = trainee.ensemble(common.statistics, common.directive) - common.target[:, None]
            total = total + recipe.common * error.square().mean(0).sum()
        return total

    def first() -> torch.Tensor:
        return synthetic(1.0) + trainee.penalty()

    def second() -> torch.Tensor:
        error = (trainee.rated(rated) - rated.target[:, None]).square()
        pull = 1e-2 / max(recipe.test_scale, 1e-3) ** 2 * trainee.log_scale.square().sum()
        return (weight * error).sum() + synthetic(prior) + trainee.penalty() + pull

    phases = {"pre-training": (first, recipe.first_steps, recipe.first_rate)}
    phases["fine-tuning"] = (second, recipe.steps, recipe.rate)
    curves = []
    for phase, (loss, steps, rate) in phases.items():
        trainee.log_scale.requires_grad_(phase == "fine-tuning" and recipe.test_scale > 0)
        file = None if checkpoint is None else f"{checkpoint}-{phase}.pt"
        name = None if label is None else f"{label}, {phase}"
        curve = optimise(
            trainee, loss, steps, rate, file, label=name, watch=None if unseen is None else watch
        )
        curves.append(curve.assign(phase=phase, loss=curve.loss / (runs * members)))
    return trainee.ensemble, pd.concat(curves, ignore_index=True)
