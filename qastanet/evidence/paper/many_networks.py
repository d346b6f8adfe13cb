"""What the network of the paper can do: means of many networks, and how much single ones differ.

All numbers come from the kept scores of `qastanet.training.paper_ensembles`; nothing is trained.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qastanet.agreement.bootstrap import percentile_interval
from qastanet.agreement.resampling import samples_of_scenes, weighted_pearson
from qastanet.agreement.statistics import ahead
from qastanet.evidence.fold_agreement import measures
from qastanet.listening_tests.contents import recording
from qastanet.training.folds import collect
from qastanet.training.paper_plans import ALL, FEW, PLANS, Pairs, Plan, plan_folds

MODELS = {
    "qastanet-retrained": ("swap", "swap-binaural"),
    "qastanet-tuned": ("released",),
}
"""Metric of the tables -> plans, one for each form of the signals."""

POOLINGS = {"sum": "sum", "max": "maximum", "p-norm": "p-norm"}
ABLATIONS = {
    "without-ild": "without ILD",
    "without-coherence": "without coherence",
    "without-power": "without power",
    "without-directiveness": "without directiveness",
}
CONTROL = {"log-mel": "log-mel features"}
"""Plans that differ from another in one thing -> what is said of them."""

COMPARED = (
    ("swap", "pooled-loso", POOLINGS),
    ("swap", "pooled-source-out", POOLINGS | ABLATIONS),
    ("swap-binaural", "pooled-loso", CONTROL),
    ("swap-binaural", "pooled-source-out", CONTROL),
    ("swap-binaural", "lodo", CONTROL),
)
"""Plan that others are compared with, protocol, and the others; see `all_differences`."""


def _protocols(plan: Plan) -> list[str]:
    """List the protocols under which everything is predicted."""
    return [name for name in plan.seeds if name != ALL and name not in FEW]


def predictions(pairs: Mapping[str, Pairs], kept: Mapping[str, NDArray]) -> pd.DataFrame:
    """Predict every rated pair by the mean of the networks that have not seen it.

    Args:
        pairs: signal -> pairs.
        kept: scores of `qastanet.training.paper_ensembles.gather`.

    Returns:
        As `qastanet.training.folds.collect`, with ``seeds``, the number of networks.
    """
    parts = []
    for metric, names in MODELS.items():
        for name in names:
            plan = PLANS[name]
            table = pairs[plan.signal].table
            for protocol in _protocols(plan):
                scores = kept[f"{name}/{protocol}"].astype(float).mean(1)
                folds = plan_folds(pairs[plan.signal], protocol)
                found = collect(table, folds, scores.T, metric)
                parts.append(found.assign(seeds=plan.seeds[protocol]))
    return pd.concat(parts, ignore_index=True)


def out_of_fold(pairs: Pairs, scores: NDArray, protocol: str) -> NDArray[np.float64]:
    """Put the scores of the folds together.

    Args:
        pairs: of the form that was trained on.
        scores: shape (folds, networks, pairs).
        protocol: under which they were trained.

    Returns:
        For the first, second, ... network of all folds the scores of the pairs that it has not
        seen, shape (networks, pairs); NaN for pairs that no fold leaves out.
    """
    found = np.full(scores.shape[1:], np.nan)
    for fold, each in zip(plan_folds(pairs, protocol), scores, strict=True):
        found[:, fold.test] = each[:, fold.test]
    return found


def _parts(table: pd.DataFrame, protocol: str) -> dict[str, NDArray[np.bool_]]:
    """Masks over the items that differ from their reference, by data set and together."""
    rated = (table.role != "reference").to_numpy()
    parts = {name: rated & (table.dataset == name) for name in pd.unique(table.dataset)}
    if protocol.startswith("pooled-"):
        parts = {"pooled": rated} | parts
    return {name: np.asarray(mask) for name, mask in parts.items()}


def single_networks(pairs: Mapping[str, Pairs], kept: Mapping[str, NDArray]) -> pd.DataFrame:
    """Agreement of single networks and of their mean, the scale of the test unknown.

    Returns:
        ``model`` (plan), ``signal``, ``protocol``, ``dataset``, ``network`` (1, 2, ...; ``mean``
        for the mean of all), ``n``, ``pearson``, ``spearman`` and ``rmse`` in points.
    """
    rows = []
    for name, plan in PLANS.items():
        table = pairs[plan.signal].table
        rating = table["mean"].to_numpy()
        for protocol in _protocols(plan):
            scores = kept[f"{name}/{protocol}"].astype(float)
            single = 100 * out_of_fold(pairs[plan.signal], scores, protocol)
            labels = {"model": name, "signal": plan.signal, "protocol": protocol}
            each = {str(k + 1): one for k, one in enumerate(single)} | {"mean": single.mean(0)}
            for dataset, mask in _parts(table, protocol).items():
                for network, one in each.items():
                    row = labels | {"dataset": dataset, "network": network}
                    rows.append(row | measures(one[mask], rating[mask]))
    return pd.DataFrame(rows).drop(columns="kendall")


def spread(single: pd.DataFrame) -> pd.DataFrame:
    """Set the mean of the networks beside what one of them does.

    Args:
        single: of `single_networks`.

    Returns:
        ``model``, ``signal``, ``protocol``, ``dataset``, ``seeds``, ``n``; ``pearson``,
        ``spearman`` and ``rmse`` of the mean of the networks; and of single networks ``..._one``
        (mean) and ``..._sd`` (standard deviation).
    """
    keys, values = ["model", "signal", "protocol", "dataset"], ["pearson", "spearman", "rmse"]
    whole = single.network == "mean"
    found = single[whole].set_index(keys)[["n", *values]]
    each = single[~whole].groupby(keys, sort=False)
    found.insert(0, "seeds", each.size())
    for name, kind in (("one", "mean"), ("sd", "std")):
        found = found.join(each[values].agg(kind).add_suffix(f"_{name}"))
    return found.reset_index()


def differences(
    pairs: Pairs,
    kept: Mapping[str, NDArray],
    changes: Mapping[str, str] = POOLINGS,
    replicates: int = 2000,
    seed: int = 0,
    base: str = "swap",
    protocol: str = "pooled-loso",
) -> pd.DataFrame:
    """Compare variants of the network with another, and tell chance by recordings and by seeds.

    A sample draws recordings, and for both networks seeds, with replacement; the same number of
    seeds for both.

    Args:
        pairs: of the form that was trained on.
        kept: scores of `qastanet.training.paper_ensembles.gather`.
        changes: plan -> what is said of it.
        replicates: number of samples.
        seed: of the random numbers.
        base: plan that the others are compared with.
        protocol: under which.

    Returns:
        ``variant``, ``dataset``, ``seeds``, ``n``, ``recordings``, ``ahead`` (recordings in which
        it agrees better than the base), ``pearson``, and ``difference`` from the base with its 95 %
        interval (``low``, ``high``); ``verdict``: better, worse or undecided.
    """
    table = pairs.table
    rating = table["mean"].to_numpy()
    unit = table.content.astype(str).map(recording).to_numpy()
    single = {
        name: out_of_fold(pairs, kept[f"{name}/{protocol}"].astype(float), protocol)
        for name in (base, *changes)
    }
    rows = []
    for dataset, mask in _parts(table, protocol).items():
        counts = samples_of_scenes(unit[mask], replicates, seed).counts
        for name, said in {base: base, **changes}.items():
            networks = min(len(single[name]), len(single[base]))
            first, second = single[name][:networks, mask], single[base][:networks, mask]
            found = _sampled(first, second, rating[mask], counts, seed)
            labels = {"variant": said, "dataset": dataset, "seeds": networks}
            labels |= {"n": int(mask.sum()), "recordings": len(np.unique(unit[mask]))}
            labels["ahead"] = ahead(first.mean(0), second.mean(0), rating[mask], unit[mask])
            rows.append(labels | found)
    return pd.DataFrame(rows)


def all_differences(
    pairs: Pairs, kept: Mapping[str, NDArray], replicates: int = 2000
) -> pd.DataFrame:
    """Compare all that is `COMPARED`.

    Returns:
        As `differences`, with ``base`` and ``protocol`` first.
    """
    parts = []
    for base, protocol, changes in COMPARED:
        part = differences(pairs, kept, changes, replicates, 0, base, protocol)
        part.insert(0, "base", base)
        part.insert(1, "protocol", protocol)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _sampled(
    first: NDArray, second: NDArray, rating: NDArray, counts: NDArray, seed: int
) -> dict[str, float | str]:
    """Difference of Pearson's correlation of two means of networks, shape (networks, items)."""
    once = np.ones((1, counts.shape[1]))
    at = [float(weighted_pearson(each.mean(0), rating, once)[0]) for each in (first, second)]
    networks = np.arange(len(first))
    size = (len(counts), 2, len(first))
    drawn = np.random.default_rng([seed, 7]).integers(len(first), size=size)
    shares = (drawn[..., None] == networks).mean(2)  # of each network in the mean of a sample
    one, other = (
        weighted_pearson(shares[:, k] @ each, rating, counts)
        for k, each in enumerate((first, second))
    )
    values = one - other
    low, high = percentile_interval(values)
    verdict = "better" if low > 0 else "worse" if high < 0 else "undecided"
    row = {"pearson": at[0], "difference": at[0] - at[1], "low": low, "high": high}
    if np.array_equal(first, second):
        return row | {"difference": 0.0, "low": np.nan, "high": np.nan, "verdict": ""}
    return row | {"verdict": verdict}


def deaths(networks: pd.DataFrame) -> pd.DataFrame:
    """Count the networks that did not begin to learn.

    Args:
        networks: of `qastanet.training.paper_ensembles.gather`.

    Returns:
        ``model``, ``trained`` (all that were tried), ``dead`` and ``share``.
    """
    found = networks.groupby("model", sort=False)[["seeds", "dead"]].sum()
    tried = found.seeds + found.dead
    return pd.DataFrame({"trained": tried, "dead": found.dead, "share": found.dead / tried})
