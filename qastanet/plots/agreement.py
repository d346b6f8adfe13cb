"""Figures of the comparison of metrics with the ratings."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from qastanet.plots.names import DATASETS, LABELS, UNSEEN, number, row_name
from qastanet.plots.style import PAGE, PALETTE, legend_above, readable_numbers, whiskers

SUBSETS = {
    "all": ("o", PALETTE[0], "all items"),
    "less": ("D", PALETTE[1], "without the worst coding"),
}
"""Marker, colour and name of all items, and of those without the condition far below the others."""

ROLES = {"coded": ("o", PALETTE[0]), "anchor": ("v", PALETTE[3]), "reference": ("D", "0.35")}

UNITS = {
    **dict.fromkeys(["visqol"], "MOS-LQO (1–5)"),
    **dict.fromkeys(["zimtohrli"], "score (1–5)"),
    **dict.fromkeys(["lsd", "log-mel", "si-sdr"], "dB"),
    **dict.fromkeys(["mrstft", "pemo-q"], "value"),
    **dict.fromkeys(["bam-q"], "score (0–100)"),
}
"""What stands below the scores of a metric; of all others they are 0..1."""


def scatter_panels(table: pd.DataFrame, metrics: Sequence[str], notes: Mapping[str, str]) -> Figure:
    """Draw each metric against the mean ratings, a panel per metric.

    Args:
        table: of `qastanet.evidence.comparison.views.as_heard`: ``mean``, ``ci95_low``,
            ``ci95_high``, ``role`` and one column per metric
        metrics: columns to draw
        notes: metric -> text for its panel, its correlation for example
    """
    columns = 4
    rows = -(-len(metrics) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(PAGE, 1.8 * rows + 0.5), sharey=True, squeeze=False
    )
    for axis, metric in zip(axes.flat, metrics, strict=False):
        for role, (marker, colour) in ROLES.items():
            part = table[table.role == role].dropna(subset=metric)
            if len(part):
                spread = whiskers(part["mean"], part.ci95_low, part.ci95_high)
                look = {"fmt": marker, "color": colour, "ms": 3, "elinewidth": 0.5, "alpha": 0.85}
                axis.errorbar(part[metric].round(4), part["mean"], spread, label=role, **look)
        axis.set_title(textwrap.fill(LABELS.get(metric, metric), 24))
        label = f"{UNITS.get(metric, 'score (0–1)')}\n{notes.get(metric, '')}"
        axis.set_xlabel(label, fontsize=6.5)
        axis.set_ylim(0, 109)
    for axis in axes.flat[len(metrics) :]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("Mean rating (points)")
    legend_above(figure, 3)
    return figure


def within_scenes(table: pd.DataFrame, metrics: Sequence[str]) -> Figure:
    """Draw the correlations within the scenes: each scene, their mean, lowest and highest.

    Args:
        table: of `qastanet.evidence.comparison.tables.within_scenes`
        metrics: in the order from top to bottom
    """
    table = table.round(4)
    there = [name for name in metrics if name in set(table.metric)]
    known = dict.fromkeys(table.dataset)
    datasets = [name for name in DATASETS if name in known]
    datasets += [name for name in known if name not in DATASETS]
    size = (PAGE, 0.22 * len(there) + 1)
    figure, axes = plt.subplots(1, len(datasets), figsize=size, sharey=True, squeeze=False)
    for axis, dataset in zip(axes[0], datasets, strict=True):
        part = table[table.dataset == dataset]
        look = {"y": "metric", "x": "spearman", "order": there, "ax": axis}
        sns.stripplot(part, jitter=False, size=2.5, color="0.5", alpha=0.5, **look)
        whole = {"errorbar": ("pi", 100), "linestyle": "none", "marker": "D", "markersize": 4}
        sns.pointplot(part, color=PALETTE[0], err_kws={"lw": 0.8}, **whole, **look)
        axis.set_title(f"{DATASETS.get(dataset, dataset)} ({part.content.nunique()} scenes)")
        axis.set(xlim=(-0.75, 1.04), xlabel="", ylabel="")
        axis.axvline(0, color="0.6", lw=0.6)
    axes[0, 0].set_yticks(range(len(there)), [LABELS.get(name, name) for name in there])
    label = "Spearman within a scene (dots: scenes; diamonds: mean, with lowest and highest)"
    figure.supxlabel(label, fontsize=8)
    return figure


def forest(table: pd.DataFrame, metrics: Sequence[str]) -> Figure:
    """Draw Pearson correlations with their intervals, a panel per listening test.

    Args:
        table: of `qastanet.evidence.comparison.overview.overview`: with and without the condition
            far below the others; a row ``listeners`` gives what another panel would reach,
            ``shuffled_high`` what 5 % of shuffles within the conditions exceed, if they are there
        metrics: in the order from top to bottom
    """
    table = table[table.pearson.notna()].round(4)
    datasets = list(dict.fromkeys(table.dataset))
    rows = table[table.metric.isin(metrics)]
    order = {name: place for place, name in enumerate(metrics)}
    rows = rows.sort_values("metric", key=lambda column: column.map(order), kind="stable")
    names = list(dict.fromkeys(zip(rows.metric, rows.unseen, strict=True)))
    size = (PAGE, 0.21 * len(names) + 1.3)
    figure, axes = plt.subplots(1, len(datasets), figsize=size, sharey=True, squeeze=False)
    for axis, dataset in zip(axes[0], datasets, strict=True):
        part = rows[rows.dataset == dataset]
        for subset, shift in (("all", -0.15), ("less", 0.18)):
            chosen = part[(part.subset == "all") == (subset == "all")]
            places = [
                names.index(key) + shift for key in zip(chosen.metric, chosen.unseen, strict=True)
            ]
            spread = whiskers(chosen.pearson, chosen.pearson_low, chosen.pearson_high)
            marker, colour, _ = SUBSETS[subset]
            look = {"fmt": marker, "color": colour, "ms": 3.5, "elinewidth": 0.9}
            axis.errorbar(chosen.pearson, places, xerr=spread, **look)
            if subset == "all" and "shuffled_high" in chosen:
                axis.plot(chosen.shuffled_high, places, "|", color="0.2", ms=5, mew=0.8)
        panel = table[(table.dataset == dataset) & (table.metric == "listeners")]
        for row in panel[panel.subset == "all"].itertuples():
            axis.axvline(row.pearson, color="0.4", ls="--", lw=0.8)
        axis.axvline(0, color="0.6", lw=0.6)
        axis.set_title(f"{DATASETS.get(dataset, dataset)}\n({_facts(part)})")
        axis.set(xlim=(-1.03, 1.03), xticks=[-1, -0.5, 0, 0.5, 1])
    axes[0, 0].set_yticks(range(len(names)), [row_name(*name) for name in names])
    axes[0, 0].set_ylim(len(names) - 0.4, -0.6)
    figure.supxlabel("Pearson, with 95 % of a bootstrap over recordings", fontsize=8)
    legend_above(figure, 4, _forest_marks(table))
    return figure


def _facts(rows: pd.DataFrame) -> str:
    """Say how many items and recordings a panel has."""
    whole = rows[rows.subset == "all"]
    return f"{whole['items'].max():.0f} items, {whole.recordings.max():.0f} recordings"


def _forest_marks(table: pd.DataFrame) -> dict[str, dict]:
    """Return the marks of the legend of a forest plot, of what is in it."""
    marks = {
        label: {"marker": marker, "ls": "", "color": colour}
        for key, (marker, colour, label) in SUBSETS.items()
        if ((table.subset == "all") == (key == "all")).any()
    }
    if "shuffled_high" in table:
        marks["codings alone reach (95 %)"] = {"marker": "|", "ls": "", "color": "0.2", "ms": 6}
    if (table.metric == "listeners").any():
        marks["another panel of listeners"] = {"color": "0.4", "ls": "--", "lw": 0.8}
    return marks


def difference_matrix(table: pd.DataFrame, unseen: str = "recording left out") -> Figure:
    """Draw the differences of correlation between all pairs of metrics.

    Args:
        table: of `qastanet.agreement.significance.compare_metrics`, one listening test
        unseen: what trained models have not seen of it, a key of `UNSEEN`, or nothing
    """
    metrics = list(dict.fromkeys([*table.metric_a, *table.metric_b]))
    values = pd.DataFrame(np.nan, index=metrics, columns=metrics)
    texts = pd.DataFrame("", index=metrics, columns=metrics)
    for row in table.round(4).itertuples():
        mark = "\n**" if row.p_holm < 0.05 else "\n*" if row.p < 0.05 else ""
        for first, second, sign in (
            (row.metric_a, row.metric_b, 1),
            (row.metric_b, row.metric_a, -1),
        ):
            values.loc[first, second] = sign * row.difference
            texts.loc[first, second] = number(sign * row.difference, "+.2f") + mark
    figure, axis = plt.subplots(figsize=(PAGE, PAGE * 0.85))
    limit = max(float(np.nanmax(np.abs(values))), 0.1)
    bar = {"label": "Pearson of the row minus Pearson of the column", "pad": 0.02}
    look = {"cmap": "PuOr", "vmin": -limit, "vmax": limit, "cbar_kws": bar, "square": True}
    annotated = {"annot": texts, "fmt": "", "annot_kws": {"size": 5}}
    names = [LABELS.get(name, name) for name in metrics]
    labels = {"xticklabels": names, "yticklabels": names}
    sns.heatmap(values, ax=axis, **look, **annotated, **labels)
    readable_numbers(axis)
    models = f"\nmodels: {UNSEEN[unseen]}" if unseen in UNSEEN else ""
    axis.set_title(_marks(int(table.scenes.max())) + models)
    axis.set_xticklabels(names, rotation=60, ha="right", rotation_mode="anchor")
    axis.grid(False)
    axis.set_facecolor("0.9")
    return figure


def _marks(recordings: int) -> str:
    """Say what the marks mean, or that so few recordings allow none (the least p is 2^(1 - n))."""
    if 2.0 ** (1 - recordings) < 0.05:
        return f"{recordings} recordings; * p < .05, ** also after Holm's correction"
    return f"of {recordings} recordings nothing can be marked as more than chance (of six it can)"
