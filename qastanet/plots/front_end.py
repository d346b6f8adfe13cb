"""The figures: one function each, a table or arrays in, a figure out; one style for all."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from qastanet.gammatone import SAMPLING_RATE, centre_frequencies
from qastanet.storage import replacing

COLUMN, PAGE = 3.5, 7.1
"""Widths of one and of two columns of print in inches."""

FRAME_MS = 40
"""Duration of a frame in milliseconds."""

STYLE = {
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

BITRATE_COLOURS = {32: PALETTE[3], 64: PALETTE[1], 96: PALETTE[2], 128: PALETTE[0]}


def use_style() -> None:
    """Apply the style to all figures drawn from here on."""
    matplotlib.rcParams.update(STYLE)


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as SVG and as PDF, and close it.

    Args:
        figure: what to write
        path: name ending in .svg; the PDF is written beside it
    """
    for ending in (".svg", ".pdf"):
        write(figure, Path(path).with_suffix(ending))
    plt.close(figure)


def write(figure: Figure, path: str | Path, dpi: float | None = None) -> None:
    """Write a figure in the format that a name ends in, without dates.

    Args:
        figure: what to write
        path: name ending in .svg, .pdf or .png
        dpi: resolution of a PNG, and of maps in the other formats; default: the style's
    """
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    with replacing(path) as temporary:
        metadata = dates.get(temporary.suffix.lower())
        figure.savefig(temporary, metadata=metadata, dpi=dpi or "figure")


