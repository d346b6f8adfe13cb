"""What a test can be made of: references with their conditions, at the ears, equally loud."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qastanet.errors import InputError
from qastanet.hearing.fast import front_end
from qastanet.listening_design.conditions import (
    ANCHORS,
    REFERENCE,
    Condition,
    check_names,
    safe,
)
from qastanet.listening_design.excerpts import LOUDNESS, faded, loudness, quiet_cut
from qastanet.listening_tests.contents import recording
from qastanet.models.parts_model import load_default
from qastanet.scene.degradations import degrade
from qastanet.scene.synthetic_scenes import random_scene, render
from qastanet.scoring.manifest import SOUND_FILES, read_manifest
from qastanet.sound.options import Options
from qastanet.sound.pairs.preparation import prepare_files
from qastanet.sound.sampling import SAMPLING_RATE

LEAD = 1.0
"""Seconds that are coded before and after an excerpt, so that a codec's start is not heard."""

SEPARATOR = "__"
"""Stands in the name of a file between the recording and what else was done to it."""


class Stimuli(NamedTuple):
    """One trial's sounds.

    Attributes:
        ears: name -> (2, samples) at 48 kHz, all at LOUDNESS; reference and anchors first.
        gains: name -> dB that it was brought there by.
        start: second of the reference at which the excerpt starts.
    """

    ears: dict[str, NDArray[np.float32]]
    gains: dict[str, float]
    start: float


class Material(NamedTuple):
    """A reference that may become a trial.

    Attributes:
        trial: its name.
        recording: what was recorded; several materials may share it, and are one unit of evidence.
        source: file, or what it was made of.
        signals: () -> reference and coded signals at 48 kHz, all of one length, cut to the excerpt,
            and the second at which it starts.
    """

    trial: str
    recording: str
    source: str
    signals: Callable[[], tuple[dict[str, NDArray], float]]

    def stimuli(self) -> Stimuli:
        """Render what is heard.

        Raises:
            InputError: if a file cannot be used, or a sound is too quiet
        """
        signals, start = self.signals()
        ears = {name: at_the_ears(signal) for name, signal in signals.items()}
        anchors = {n: degrade(ears[REFERENCE], "lowpass", f) for n, f in ANCHORS.items()}
        ears = {REFERENCE: ears[REFERENCE]} | anchors | ears
        ears = {name: faded(sound) for name, sound in ears.items()}
        gains = {n: LOUDNESS - loudness(x, f"{self.source} ({n})") for n, x in ears.items()}
        loud = {n: (x * 10 ** (gains[n] / 20)).astype(np.float32) for n, x in ears.items()}
        return Stimuli(loud, gains, start)


def at_the_ears(signal: NDArray) -> NDArray[np.float32]:
    """Return two ears as they are, and ambisonics through the decoder of the model.

    Example:
        >>> at_the_ears(np.ones((4, 480), np.float32)).shape
        (2, 480)
    """
    if len(signal) == 2:
        return np.asarray(signal, dtype=np.float32)
    return front_end.binaural(signal, load_default().filters[0])


def of_files(
    files: Sequence[str | Path],
    conditions: Sequence[Condition],
    seconds: float,
    options: Options | None = None,
    seed: int = 0,
) -> list[Material]:
    """Make materials of sound files (ambisonic or binaural) and conditions.

    Names that agree up to a double underscore (`quartet__hall.wav`) are one recording.

    Args:
        files: sound files, or folders of them
        conditions: ways to treat them
        seconds: longest excerpt
        options: what may be done to a file
        seed: of random parts

    Raises:
        InputError: if there is no such file or folder, or two have one name
    """
    found: list[Path] = []
    for file in map(Path, files):
        inside = sorted(x for x in file.glob("*") if x.suffix.lower() in SOUND_FILES)
        if file.is_dir() and not inside:
            raise InputError(f"{file}: holds no sound files")
        found += inside if file.is_dir() else [file]
    names = [safe(file.stem) for file in found]
    check_names(names, "references")

    def read(file: Path) -> Callable[[], NDArray]:
        return lambda: prepare_files(file, file, options)[0]

    return [
        Material(
            name,
            recording(file.stem.split(SEPARATOR)[0]),
            str(file),
            _treating(read(file), conditions, seconds, seed),
        )
        for name, file in zip(names, found, strict=True)
    ]


