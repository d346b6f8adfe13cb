"""Figures of decoders, bands and features."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from qastanet.hearing.gammatone import centre_frequencies
from qastanet.plots.style import FRAME_MS, PAGE, PALETTE
from qastanet.sound.sampling import SAMPLING_RATE


def decoder_cues(table: pd.DataFrame) -> Figure:
    """Draw ITD, ILD and left-ear spectra of decoders beside the HRTF they were designed from.

    Args:
        table: of `qastanet.scene.binaural_cues.cue_table`, several renderers
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
        maps: rendering -> ILD map (29, frames) in dB of `qastanet.hearing.features`
    """
    figure, axes = plt.subplots(
        len(maps), 1, figsize=(PAGE, 1.35 * len(maps) + 0.3), sharex=True, squeeze=False
    )
    for axis, (name, ild) in zip(axes[:, 0], maps.items(), strict=True):
        _map_with_bar(axis, ild, "ILD (dB)", cmap="RdBu_r", vmin=-25, vmax=25)
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
        reference: ild (dB), coherence, power, directiveness; maps (29, frames)
        degraded: the same
        differences: (4, 29, frames)
    """
    rows = (
        ("ILD (dB)", lambda f: f["ild"], {"cmap": "RdBu_r", "vmin": -20, "vmax": 20}),
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
