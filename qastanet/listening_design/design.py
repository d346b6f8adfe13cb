"""From references and conditions to the folder of a listening test."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import yaml

from qastanet.errors import InputError
from qastanet.listening_design.choosing import choose
from qastanet.listening_design.conditions import ANCHORS, MOST, REFERENCE, safe
from qastanet.listening_design.excerpts import LONGEST, LOUDNESS, PEAK, peak
from qastanet.listening_design.materials import Material
from qastanet.listening_design.predicted_points import predicted_points, usable
from qastanet.listening_design.webmushra_folder import (
    MINUTES_PER_SOUND,
    README,
    SOUNDS,
    configuration,
    place,
)
from qastanet.scoring.progress import Progress
from qastanet.sound.sampling import SAMPLING_RATE
from qastanet.storage import write_table
from qastanet.version import __version__

SHORTEST = 1.0

PAGES = 16
"""As many trials are made at most, unless it is said."""

CLOSE = 2
"""As many conditions of each, unless it is said: few of many recordings prove most."""

SAME = 1e-4
"""A condition whose samples differ by less than this share of the peak is its reference."""

ROLES = {REFERENCE: "reference", **dict.fromkeys(ANCHORS, "anchor")}


def check_wishes(trials: int | None, per_trial: int | None, seconds: float) -> None:
    """Refuse numbers that no listening test can have.

    Raises:
        InputError: naming the number and its range

    Example:
        >>> check_wishes(8, 4, 20)
        Traceback (most recent call last):
        ...
        qastanet.errors.InputError: 20 s: an excerpt lasts 1 to 12 s
    """
    if not SHORTEST <= seconds <= LONGEST:
        raise InputError(f"{seconds:g} s: an excerpt lasts {SHORTEST:g} to {LONGEST:g} s")
    most = MOST - len(ANCHORS) - 1
    if per_trial is not None and not 1 <= per_trial <= most:
        raise InputError(
            f"{per_trial} conditions in a trial: give 1 to {most}; with reference and anchors "
            f"there are at most {MOST} sounds on a page"
        )
    if trials is not None and trials < 1:
        raise InputError(f"{trials} trials: give at least 1")


def check_folder(folder: str | Path) -> Path:
    """Refuse a folder that holds something already.

    Raises:
        InputError: naming it
    """
    path = Path(os.path.realpath(folder))
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise InputError(f"{folder}: is there already, and nothing is written over; name another")
    if not safe(path.name) == path.name:
        raise InputError(
            f"{folder}: the folder gives the test its name; use letters, digits, '_', '-' and '.' "
            f"only, such as '{safe(path.name)}'"
        )
    return path


def write_design(
    folder: str | Path,
    materials: Sequence[Material],
    trials: int | None = None,
    per_trial: int | None = None,
    seed: int = 0,
    drawn: bool = False,
    metrics: Sequence[str] | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Choose trials and write the folder of a listening test.

    Args:
        folder: made anew; its name is that of the test
        materials: of `qastanet.listening_design.materials`
        trials: how many; default: as many as there are references, at most PAGES
        per_trial: conditions in each, besides reference and the two anchors; default: CLOSE
        seed: of what is drawn
        drawn: draw trials and conditions instead of choosing those on which metrics disagree
        metrics: of `qastanet.listening_design.predicted_points.METRIC_NAMES`; default: all at hand
        progress: show a progress bar

    Returns:
        What is written to design.csv: a row per sound, with ``trial``, ``recording``,
        ``stimulus``, ``role`` (reference, anchor, coded), ``file``, ``source``, ``start_s``,
        ``duration_s``, ``gain_db``, ``peak_dbfs``, points by metric, ``predicted`` and
        ``disagreement`` (coded ones only). What was left out is said in ``attrs["notes"]``.

    Raises:
        InputError: if the folder holds something, a file cannot be used, or there are too few
            candidates
    """
    target = check_folder(folder)
    names = usable(metrics)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=".part-"))
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); name another") from error
    try:
        rows = _candidates(materials, staging / "candidates", names, progress)
        coded = rows[rows.role == "coded"].rename(columns={"stimulus": "condition"})
        if coded.empty:
            raise InputError("none of the conditions changes any of the references; name others")
        sizes = coded.trial.value_counts()
        per_trial = per_trial or min(CLOSE, int(sizes.max()))
        trials = trials or max(1, min(PAGES, int((sizes >= per_trial).sum())))
        chosen = choose(coded, names, trials, per_trial, seed if drawn else None)
        table = _with_sounds(rows, chosen)
        table = _write_sounds(table, staging, target.name)
        table.attrs["notes"] = rows.attrs["notes"]
        how = "trials and conditions were drawn" if drawn else "chosen where metrics disagree most"
        _write_texts(table, staging, target.name, seed, f"{how} ({', '.join(names)})")
        shutil.rmtree(staging / "candidates")
        staging.chmod(0o755)
        staging.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # it has moved if all went well
    return table


