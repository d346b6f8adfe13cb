"""The data behind figures and tables that the paper has: stimuli, one pair dissected, weights.

Each function returns a table or arrays that are kept beside the figure drawn from them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from qastanet.evidence.comparison.metrics import headline
from qastanet.evidence.comparison.protocols import add_predictions, map_scenes
from qastanet.hearing.differences import FEATURE_NAMES, PAPER_ILD
from qastanet.hearing.differentiable.filterbank import filterbank
from qastanet.hearing.gammatone import centre_frequencies
from qastanet.listening_tests.contents import recording
from qastanet.models.network import DifferenceNetwork
from qastanet.rivals.other_metrics import SCALES
from qastanet.training.paper_training import SCALE

PAPER_CONTENTS = {
    "AMB": ("ambience", "ambience", ""),
    "APP": ("applause", "ambience", ""),
    "ORC": ("orchestra", "music", ""),
    "BND": ("band", "music", ""),
    "SPK1_ANE": ("one talker", "speech", "anechoic"),
    "SPK1_REV": ("one talker", "speech", "reverberant"),
    "SPK3_ANE": ("three talkers", "speech", "anechoic"),
    "SPK3_REV": ("three talkers", "speech", "reverberant"),
    "THE": ("theatre", "", ""),
    "MTG": ("meeting", "", ""),
    "POP": ("vocal and cello, synthetic mix", "music", ""),
    "FLK_ANE": ("violin and banjo", "music", "anechoic"),
    "FLK_REV": ("violin and banjo", "music", "reverberant"),
}
"""Contents of the paper's private test: code -> what it is, group, room (empty: not told)."""

PAPER_EXCERPTS = 6
"""Excerpts of each content: suffix _1 for testing, _2 for validation, _3 to _6 for training."""

SHOWN = (
    *("parts", "qastanet-retrained", "qastanet-released", "emobiq"),
    *("ambiqual-lq", "ambiqual-la", "visqol", "zimtohrli"),
)
"""Metrics that the paper compares, ours first, and the best of the others."""

GROUPED = ("parts", "qastanet-released", "emobiq", "ambiqual-la", "visqol")
"""Metrics whose agreement is shown in groups."""

EXAMPLE_BANDS = (4, 12, 20, 27)
"""Bands that the overview shows as signals."""


def stimuli_table(rated: pd.DataFrame) -> pd.DataFrame:
    """List the contents of the paper's test and of the public ones.

    Args:
        rated: ``dataset``, ``content``, ``group``, ``room``, ``order``, ``condition``,
            ``listeners`` and ``mean``, one row per rated stimulus.

    Returns:
        One row per content: dataset, content, description, group, room, stimuli, conditions,
        orders, listeners, lowest and highest mean rating, and whether it is public.
    """
    rows = [
        {"dataset": "paper-private", "content": code, "description": what, "group": group}
        | {"room": room, "stimuli": PAPER_EXCERPTS, "public": "no"}
        for code, (what, group, room) in PAPER_CONTENTS.items()
    ]
    for (dataset, content), part in rated.groupby(["dataset", "content"], sort=False):
        first = part.iloc[0]
        orders = sorted(part.order.dropna().unique())
        rows.append(
            {"dataset": dataset, "content": content, "group": first.group, "room": first.room}
            | {"stimuli": len(part), "conditions": " ".join(sorted(part.condition.unique()))}
            | {"orders": " ".join(f"{order:g}" for order in orders)}
            | {"listeners": int(part.listeners.max()), "lowest": part["mean"].min()}
            | {"highest": part["mean"].max(), "public": "yes"}
        )
    return pd.DataFrame(rows)


def example_pair(kept: Mapping[str, NDArray]) -> tuple[dict[str, NDArray], NDArray]:
    """Bring the kept arrays of one second into the form of the overview.

    Args:
        kept: arrays of ``tests/golden/released_second.npz``.

    Returns:
        Arrays of `qastanet.plots.paper.method_overview`, reference first, and the difference maps
        (4, 29, frames) without undefined values.
    """
    ears = np.stack([kept["ref_binaural"], kept["deg_binaural"]])
    bands = [filterbank(torch.from_numpy(ears[:, 0]), slice(k, k + 1))[:, 0] for k in EXAMPLE_BANDS]
    names = ("d_ild", "d_gamma", "d_mon", "d_dir")
    differences = np.nan_to_num(np.stack([kept[name] for name in names]).astype(float))
    pair = {
        "ears": ears,
        "bands": np.stack([band.real.numpy() for band in bands], axis=1),
        "band_hz": centre_frequencies()[list(EXAMPLE_BANDS)],
        "ild": kept["ild"] / PAPER_ILD,
        "coherence": np.abs(kept["gamma"]),
        "power": 10 * np.log10(kept["power"]) + 100,
        "directiveness": kept["directiveness"][::-1],  # kept with the degraded signal first
        "differences": differences,
    }
    return pair, differences


