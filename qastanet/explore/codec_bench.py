"""Synthetic scenes, ways to degrade them, and what the shipped model says of it.

For the exploration notebooks: short, and what does not depend on a slider is kept.
"""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qastanet.hearing.fast import front_end
from qastanet.hearing.features import Features
from qastanet.models.attribution import Attribution, explain
from qastanet.scene import codecs
from qastanet.scene.degradations import degrade
from qastanet.scene.synthetic_scenes import Scene, Source, render
from qastanet.scoring.loading import load_scorer
from qastanet.sound.ambisonics import channels, silence_above

SECONDS = 1.2

SCENES = {
    "talker and guitar": Scene(
        (Source("talker", (0.5, 0.5), (0, 0)), Source("plucked", (-1, -1), (0, 0), 0.7)),
        ambience_db=-25,
        seed=1,
    ),
    "drums from the left": Scene((Source("drums", (1.2, 1.2), (0.2, 0.2)),), seed=2),
    "bells that move": Scene((Source("bells", (1.5, -1.5), (0.1, 0.6)),), seed=3),
    "applause around": Scene(
        tuple(Source("applause", (a, a), (0, 0)) for a in np.arange(6) * np.pi / 3),
        ambience_db=-15,
        seed=4,
    ),
}


class Treatment(NamedTuple):
    """A way to degrade a signal.

    Attributes:
        strengths: from strong to weak: how it is called -> number.
        apply: (signal, number) -> degraded signal of the same shape.
    """

    strengths: dict[str, float]
    apply: Callable[[NDArray, float], NDArray]


def _named(values, text: str, factor: float = 1) -> dict[str, float]:
    return {text.format(factor * value): value for value in values}


def _degradation(name: str) -> Callable[[NDArray, float], NDArray]:
    return lambda signal, strength: degrade(signal, name, strength)


RATES = (24, 32, 48, 64, 96, 128, 192, 256, 384, 512)

TREATMENTS = {
    "Opus, ambisonics as a whole (mapping family 2)": Treatment(
        _named(RATES, "{:.0f} kbit/s"), codecs.opus
    ),
    "AAC, channels in pairs": Treatment(_named(RATES[2:], "{:.0f} kbit/s"), codecs.aac),
    "Low-pass (the anchors of MUSHRA: 3.5 and 7 kHz)": Treatment(
        _named((2000, 3500, 5000, 7000, 10000, 14000, 18000), "{:.1f} kHz", 1e-3),
        _degradation("lowpass"),
    ),
    "Lower ambisonic order": Treatment(_named((0, 1, 2), "order {:.0f}"), silence_above),
    "Independent noise": Treatment(
        {f"{snr} dB below the sound": 10 ** (-snr / 20) for snr in (6, 12, 20, 30, 40, 50)},
        _degradation("noise"),
    ),
    "Holes in time and frequency": Treatment(
        _named((0.5, 0.3, 0.2, 0.1, 0.05, 0.02), "{:.0f} % of the tiles", 100),
        _degradation("holes"),
    ),
    "Narrower image": Treatment(
        _named((1.0, 0.75, 0.5, 0.25, 0.1), "{:.0f} % narrower", 100), _degradation("narrow")
    ),
    "Decorrelated channels": Treatment(
        _named((1.0, 0.7, 0.5, 0.3, 0.1), "{:.0f} %", 100), _degradation("decorrelate")
    ),
    "Directions and diffuseness only (parametric)": Treatment(
        _named((4.0, 2.0, 1.0, 0.5, 0.25), "diffusion {:.2g}"), _degradation("parametric")
    ),
    "Rotated scene": Treatment(
        _named((90, 45, 20, 10, 5), "{:.0f}° to the left"), _degradation("turn")
    ),
    "Level": Treatment(
        {f"{change:+d} dB": change for change in (-12, -6, -3, -1, 1, 3, 6)}, _degradation("gain")
    ),
}
"""The ways to degrade a scene, by name."""


class Judged(NamedTuple):
    """A pair and what the shipped model says of it.

    Attributes:
        ears: of the reference and of the degraded signal, (2, samples) each.
        found: score, interval and where quality is lost.
    """

    ears: tuple[NDArray, NDArray]
    found: Attribution


class Heard(NamedTuple):
    """A signal, its ears and its features."""

    signal: NDArray
    ears: NDArray
    features: Features


@functools.lru_cache(maxsize=16)
def reference(scene: str, order: int) -> Heard:
    """Render one of SCENES at an ambisonic order, 1..3.

    Example:
        >>> reference("drums from the left", 1).ears.shape
        (2, 57600)
    """
    return _heard(_rendered(scene)[: channels(order)])


@functools.cache
def _rendered(scene: str) -> NDArray:
    return render(replace(SCENES[scene], duration=SECONDS), 3)


def _heard(signal: NDArray) -> Heard:
    scorer = load_scorer()
    return Heard(signal, front_end.binaural(signal, scorer.filters[0]), scorer.features(signal))


def judge(scene: str, order: int, treatment: str, strength: float) -> Judged:
    """Degrade a scene and judge it.

    Args:
        scene: one of SCENES
        order: ambisonic order, 1..3
        treatment: one of TREATMENTS
        strength: number among its strengths

    Raises:
        InputError: if the codec is not there

    Example:
        >>> judged = judge("drums from the left", 1, "Level", 3)
        >>> bool(judged.found.by_part["gain"] > 0.9 * (1 - judged.found.score))
        True
    """
    original = reference(scene, order)
    degraded = _heard(TREATMENTS[treatment].apply(original.signal, strength))
    found = explain(original.features, degraded.features, load_scorer())
    return Judged((original.ears, degraded.ears), found)
