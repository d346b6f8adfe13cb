"""The figure of an explanation: the loss of quality over time, frequency and parts."""

import numpy as np
from matplotlib.figure import Figure, SubFigure

from qastanet.hearing.gammatone import centre_frequencies
from qastanet.hearing.parts import PARTS
from qastanet.models.attribution import Attribution
from qastanet.plots.front_end import band_edges, band_map, frequency_ticks
from qastanet.plots.style import FRAME_MS, PAGE, PALETTE

COLOURS = dict(zip(PARTS, PALETTE, strict=False))

LEAST = 0.01
"""Parts in which less is lost (0..1) are not drawn."""

COLUMNS = 600
"""Frames of a long signal are averaged in groups, so that a map has at most this many columns."""


def _drawn_parts(found: Attribution) -> list[str]:
    """Name the parts in which at least a point is lost; at least the largest."""
    losses = found.by_part
    least = min(LEAST, max(losses.values()))
    names = [name for name, loss in losses.items() if loss >= least]
    return names[:1] if found.score == 1 else names


def height(found: Attribution) -> float:
    """Height of the figure of an explanation in inches."""
    return 0.95 * len(_drawn_parts(found)) + 1.8


def explanation(found: Attribution, figure: Figure | SubFigure | None = None) -> Figure | SubFigure:
    """Draw where the loss lies: maps, curves over frequency and over time, bars per part.

    All numbers are points of 100. A map is the loss per band at each moment: its mean over time,
    summed over bands and parts, is the whole loss 100 (1 - score). Parts in which less than a point
    is lost are not drawn.

    Args:
        found: of `qastanet.models.attribution.explain`
        figure: to draw into; default: a new one
    """
    names = _drawn_parts(found)
    rows = [PARTS.index(name) for name in names]
    points = 100 * found.loss[rows] * found.loss.shape[-1]
    seconds = found.loss.shape[-1] * FRAME_MS / 1000
    maps = np.stack([_grouped(each) for each in points])
    figure = figure or Figure(figsize=(PAGE, height(found)))
    axes = figure.subplots(
        len(names) + 1, 2, width_ratios=(3.2, 1), height_ratios=[1] * len(names) + [1.1]
    )
    limit = max(float(np.percentile(maps, 99.5)), 0.1)
    bands = 100 * found.by_band[rows]
    highest = max(float(bands.max()), 0.1)
    for row, name in enumerate(names):
        column = seconds / maps.shape[-1]
        limits = {"vmin": 0, "vmax": limit, "cmap": "magma_r"}
        image = band_map(axes[row, 0], maps[row], seconds=column, **limits)
        axes[row, 0].set_title(name.capitalize(), loc="left")
        band = bands[row]
        axes[row, 1].fill_betweenx(centre_frequencies(), band, color=COLOURS[name], lw=0)
        edges = band_edges()
        axes[row, 1].set(xlim=(0, 1.05 * highest), ylim=(edges[0], edges[-1]), yscale="log")
        frequency_ticks(axes[row, 1])
        axes[row, 0].tick_params(labelbottom=False)
        axes[row, 1].tick_params(left=False, labelleft=False)
        axes[row, 1].tick_params(labelbottom=row == len(names) - 1)
    axes[len(names) - 1, 1].set_xlabel("Loss (points per band)")
    label = "Loss per band (points)"
    figure.colorbar(image, ax=list(axes[:-1, 0]), label=label, extend="max", pad=0.01, aspect=40)
    figure.supylabel("Frequency (kHz)", fontsize=8, y=0.62)
    _time(axes[-1, 0], maps, seconds, names)
    _bars(axes[-1, 1], found, names)
    return figure


def _grouped(values: np.ndarray) -> np.ndarray:
    """Average the frames of a map (bands, frames) in groups, to at most COLUMNS."""
    size = -(-values.shape[-1] // COLUMNS)
    starts = np.arange(0, values.shape[-1], size)
    sums = np.add.reduceat(values, starts, axis=-1)
    return sums / np.diff(np.append(starts, values.shape[-1]))


def _time(axis, maps: np.ndarray, seconds: float, names: list[str]) -> None:
    """Stack the loss of the parts over time."""
    curves = maps.sum(1)
    edges = np.linspace(0, seconds, curves.shape[1] + 1)
    steps = np.concatenate([curves, curves[:, -1:]], axis=1)
    colours = [COLOURS[name] for name in names]
    axis.stackplot(edges, steps, colors=colours, step="post", lw=0)
    axis.set(xlim=(0, seconds), ylim=(0, max(1.0, 1.05 * float(curves.sum(0).max()))))
    axis.set(xlabel="Time (s)", ylabel=f"Loss (points,\nmean {curves.sum(0).mean():.1f})")


def _bars(axis, found: Attribution, names: list[str]) -> None:
    """Draw the loss of each part as a bar with its value."""
    values = [100 * found.by_part[name] for name in names]
    places = np.arange(len(names))[::-1]
    axis.barh(places, values, color=[COLOURS[name] for name in names], height=0.7)
    for place, value, name in zip(places, values, names, strict=True):
        label, style = f"{name} {value:.1f}", {"va": "center", "fontsize": 7}
        axis.annotate(label, (value, place), (2, 0), textcoords="offset points", **style)
    axis.set_yticks([])
    axis.set(xlim=(0, 2.2 * max(1.0, *values)), xlabel=f"Loss: {sum(values):.1f} points in all")
    axis.grid(False)