def of_scenes(
    count: int, conditions: Sequence[Condition], seconds: float, seed: int = 0
) -> list[Material]:
    """Make materials of built-in scenes: synthetic sounds around the listener, of first order.

    Args:
        count: number of scenes, each a recording of its own
        conditions: ways to treat them
        seconds: their duration
        seed: of the scenes and of random parts

    Example:
        >>> of_scenes(2, [], 3)[1].trial
        'scene02'
    """

    def read(number: int) -> Callable[[], NDArray]:
        scene = replace(random_scene(1000 * seed + number), duration=seconds)
        return lambda: render(scene, order=1)

    names = [f"scene{number:02d}" for number in range(1, count + 1)]
    return [
        Material(name, name, "synthetic", _treating(read(number), conditions, seconds, seed))
        for number, name in enumerate(names, 1)
    ]


def _treating(
    read: Callable[[], NDArray], conditions: Sequence[Condition], seconds: float, seed: int
) -> Callable[[], tuple[dict[str, NDArray], float]]:
    """Return what reads a reference, cuts it, and treats the excerpt."""

    def signals() -> tuple[dict[str, NDArray], float]:
        reference = read()
        start, stop = quiet_cut(reference, seconds)
        first = max(0, start - round(LEAD * SAMPLING_RATE))
        wide = reference[:, first : stop + round(LEAD * SAMPLING_RATE)]
        inside = slice(start - first, stop - first)
        made = {each.name: each.apply(wide, seed)[:, inside] for each in conditions}
        return {REFERENCE: wide[:, inside]} | made, start / SAMPLING_RATE

    return signals


def of_manifest(path: str | Path, seconds: float, options: Options | None = None) -> list[Material]:
    """Make materials of files that were coded elsewhere.

    Args:
        path: CSV file with the columns reference, degraded, condition, and if you like recording
            (default: as the names of the references tell it, see `of_files`)
        seconds: longest excerpt
        options: what may be done to a pair

    Raises:
        InputError: if it cannot be read, or a condition is empty or there twice
    """
    rows = read_manifest(path, ("reference", "degraded", "condition", "recording"))
    if "condition" not in rows.columns:
        raise InputError(f"{path}: no column condition; name the coding of each row")
    coded: dict[str, dict[str, str]] = {}
    recordings: dict[str, str] = {}
    for line, row in zip(rows.lines, rows, strict=True):
        if not row["condition"].strip():
            raise InputError(f"{path}: line {line}: condition is empty")
        name, source = safe(row["condition"]), row["reference"]
        if name in coded.setdefault(source, {}):
            raise InputError(f"{path}: line {line}: condition '{name}' is there twice")
        check_names([name], "conditions")
        coded[source][name] = row["degraded"]
        recordings[source] = row.get("recording", "").strip()
    names = [safe(Path(source).stem) for source in coded]
    check_names(names, "references")
    return [
        Material(
            name,
            recordings[source] or recording(Path(source).stem.split(SEPARATOR)[0]),
            source,
            _reading(source, files, seconds, options),
        )
        for name, (source, files) in zip(names, coded.items(), strict=True)
    ]


def _reading(
    source: str, files: Mapping[str, str], seconds: float, options: Options | None
) -> Callable[[], tuple[dict[str, NDArray], float]]:
    """Return what reads a reference and its coded files, and cuts all of them alike."""

    def signals() -> tuple[dict[str, NDArray], float]:
        reference = prepare_files(source, source, options)[0]
        first, last, laid = 0, reference.shape[1], {}
        for name, file in files.items():
            same, sound, _ = prepare_files(source, file, options)
            at = _place(reference[0], same[0], f"{source} and {file}")
            first, last = max(first, at), min(last, at + same.shape[1])
            laid[name] = at, sound
        start, stop = quiet_cut(reference[:, first:last], seconds)
        start, stop = start + first, stop + first
        cut = {name: sound[:, start - at : stop - at] for name, (at, sound) in laid.items()}
        return {REFERENCE: reference[:, start:stop]} | cut, start / SAMPLING_RATE

    return signals


def _place(whole: NDArray, part: NDArray, names: str) -> int:
    """Return where a part that was cut out of a signal begins."""
    for at in range(len(whole) - len(part) + 1):
        if whole[at] == part[0] and np.array_equal(whole[at : at + len(part)], part):
            return at
    raise InputError(f"{names}: the reference is not what it is beside other codings")
