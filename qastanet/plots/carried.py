"""The figure of what carries the agreement of each metric with the listeners."""

from collections.abc import Sequence
from functools import partial

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from qastanet.evidence.comparison import metrics as compared
from qastanet.evidence.comparison.overview import LISTENERS
from qastanet.plots.names import DATASETS, number, row_name
from qastanet.plots.style import PAGE, readable_numbers

COLUMNS = {
    "pearson": "all\nitems",
    "without": "without the\nworst coding",
    "conditions": "part: which\ncoding",
    "scenes": "part: on\nwhich sound",
    "rest": "part: the\nrest",
}
"""Columns of the figure: two correlations, then those of the parts of the first."""

YARDSTICKS = (*compared.YARDSTICKS, LISTENERS)
"""Rows below the metrics."""


def what_carries(table: pd.DataFrame, metrics: Sequence[str]) -> Figure:
    """Draw Pearson's correlation with and without the extreme condition, and of its parts.

    Args:
        table: of `qastanet.evidence.comparison.overview.overview`.
        metrics: rows, in this order; of models both kinds of what is unseen.
    """
    datasets = [name for name in pd.unique(table.dataset)]
    table = table[table.metric.isin(metrics)]
    table = table.assign(row=list(map(row_name, table.metric, table.unseen)))
    order = {name: place for place, name in enumerate(metrics)}
    known = (
        table.drop_duplicates("row")
        .sort_values("metric", key=lambda c: c.map(order), kind="stable")
        .row
    )
    size = (PAGE, 0.19 * len(known) + 1.35)
    figure, axes = plt.subplots(1, len(datasets), figsize=size, sharey=True, squeeze=False)
    for axis, dataset in zip(axes[0], datasets, strict=True):
        part = table[table.dataset == dataset]
        whole = part[part.subset == "all"].set_index("row")
        less = part[part.subset != "all"].set_index("row").pearson
        values = whole.assign(without=less.reindex(whole.index))[list(COLUMNS)].reindex(known)
        shown = values.round(2).astype(object).map(partial(number, nothing=""))
        look = {"vmin": -1, "vmax": 1, "cmap": "vlag_r", "cbar": False, "linewidths": 0.4}
        annotated = {"annot": shown.to_numpy(), "fmt": "", "annot_kws": {"size": 6}}
        sns.heatmap(values.astype(float), ax=axis, **look, **annotated)
        readable_numbers(axis)
        items = int(whole["items"].max())
        clusters = int(whole["recordings"].max())
        axis.set_title(f"{DATASETS.get(dataset, dataset)}\n({items} items, {clusters} recordings)")
        axis.set_xticklabels(COLUMNS.values(), rotation=90, fontsize=6)
        axis.axvline(2, color="0.2", lw=1)
        axis.grid(False)
        axis.set(ylabel="", xlabel="")
        axis.tick_params(length=0, labelsize=6)
    figure.suptitle("Pearson's correlation with the ratings, and of the parts of both", fontsize=8)
    return figure
