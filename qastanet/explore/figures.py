"""The figures of the exploration notebooks, which are drawn anew at every move."""

import numpy as np
import scipy.signal
from matplotlib.figure import Figure
from numpy.typing import NDArray

from qastanet.explore.level_bench import LEVELS, AtLevel
from qastanet.explore.one_frame import OneFrame
from qastanet.hearing.gammatone import centre_frequencies
from qastanet.hearing.hearing_threshold import FULL_SCALE_LEVEL, THRESHOLD_LEVEL
from qastanet.plots.style import PAGE, PALETTE
from qastanet.sound.sampling import FRAME, SAMPLING_RATE

EARS = (("Left ear", PALETTE[0]), ("Right ear", PALETTE[3]))

MEASURED = {"color": "0.45", "ls": "--", "lw": 1.0}


def at_the_ears(
    direction: float, spectra: NDArray, cues: tuple[NDArray, NDArray], measured: tuple, title: str
) -> Figure:
    """Draw where a sound is, its spectra at the ears, its ILD and its interaural coherence.

    Args:
        direction: azimuth relative to the head in degrees, positive to the left
        spectra: ears, shape (2, samples)
        cues: ILD (dB) and coherence, of `qastanet.explore.placed_sound.cues`
        measured: the same of the measured HRIRs, for comparison
        title: of the top view
    """
    figure = Figure(figsize=(PAGE + 1.5, 2.5))
    grid = figure.add_gridspec(1, 4, width_ratios=(0.8, 1, 1, 1))
    _top_view(figure.add_subplot(grid[0], projection="polar"), direction, title)
    axes = [figure.add_subplot(grid[k]) for k in (1, 2, 3)]
    frequency, power = scipy.signal.welch(spectra, SAMPLING_RATE, nperseg=1024)
    for (name, colour), each in zip(EARS, power, strict=True):
        axes[0].plot(frequency[2:], 10 * np.log10(each[2:] + 1e-16), color=colour, label=name)
    axes[0].set(ylabel="Spectrum (dB re full scale²/Hz)", ylim=(-110, -35))
    axes[0].legend(loc="lower left")
    for axis, values, other in zip(axes[1:], cues, measured, strict=True):
        axis.plot(centre_frequencies(), other, **MEASURED, label="measured HRIRs")
        axis.plot(centre_frequencies(), values, "o-", color=PALETTE[2], ms=3, label="as rendered")
    axes[1].axhline(0, color="0.6", lw=0.6)
    axes[1].set(ylabel="ILD (dB), left louder: positive", ylim=(-35, 35))
    axes[2].set(ylabel="Interaural coherence |γ|", ylim=(0, 1.03))
    axes[2].legend(loc="lower left")
    for axis in axes:
        _log_frequency(axis)
    return figure


def _top_view(axis, direction: float, title: str) -> None:
    """Draw the head from above, its nose upwards, and the source."""
    axis.set_theta_zero_location("N")
    axis.set(ylim=(0, 1), yticks=[], xticks=np.deg2rad([0, 90, 180, 270]))
    axis.set_xticklabels(["front", "left", "back", "right"])
    axis.tick_params(pad=-1)
    axis.plot(np.linspace(0, 2 * np.pi, 60), np.full(60, 0.25), color="0.3", lw=1)
    axis.plot([0.2, 0, -0.2], [0.25, 0.36, 0.25], color="0.3", lw=1)
    axis.plot(np.deg2rad(direction), 0.85, "o", ms=8, color=PALETTE[1])
    axis.set_title(title, fontsize=7)


def _log_frequency(axis) -> None:
    """Label an axis of frequencies from 200 Hz to 16 kHz."""
    axis.set_xscale("log")
    axis.set_xlim(200, 16000)
    axis.set_xticks([250, 500, 1000, 2000, 4000, 8000], ["0.25", "0.5", "1", "2", "4", "8"])
    axis.minorticks_off()
    axis.set_xlabel("Frequency (kHz)")


