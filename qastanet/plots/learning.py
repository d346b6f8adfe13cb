"""Figures of trainings: many networks, many configurations, predictions, few ratings."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from numpy.typing import NDArray

from qastanet.evidence.comparison.overview import main_form
from qastanet.evidence.paper.learning_curve import MODELS
from qastanet.evidence.paper.many_networks import POOLINGS
from qastanet.plots.names import DATASETS, LABELS, content_name
from qastanet.plots.style import PAGE, PALETTE, legend_above


def paper_curves(curves: pd.DataFrame) -> Figure:
    """Training loss and validation error of many networks: median, and a band that holds 80 %.

    The validation scenes of every seed are others, and some are harder. So the error of each
    network is divided by that of its own first step: what is compared is how far it falls.

    Args:
        curves: ``step``, ``training``, ``validation``, ``model`` and ``seed``.
    """
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 2.5), sharex=True)
    labels = {"swap": "ambisonic, four features", "swap-binaural": "binaural, three features"}
    first = curves.sort_values("step").groupby(["model", "seed"]).validation.transform("first")
    curves = curves.assign(validation=curves.validation / first).round(6)
    for axis, column in zip(axes, ("training", "validation"), strict=True):
        for colour, (model, label) in zip(PALETTE, labels.items(), strict=False):
            grouped = curves[curves.model == model].groupby("step")[column]
            _median_and_band(axis, grouped, colour, "-", label)
        axis.set(xlabel="Step", yscale="log")
    axes[0].set(ylabel="Loss", title="Training pairs: squared error + 0.1 (1 − r)")
    axes[1].set(ylabel="Squared error / that of its first step")
    axes[1].set_title("Scenes kept apart, others for every seed")
    axes[1].axhline(1, color="0.4", lw=0.8, ls=":")
    axes[1].set_yticks([0.1, 0.2, 0.5, 1, 2], ["0.1", "0.2", "0.5", "1", "2"])
    axes[1].minorticks_off()
    axes[0].legend(title="median of the seeds, band: 80 %", title_fontsize=7)
    return figure


NETWORKS = {
    "swap": "SWAP",
    **POOLINGS,
    "released": "sum, started from the\nreleased weights",
    "swap-binaural": "SWAP, binaural,\nthree features",
}
"""Plans of `qastanet.training.paper_ensembles` in words."""


def networks(table: pd.DataFrame) -> Figure:
    """Agreement of single networks (dots) and of the mean of all of them (diamonds).

    Args:
        table: of `qastanet.evidence.paper.many_networks.single_networks`.
    """
    protocols = {
        "pooled-loso": "scene left out,\ntrained on both tests",
        "pooled-source-out": "recording left out,\ntrained on both tests",
        "lodo": "the whole test left out,\ntrained on the other",
    }
    table = table.round(4)  # last bits must not decide where dots lie
    there = [name for name in NETWORKS if name in set(table.model)]
    size = (PAGE, 0.5 * len(there) + 1)
    figure, axes = plt.subplots(1, len(protocols), figsize=size, sharey=True, sharex=True)
    datasets = {"aes2023": PALETTE[0], "ambiqual2": PALETTE[1], "pooled": PALETTE[2]}
    for axis, (protocol, title) in zip(axes, protocols.items(), strict=True):
        part = table[table.protocol == protocol].assign(name=table.model.map(NETWORKS))
        look = {"y": "name", "x": "pearson", "hue": "dataset", "dodge": True, "ax": axis}
        look |= {"order": [NETWORKS[name] for name in there], "hue_order": list(datasets)}
        look |= {"palette": datasets, "legend": False}
        single = part[part.network != "mean"]
        sns.stripplot(single, size=2.5, alpha=0.4, jitter=False, **look)
        whole = part[part.network == "mean"]
        sns.stripplot(whole, size=6, marker="D", jitter=False, linewidth=0.6, **look)
        axis.set(title=title, ylabel="", xlabel="Pearson")
    words = [DATASETS["aes2023"], DATASETS["ambiqual2"], "Both tests together"]
    marks = {
        word: {"marker": "D", "ls": "", "color": colour}
        for word, colour in zip(words, datasets.values(), strict=True)
    }
    marks["mean of all networks"] = {"ls": "", "color": "0.5", "marker": "D", "ms": 6}
    marks["one network"] = {"ls": "", "color": "0.5", "marker": "o", "ms": 2.5}
    legend_above(figure, 5, marks)
    return figure


def learning_curve(table: pd.DataFrame) -> Figure:
    """Pearson's correlation and error on the same scenes, whatever was trained on.

    Args:
        table: of `qastanet.evidence.paper.learning_curve.learning_curve`.
    """
    table = table.round(4).assign(name=table.model.map(MODELS))
    tested = pd.unique(table.tested)
    size = (PAGE, 4.4)
    figure, axes = plt.subplots(2, len(tested), figsize=size, sharex=True, sharey="row")
    look = {"x": "scenes", "hue": "name", "dodge": 0.5, "palette": PALETTE[: len(MODELS)]}
    for column, name in zip(axes.T, tested, strict=True):
        part = table[table.tested == name]
        single, whole = part[part.network != "mean"], part[part.network == "mean"]
        for axis, measure in zip(column, ("pearson", "rmse"), strict=True):
            shown = {"y": measure, "ax": axis, "legend": False} | look
            thin = {"markers": "", "linewidth": 0.8, "errorbar": ("pi", 80), "err_kws": {"lw": 0.6}}
            sns.pointplot(single, **thin, **shown)
            sns.pointplot(
                whole, markers="D", markersize=3.5, linestyle="none", errorbar=None, **shown
            )
            axis.set(xlabel="Training scenes" if measure == "rmse" else "", ylabel="")
        heard = ", ".join(content_name(each) for each in name.split(" + "))
        heard = heard[:1].upper() + heard[1:]
        column[0].set_title(f"{heard}\n({DATASETS[part.dataset.iloc[0]]}, {part.n.iloc[0]} items)")
        column[0].axhline(0, color="0.5", lw=0.6)
        column[0].set_ylim(-1.02, 1.02)
    axes[0, 0].set_ylabel("Pearson")
    axes[1, 0].set_ylabel("RMSE (points)")
    marks = {k: {"color": colour} for k, colour in zip(MODELS.values(), PALETTE, strict=False)}
    marks["single networks: mean, and 80 % of twenty"] = {"color": "0.3"}
    marks["mean of the twenty"] = {"color": "0.3", "ls": "none", "marker": "D"}
    legend_above(figure, 3, marks)
    return figure


def predictions(table: pd.DataFrame) -> Figure:
    """Predicted against rated quality, a row per model, with intervals of 90 % if there are.

    Args:
        table: predictions of `qastanet.training.folds` with ``mean``, ``low``, ``high``.
    """
    protocols = {
        "pooled-source-out": "recording left out",
        "pooled-source-out-scaled": "recording left out,\nscale told",
        "lodo": "test left out",
        "lodo-scaled": "test left out,\nscale told",
    }
    table = main_form(table[table.role != "reference"])
    models = pd.unique(table.metric)
    colours = {"aes2023": PALETTE[0], "ambiqual2": PALETTE[1], "neural2024": PALETTE[2]}
    size = (PAGE, 1.75 * len(models) + 0.5)
    sharing = {"squeeze": False, "sharex": True, "sharey": True}
    figure, axes = plt.subplots(len(models), len(protocols), figsize=size, **sharing)
    for row, model in zip(axes, models, strict=True):
        for axis, protocol in zip(row, protocols, strict=True):
            chosen = table[(table.metric == model) & (table.protocol == protocol)]
            for (name, part), marker in zip(chosen.groupby("dataset"), "os^", strict=False):
                look = {"color": colours[name], "ms": 2.5, "alpha": 0.8}
                axis.plot(part["mean"], 100 * part.score, marker, **look)
                if part[["low", "high"]].notna().all(axis=None):
                    light = {"color": colours[name], "lw": 0.5, "alpha": 0.25}
                    axis.vlines(part["mean"], 100 * part.low, 100 * part.high, **light)
            axis.plot([0, 100], [0, 100], color="0.5", lw=0.6)
            axis.set(xlim=(0, 100), ylim=(0, 100))
        row[0].set_ylabel(textwrap.fill(LABELS[model], 18), fontsize=7)
    for axis, title in zip(axes[0], protocols.values(), strict=True):
        axis.set_title(title)
    figure.supxlabel("Mean rating (points)", fontsize=8)
    figure.supylabel("Predicted (points); lines: interval of 90 %", fontsize=8)
    marks = {
        DATASETS[name]: {"marker": marker, "ls": "", "color": colour}
        for (name, colour), marker in zip(colours.items(), "os^", strict=True)
    }
    legend_above(figure, 3, marks)
    return figure


def configurations(table: pd.DataFrame) -> Figure:
    """Agreement of every configuration (dots), and of the chosen one (diamonds).

    Args:
        table: of `qastanet.evidence.our_model.configurations.configuration_table`.
    """
    table = table[table.folds == "nothing fitted"].round(3)  # as in `networks`
    subsets = list(pd.unique(table.subset))
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 0.3 * len(subsets) + 1.2), sharey=True)
    for axis, (measure, label) in zip(
        axes, {"pearson": "Pearson", "spearman": "Spearman"}.items(), strict=True
    ):
        look = {"y": "subset", "x": measure, "order": subsets, "ax": axis}
        sns.stripplot(table[~table.chosen], size=3, color="0.5", alpha=0.4, jitter=False, **look)
        marked = {"size": 6, "marker": "D", "jitter": False, "color": PALETTE[1], "linewidth": 0.6}
        sns.stripplot(table[table.chosen], **marked, **look)
        axis.set(xlabel=label, ylabel="", xlim=(None, 1))
    marks = {"each configuration": {"marker": "o", "ls": "", "color": "0.5", "ms": 3}}
    marks["the shipped one"] = {"marker": "D", "ls": "", "color": PALETTE[1], "ms": 6}
    legend_above(figure, 2, marks)
    return figure


def _median_and_band(axis, grouped, colour, line: str, label: str) -> None:
    """Draw the median of each group as a line, and a band that holds 80 % of it."""
    found = grouped.quantile([0.1, 0.5, 0.9]).unstack()
    axis.plot(found.index, found[0.5], line, color=colour, label=label)
    axis.fill_between(found.index, found[0.1], found[0.9], color=colour, alpha=0.2, lw=0)


def scale_efficiency(table: pd.DataFrame) -> Figure:
    """Error on an unseen listening test against the number of its scenes that tell its scale.

    Args:
        table: of `qastanet.evidence.our_model.few_ratings.scale_efficiency`.
    """
    table = main_form(table)
    names = [name for name in DATASETS if name in set(table.dataset)]
    figure, axes = plt.subplots(1, len(names), figsize=(PAGE, 2.5), sharey=True)
    predicted = {"rmse": "other scenes", "rmse_recordings": "other recordings"}
    for axis, name in zip(axes, names, strict=True):
        part = table[table.dataset == name].round(2)
        for colour, marker, (column, label) in zip(PALETTE, "os", predicted.items(), strict=False):
            grouped = part.dropna(subset=column).groupby("scenes")[column]
            _median_and_band(axis, grouped, colour, f"{marker}-", label)
        axis.set(title=DATASETS[name], xlabel="Rated scenes that tell the scale")
        axis.set_ylim(0, None)
        axis.set_xticks(sorted(part.scenes.unique()))
    axes[0].set_ylabel("RMSE (points)")
    axes[0].legend(title="predicted; median, band: 80 %", title_fontsize=7)
    return figure


def fitting(losses: list[float], gains: NDArray, wanted: NDArray, centres: NDArray) -> Figure:
    """Draw how a loss falls, and the gains that are learnt beside those that are wanted.

    Args:
        losses: of each step
        gains: learnt, dB
        wanted: dB
        centres: frequencies of the gains in Hz
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE, 2.5))
    left.plot(np.arange(len(losses)), losses, color=PALETTE[0])
    left.set(xlabel="Step", ylabel="Loss, 1 − score", ylim=(0, None))
    right.plot(centres, wanted, color="0.45", ls="--", label="undoes the colouration")
    right.plot(centres, gains, "o-", color=PALETTE[3], ms=4, label="learnt")
    right.set(xscale="log", xlabel="Frequency (Hz)", ylabel="Gain (dB)")
    right.legend()
    return figure
