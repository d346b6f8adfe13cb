"""Figures of the comparison of metrics with the ratings."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from qastanet.plots.names import DATASETS, LABELS, PROTOCOLS
from qastanet.plots.style import COLUMN, PAGE, PALETTE

LOOKS = {
    "direct": ("o", PALETTE[0]),
    "loso": ("s", PALETTE[2]),
    "source-out": ("P", PALETTE[3]),
    "pooled-loso": ("D", PALETTE[4]),
    "pooled-source-out": ("X", PALETTE[5]),
    "pooled-loso-scaled": ("D", PALETTE[6]),
    "pooled-source-out-scaled": ("X", PALETTE[7]),
    "lodo": ("^", PALETTE[1]),
    "lodo-scaled": ("v", PALETTE[8]),
}
LOOKS |= {"reported": ("D", "0.4")}
ROLES = {"coded": ("o", PALETTE[0]), "anchor": ("v", PALETTE[3]), "reference": ("D", "0.35")}


def scatter_panels(table: pd.DataFrame, metrics: Sequence[str], notes: Mapping[str, str]) -> Figure:
    """Draw each metric against the mean ratings, a panel per metric.

    Args:
        table: of `qastanet.evidence.comparison.as_heard`: ``mean``, ``ci95_low``, ``ci95_high``,
            ``role`` and one column per metric
        metrics: columns to draw
        notes: metric -> text for its panel, its correlation for example
    """
    columns = 4
    rows = -(-len(metrics) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(PAGE, 1.75 * rows + 0.4), sharey=True, squeeze=False
    )
    for axis, metric in zip(axes.flat, metrics, strict=False):
        for role, (marker, colour) in ROLES.items():
            part = table[table.role == role].dropna(subset=metric)
            if len(part):
                axis.errorbar(
                    part[metric],
                    part["mean"],
                    yerr=[
                        (part["mean"] - part.ci95_low).clip(lower=0),
                        (part.ci95_high - part["mean"]).clip(lower=0),
                    ],
                    fmt=marker,
                    color=colour,
                    ms=3,
                    elinewidth=0.5,
                    alpha=0.85,
                    label=role,
                )
        axis.set_title(LABELS.get(metric, metric))
        axis.set_xlabel(notes.get(metric, ""), fontsize=6.5)
        axis.set_ylim(0, 109)
    for axis in axes.flat[len(metrics) :]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("Mean rating (0–100)")
    known = {}
    for axis in axes.flat:
        known |= dict(zip(*axis.get_legend_handles_labels()[::-1], strict=True))
    figure.legend(known.values(), known.keys(), loc="outside upper center", ncols=3)
    return figure


def within_scenes(table: pd.DataFrame, metrics: Sequence[str]) -> Figure:
    """Draw the correlations within the scenes: mean, lowest and highest scene.

    Args:
        table: of `qastanet.evidence.comparison.within_scenes`
        metrics: in the order from top to bottom
    """
    figure, axis = plt.subplots(figsize=(COLUMN + 1.6, 0.25 * len(metrics) + 1))
    for i, (dataset, part) in enumerate(table.groupby("dataset")):
        part = part.set_index("metric").reindex(metrics)
        place = np.arange(len(metrics)) + 0.24 * (i - (table.dataset.nunique() - 1) / 2)
        spread = [
            (part.spearman - part.lowest).clip(lower=0),
            (part.highest - part.spearman).clip(lower=0),
        ]
        axis.errorbar(
            part.spearman,
            place,
            xerr=spread,
            fmt="os^D"[i],
            color=PALETTE[i],
            ms=4,
            elinewidth=0.8,
            capsize=1.5,
            label=DATASETS.get(dataset, dataset),
        )
    axis.set_yticks(range(len(metrics)), [LABELS.get(name, name) for name in metrics])
    axis.invert_yaxis()
    axis.set(xlim=(-1.02, 1.02), xlabel="Spearman within a scene: mean, lowest, highest")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def forest(table: pd.DataFrame, metrics: Sequence[str], ceilings: Mapping[str, float]) -> Figure:
    """Draw Pearson correlations with their 95 % intervals, a panel per listening test.

    Args:
        table: rows of `qastanet.agreement.correlations`, one per dataset, metric and protocol
        metrics: in the order from top to bottom
        ceilings: dataset -> correlation that the noise of the listeners allows
    """
    there = list(dict.fromkeys(table.dataset))
    datasets = [name for name in DATASETS if name in there]
    datasets += [name for name in there if name not in DATASETS]
    places, rows = {}, 0.0
    for metric in metrics:
        given = set(table.protocol[table.metric == metric])
        for protocol in [name for name in LOOKS if name in given] or [""]:
            places[metric, protocol] = rows
            rows += 1
        rows += 0.6
    figure, axes = plt.subplots(
        1, len(datasets), figsize=(PAGE, 0.15 * rows + 1.6), sharey=True, squeeze=False
    )
    for axis, dataset in zip(axes[0], datasets, strict=True):
        part = table[table.dataset == dataset]
        for row in part.itertuples():
            if row.metric not in metrics or not np.isfinite(row.pearson):
                continue
            marker, colour = LOOKS[row.protocol]
            axis.errorbar(
                row.pearson,
                places[row.metric, row.protocol],
                xerr=[
                    [max(row.pearson - row.pearson_lo, 0)],
                    [max(row.pearson_hi - row.pearson, 0)],
                ],
                fmt=marker,
                color=colour,
                ms=3.5,
                capsize=1.5,
                elinewidth=0.9,
            )
        if dataset in ceilings:
            axis.axvline(ceilings[dataset], color="0.4", ls="--", lw=0.8)
        axis.axvline(0, color="0.6", lw=0.6)
        title = DATASETS.get(dataset, dataset)
        axis.set(title=title, xlim=(-0.5, 1.02), xlabel="Pearson, 95 % CI")
    centres = [np.mean([y for (name, _), y in places.items() if name == m]) for m in metrics]
    axes[0, 0].set_yticks(centres, [LABELS.get(name, name) for name in metrics])
    axes[0, 0].invert_yaxis()
    shown = [name for name in LOOKS if (table.protocol == name).any()]
    handles = [
        plt.Line2D([], [], marker=LOOKS[p][0], ls="", color=LOOKS[p][1], label=PROTOCOLS[p])
        for p in shown
    ]
    if any(name in ceilings for name in datasets):
        line = plt.Line2D([], [], color="0.4", ls="--", lw=0.8, label="listener noise allows")
        handles.append(line)
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def difference_matrix(table: pd.DataFrame) -> Figure:
    """Draw the differences of correlation between all pairs of metrics.

    Args:
        table: of `qastanet.agreement.significance.compare_metrics`, one listening test
    """
    metrics = list(dict.fromkeys([*table.metric_a, *table.metric_b]))
    size = len(metrics)
    values, marks = np.full((size, size), np.nan), np.full((size, size), "", dtype=object)
    for row in table.itertuples():
        i, j = metrics.index(row.metric_a), metrics.index(row.metric_b)
        values[i, j], values[j, i] = row.difference, -row.difference
        marks[i, j] = marks[j, i] = "**" if row.p_holm < 0.05 else "*" if row.p < 0.05 else ""
    figure, axis = plt.subplots(figsize=(PAGE, PAGE * 0.8))
    limit = max(np.nanmax(np.abs(values)), 0.1)
    image = axis.imshow(values, cmap="PuOr", vmin=-limit, vmax=limit)
    for i in range(size):
        for j in range(size):
            if np.isfinite(values[i, j]):
                colour = "w" if abs(values[i, j]) > 0.65 * limit else "k"
                text = f"{values[i, j]:+.2f}".replace("-", "−").replace("0.", ".", 1)
                axis.text(
                    j,
                    i,
                    f"{text}\n{marks[i, j]}",
                    ha="center",
                    va="center_baseline",
                    color=colour,
                    fontsize=5.5,
                )
    names = [LABELS.get(name, name) for name in metrics]
    axis.set_xticks(range(size), names, rotation=60, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(size), names)
    axis.grid(False)
    axis.set_facecolor("0.9")
    label = "Pearson of the row minus Pearson of the column"
    figure.colorbar(image, ax=axis, label=label, pad=0.02)
    return figure
