"""Training on few ratings: the optimisation loop, pre-training and fine-tuning of the ensemble.

Everything is done on whole batches and from fixed seeds, so a training can be repeated bit by bit
on one machine, and one that was interrupted ends where an uninterrupted one would.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm.auto import tqdm

from qastanet.errors import InputError
from qastanet.models.monotone import Member, MonotoneEnsemble
from qastanet.storage import replacing

MOTION = ("level", "ild", "coherence", "directiveness")
SPREAD = ("spread_ild", "spread_coherence", "mean_magnitude")
FRAMES = (*(f"frame_{name}" for name in MOTION), *SPREAD)
MEANS = (*(f"mean_{name}" for name in MOTION), *SPREAD)
PRIOR = 0.4
"""Weight of the synthetic pairs in fine-tuning: less fits a listening test better, more carries
over better to the next one (`qastanet.evidence.ablations`)."""

UNSEEN = math.log(0.2)
"""Initial logarithm of the loss against a better reference (a rating of 82 at best)."""

MEMBERS = (Member(FRAMES, 1, PRIOR),)
"""The members of the shipped ensemble: one is enough."""


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
        test_scales: each listening test has its own factor on the perceptual loss while training
            (`qastanet.training.rating_scale`). Their logarithms add up to 0, so one test alone has
            1.
        ceilings: tests with a better reference have a ceiling while training.
        seed: of the initial weights.
    """

    members: tuple[Member, ...] = MEMBERS
    common: float = 0.1
    first_steps: int = 600
    first_rate: float = 0.03
    steps: int = 350
    rate: float = 0.02
    test_scales: bool = True
    ceilings: bool = True
    seed: int = 0


@dataclass(frozen=True)
class Pairs:
    """Pairs to train on.

    Attributes:
        statistics: shape (pairs, 13, 29), see `qastanet.hearing.feature_statistics`.
        directive: whether a pair has directiveness, shape (pairs,).
        target: quality 0..1, shape (pairs,), or (runs, pairs) if it differs between runs.
        test: number of the listening test, shape (pairs,).
        better: whether its listeners compared with a better reference, shape (pairs,).
    """

    statistics: torch.Tensor
    directive: torch.Tensor
    target: torch.Tensor
    test: torch.Tensor
    better: torch.Tensor

    @classmethod
    def of(cls, statistics, directive, target, test=None, better=None) -> "Pairs":
        """Make pairs from arrays."""
        tensor = torch.tensor(np.asarray(target), dtype=torch.float32)
        nothing = np.zeros(len(statistics), dtype=int)
        number = nothing if test is None else np.asarray(test)
        better = nothing if better is None else np.asarray(better)
        return cls(
            torch.tensor(np.asarray(statistics), dtype=torch.float32),
            torch.tensor(np.asarray(directive)),
            tensor,
            torch.tensor(number),
            torch.tensor(better.astype(bool)),
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
    """The ensemble of every run, side by side, with the rating scales of the listening tests."""

    def __init__(self, recipe: Recipe, there: torch.Tensor):
        super().__init__()
        members = len(recipe.members)
        self.ensemble = MonotoneEnsemble(recipe.members, recipe.seed).repeated(len(there))
        self.register_buffer("there", there.float().repeat_interleave(members, 0).T)
        self.log_scale = nn.Parameter(torch.zeros_like(self.there))
        self.log_unseen = nn.Parameter(torch.full_like(self.there, UNSEEN))
        self.ceilings = recipe.ceilings

    def rated(self, pairs: Pairs) -> torch.Tensor:
        loss = self.ensemble.loss(pairs.statistics, pairs.directive)
        mean = (self.log_scale * self.there).sum(0) / self.there.sum(0)
        loss = loss * torch.exp((self.log_scale - mean) * self.there)[pairs.test]
        if self.ceilings:  # a ceiling is a loss that the pair does not show
            loss = loss + torch.exp(self.log_unseen)[pairs.test] * pairs.better[:, None]
        return torch.exp(-loss)

    def penalty(self) -> torch.Tensor:
        """Pull of the bends and exponents towards 0."""
        return 1e-5 * self.ensemble.bend.square().sum() + 2e-4 * (
            self.ensemble.log_exponent.square().sum()
        )


def _pairs_per_test(chosen: torch.Tensor, test: torch.Tensor) -> torch.Tensor:
    """Count the chosen pairs (runs, pairs) of each listening test, (runs, tests)."""
    return chosen.float() @ nn.functional.one_hot(test).float()


def shares(chosen: torch.Tensor, test: torch.Tensor, members: int) -> torch.Tensor:
    """Turn masks (runs, pairs) into weights (pairs, runs x members) that sum to 1 per run.

    Every listening test counts as much as any other.
    """
    pairs = _pairs_per_test(chosen, test)
    tests = (pairs > 0).sum(1, keepdim=True)
    return (chosen / (pairs[:, test] * tests).clamp(min=1)).repeat_interleave(members, 0).T


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
        the ratings that are trained on and on those held out, on the scale of their test.
    """
    runs, members = len(used), len(recipe.members)
    chosen = torch.as_tensor(np.asarray(used))
    trainee = _Trainee(recipe, _pairs_per_test(chosen, rated.test) > 0)
    weight = shares(chosen, rated.test, members)
    unseen = None
    if held_out is not None:
        unseen = shares(torch.as_tensor(np.asarray(held_out)), rated.test, members)

    def watch() -> dict[str, float]:
        error = trainee.rated(rated) - rated.target[:, None]
        parts = {"seen": weight, "held_out": unseen}
        total = {name: (part * error.square()).sum() for name, part in parts.items()}
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
        return (weight * error).sum() + synthetic(prior) + trainee.penalty()

    phases = {"pre-training": (first, recipe.first_steps, recipe.first_rate)}
    phases["fine-tuning"] = (second, recipe.steps, recipe.rate)
    curves = []
    for phase, (loss, steps, rate) in phases.items():
        trainee.log_scale.requires_grad_(phase == "fine-tuning" and recipe.test_scales)
        trainee.log_unseen.requires_grad_(phase == "fine-tuning" and recipe.ceilings)
        file = None if checkpoint is None else f"{checkpoint}-{phase}.pt"
        name = None if label is None else f"{label}, {phase}"
        curve = optimise(
            trainee, loss, steps, rate, file, label=name, watch=None if unseen is None else watch
        )
        curves.append(curve.assign(phase=phase, loss=curve.loss / (runs * members)))
    return trainee.ensemble, pd.concat(curves, ignore_index=True)
