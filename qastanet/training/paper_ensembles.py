"""Many networks of the paper for every fold: what is trained, kept and read back.

Which of two seeds is better is chance, and differs between seeds by as much as between poolings.
So every prediction is the mean of many networks, and their spread is kept with it. A network whose
scores of its own training pairs do not spread has not begun to learn; it is counted, left out, and
the next seed takes its place.

`python -m qastanet.training.paper_ensembles` trains all that is missing (resumable, a fold at a
time, in `build/training`) and gathers the scores in `data/processed`.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray
from tqdm.auto import tqdm

from qastanet import storage
from qastanet.errors import InputError, exit_code
from qastanet.training.folds import Fold
from qastanet.training.paper_plans import (
    ALL,
    MAPS,
    PLANS,
    RATINGS,
    Pairs,
    Plan,
    first_seed,
    left_out,
    plan_folds,
    read_pairs,
    released_start,
)
from qastanet.training.paper_training import Batch, PaperRecipe, predict, train_paper

DEAD = 0.05
"""A network whose scores of the training pairs spread by less has not begun to learn."""

TRIES = 5
"""Seeds tried for each that is wanted, and SPARE more, before it is an error."""

SPARE = 15


class Trained(NamedTuple):
    """Networks of one fold.

    Attributes:
        scores: of all pairs, shape (networks, pairs).
        seeds: of the networks, shape (networks,).
        dead: how many more were tried and had not begun to learn.
        weights: of the networks, by name, stacked.
        curve: of the networks, with ``seed``.
    """

    scores: NDArray[np.float64]
    seeds: NDArray[np.int64]
    dead: int
    weights: dict[str, NDArray]
    curve: pd.DataFrame


def train_fold(
    pairs: Pairs,
    fold: Fold,
    recipe: PaperRecipe,
    networks: int,
    start: Mapping[str, torch.Tensor] | None = None,
) -> Trained:
    """Train networks on one fold until enough of them have learnt.

    Args:
        pairs: all pairs.
        fold: what is trained on.
        recipe: how; its seed is that of the first network, the others follow it.
        networks: how many.
        start: weights to start from.

    Raises:
        InputError: if TRIES times as many seeds and SPARE more do not give enough
    """
    torch.set_num_threads(1)  # two processes do better than two threads
    chosen = np.flatnonzero(fold.train)
    part = [pairs.maps[i] for i in chosen]
    rating = pairs.table["mean"].to_numpy()[chosen] / 100
    scene = pairs.table.content.astype(str).to_numpy()[chosen]
    whole = Batch(pairs.maps, recipe.scale)
    found, dead = [], 0
    last = recipe.seed + TRIES * networks + SPARE
    for seed in range(recipe.seed, last):
        network, curve = train_paper(part, rating, scene, replace(recipe, seed=seed), start)
        scores = predict(network, whole)
        if np.ptp(scores[chosen]) < DEAD:
            dead += 1
            continue
        found.append((scores, seed, network.state_dict(), curve.assign(seed=seed)))
        if len(found) == networks:
            break
    else:
        raise InputError(f"{dead} of {last - recipe.seed} networks did not begin to learn")
    every, seeds, states, curves = zip(*found, strict=True)
    weights = {name: np.stack([state[name].numpy() for state in states]) for name in states[0]}
    return Trained(np.stack(every), np.array(seeds), dead, weights, pd.concat(curves))


def missing(
    pairs: Mapping[str, Pairs], folder: Path, plans: Mapping[str, Plan] = PLANS
) -> Iterator[tuple[str, str, int, Fold]]:
    """Give plan, protocol, number and fold of the trainings that the folder does not have."""
    for name, plan in plans.items():
        for protocol in plan.seeds:
            for number, fold in enumerate(plan_folds(pairs[plan.signal], protocol)):
                if not _file(folder, name, protocol, number).is_file():
                    yield name, protocol, number, fold


def train_missing(
    pairs: Mapping[str, Pairs],
    folder: str | Path,
    jobs: int = 2,
    plans: Mapping[str, Plan] = PLANS,
) -> None:
    """Train what a folder does not have yet; it can be stopped at any time and goes on later.

    Args:
        pairs: signal -> pairs.
        folder: where a file for every fold is written.
        jobs: processes; the result does not depend on it.
        plans: what.
    """
    folder = Path(folder)
    tasks = list(missing(pairs, folder, plans))
    need = any(plans[name].released for name, *_ in tasks)
    start = released_start() if need else None
    count = sum(plans[name].seeds[protocol] for name, protocol, *_ in tasks)

    def one(name: str, protocol: str, number: int, fold: Fold) -> int:
        plan = plans[name]
        networks = plan.seeds[protocol]
        given = start if plan.released else None
        recipe = replace(plan.recipe, seed=first_seed(protocol, number))
        trained = train_fold(pairs[plan.signal], fold, recipe, networks, given)
        _write(trained, _file(folder, name, protocol, number))
        return networks

    with tqdm(total=count, unit="network", desc="training", mininterval=5) as bar:
        run = Parallel(jobs, return_as="generator_unordered")
        for networks in run(delayed(one)(*task) for task in tasks):
            bar.update(networks)


def _file(folder: Path, name: str, protocol: str, number: int) -> Path:
    """Name the file of one fold."""
    return folder / f"{name}_{protocol}_{number}.npz"


def _write(trained: Trained, path: Path) -> None:
    """Keep one fold."""
    facts = {"scores": trained.scores, "seeds": trained.seeds, "dead": trained.dead}
    weights = {f"weights/{name}": each for name, each in trained.weights.items()}
    curve = {f"curve/{name}": trained.curve[name].to_numpy() for name in trained.curve}
    with storage.replacing(path) as temporary:
        np.savez_compressed(temporary, **facts, **weights, **curve)


def gather(
    pairs: Mapping[str, Pairs], folder: str | Path, plans: Mapping[str, Plan] = PLANS
) -> tuple[dict[str, NDArray], dict[str, NDArray], pd.DataFrame, pd.DataFrame]:
    """Gather what was trained.

    Returns:
        Scores (``plan/protocol`` -> folds, networks, pairs; in single precision) and seeds
        (``plan/protocol/seeds``); weights of the networks that saw all pairs (``plan/name``);
        a table of the folds (``model``, ``protocol``, ``left_out``, ``seeds``, ``dead``); and the
        curves of the networks that saw all pairs.
    """
    scores, weights, rows, curves = {}, {}, [], []
    for name, plan in plans.items():
        for protocol in plan.seeds:
            found = []
            for number, fold in enumerate(plan_folds(pairs[plan.signal], protocol)):
                with np.load(_file(Path(folder), name, protocol, number)) as archive:
                    kept = dict(archive)
                found.append(kept)
                left = left_out(pairs[plan.signal].table, fold)
                rows.append((name, plan.signal, protocol, left, len(kept["seeds"]), kept["dead"]))
            key = f"{name}/{protocol}"
            if protocol == ALL:
                names = [k for k in kept if k.startswith("weights/")]
                weights |= {f"{name}/{k.removeprefix('weights/')}": kept[k] for k in names}
                names = [k for k in kept if k.startswith("curve/")]
                curve = pd.DataFrame({k.removeprefix("curve/"): kept[k] for k in names})
                curves.append(curve.assign(model=name))
            else:
                scores[key] = np.stack([each["scores"] for each in found]).astype(np.float32)
                scores[f"{key}/seeds"] = np.stack([each["seeds"] for each in found])
    columns = ["model", "signal", "protocol", "left_out", "seeds", "dead"]
    table = pd.DataFrame(rows, columns=columns)
    table = table.groupby(columns[:4], sort=False, as_index=False).sum()  # draws of few scenes
    return scores, weights, table, pd.concat(curves)


def main() -> int:
    """Train all that is missing and gather it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("build/training"))
    parser.add_argument("--output", type=Path, default=Path("data/processed"))
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()

    def train() -> None:
        """Train what is missing, and write all."""
        pairs = read_pairs(RATINGS, MAPS)
        train_missing(pairs, options.folder, options.jobs)
        scores, weights, table, curves = gather(pairs, options.folder)
        for name, arrays in {"scores": scores, "weights": weights}.items():
            with storage.replacing(options.output / f"paper_{name}.npz") as temporary:
                np.savez_compressed(temporary, **arrays)
        storage.write_table(table, options.output / "paper_networks.csv")
        storage.write_table(curves, options.output / "paper_curves.csv", 5)

    return exit_code(train, "what is trained is kept, and the next run goes on")


if __name__ == "__main__":
    sys.exit(main())