def _candidates(
    materials: Sequence[Material], folder: Path, metrics: Sequence[str], progress: bool
) -> pd.DataFrame:
    """Render and predict all that could be rated; sounds wait in a folder."""
    rows, notes = [], []
    with Progress(len(materials), unit="references", shown=progress) as shown:
        for material in materials:
            found = material.stimuli()
            reference = found.ears[REFERENCE]
            limit = SAME * float(np.abs(reference).max())
            heard = {
                name: sound
                for name, sound in found.ears.items()
                if name == REFERENCE or np.abs(sound - reference).max() > limit
            }
            notes += [
                f"{material.trial}: {name} changes nothing, left out"
                for name in found.ears.keys() - heard.keys()
            ]
            points = predicted_points(heard, metrics)
            (folder / material.trial).mkdir(parents=True)
            for name, sound in heard.items():
                file = folder / material.trial / f"{name}.wav"
                soundfile.write(file, sound.T, SAMPLING_RATE, "FLOAT")
                role = ROLES.get(name, "coded")
                facts = {"trial": material.trial, "recording": material.recording}
                facts |= {"stimulus": name, "role": role, "file": "", "source": material.source}
                facts |= {"start_s": found.start, "duration_s": sound.shape[1] / SAMPLING_RATE}
                facts |= {"gain_db": found.gains[name], "loudness_lufs": LOUDNESS}
                rows.append(facts | {"peak_dbfs": peak(sound)} | points[name])
            shown.add(1)
    table = pd.DataFrame(rows)
    table.attrs["notes"] = sorted(notes)
    return table


def _with_sounds(rows: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    """Put the chosen sounds behind their reference and anchors, trial after trial."""
    parts = []
    for trial, conditions in chosen.groupby("trial", sort=False):
        fixed = rows[(rows.trial == trial) & (rows.role != "coded")]
        parts += [fixed, conditions.rename(columns={"condition": "stimulus"})]
    return pd.concat(parts, ignore_index=True)


def _write_sounds(table: pd.DataFrame, staging: Path, name: str) -> pd.DataFrame:
    """Write the sounds as they are played: all turned down alike if one would clip."""
    down = min(0.0, PEAK - table.peak_dbfs.max())
    files = []
    for row in table.itertuples():
        file = place(name, row.trial, row.stimulus)
        sound, _ = soundfile.read(staging / "candidates" / row.trial / f"{row.stimulus}.wav")
        (staging / file).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(staging / file, sound * 10 ** (down / 20), SAMPLING_RATE, "PCM_24")
        files.append(file)
    levels = {"gain_db": table.gain_db + down, "peak_dbfs": table.peak_dbfs + down}
    return table.assign(file=files, loudness_lufs=LOUDNESS + down, **levels)


def _write_texts(table: pd.DataFrame, staging: Path, name: str, seed: int, how: str) -> None:
    """Write the truth, the configuration and the page for the experimenter."""
    coded = table[table.role == "coded"]
    trials = {trial: [*rows.stimulus] for trial, rows in coded.groupby("trial", sort=False)}
    write_table(table, staging / "design.csv", 4)
    config = configuration(name, trials)
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=1000)
    (staging / "configs" / f"{name}.yaml").write_text(text, encoding="utf-8")
    text = README.format(
        name=name,
        trials=len(trials),
        version=__version__,
        seed=seed,
        how=how,
        sounds=SOUNDS,
        loudness=round(float(table.loudness_lufs.iloc[0]), 1),
        minutes=round(MINUTES_PER_SOUND * len(table)),
        recordings=table.recording.nunique(),
    )
    (staging / "README.md").write_text(text, encoding="utf-8")
