"""Figures of mean ratings with their confidence intervals."""

import textwrap
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from qastanet.plots.names import content_name
from qastanet.plots.style import PAGE, PALETTE, legend_above, whiskers

CONDITIONS = {
    "Mono": "M",
    "FOA": "F",
    "Param1": "P1",
    "FOA-Amb-Param1": "A1",
    "Param2": "P2",
    "FOA-Amb-Param2": "A2",
    "Harpex": "H",
    "reference": "R",
}
"""Conditions of the AES 2023 test, anchor first and reference last, with short names."""

CODECS = {
    "Anchor": "A",
    "Lyra 3": "L3",
    "Lyra 6": "L6",
    "Proposed 1.38 16kHz": "n1",
    "Proposed 5.51 16kHz": "n5",
    "Proposed 1.38": "w1",
    "Proposed 5.51": "w5",
    "AudioDec": "D",
    "reference": "R",
}
"""Conditions of the test of neural codecs, the same way; proposed ones narrow or wide, by rate."""


def listening_test(table: pd.DataFrame) -> Figure:
    """Draw the mean ratings per content and condition with their 95 % confidence intervals.

    Args:
        table: of `qastanet.listening_tests.ambiqual_ratings`
    """
    contents = list(dict.fromkeys(table.content))
    figure, axes = plt.subplots(2, 3, figsize=(PAGE, 4.2), sharey=True, sharex=True)
    conditions = list(table.sort_values(["order", "bitrate"]).condition.drop_duplicates())
    conditions = [c for c in conditions if c != "REF"] + ["REF"]
    colours = {1: PALETTE[0], 3: PALETTE[1]}
    for axis, content in zip(axes.flat, contents, strict=True):
        for row in table[table.content == content].itertuples():
            reference = row.condition == "REF"
            axis.errorbar(
                conditions.index(row.condition),
                row.mean,
                yerr=[[row.mean - row.ci95_low], [row.ci95_high - row.mean]],
                fmt="D" if reference else ("o" if row.order == 1 else "s"),
                color="0.3" if reference else colours[row.order],
                capsize=2,
                elinewidth=0.9,
            )
        listeners = table[table.content == content].listeners.iloc[0]
        axis.set_title(f"{content_name(content)} (n = {listeners})")
        axis.set_xticks(range(len(conditions)), conditions, rotation=60)
        axis.set_ylim(0, 109)
    for axis in axes[:, 0]:
        axis.set_ylabel("MUSHRA score (0–100),\n95 % CI")
    marks = {
        "Opus, first order": {"marker": "o", "ls": "", "color": colours[1]},
        "Opus, third order": {"marker": "s", "ls": "", "color": colours[3]},
        "hidden reference": {"marker": "D", "ls": "", "color": "0.3"},
    }
    legend_above(figure, 3, marks)
    figure.supxlabel("Condition: ambisonic order and bitrate in kbit/s", fontsize=8)
    return figure


def listening_test_scenes(
    table: pd.DataFrame,
    conditions: Mapping[str, str] = CONDITIONS,
    scale: str = "Similarity (0–100)",
) -> Figure:
    """Draw mean ratings per scene and condition, raw and screened.

    Args:
        table: of `qastanet.listening_tests.aes2023.rating_table`, or another with ``screening``
            (raw, screened)
        conditions: in their order, with short names
        scale: label of the ratings
    """
    contents = sorted(table.content.unique())
    columns = 4
    rows = -(-len(contents) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(PAGE, 1.35 * rows + 0.8), sharey=True)
    looks = {"raw": ("o", PALETTE[0], -0.17), "screened": ("s", PALETTE[1], 0.17)}
    for axis, content in zip(axes.flat, contents, strict=False):
        for screening, (marker, colour, shift) in looks.items():
            panel = table[table.screening == screening]
            if panel.empty:
                continue
            part = panel[panel.content == content].set_index("condition").loc[list(conditions)]
            counts = dict.fromkeys((panel.listeners.min(), panel.listeners.max()))
            axis.errorbar(
                np.arange(len(conditions)) + shift,
                part["mean"],
                yerr=whiskers(part["mean"], part.ci95_low, part.ci95_high),
                fmt=marker,
                color=colour,
                ms=3,
                capsize=1.5,
                elinewidth=0.8,
                label=f"{screening} (n = {'–'.join(map(str, counts))})",
            )
        axis.set_title(content_name(content), fontsize=7)
        axis.set_ylim(0, 109)
        axis.set_xticks(range(len(conditions)), conditions.values())
    for axis in axes.flat[len(contents) :]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel(f"{scale},\n95 % CI")
    legend = ", ".join(f"{short} {name}" for name, short in conditions.items())
    figure.supxlabel(textwrap.fill(f"Condition: {legend}", 110), fontsize=7)
    legend_above(figure, 2)
    return figure