def listening_test(table: pd.DataFrame) -> Figure:
    """Draw the mean ratings per content and condition with their 95 % confidence intervals.

    Args:
        table: of `qastanet.listening_tests`
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
        axis.set_title(f"{content} (n = {table[table.content == content].listeners.iloc[0]})")
        axis.set_xticks(range(len(conditions)), conditions, rotation=60)
        axis.set_ylim(0, 105)
    for axis in axes[:, 0]:
        axis.set_ylabel("MUSHRA score (0–100)")
    handles = [
        plt.Line2D([], [], marker=m, ls="", color=c, label=t)
        for m, c, t in (
            ("o", colours[1], "Opus, first order"),
            ("s", colours[3], "Opus, third order"),
            ("D", "0.3", "hidden reference"),
        )
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    figure.supxlabel("Condition: ambisonic order and bitrate in kbit/s", fontsize=8)
    return figure


def decoder_cues(table: pd.DataFrame) -> Figure:
    """Draw ITD, ILD and left-ear spectra of decoders beside the HRTF they were designed from.

    Args:
        table: of `qastanet.binaural_cues.cue_table`, several renderers
    """
    figure, axes = plt.subplots(2, 2, figsize=(PAGE, 4.8))
    renderers = list(dict.fromkeys(table.renderer))
    looks = {
        name: {"color": "k", "ls": "--", "lw": 1.0}
        if "HRTF" in name
        else {"color": PALETTE[i % len(PALETTE)]}
        for i, name in enumerate(renderers)
    }
    curves = (
        ("itd_ms", "ITD below 1.5 kHz (ms)"),
        ("ild_high_db", "ILD from 1.5 to 12.5 kHz (dB)"),
    )
    for axis, (cue, label) in zip(axes[0], curves, strict=True):
        for name in renderers:
            part = table[(table.renderer == name) & (table.cue == cue)]
            axis.plot(part.azimuth_deg, part.value, label=name, **looks[name])
        axis.set(xlabel="Azimuth of the plane wave (°, left positive)", ylabel=label)
        axis.set_xticks(range(-180, 181, 60))
    spectra = table[table.cue == "left_ear_db"]
    for axis, degrees, title in zip(axes[1], (0, 90), ("front", "left"), strict=True):
        for name in renderers:
            part = spectra[(spectra.renderer == name) & (spectra.azimuth_deg == degrees)]
            axis.semilogx(part.frequency_hz, part.value, **looks[name])
        axis.set(xlabel="Frequency (Hz)", ylabel=f"Left ear, wave from the {title} (dB)")
        axis.set_xticks([100, 1000, 10000], ["100", "1k", "10k"])
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def frequency_ticks(
    axis, khz: Sequence[float] = (0.5, 1, 2, 4, 8), first_band: float = 0.0
) -> None:
    """Label the bands of a vertical axis in kHz.

    Args:
        axis: of a figure
        khz: frequencies
        first_band: where the centre of the lowest band lies
    """
    centres = centre_frequencies()
    ticks = [int(np.argmin(np.abs(centres - 1000 * f))) + first_band for f in khz]
    axis.set_yticks(ticks, [f"{f:g}" for f in khz])


def band_map(axis, values: np.ndarray, khz: Sequence[float] = (0.5, 1, 2, 4, 8), **options):
    """Draw a map over time and centre frequency; undefined values stay grey.

    Args:
        axis: of a figure
        values: shape (29, frames)
        khz: frequencies that are labelled
        options: of `matplotlib.axes.Axes.pcolormesh`

    Returns:
        what a colour bar is made of
    """
    frames = np.arange(values.shape[1] + 1) * FRAME_MS / 1000
    image = axis.pcolormesh(frames, np.arange(len(values) + 1), values, rasterized=True, **options)
    frequency_ticks(axis, khz, first_band=0.5)
    axis.grid(False)
    axis.set_facecolor("0.85")
    return image


def _map_with_bar(axis, values: np.ndarray, label: str, **options) -> None:
    """Draw a map with its colour bar."""
    axis.figure.colorbar(band_map(axis, values, **options), ax=axis, label=label, pad=0.02)


def scene_levels(maps: Mapping[str, np.ndarray]) -> Figure:
    """Draw the ILD of a scene over time and frequency for several renderings.

    Args:
        maps: rendering -> ILD map (29, frames) of `qastanet.features`
    """
    figure, axes = plt.subplots(
        len(maps), 1, figsize=(PAGE, 1.35 * len(maps) + 0.3), sharex=True, squeeze=False
    )
    for axis, (name, ild) in zip(axes[:, 0], maps.items(), strict=True):
        _map_with_bar(axis, ild / 2, "ILD (dB)", cmap="RdBu_r", vmin=-25, vmax=25)
        axis.set(title=name, ylabel="Frequency (kHz)")
    axes[-1, 0].set_xlabel("Time (s)")
    return figure


def one_band(ears: np.ndarray, band: np.ndarray, envelope: np.ndarray, frequency: float) -> Figure:
    """Draw the ears, one gammatone band and its envelope over time.

    Args:
        ears: (2, samples) at 48 kHz
        band: complex band of both ears, (2, samples)
        envelope: low-passed envelope of both ears, (2, samples)
        frequency: centre of the band in Hz
    """
    time = np.arange(ears.shape[-1]) / SAMPLING_RATE * 1000
    figure, axes = plt.subplots(2, 2, figsize=(PAGE, 3.2), sharex=True, sharey="row")
    for column, ear in enumerate(("Left ear", "Right ear")):
        axes[0, column].plot(time, ears[column], color="0.3", lw=0.6)
        axes[0, column].set_title(ear)
        axes[1, column].plot(time, band[column].real, color=PALETTE[0], lw=0.5, label="band")
        axes[1, column].plot(
            time, envelope[column] * np.sqrt(2), color=PALETTE[3], label="low-passed envelope"
        )
        axes[1, column].set_xlabel("Time (ms)")
    axes[0, 0].set_ylabel("Waveform\n(full scale = 1)")
    axes[1, 0].set_ylabel(f"Band at {frequency:.0f} Hz\n(full scale = 1)")
    axes[1, 1].legend(loc="upper right", ncols=2)
    return figure


def feature_maps(reference: Mapping, degraded: Mapping, differences: np.ndarray) -> Figure:
    """Draw the features of reference and degraded signal and their differences.

    Args:
        reference: ild, coherence, power, directiveness; maps (29, frames)
        degraded: the same
        differences: (4, 29, frames)
    """
    rows = (
        ("ILD (dB)", lambda f: f["ild"] / 2, {"cmap": "RdBu_r", "vmin": -20, "vmax": 20}),
        ("|Coherence|", lambda f: np.abs(f["coherence"]), {"vmin": 0, "vmax": 1}),
        (
            "Level (dB SPL)",
            lambda f: 10 * np.log10(f["power"]) + 100,
            {"vmin": 0, "vmax": 80, "cmap": "magma"},
        ),
        ("Directiveness", lambda f: f["directiveness"], {"vmin": 0, "vmax": 1}),
    )
    labels = ("ΔILD × 2 (dB)", "Δcoherence", "Δpower / 2", "Δdirectiveness²")
    figure, axes = plt.subplots(4, 3, figsize=(PAGE, 6.2), sharex=True, sharey=True)
    for row, (label, value, options) in enumerate(rows):
        _map_with_bar(axes[row, 0], value(reference), label, **options)
        _map_with_bar(axes[row, 1], value(degraded), label, **options)
        limit = np.nanpercentile(differences[row], 99)
        _map_with_bar(
            axes[row, 2], differences[row], labels[row], cmap="cividis", vmin=0, vmax=limit
        )
        axes[row, 0].set_ylabel("Frequency (kHz)")
    for axis, title in zip(axes[0], ("Reference", "Degraded", "Difference"), strict=True):
        axis.set_title(title)
    for axis in axes[-1]:
        axis.set_xlabel("Time (s)")
    return figure


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
        axis.plot(range(len(part)), part.score, marker=markers[i], color=PALETTE[i], label=content)
    axis.set_xticks(range(len(places)), places)
    axis.set(xlabel="Bitrate (kbit/s), and the reference itself", ylabel="Predicted quality (0–1)")
    axis.set_ylim(0, 1)
    axis.legend(bbox_to_anchor=(1.02, 1), loc="upper left")
    return figure


def predicted_against_rated(table: pd.DataFrame, title: str, note: str) -> Figure:
    """Draw predicted quality against mean ratings with their confidence intervals.

    Args:
        table: columns score (0..1), mean, ci95_low, ci95_high (0..100), content, condition
        title: metric and listening test
        note: the correlations with their intervals
    """
    figure, axis = plt.subplots(figsize=(COLUMN + 1.4, 3.1))
    markers = "osD^vP*"
    for i, (content, part) in enumerate(table.groupby("content", sort=False)):
        hidden = part.condition == "REF"
        axis.errorbar(
            part["mean"],
            part.score * 100,
            xerr=[part["mean"] - part.ci95_low, part.ci95_high - part["mean"]],
            fmt="none",
            ecolor=PALETTE[i],
            elinewidth=0.7,
            capsize=1.5,
        )
        for chosen, face in ((~hidden, PALETTE[i]), (hidden, "white")):
            axis.plot(
                part["mean"][chosen],
                part.score[chosen] * 100,
                markers[i],
                color=PALETTE[i],
                markerfacecolor=face,
                label=content if face != "white" else None,
            )
    axis.plot([0, 100], [0, 100], color="0.5", lw=0.8, ls=":")
    axis.set(xlim=(0, 110), ylim=(0, 110), title=title)
    axis.set_xlabel("Mean MUSHRA score, 95 % CI (open: hidden reference)")
    axis.set_ylabel("Predicted quality × 100")
    axis.legend(bbox_to_anchor=(1.02, 1), loc="upper left")
    axis.text(1.04, 0.02, note, transform=axis.transAxes, fontsize=7, va="bottom")
    return figure


def campaign(summary: pd.DataFrame) -> Figure:
    """Draw the mean score of each condition of a campaign with its confidence interval.

    Args:
        summary: of `qastanet.campaign_summary.summarise`
    """
    labels = summary.columns[: list(summary.columns).index("pairs")]
    names = [" ".join(map(str, row)) or "all" for row in summary[labels].to_numpy()]
    names = [name.encode(errors="replace").decode() for name in names]  # need not be UTF-8
    figure, axis = plt.subplots(figsize=(COLUMN + 1, 0.9 + 0.22 * len(summary)))
    places = np.arange(len(summary))[::-1]
    spread = [summary["mean"] - summary.ci95_low, summary.ci95_high - summary["mean"]]
    axis.errorbar(
        summary["mean"], places, xerr=np.nan_to_num(spread), fmt="o", capsize=2, color=PALETTE[0]
    )
    axis.set_yticks(places, [f"{n} ({c})" for n, c in zip(names, summary.pairs, strict=True)])
    axis.set(xlim=(0, 1), ylim=(-0.7, len(summary) - 0.3))
    axis.set_xlabel(
        "Predicted quality (0–1), mean and 95 % CI over references\n(pairs in brackets)"
    )
    return figure
