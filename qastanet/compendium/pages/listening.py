"""Sounds to listen to beside their scores: a synthetic scene, coded and degraded."""

from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from markupsafe import Markup
from numpy.typing import NDArray

from qastanet.hearing.fast.front_end import binaural
from qastanet.models.parts_model import load_default
from qastanet.scene import codecs
from qastanet.scene.degradations import degrade
from qastanet.scene.synthetic_scenes import Scene, Source, render
from qastanet.sound.ambisonics import silence_above
from qastanet.sound.sampling import SAMPLING_RATE

SCENE = Scene(
    (
        Source("talker", (np.pi / 3, -np.pi / 3), (0.0, 0.0)),
        Source("plucked", (-np.pi / 2, -np.pi / 2), (0.3, 0.3), 0.7),
    ),
    ambience_db=-25,
    duration=4.0,
    seed=7,
)
"""A talker who walks past in front, a plucked string on the right, some ambience."""


def _versions(reference: NDArray) -> dict[str, NDArray]:
    """Return the versions of a third-order scene that are shown."""
    found = {"reference": reference}
    for bitrate in (512, 256, 128):
        found[f"Opus, third order, {bitrate} kbit/s"] = codecs.opus(reference, bitrate)
    found["first order only"] = silence_above(reference, 1)
    found["mono (W only)"] = silence_above(reference, 0)
    for anchor in (7000, 3500):
        found[f"low-pass {anchor / 1000:g} kHz"] = degrade(reference, "lowpass", anchor)
    return found


def _player(file: Path, ears: NDArray) -> Markup:
    """Write a sound, and return a player for it in the report, preloading nothing."""
    soundfile.write(file, ears.T, SAMPLING_RATE)
    return Markup(f'<audio controls preload="none" src="audio/{file.name}"></audio>')


def make(folder: Path, root: Path) -> dict:
    """Write the sounds and return what the page shows.

    Args:
        folder: for the sound files.
        root: of the compendium.

    Returns:
        ``seed``, ``ladder`` (a table of versions, scores and players) and ``second``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scorer = load_default()
    reference = render(SCENE, 3)
    heard = scorer.features(reference)
    rows = []
    for name, signal in _versions(reference).items():
        features = scorer.features(signal)
        low, high = scorer.interval(heard, features)
        listen = _player(folder / f"{len(rows)}.flac", binaural(signal, scorer.filters[0]))
        rows.append((name, scorer.score(heard, features), low, high, listen))
    ladder = pd.DataFrame(rows, columns=["version", "score", "low", "high", "listen"])
    with np.load(root / "tests" / "golden" / "released_second.npz") as kept:
        pair = {"reference": kept["ref_binaural"], "Opus, 32 kbit/s": kept["deg_binaural"]}
    rows = [
        (name, _player(folder / f"second_{number}.flac", ears))
        for number, (name, ears) in enumerate(pair.items())
    ]
    second = pd.DataFrame(rows, columns=["version", "listen"])
    return {"seed": SCENE.seed, "ladder": ladder, "second": second}
