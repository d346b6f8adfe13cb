"""Figures that the paper has: the method on one pair, band weights, predicted against rated."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from qastanet.evidence.paper.figure_data import GROUPED
from qastanet.listening_tests.contents import recording
from qastanet.plots.front_end import MAPS, band_map, in_plain_units
from qastanet.plots.names import COLOURS, DATASETS, LABELS
from qastanet.plots.style import FRAME_MS, PAGE, PALETTE, legend_above, whiskers
from qastanet.sound.sampling import SAMPLING_RATE

OCTAVES = (0.5, 2, 8)
"""Frequencies in kHz that small maps name."""

PIECE = 96
"""Samples of a waveform that are drawn as one: 2 ms."""

LEAST_ITEMS = 8
"""Correlations of fewer items are not drawn: of three, nearly any are near 1 or -1."""

SUBSETS = {"without_reference": "all coded", "condition_FOA": "first order"}


def method_overview(pair: Mapping[str, np.ndarray], steps: Mapping[str, np.ndarray]) -> Figure:
    """Draw one pair on its way from the ears to the score.

    Args:
        pair: ``ears`` (2 signals, 2 ears, samples), ``ild``, ``coherence`` (absolute), ``power``
            and ``directiveness`` (2 signals, 29, frames), ``differences`` (4, 29, frames), and
            ``bands`` (2 signals, some bands, samples) with their ``band_hz``.
        steps: of `qastanet.evidence.paper.figure_data.dissect`.
    """
    figure = plt.figure(figsize=(PAGE, 7.9), layout="constrained")
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=[2.0, 3.2, 1.7])
    _draw_signals(top, pair)
    _draw_maps(middle, pair)
    _draw_network(bottom, steps)
    return figure


def _draw_signals(part, pair: Mapping[str, np.ndarray]) -> None:
    """Draw the ears and some gammatone bands of both signals."""
    part.suptitle(
        "1  Signals at the ears (full scale = 1), and gammatone bands of the left ear",
        fontsize=8,
        x=0.5,
    )
    axes = part.subplots(2, 2, sharex=True, sharey="col")
    for row, name in enumerate(("Reference", "Degraded")):
        for ear, colour in zip((0, 1), (PALETTE[0], PALETTE[3]), strict=True):
            label = ("left", "right")[ear]
            _wave(axes[row, 0], pair["ears"][row, ear], color=colour, label=label)
        axes[row, 0].set_ylabel(name)
        bands = pair["bands"][row]
        unit = 1.2 * np.abs(pair["bands"]).max(axis=(0, 2), keepdims=True)[0]
        for place, band in enumerate(bands / unit):
            _wave(axes[row, 1], 0.5 * band + place, color="0.3")
        names = [f"{value / 1000:.1f}" for value in pair["band_hz"]]
        axes[row, 1].set_yticks(range(len(names)), names)
        axes[row, 1].set_ylabel("Band (kHz)")
    above = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0}
    axes[0, 0].legend(ncols=2, **above)
    for axis in axes[1]:
        axis.set(xlabel="Time (s)", xlim=(0, pair["ears"].shape[-1] / SAMPLING_RATE))


def _wave(axis, signal: np.ndarray, **look) -> None:
    """Draw a waveform as the range of every 2 ms, which is finer than print."""
    pieces = signal[: len(signal) // PIECE * PIECE].reshape(-1, PIECE).round(4)
    time = (np.arange(len(pieces)) + 0.5) * PIECE / SAMPLING_RATE
    axis.fill_between(time, pieces.min(1), pieces.max(1), lw=0.2, **look)


def _draw_maps(part, pair: Mapping[str, np.ndarray]) -> None:
    """Draw the feature maps of both signals and the differences, a column per feature."""
    part.suptitle("2  Features of both signals, and 3  their differences", fontsize=8)
    axes = part.subplots(3, 4, sharex=True, sharey=True)
    changes = in_plain_units(pair["differences"]).items()
    for column, ((name, (label, options)), (unit, change)) in enumerate(
        zip(MAPS.items(), changes, strict=True)
    ):
        for row in range(2):
            image = band_map(axes[row, column], pair[name][row], OCTAVES, **options)
        axes[0, column].set_title(label)
        part.colorbar(image, ax=axes[:2, column], location="bottom", pad=0.02, aspect=25)
        limits = {"vmin": 0, "vmax": float(np.percentile(change, 99).round(3))}
        image = band_map(axes[2, column], change, OCTAVES, cmap="cividis", **limits)
        axes[2, column].set_title(unit)
        bar = {"location": "bottom", "pad": 0.02, "aspect": 25, "extend": "max"}
        part.colorbar(image, ax=axes[2, column], **bar)
        axes[2, column].set_xlabel("Time (s)")
    for row, name in enumerate(("Reference", "Degraded", "Difference")):
        axes[row, 0].set_ylabel(f"{name}\n(kHz)")


def _draw_network(part, steps: Mapping[str, np.ndarray]) -> None:
    """Draw the hidden activity, its pooling weights, the pooled values and the score."""
    part.suptitle(
        "4  One of the networks: hidden activity, weights of the pooling, pooled values; and scores"
        f" of all {len(steps['scores'])}",
        fontsize=8,
    )
    axes = part.subplots(1, 4, gridspec_kw={"width_ratios": [3, 3, 1.3, 0.9]})
    frames = (np.arange(steps["activity"].shape[1]) + 0.5) * FRAME_MS / 1000
    colours = [PALETTE[k] for k in range(len(steps["activity"]))]
    for channel, colour in enumerate(colours):
        axes[0].plot(frames, steps["activity"][channel], color=colour)
        axes[1].plot(frames, steps["pooling"][channel], color=colour)
        axes[2].barh(channel + 1, steps["pooled"][channel], color=colour)
    even = 1 / steps["pooling"].shape[1]
    axes[1].axhline(even, color="0.5", lw=0.8, ls=":")
    beside = axes[1].get_yaxis_transform()
    axes[1].text(1.01, even, "even", transform=beside, va="center", fontsize=7)
    axes[0].set(xlabel="Time (s)", ylabel="Activity", title="six channels")
    axes[1].set(xlabel="Time (s)", ylabel="Weight of the frame", title="SWAP")
    axes[2].set(xlabel="Pooled", ylabel="Channel", yticks=range(1, len(colours) + 1))
    scores = steps["scores"].round(3)
    axes[3].plot(np.zeros(len(scores)), scores, "o", color="0.5", alpha=0.5, ms=3, label="each")
    axes[3].plot(0, scores.mean().round(3), "D", color=PALETTE[1], ms=6, label="mean")
    axes[3].plot(0, steps["score"].round(3), "_", color="k", ms=12, label="this one")
    axes[3].legend(loc="upper center", fontsize=6)
    axes[3].set(ylim=(0, 1.3), xlim=(-0.5, 0.5), xticks=[], ylabel="Score (0–1)")
    axes[3].set_yticks([0, 0.5, 1])


def band_weights(table: pd.DataFrame) -> Figure:
    """Draw what the paper's network makes of each band, a panel per feature: median and 80 %.

    Args:
        table: of `qastanet.evidence.paper.figure_data.band_weights`.
    """
    figure, axes = plt.subplots(2, 2, figsize=(PAGE, 3.6), sharex=True, sharey=True)
    groups = table.round(4).groupby("feature", sort=False)
    for axis, (name, part), colour in zip(axes.flat, groups, PALETTE, strict=False):
        axis.fill_between(part.frequency_hz, part.low, part.high, color=colour, alpha=0.25, lw=0)
        axis.semilogx(part.frequency_hz, part.weight, color=colour)
        axis.axhline(1, color="0.4", lw=0.8, ls=":")
        axis.set_title(f"Difference of {name.replace('ild', 'ILD')}")
        axis.set_xticks([500, 1000, 2000, 5000, 10000], ["0.5", "1", "2", "5", "10"])
        axis.minorticks_off()
    figure.supxlabel("Centre frequency (kHz)", fontsize=8)
    figure.supylabel("Factor on the difference (1 at the start)", fontsize=8)
    return figure


def predicted_against_rated(
    table: pd.DataFrame, metrics: Sequence[str], replicates: int = 2000
) -> Figure:
    """Draw predictions out of fold against ratings, with fits and their intervals.

    Args:
        table: of `qastanet.evidence.paper.figure_data.predicted_points`.
        metrics: panels, in this order.
        replicates: bootstrap samples of the fits.
    """
    rows = -(-len(metrics) // 3)
    size = (PAGE, 2.3 * rows + 0.3)
    figure, axes = plt.subplots(rows, 3, figsize=size, sharex=True, sharey=True, squeeze=False)
    table = table[table.role != "reference"].round(3)
    table = table.assign(recording=table.content.map(recording))
    for axis, metric in zip(axes.flat, metrics, strict=False):
        chosen = table[table.metric == metric]
        for (dataset, part), colour, marker in zip(
            chosen.groupby("dataset"), PALETTE, "os^D", strict=False
        ):
            spread = whiskers(part["mean"], part.ci95_low, part.ci95_high)
            style = {"ms": 3, "elinewidth": 0.5, "alpha": 0.8, "label": DATASETS[dataset]}
            axis.errorbar(part["mean"], part.points, xerr=spread, fmt=marker, color=colour, **style)
            fit = {"units": "recording", "n_boot": replicates, "seed": 0, "scatter": False}
            sns.regplot(part, x="mean", y="points", color=colour, ax=axis, **fit)
        axis.plot([0, 100], [0, 100], color="0.4", lw=0.8, ls=":")
        axis.set(title=LABELS.get(metric, metric), xlim=(0, 103), ylim=(0, 103))
        axis.set(xlabel="", ylabel="")
        axis.tick_params(labelbottom=True)
    for axis in axes.flat[len(metrics) :]:
        axis.set_visible(False)
    figure.supxlabel("Mean rating, 95 % CI (points)", fontsize=8)
    figure.supylabel("Predicted, recording not seen (points)", fontsize=8)
    legend_above(figure, 3)
    return figure


def group_correlations(table: pd.DataFrame) -> Figure:
    """Draw Pearson's correlation in groups of at least LEAST_ITEMS items, with intervals.

    Args:
        table: of `qastanet.evidence.paper.figure_data.group_rows`.
    """
    table = table[table.n >= LEAST_ITEMS].round(4)
    datasets = list(pd.unique(table.dataset))
    counts = [table[table.dataset == name].subset.nunique() for name in datasets]
    metrics = [*GROUPED, *(name for name in pd.unique(table.metric) if name not in GROUPED)]
    size = (PAGE, 0.5 * max(counts) + 1.3)
    figure, axes = plt.subplots(1, len(datasets), figsize=size, squeeze=False)
    for axis, dataset in zip(axes[0], datasets, strict=True):
        part = table[table.dataset == dataset]
        subsets = list(pd.unique(part.subset))[::-1]
        for place, metric in enumerate(metrics):
            colour = COLOURS.get(metric, PALETTE[8])
            rows = part[part.metric == metric].drop_duplicates("subset").set_index("subset")
            rows = rows.reindex(subsets)
            heights = np.arange(len(subsets)) + 0.3 - 0.6 * place / (len(metrics) - 1)
            axis.hlines(heights, rows.pearson_lo, rows.pearson_hi, color=colour, lw=1)
            marker = "osD^v"[place % 5]
            axis.plot(rows.pearson, heights, marker, color=colour, label=LABELS.get(metric, metric))
        items = part.groupby("subset")[["n", "recordings"]].max()
        shown = [SUBSETS.get(name, name.split("_", 1)[1]) for name in subsets]
        sizes = [f"({items.n[name]:g} / {items.recordings[name]:g})" for name in subsets]
        names = ["\n".join(each) for each in zip(shown, sizes, strict=True)]
        axis.set_yticks(range(len(subsets)), names)
        axis.set(xlim=(-1, 1), title=DATASETS[dataset])
        axis.axvline(0, color="0.6", lw=0.6)
    words = "Pearson with 95 % CI over recordings; in brackets: items / recordings"
    figure.supxlabel(words, fontsize=8)
    legend_above(figure, len(metrics))
    return figure
