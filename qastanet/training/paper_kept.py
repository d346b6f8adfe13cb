"""The kept scores of the paper's networks: read back, and held to networks trained again here."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray

from qastanet import storage
from qastanet.errors import InputError
from qastanet.models.network import DifferenceNetwork
from qastanet.training.paper_ensembles import train_fold
from qastanet.training.paper_plans import PLANS, Pairs, Plan, plan_folds

TOLERANCE = 1e-6
"""A network that is trained again, on any machine, gives the kept scores to this."""


def train_again(
    pairs: Mapping[str, Pairs],
    kept: Mapping[str, NDArray],
    networks: int = 2,
    plans: Mapping[str, Plan] = PLANS,
    start: Mapping[str, torch.Tensor] | None = None,
    jobs: int = 2,
) -> pd.DataFrame:
    """Train the first networks of the first fold of every plan again, and hold them to the kept.

    Args:
        pairs: signal -> pairs.
        kept: scores of `gather`.
        networks: how many of each plan.
        plans: which.
        start: the released weights; plans that start from them are passed over without.
        jobs: processes.

    Returns:
        ``model``, ``networks`` and ``deviation``, the largest of a score.
    """

    def one(name: str) -> tuple[str, int, float]:
        plan = plans[name]
        protocol = next(iter(plan.seeds))
        fold = plan_folds(pairs[plan.signal], protocol)[0]
        given = start if plan.released else None
        count = min(networks, plan.seeds[protocol])
        found = train_fold(pairs[plan.signal], fold, plan.recipe, count, given).scores
        there = kept[f"{name}/{protocol}"][0, :count]
        return name, count, float(np.abs(found - there).max())

    chosen = [name for name, plan in plans.items() if start is not None or not plan.released]
    rows = list(Parallel(jobs)(delayed(one)(name) for name in chosen))
    return pd.DataFrame(rows, columns=["model", "networks", "deviation"])


def require_same(found: pd.DataFrame) -> None:
    """Stop if a network that was trained again is not the kept one.

    Args:
        found: of `train_again`.

    Raises:
        InputError: if a score is off by more than TOLERANCE
    """
    off = found[~(found.deviation <= TOLERANCE)]
    if len(off):
        raise InputError(
            f"trained again, scores of {', '.join(off.model)} are off by up to "
            f"{off.deviation.max():.1g}; if the recipe was changed, `make train`"
        )


def read_scores(path: str | Path, pairs: Mapping[str, Pairs]) -> dict[str, NDArray]:
    """Read kept scores.

    Args:
        path: file of `main`.
        pairs: signal -> pairs that they are of.

    Raises:
        InputError: if the file is something else, or of other pairs
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            kept = dict(archive)
    except storage.DAMAGED as error:
        raise InputError(f"{path}: cannot be read as scores ({error}); `make train`") from error
    sizes = {len(each.table) for each in pairs.values()}
    scores = {name: each for name, each in kept.items() if not name.endswith("/seeds")}
    if not scores or {each.shape[-1] for each in scores.values()} != sizes:
        raise InputError(f"{path}: does not fit the {sizes} rated pairs; `make train`")
    return kept


def read_networks(path: str | Path, plan: str) -> list[DifferenceNetwork]:
    """Read the kept networks that have seen all pairs, in double precision.

    Args:
        path: file of weights of `qastanet.training.paper_ensembles`.
        plan: name in PLANS.

    Raises:
        InputError: if the file is something else, or has none of the plan
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = [name for name in archive.files if name.startswith(f"{plan}/")]
            arrays = {name.partition("/")[2]: archive[name] for name in names}
    except storage.DAMAGED as error:
        raise InputError(f"{path}: cannot be read as weights ({error}); `make train`") from error
    if "band_weight" not in arrays:
        raise InputError(f"{path}: holds no networks '{plan}'; `make train`")
    found = []
    for number in range(len(arrays["band_weight"])):
        network = DifferenceNetwork(arrays["band_weight"].shape[1], PLANS[plan].recipe.pooling)
        state = {name: torch.as_tensor(each[number]) for name, each in arrays.items()}
        network.double().load_state_dict(state)
        found.append(network)
    return found
