"""Figures of scores: by bitrate, under probes, of a campaign."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from qastanet.plots.names import content_name
from qastanet.plots.style import COLUMN, PAGE, PALETTE, legend_above, whiskers

LONGEST = 60
"""Letters of a label that are shown."""

MOST_CONDITIONS = 60
"""More conditions are not drawn."""

DURATION = {"identical": "Duration, identical signals (s)", "tiled": "Duration, same pair (s)"}
CHANGES = {
    "both louder": "Level, both (dB)",
    "degraded louder": "Level, degraded (dB)",
    "delay": "Delay, degraded (ms)",
    "low-pass": "Reference low-passed (Hz)",
}
"""Probes and what stands below their axes."""


def scores_by_bitrate(table: pd.DataFrame) -> Figure:
    """Draw the predicted quality against the bitrate, one line per content.

    Args:
        table: columns content, bitrate (NaN for the reference against itself), score
    """
    figure, axis = plt.subplots(figsize=(COLUMN + 1.4, 2.8))
    rates = sorted(table.bitrate.dropna().unique())
    places = [*map(str, map(int, rates)), "REF"]
    markers = "osD^vP*"
    for i, (content, part) in enumerate(table.groupby("content", sort=False)):
        part = part.sort_values("bitrate")
        look = {"marker": markers[i], "color": PALETTE[i], "label": content_name(content)}
        axis.plot(range(len(part)), part.score, **look)
    axis.set_xticks(range(len(places)), places)
    axis.set(xlabel="Bitrate (kbit/s), and the reference itself", ylabel="Predicted quality (0–1)")
    axis.set_ylim(0, 1)
    axis.legend(bbox_to_anchor=(1.02, 1), loc="upper left")
    return figure


def campaign(summary: Sequence[Mapping]) -> Figure:
    """Draw the mean score of each condition of a campaign with its confidence interval.

    Args:
        summary: of `qastanet.agreement.condition_means.summarise`
    """
    columns, left_out = list(summary[0]), len(summary) - MOST_CONDITIONS
    summary = summary[:MOST_CONDITIONS]
    labels = columns[: columns.index("pairs")]
    names = [" ".join(str(row[label]) for label in labels) or "all" for row in summary]
    names = [name.encode(errors="replace").decode() for name in names]  # need not be UTF-8
    names = [name if len(name) <= LONGEST else f"{name[:LONGEST]}..." for name in names]
    names = [f"{name} ({row['pairs']})" for name, row in zip(names, summary, strict=True)]
    low, mean, high = (
        np.array([row[name] for row in summary]) for name in ("ci95_low", "mean", "ci95_high")
    )
    figure, axis = plt.subplots(figsize=(COLUMN + 1, 0.9 + 0.22 * len(summary)))
    places = np.arange(len(summary))[::-1]
    spread = np.nan_to_num(whiskers(mean, low, high))
    axis.errorbar(mean, places, xerr=spread, fmt="o", capsize=2, color=PALETTE[0])
    axis.set_yticks(places, names, parse_math=False)  # a $ is a letter
    axis.set(xlim=(0, 1), ylim=(-0.7, len(summary) - 0.3))
    axis.set_xlabel(
        "Predicted quality (0–1), mean and 95 % CI over references\n(pairs in brackets)"
        + (f"; {left_out} more conditions are in the table" if left_out > 0 else "")
    )
    return figure


def probe_curves(table: pd.DataFrame, panels: Mapping[str, str]) -> Figure:
    """Draw scores against what was varied, a panel per probe and a line per pair.

    Args:
        table: of `qastanet.evidence.probes.probe`
        panels: probe -> label of the horizontal axis
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(PAGE, 2.5), sharey=True, squeeze=False)
    shown = table[table["probe"].isin(panels) & (table.pair != "any")]
    pairs = [*dict.fromkeys(shown.pair), "any"]
    markers = "osD^vP*"
    for axis, (name, label) in zip(axes[0], panels.items(), strict=True):
        part = table[table["probe"] == name]
        for pair, line in part.groupby("pair", sort=False):
            i = pairs.index(pair)
            line = line.sort_values("value")
            colour, marker = ("0.3", "X") if pair == "any" else (PALETTE[i], markers[i % 7])
            name = "any signal" if pair == "any" else pair
            axis.plot(line.value, line.score, marker=marker, color=colour, label=name)
        axis.set_xlabel(label)
        if (part.unit == "Hz").all():
            axis.set_xscale("log")
            ticks = [f for f in (1000, 2000, 4000, 8000, 16000) if part.value.min() <= f]
            axis.set_xticks(ticks, [f"{f // 1000}k" for f in ticks])
            axis.minorticks_off()
    axes[0, 0].set(ylabel="Predicted quality (0–1)", ylim=(0, 1.02))
    legend_above(figure, 3)
    return figure
