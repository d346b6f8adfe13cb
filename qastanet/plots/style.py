"""One style for all figures, and writing them."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from qastanet.sound.sampling import FRAME, SAMPLING_RATE
from qastanet.storage import replacing

COLUMN, PAGE = 3.5, 7.1
"""Widths of one and of two columns of print in inches."""

FRAME_MS = 1000 * FRAME / SAMPLING_RATE
"""Duration of a frame in milliseconds."""

EQUAL_CONTRAST = 0.18
"""Relative luminance at which black and white have the same contrast (WCAG 2)."""

TICKS = {"size": 3, "width": 0.6, "pad": 2.5}

STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so figures are the same everywhere
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "grid.linewidth": 0.4,
    "grid.alpha": 0.5,
    "grid.color": "0.7",
    **{f"{axis}tick.major.{part}": value for axis in "xy" for part, value in TICKS.items()},
    **{f"{axis}tick.minor.{part}": TICKS[part] / 2 for axis in "xy" for part in ("size", "width")},
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "figure.dpi": 120,
    "svg.hashsalt": "qastanet",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
}
"""Print size, thin lines, and SVG that is the same whenever it is drawn."""

PALETTE = sns.color_palette("colorblind")
"""Colours that colour-blind readers can tell apart."""


def use_style() -> None:
    """Apply the style to all figures drawn from here on."""
    sns.set_theme(context="paper", style="ticks", palette="colorblind", rc=STYLE)


def readable_numbers(axis: plt.Axes) -> None:
    """Make the numbers of a heatmap black, and white only where white has the higher contrast.

    Args:
        axis: with one heatmap of seaborn, which takes white on middling colours already
    """
    mesh = axis.collections[0]
    fills = mesh.get_facecolors().reshape(*np.subtract(mesh.get_coordinates().shape[:2], 1), 4)
    for text in axis.texts:
        column, row = np.floor(text.get_position()).astype(int)
        light = sns.utils.relative_luminance(fills[row, column]) >= EQUAL_CONTRAST
        text.set_color("black" if light else "white")


def whiskers(value: ArrayLike, low: ArrayLike, high: ArrayLike) -> NDArray:
    """Lengths of the error bars below and above some values, shape (2, values); none is negative.

    Example:
        >>> whiskers(np.array([3, 1]), np.array([2, 2]), np.array([5, 5])).tolist()
        [[1, 0], [2, 4]]
    """
    return np.maximum([value - low, high - value], 0)


def legend_above(figure: Figure, columns: int, looks: Mapping[str, dict] | None = None) -> None:
    """Put one legend above all panels.

    Args:
        figure: of these panels
        columns: of the legend
        looks: label -> look of its mark; default: what the panels name
    """
    marks = {k: plt.Line2D([], [], **look) for k, look in (looks or {}).items()}
    for axis in figure.axes if looks is None else ():
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            marks.setdefault(label, handle)
    figure.legend(marks.values(), marks.keys(), loc="outside upper center", ncols=columns)


def save(figure: Figure, path: str | Path, mark: str | None = None) -> None:
    """Write a figure as SVG and as PDF, and close it.

    Args:
        figure: what to write
        path: name ending in .svg; the PDF is written beside it
        mark: see `write`
    """
    for ending in (".svg", ".pdf"):
        write(figure, Path(path).with_suffix(ending), mark=mark)
    plt.close(figure)


def write(
    figure: Figure, path: str | Path, dpi: float | None = None, mark: str | None = None
) -> None:
    """Write a figure in the format that a name ends in, without dates.

    Args:
        figure: what to write
        path: name ending in .svg, .pdf or .png
        dpi: resolution of a PNG, and of maps in the other formats; default: the style's
        mark: what the file says of its origin; default: what matplotlib writes
    """
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    with replacing(path) as temporary:
        metadata = dates.get(temporary.suffix.lower())
        if mark:
            creator = "Software" if temporary.suffix.lower() == ".png" else "Creator"
            metadata = (metadata or {}) | {creator: mark}
        with warnings.catch_warnings():  # letters that the font lacks are drawn as boxes
            warnings.filterwarnings("ignore", "Glyph .* missing from font")
            figure.savefig(temporary, metadata=metadata, dpi=dpi or "figure")
