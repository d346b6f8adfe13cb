"""Figures of the training, of the ablations and of the data efficiency."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from qastanet.plots.names import LABELS, PROTOCOLS
from qastanet.plots.style import COLUMN, PAGE, PALETTE

NAMES = {"aes2023": "AES 2023", "ambiqual2": "codec set", "pooled": "both sets"}
PANELS = (("loso", "aes2023"), ("loso", "ambiqual2"), ("pooled-loso-scaled", "pooled"))
PANELS += (("pooled-loso-scaled", "ambiqual2"), ("lodo", "aes2023"), ("lodo", "ambiqual2"))
TITLES = {
    "loso": "scene left out",
    "pooled-loso-scaled": "one model",
    "lodo": "set left out",
}


def training_curves(curves: pd.DataFrame) -> Figure:
    """Error on the ratings against the step, for scenes trained on and for scenes left out.

    Args:
        curves: of `qastanet.training.cross_validation.held_out_curves`.
    """
    figure, axis = plt.subplots(figsize=(COLUMN + 1, 2.4))
    step = np.arange(len(curves))
    for column, colour, label in (
        ("held_out", PALETTE[1], "scene left out"),
        ("seen", PALETTE[0], "scenes trained on"),
    ):
        axis.plot(step, 100 * np.sqrt(curves[column]), color=colour, label=label)
    for phase, part in curves.groupby("phase", sort=False):
        start = int(np.flatnonzero(curves.phase == phase)[0])
        axis.axvline(start, color="0.6", lw=0.6)
        axis.text(
            start + len(part) / 2,
            1.01,
            phase,
            ha="center",
            va="bottom",
            fontsize=7,
            transform=axis.get_xaxis_transform(),
        )
    axis.set(xlabel="Step", ylabel="Error (points)", ylim=(0, None), xlim=(0, len(curves)))
    axis.legend(loc="lower left")
    return figure


def paper_curves(curves: pd.DataFrame) -> Figure:
    """Training loss and validation error of many networks: median, and a band that holds 80 %.

    Args:
        curves: ``step``, ``training``, ``validation``, ``model`` and ``seed``. The validation
            scenes of every seed are others, so the band shows how hard they are, too.
    """
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 2.4), sharex=True)
    labels = {"swap": "ambisonic, four features", "swap-binaural": "binaural, three features"}
    for axis, column in zip(axes, ("training", "validation"), strict=True):
        for colour, (model, label) in zip(PALETTE, labels.items(), strict=False):
            grouped = curves[curves.model == model].groupby("step")[column]
            look = {"color": colour, "marker": "", "label": label}
            _median_and_band(axis, grouped, 0.2, **look)
        axis.set(xlabel="Step", yscale="log")
    axes[0].set_ylabel("Training loss: squared error + 0.1 (1 − r)")
    axes[1].set_ylabel("Squared error, scenes kept apart")
    axes[0].legend()
    return figure


NETWORKS = {
    "swap": "SWAP",
    "sum": "sum",
    "max": "maximum",
    "p-norm": "p-norm",
    "released": "sum, started from the\nreleased weights",
    "swap-binaural": "SWAP, binaural,\nthree features",
}
"""Plans of `qastanet.training.paper_ensembles` in words."""


def networks(table: pd.DataFrame, measure: str = "pearson") -> Figure:
    """Agreement of single networks (dots) and of the mean of all of them (diamonds).

    Args:
        table: of `qastanet.evidence.paper_network.single_networks`.
        measure: ``pearson``, ``spearman`` or ``rmse``.
    """
    protocols = {
        "pooled-loso": "scene left out,\ntrained on both tests",
        "pooled-source-out": "recording left out,\ntrained on both tests",
        "lodo": "the whole test left out,\ntrained on the other",
    }
    there = [name for name in NETWORKS if name in set(table.model)]
    size = (PAGE, 0.5 * len(there) + 1)
    figure, axes = plt.subplots(1, len(protocols), figsize=size, sharey=True, sharex=True)
    datasets = {"aes2023": PALETTE[0], "ambiqual2": PALETTE[1], "pooled": PALETTE[2]}
    for axis, (protocol, title) in zip(axes, protocols.items(), strict=True):
        part = table[table.protocol == protocol].assign(name=table.model.map(NETWORKS))
        look = {"y": "name", "x": measure, "hue": "dataset", "dodge": True, "ax": axis}
        look |= {"order": [NETWORKS[name] for name in there], "hue_order": list(datasets)}
        look |= {"palette": datasets, "legend": False}
        single = part[part.network != "mean"]
        sns.stripplot(single, size=2, alpha=0.5, jitter=0.15, **look)
        whole = part[part.network == "mean"]
        sns.stripplot(whole, size=6, marker="D", jitter=False, linewidth=0.6, **look)
        axis.set(title=title, ylabel="", xlabel="Pearson" if measure == "pearson" else measure)
    marks = [
        plt.Line2D([], [], marker="D", ls="", color=colour, label=NAMES[name])
        for name, colour in datasets.items()
    ]
    figure.legend(handles=marks, loc="outside upper center", ncols=3)
    return figure


def predictions(table: pd.DataFrame) -> Figure:
    """Predicted against rated quality out of fold, one panel per model and protocol, with interval.

    Args:
        table: predictions of `qastanet.training.cross_validation` with ``mean``, ``low``, ``high``.
    """
    table = table[(table.signal == "ambisonic") & (table.role != "reference")]
    models = pd.unique(table.metric)
    protocols = ("loso", "pooled-loso-scaled", "pooled-loso", "lodo-scaled", "lodo")
    size = (PAGE, 1.9 * len(models))
    sharing = {"squeeze": False, "sharex": True, "sharey": True}
    figure, axes = plt.subplots(len(models), len(protocols), figsize=size, **sharing)
    for row, model in zip(axes, models, strict=True):
        for axis, protocol in zip(row, protocols, strict=True):
            chosen = table[(table.metric == model) & (table.protocol == protocol)]
            for colour, (name, part) in zip(PALETTE, chosen.groupby("dataset"), strict=False):
                score = 100 * part.score
                error = np.abs(100 * part[["low", "high"]].to_numpy().T - score.to_numpy())
                style = {"fmt": "o", "ms": 3, "elinewidth": 0.4, "alpha": 0.8}
                error = None if np.isnan(error).any() else error
                axis.errorbar(part["mean"], score, error, color=colour, label=NAMES[name], **style)
            axis.plot([0, 100], [0, 100], color="0.5", lw=0.6)
            axis.set(xlim=(0, 100), ylim=(0, 100))
        row[0].set_ylabel(f"{LABELS.get(model, model)}\n(points)")
    for axis, protocol in zip(axes[0], protocols, strict=True):
        axis.set_title(PROTOCOLS[protocol].replace(", ", ",\n"))
    figure.supxlabel("Mean rating (points)", fontsize=8)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def ablations(table: pd.DataFrame, signal: str = "ambisonic") -> Figure:
    """Pearson's correlation of every variant, one panel per protocol and data set.

    Args:
        table: of `qastanet.evidence.ablations.compare`; seeds are shown as a range.
        signal: ambisonic or binaural.
    """
    table = table[table.signal == signal]
    names = list(pd.unique(table.variant))[::-1]
    figure, axes = plt.subplots(1, len(PANELS), figsize=(PAGE, 0.2 * len(names) + 0.9), sharey=True)
    for axis, (protocol, dataset) in zip(axes, PANELS, strict=True):
        part = table[(table.protocol == protocol) & (table.dataset == dataset)]
        grouped = part.groupby("variant").pearson.agg(["mean", "min", "max"])
        for height, name in enumerate(names):
            if name in grouped.index:
                mean, low, high = grouped.loc[name]
                colour = PALETTE[1] if name == "shipped" else PALETTE[0]
                axis.plot([low, high], [height, height], color=colour)
                axis.plot(mean, height, "o", color=colour)
        if "shipped" in grouped.index:
            axis.axvline(grouped.loc["shipped", "mean"], color="0.6", lw=0.6)
        axis.set(title=f"{NAMES[dataset]},\n{TITLES[protocol]}", xlabel="Pearson")
    axes[0].set_yticks(range(len(names)), names)
    return figure


def _median_and_band(axis, grouped, alpha: float, color, marker: str, label: str) -> None:
    """Draw the median of each group as a line, and a band that holds 80 % of it."""
    found = grouped.quantile([0.1, 0.5, 0.9]).unstack()
    axis.plot(found.index, found[0.5], f"{marker}-", color=color, label=label)
    axis.fill_between(found.index, found[0.1], found[0.9], color=color, alpha=alpha, lw=0)


def data_efficiency(table: pd.DataFrame, signal: str = "ambisonic") -> Figure:
    """Agreement on unseen scenes against the number of training scenes, with bands over draws.

    Args:
        table: of `qastanet.evidence.ablations.data_efficiency`.
        signal: ambisonic or binaural.
    """
    table = table[table.signal == signal]
    figure, axes = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.6))
    first = table.variant.iloc[0]
    scaled = table.protocol.str.endswith("-scaled")
    table = table[scaled | (table.variant == first)]
    name = table.variant.where(scaled, table.variant + ", scale unknown")
    groups = table.groupby(name, sort=False)
    for colour, marker, (label, part) in zip(PALETTE, "os^v", groups, strict=False):
        look = {"color": colour, "marker": marker, "label": label}
        for axis, measure in zip(axes, ("pearson", "rmse"), strict=True):
            _median_and_band(axis, part.groupby("scenes")[measure], 0.15, **look)
    axes[0].set(xlabel="Training scenes", ylabel="Pearson on the others")
    axes[1].set(xlabel="Training scenes", ylabel="Error on the others (points)")
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def scale_efficiency(table: pd.DataFrame) -> Figure:
    """Error on an unseen listening test against the number of its scenes that tell its scale.

    Args:
        table: of `qastanet.evidence.ablations.scale_efficiency`.
    """
    figure, axes = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.4), sharey=True)
    titles = {"aes2023": "codec set → AES 2023", "ambiqual2": "AES 2023 → codec set"}
    for axis, (dataset, title) in zip(axes, titles.items(), strict=True):
        for colour, marker, (signal, part) in zip(
            PALETTE, "os", table[table.dataset == dataset].groupby("signal"), strict=False
        ):
            look = {"color": colour, "marker": marker, "label": signal}
            _median_and_band(axis, part.groupby("scenes").rmse, 0.2, **look)
        axis.set(title=title, xlabel="Rated scenes that tell the scale", ylim=(0, None))
        axis.set_xticks(sorted(part.scenes.unique()))
    axes[0].set_ylabel("Error on the others (points)")
    axes[1].legend()
    return figure