def one_frame(found: OneFrame) -> Figure:
    """Draw one frame of one band, from the waveform to ILD and coherence.

    Args:
        found: of `qastanet.explore.one_frame.one_frame`
    """
    figure = Figure(figsize=(PAGE + 1.5, 3.6))
    grid = figure.add_gridspec(2, 3, width_ratios=(1, 1, 0.75))
    axes = [figure.add_subplot(grid[k]) for k in ((0, 0), (0, 1), (1, 0), (1, 1))]
    time = (np.arange(found.band.shape[-1]) - found.start) / SAMPLING_RATE * 1000
    which = "compared: envelopes" if found.by_envelope else "compared: fine structures"
    compared = found.compared.real
    rows = (
        (found.waveform, "1. Waveform"),
        (found.band.real, f"2. Gammatone band at {found.frequency:.0f} Hz"),
        (found.envelope, "3. Low-passed envelope (150 Hz)"),
        (compared, f"4. What is {which}"),
    )
    for axis, (signal, title) in zip(axes, rows, strict=True):
        axis.axvspan(0, FRAME / SAMPLING_RATE * 1000, color="0.92", lw=0)
        for (name, colour), each in zip(EARS, signal, strict=True):
            axis.plot(time, each, color=colour, lw=0.8, label=name)
        axis.set_title(title, loc="left")
        axis.set_xlim(time[0], time[-1])
        axis.ticklabel_format(axis="y", scilimits=(-2, 2))
    axes[3].set_xlim(0, 40 if found.by_envelope else min(40.0, 12e3 / found.frequency))
    for (_, colour), level in zip(EARS, found.ear_levels, strict=True):
        mean = 10 ** ((level - FULL_SCALE_LEVEL) / 20)
        axes[2].plot([0, FRAME / SAMPLING_RATE * 1000], [mean, mean], color=colour, ls=":", lw=1.5)
    for axis in axes[::2]:
        axis.set_ylabel("Full scale = 1")
    for axis in axes[2:]:
        axis.set_xlabel("Time (ms); grey: the frame")
    axes[2].set_ylim(bottom=0)
    axes[1].legend(loc="upper right", ncols=2, frameon=True, framealpha=0.9)
    _level_bars(figure.add_subplot(grid[0, 2]), found)
    _coherence_disc(figure.add_subplot(grid[1, 2]), found.coherence)
    return figure


def _level_bars(axis, found: OneFrame) -> None:
    """Draw the levels of both ears over the threshold of hearing."""
    axis.bar([0, 1], found.ear_levels, color=[colour for _, colour in EARS], width=0.6)
    axis.axhline(found.threshold, color="k", ls="--", lw=1)
    axis.annotate("threshold", (1.45, found.threshold), fontsize=6, ha="right", va="bottom")
    axis.set_xticks([0, 1], [name for name, _ in EARS])
    axis.set(ylabel="Level (dB SPL)", ylim=(-10, 100), xlim=(-0.5, 1.5))
    axis.set_title(f"ILD = {found.ild:+.1f} dB", loc="left")


def _coherence_disc(axis, coherence: complex) -> None:
    """Draw the complex coherence in the unit disc."""
    circle = np.exp(1j * np.linspace(0, 2 * np.pi, 100))
    axis.plot(circle.real, circle.imag, color="0.5", lw=0.8)
    if np.isfinite(coherence):
        end = (coherence.real, coherence.imag)
        arrow = {"arrowstyle": "-|>", "color": PALETTE[2], "lw": 1.8, "shrinkA": 0, "shrinkB": 0}
        axis.annotate("", end, (0, 0), arrowprops=arrow)
        degrees = np.rad2deg(np.angle(coherence))
        axis.set_title(f"|γ| = {abs(coherence):.2f}, phase {degrees:+.0f}°", loc="left")
    else:
        axis.set_title("γ undefined: inaudible", loc="left")
    axis.set(aspect="equal", xlabel="Re γ", ylabel="Im γ", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1))
    axis.set_xticks([-1, 0, 1])
    axis.set_yticks([-1, 0, 1])


def playback_level(found: AtLevel, curve: NDArray, level: float) -> Figure:
    """Draw the bands over the threshold of hearing, which are heard, and score against level.

    Args:
        found: the pair at the level
        curve: score, low and high at LEVELS, shape (3, levels)
        level: playback level in dB SPL
    """
    figure = Figure(figsize=(PAGE + 1.0, 2.7))
    left, right = figure.subplots(1, 2, width_ratios=(1.6, 1))
    centres = centre_frequencies()
    left.fill_between(centres, -20, THRESHOLD_LEVEL, color="0.85", lw=0)
    left.plot(centres, THRESHOLD_LEVEL, "k--", lw=1, label="threshold of hearing")
    names = (("reference", PALETTE[0], "o-"), ("degraded", PALETTE[1], "s-"))
    for (name, colour, style), levels in zip(names, found.band_levels, strict=True):
        left.plot(centres, levels, style, color=colour, ms=3, label=name)
    unheard = found.heard < 0.5
    left.plot(centres[unheard], np.full(unheard.sum(), -14), "x", color="0.3", ms=4)
    left.set(ylabel="Level per band (dB SPL)", ylim=(-18, 100))
    left.set_title("crosses: inaudible in most frames", loc="left", fontsize=7)
    left.legend(loc="upper right", ncols=3)
    _log_frequency(left)
    right.fill_between(LEVELS, 100 * curve[1], 100 * curve[2], color=PALETTE[2], alpha=0.2, lw=0)
    right.plot(LEVELS, 100 * curve[0], color=PALETTE[2], label="score, 90 % interval")
    right.plot(level, 100 * found.found.score, "D", color="k", ms=6)
    right.axvline(level, color="0.5", lw=0.8)
    right.set(xlabel="Playback level (dB SPL)", ylabel="Score (0–100)", ylim=(0, 103))
    right.legend(loc="lower left")
    return figure
