"""What a listening test of a size can prove."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from qastanet.plots.style import PAGE, PALETTE

LINES = {"chosen": "-", "drawn": "--"}


WANTED = 0.9
"""Share that is marked."""


def separated(table: pd.DataFrame, names: dict[str, str]) -> Figure:
    """Draw the share of tests that separate our model from another metric.

    One panel per metric, over the number of recordings; solid where sounds are chosen, dashed where
    they are drawn, a colour per number of listeners.

    Args:
        table: of `qastanet.listening_design.plan_tables.plan_table`
        names: metric -> how it is called
    """
    metrics = list(dict.fromkeys(table.metric))
    figure, axes = plt.subplots(1, len(metrics), figsize=(PAGE, 2.2), sharey=True, squeeze=False)
    for axis, metric in zip(axes[0], metrics, strict=True):
        part = table[table.metric == metric]
        for colour, many in zip(PALETTE, sorted(part.listeners.unique()), strict=False):
            for way, line in LINES.items():
                shown = part[(part.listeners == many) & (part.way == way)]
                label = f"{many} listeners, {way}"
                axis.plot(shown.recordings, shown.share, line, color=colour, label=label)
        axis.axhline(WANTED, color="0.5", linewidth=0.6)
        axis.set(title=names[metric], xlabel="Recordings", ylim=(0, 1), xscale="log")
        ticks = sorted(part.recordings.unique())[::2]
        axis.set_xticks(ticks, [f"{each}" for each in ticks])
        axis.minorticks_off()
    axes[0, 0].set_ylabel("Share of tests that separate\nit from our model")
    axes[0, -1].legend(bbox_to_anchor=(1.02, 1), loc="upper left")
    return figure
