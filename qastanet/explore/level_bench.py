"""The same pair at many playback levels: for the exploration notebooks."""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qastanet.explore.codec_bench import reference
from qastanet.hearing.hearing_threshold import FULL_SCALE_LEVEL
from qastanet.models.attribution import Attribution, explain
from qastanet.scene.degradations import degrade
from qastanet.scoring.loading import load_scorer

FAULTS = {
    "low-pass at 7 kHz": ("lowpass", 7000.0),
    "hiss 40 dB below the sound": ("noise", 0.01),
    "hiss 20 dB below the sound": ("noise", 0.1),
    "holes in time and frequency": ("holes", 0.1),
}
"""Degradations of the level bench."""

LEVELS = tuple(range(0, 101, 10))
"""Playback levels of the curve in dB SPL."""


class AtLevel(NamedTuple):
    """A pair at a playback level.

    Attributes:
        ears: of the reference and of the degraded signal, (2, samples) each, not yet at the level.
        band_levels: of both signals, mean over time, dB SPL, shape (2, 29); floored at the
            threshold of hearing.
        heard: share of the frames in which each band is audible in both, shape (29,).
        found: score, interval and where quality is lost.
    """

    ears: tuple[NDArray, NDArray]
    band_levels: NDArray
    heard: NDArray
    found: Attribution


@functools.lru_cache(maxsize=512)
def at_level(scene: str, fault: str, level: float) -> AtLevel:
    """Judge a binaural pair that is played at a level.

    Args:
        scene: one of SCENES
        fault: one of FAULTS
        level: of the reference at the ears, mean of both, dB SPL

    Example:
        >>> quiet, loud = (at_level("talker and guitar", "low-pass at 7 kHz", x) for x in (10, 70))
        >>> bool(quiet.heard.sum() < loud.heard.sum())
        True
    """
    signal = reference(scene, 3).ears
    pair = signal, degrade(signal, *FAULTS[fault])
    now = 10 * np.log10(np.mean(signal**2)) + FULL_SCALE_LEVEL
    gain = 10 ** ((level - now) / 20)
    scorer = load_scorer()
    features = [scorer.features(np.float32(gain * x)) for x in pair]
    levels = [10 * np.log10(f.power[0].mean(-1)) + FULL_SCALE_LEVEL for f in features]
    heard = np.all([np.isfinite(f.coherence[0]) for f in features], axis=0).mean(-1)
    return AtLevel(pair, np.stack(levels), heard, explain(*features, scorer))


def level_curve(scene: str, fault: str) -> NDArray:
    """Return score, low and high at LEVELS, shape (3, levels)."""
    found = [at_level(scene, fault, level).found for level in LEVELS]
    return np.array([[f.score, f.low, f.high] for f in found]).T
