"""The figure of the benchmarks: time and memory against duration."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from qastanet.plots.style import PAGE, PALETTE, save, use_style

LOOKS = {
    "textbook": (PALETTE[3], "scipy, the textbook way"),
    "torch": (PALETTE[1], "PyTorch"),
    "gradient": (PALETTE[2], "PyTorch, loss and gradient"),
    "fast": (PALETTE[0], "fast"),
}


def speed(table: pd.DataFrame, path: str | Path) -> None:
    """Draw time and peak memory of scoring a pair on one core, log-log, as SVG and PDF.

    Args:
        table: of `front_end.py`
        path: name ending in .svg
    """
    use_style()
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 2.8))
    single = table[(table.pairs == 1) & (table.cores == 1) & (table.model == "released")]
    single = single.sort_values("duration_s")
    for (method, order), part in single.groupby(["method", "order"], sort=False):
        colour, name = LOOKS[method]
        line = {"color": colour, "ls": "-" if order == 1 else "--", "marker": "os"[order == 3]}
        label = f"{name}, {'first' if order == 1 else 'third'} order"
        for axis, column in zip(axes, ("wall_s", "peak_mb"), strict=True):
            axis.loglog(part.duration_s, part[column], label=label, **line)
    span = np.geomspace(single.duration_s.min(), single.duration_s.max())
    axes[0].loglog(span, span, color="0.4", lw=0.8, ls=":")
    axes[0].annotate("real time", (300, 300), xytext=(4, -10), textcoords="offset points")
    fast = single[(single.method == "fast") & (single.order == 1)]
    limit = fast.peak_mb.min() + 0.5 * span
    axes[1].loglog(span, limit, color="0.4", lw=0.8, ls=":")
    axes[1].annotate("0.5 MB per second", (span[-1], limit[-1]), ha="right", va="bottom")
    axes[0].set_ylabel("Time to score a pair (s)")
    axes[1].set(ylabel="Peak memory (MB)", ylim=(100, 10_000))
    for axis in axes:
        axis.set_xlabel("Duration of the sound (s)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    save(figure, path)
