"""Figures of decoders, bands and features."""

from collections.abc import Mapping, Sequence

import librosa
import librosa.display
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from qastanet.hearing.differences import PAPER_ILD
from qastanet.hearing.gammatone import centre_frequencies
from qastanet.hearing.hearing_threshold import FULL_SCALE_LEVEL
from qastanet.plots.style import FRAME_MS, PAGE, PALETTE, legend_above
from qastanet.sound.sampling import SAMPLING_RATE

SPECTRUM = 1024
"""Samples of a frame of a spectrogram: 21 ms."""

MAPS = {
    "ild": ("ILD (dB)", {"cmap": "RdBu_r", "vmin": -30, "vmax": 30}),
    "coherence": ("|γ|", {"vmin": 0, "vmax": 1}),
    "power": ("Level (dB SPL)", {"vmin": 0, "vmax": 80, "cmap": "magma"}),
    "directiveness": ("Directiveness", {"vmin": 0, "vmax": 1}),
}
"""Feature -> name with unit, and how its map is drawn."""


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
    legend_above(figure, 3)
    return figure


def frequency_ticks(axis, khz: Sequence[float] = (0.5, 1, 2, 4, 8)) -> None:
    """Label a vertical axis of frequencies in kHz.

    Args:
        axis: of a figure, in Hz
        khz: frequencies that are labelled
    """
    axis.set_yticks([1000 * f for f in khz], [f"{f:g}" for f in khz])
    axis.minorticks_off()


def band_edges() -> np.ndarray:
    """Frequencies between which the bands are drawn, Hz, shape (30,).

    Example:
        >>> edges, centres = band_edges(), centre_frequencies()
        >>> bool((edges[:-1] < centres).all() and (centres < edges[1:]).all())
        True
    """
    centres = centre_frequencies()
    between = np.sqrt(centres[1:] * centres[:-1])
    return np.concatenate(
        [centres[:1] ** 2 / between[:1], between, centres[-1:] ** 2 / between[-1:]]
    )


def band_map(
    axis,
    values: np.ndarray,
    khz: Sequence[float] = (0.5, 1, 2, 4, 8),
    seconds: float = FRAME_MS / 1000,
    **options,
):
    """Draw a map over time and centre frequency; undefined values stay grey.

    Args:
        axis: of a figure
        values: shape (29, frames)
        khz: frequencies that are labelled
        seconds: duration of a frame
        options: of `matplotlib.axes.Axes.pcolormesh`

    Returns:
        what a colour bar is made of
    """
    edges = np.arange(values.shape[1] + 1) * seconds
    coordinates = {"x_coords": edges, "y_coords": band_edges(), "x_axis": "s", "y_axis": "log"}
    options = {"cmap": "viridis"} | options
    image = librosa.display.specshow(values, ax=axis, **coordinates, **options)
    axis.set(xlabel="", ylabel="")
    axis.xaxis.set_major_locator(MaxNLocator(4))
    frequency_ticks(axis, khz)
    axis.grid(False)
    axis.set_facecolor("0.85")
    return image


