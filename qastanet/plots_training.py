"""Figures of the training, of the ablations and of the data efficiency."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from qastanet.plots import COLUMN, PAGE, PALETTE

NAMES = {"aes2023": "AES 2023", "ambiqual2": "codec set", "pooled": "both sets"}
PANELS = (("loso", "aes2023"), ("loso", "ambiqual2"), ("pooled-loso", "pooled"))
PANELS += (("lodo", "aes2023"), ("lodo", "ambiqual2"))
TITLES = {"loso": "scene left out", "pooled-loso": "scene left out", "lodo": "set left out"}


def training_curves(curves: pd.DataFrame) -> Figure:
    """Error on the ratings against the step, for scenes trained on and for scenes left out.

    Args:
        curves: of `qastanet.cross_validation.held_out_curves`.
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
            0.97,
            phase,
            ha="center",
            va="top",
            fontsize=7,
            transform=axis.get_xaxis_transform(),
        )
    axis.set(
        xlabel="Step", ylabel="Error of a member (points)", ylim=(0, None), xlim=(0, len(curves))
    )
    axis.legend(loc="lower left")
    return figure


def paper_curves(curves: pd.DataFrame) -> Figure:
    """Training and validation loss of the paper's network, one thin line per seed.

    Args:
        curves: ``step``, ``training``, ``validation`` and ``seed``.
    """
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 2.4), sharex=True)
    labels = {
        "training": "Training: error + 0.1 (1 − r)",
        "validation": "Validation scenes: squared error",
    }
    for axis, (column, label) in zip(axes, labels.items(), strict=True):
        for colour, (seed, part) in zip(PALETTE, curves.groupby("seed"), strict=False):
            axis.semilogy(part.step, part[column], color=colour, lw=0.9, label=f"seed {seed}")
            if column == "validation":
                best = part.loc[part.validation.idxmin()]
                axis.plot(best.step, best.validation, "o", color=colour)
        axis.set(xlabel="Step", ylabel=label)
    axes[1].set_title("dots: the state that is kept")
    axes[0].legend(ncols=2)
    return figure


def predictions(table: pd.DataFrame) -> Figure:
    """Predicted against rated quality out of fold, one panel per model and protocol, with interval.

    Args:
        table: predictions of `qastanet.cross_validation` with ``mean``, ``low``, ``high``.
    """
    table = table[(table.signal == "ambisonic") & (table.role != "reference")]
    models, protocols = pd.unique(table.metric), ("loso", "pooled-loso", "lodo")
    size = (PAGE, 2.4 * len(models))
    figure, axes = plt.subplots(len(models), 3, figsize=size, squeeze=False, sharex=True)
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
            axis.set(title=f"{model}, {protocol}", xlim=(0, 100), ylim=(0, 100))
        row[0].set_ylabel("Predicted quality in points")
    for axis in axes[-1]:
        axis.set_xlabel("Mean rating in points")
    axes[0, 0].legend()
    return figure


def ablations(table: pd.DataFrame, signal: str = "ambisonic") -> Figure:
    """Pearson's correlation of every variant, one panel per protocol and data set.

    Args:
        table: of `qastanet.ablations.compare`; seeds are shown as a range.
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


def data_efficiency(table: pd.DataFrame, signal: str = "ambisonic") -> Figure:
    """Agreement on unseen scenes against the number of training scenes, with bands over draws.

    Args:
        table: of `qastanet.ablations.data_efficiency`.
        signal: ambisonic or binaural.
    """
    table = table[table.signal == signal]
    figure, axes = plt.subplots(1, 2, figsize=(2 * COLUMN, 2.6))
    for colour, (name, part) in zip(PALETTE, table.groupby("variant", sort=False), strict=False):
        for axis, measure in zip(axes, ("pearson", "rmse"), strict=True):
            found = part.groupby("scenes")[measure].quantile([0.1, 0.5, 0.9]).unstack()
            axis.plot(found.index, found[0.5], "o-", color=colour, label=name)
            axis.fill_between(found.index, found[0.1], found[0.9], color=colour, alpha=0.2, lw=0)
    axes[0].set(xlabel="Training scenes", ylabel="Pearson on the other scenes")
    axes[1].set(xlabel="Training scenes", ylabel="Error in points on the other scenes")
    axes[1].legend()
    return figure