def dissect(
    networks: Sequence[DifferenceNetwork], differences: NDArray, shown: int = 0
) -> dict[str, NDArray]:
    """Follow the difference maps of a pair through one of the paper's networks.

    Args:
        networks: with SWAP pooling, trained on scaled maps (`qastanet.training.paper_training`).
        differences: shape (features, 29, frames).
        shown: which of the networks to follow.

    Returns:
        ``weighted`` (features, 29, frames), ``activity`` (6, frames), ``pooling`` weights
        (6, frames) that sum to 1 over the frames, ``pooled`` (6,) and ``score`` () of the one
        network, and ``scores`` (networks,) of all.
    """
    with torch.no_grad():
        scale = np.array(SCALE)[: len(differences), None, None]
        maps = torch.from_numpy(np.asarray(differences, dtype=float) / scale)
        network = networks[shown]
        activity = network.activity(maps)
        weights = torch.softmax(network.pooling.beta * activity, -1)
        found = {
            "weighted": maps * network.band_weight[..., None],
            "activity": activity,
            "pooling": weights,
            "pooled": (weights * activity).sum(-1),
            "score": network(maps),
            "scores": torch.stack([each(maps) for each in networks]),
        }
    return {name: value.numpy() for name, value in found.items()}


def band_weights(networks: Sequence[DifferenceNetwork]) -> pd.DataFrame:
    """Tabulate what the paper's network makes of each band.

    Args:
        networks: trained from several seeds.

    Returns:
        ``model``, ``feature``, ``band``, ``frequency_hz``, ``weight`` (factor per feature and band)
        as the median over the seeds, and the range that holds 80 % of them, ``low`` and ``high``.
    """
    factors = np.stack([network.band_weight.detach().numpy() for network in networks])
    rows = []
    for feature, values in zip(FEATURE_NAMES, factors.swapaxes(0, 1), strict=True):
        for band, frequency in enumerate(centre_frequencies()):
            low, middle, high = np.quantile(values[:, band], [0.1, 0.5, 0.9])
            rows.append(("qastanet-retrained", feature, band, frequency, middle, low, high))
    columns = ["model", "feature", "band", "frequency_hz", "weight", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def predicted_points(scores: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Bring every metric to points without the recording that is predicted.

    Metrics without training are mapped by the monotone cubic of the other recordings of their test;
    trained models are those of the same test that have not seen the recording (``source-out``).

    Args:
        scores: table of scores.
        predictions: of trained models, see `qastanet.training.folds.collect`.

    Returns:
        One row per item and metric: ``dataset``, ``content``, ``role``, ``mean``, ``ci95_low``,
        ``ci95_high``, ``metric``, ``points``; ambisonic signals, or binaural ones for a metric that
        takes only these.
    """
    metrics = headline(scores)
    keep = ["dataset", "stimulus", "content", "role", "mean", "ci95_low", "ci95_high"]
    mapped = map_scenes(scores, {name: SCALES.get(name) for name in metrics}, unit=recording)
    trained = add_predictions(scores, predictions)["source-out"]
    models = [name for name in pd.unique(predictions.metric) if name in trained]
    parts = []
    for table, names, factor in ((trained, models, 100), (mapped, metrics, 1)):
        for name in names:
            items = table.dropna(subset=name).sort_values("signal")  # ambisonic first
            items = items.drop_duplicates(["dataset", "stimulus"])
            parts.append(items[keep].assign(metric=name, points=factor * items[name]))
    return pd.concat(parts, ignore_index=True)


def group_rows(correlations: pd.DataFrame, further: Sequence[str] = ()) -> pd.DataFrame:
    """Choose the rows of the table of correlations that compare groups of items.

    Args:
        correlations: of `qastanet.evidence.comparison.tables.full_table`.
        further: metrics to show beside `GROUPED`.

    Returns:
        Rows of the ambisonic signals of the single tests: all coded items, then by content, room
        and condition; our model under ``pooled-source-out``, the others under ``direct``.
    """
    shown = correlations.metric.isin([*GROUPED, *further])
    rows = correlations[shown & (correlations.signal == "ambisonic")]
    rows = rows[rows.dataset.isin(["aes2023", "ambiqual2"])]
    rows = rows[rows.protocol == rows.metric.map({"parts": "pooled-source-out"}).fillna("direct")]
    place = {"without_reference": 0, "group": 1, "room": 2, "condition": 3}
    kind = rows.subset.str.extract("^(without_reference$|group|room|condition)", expand=False)
    rows = rows.assign(order=kind.map(place)).dropna(subset="order")
    return rows.sort_values(["dataset", "order", "subset"], kind="stable").drop(columns="order")