def spectrogram(axis, signal: np.ndarray):
    """Draw the short-time spectrum of a signal on a logarithmic frequency axis.

    Args:
        axis: of a figure
        signal: one channel at 48 kHz, full scale 1

    Returns:
        what a colour bar is made of: level per bin in dB SPL
    """
    frame = {"n_fft": SPECTRUM, "hop_length": SPECTRUM // 4}
    magnitude = np.abs(librosa.stft(np.asarray(signal, dtype=np.float32), **frame))
    full_scale = SPECTRUM / 4 * np.sqrt(2)  # magnitude of a sine with a power of 1
    level = librosa.amplitude_to_db(magnitude, ref=full_scale, top_db=None) + FULL_SCALE_LEVEL
    places = {"sr": SAMPLING_RATE, "hop_length": SPECTRUM // 4, "x_axis": "s", "y_axis": "log"}
    look = {"cmap": "magma", "vmin": 0, "vmax": 80}
    image = librosa.display.specshow(level.round(1), ax=axis, **places, **look)
    axis.set(xlabel="", ylabel="", ylim=(100, 20000), xlim=(0, len(signal) / SAMPLING_RATE))
    frequency_ticks(axis, (0.1, 1, 10))
    axis.grid(False)
    return image


def spectrograms(
    signals: Mapping[str, np.ndarray], figure: Figure | SubFigure | None = None
) -> Figure | SubFigure:
    """Draw the spectrograms of both ears, a row per signal.

    Args:
        signals: name -> ears (2, samples) at 48 kHz
        figure: to draw into; default: a new one
    """
    figure = figure or plt.figure(figsize=(PAGE, 1.25 * len(signals) + 0.7))
    axes = figure.subplots(len(signals), 2, sharex=True, sharey=True, squeeze=False)
    for row, (name, ears) in zip(axes, signals.items(), strict=True):
        for axis, ear in zip(row, ears, strict=True):
            image = spectrogram(axis, ear)
        row[0].set_ylabel(f"{name}\n(kHz)")
    for axis, title in zip(axes[0], ("Left ear", "Right ear"), strict=True):
        axis.set_title(title)
    for axis in axes[-1]:
        axis.set_xlabel("Time (s)")
    label = "Level per bin (dB SPL)"
    figure.colorbar(image, ax=list(axes.flat), label=label, extend="both", pad=0.01, aspect=30)
    return figure


def in_plain_units(differences: np.ndarray) -> dict[str, np.ndarray]:
    """Undo what the method does to its differences, which doubles, halves and squares them.

    Args:
        differences: of `qastanet.hearing.differences`, shape (4, 29, frames)

    Returns:
        Label with unit -> map: difference of ILD in dB, magnitude of that of the coherence, change
        of power over the lower power, difference of directiveness

    Example:
        >>> list(in_plain_units(np.full((4, 1), 0.25)).values())
        [array([0.125]), array([0.25]), array([0.5]), array([0.5])]
    """
    level, coherence, power, flow = differences
    return {
        "|ΔILD| (dB)": level / PAPER_ILD,
        "|Δγ|": coherence,
        "|ΔP| / min P": 2 * power,
        "|Δdirectiveness|": np.sqrt(flow),
    }


def _map_with_bar(axis, values: np.ndarray, label: str, above: str = "neither", **options) -> None:
    """Draw a map with its colour bar, which says whether values lie beyond its end."""
    image = band_map(axis, values, **options)
    axis.figure.colorbar(image, ax=axis, label=label, pad=0.02, extend=above)


def scene_levels(maps: Mapping[str, np.ndarray]) -> Figure:
    """Draw the ILD of a scene over time and frequency for several renderings.

    Args:
        maps: rendering -> ILD map (29, frames) in dB of `qastanet.hearing.features`
    """
    figure, axes = plt.subplots(
        len(maps), 1, figsize=(PAGE, 1.35 * len(maps) + 0.3), sharex=True, squeeze=False
    )
    for axis, (name, ild) in zip(axes[:, 0], maps.items(), strict=True):
        _map_with_bar(axis, ild, "ILD (dB),\nleft louder: positive", **MAPS["ild"][1])
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
    shown = in_plain_units(differences).items()
    figure, axes = plt.subplots(4, 3, figsize=(PAGE, 6.2), sharex=True, sharey=True)
    for row, ((name, (label, options)), (unit, change)) in enumerate(
        zip(MAPS.items(), shown, strict=True)
    ):
        for axis, features in zip(axes[row], (reference, degraded), strict=False):
            values = features[name]
            if name == "power":
                values = 10 * np.log10(values) + FULL_SCALE_LEVEL
            _map_with_bar(axis, np.abs(values) if name == "coherence" else values, label, **options)
        limit = float(np.nanpercentile(change, 99).round(3))
        _map_with_bar(axes[row, 2], change, unit, cmap="cividis", vmin=0, vmax=limit, above="max")
        axes[row, 0].set_ylabel("Frequency (kHz)")
    for axis, title in zip(axes[0], ("Reference", "Degraded", "Difference"), strict=True):
        axis.set_title(title)
    for axis in axes[-1]:
        axis.set_xlabel("Time (s)")
    return figure
