"""From the results of webMUSHRA and a folder of sounds to a manifest with mean ratings."""

import os
import string
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from qastanet.errors import InputError
from qastanet.listening_tests.webmushra import (
    keep_screened,
    rated_alike,
    rating_means,
    read_webmushra,
    screen_listeners,
)
from qastanet.scoring.manifest import SOUND_FILES

PATTERNS = (
    *("{trial}/{condition}", "{condition}/{trial}", "{trial}_{condition}", "{trial}-{condition}"),
    *("{condition}_{trial}", "{trial}/{trial}_{condition}", "{condition}/{trial}_{condition}"),
)
"""Where a sound may lie, without ending; each is tried with the endings of sound files."""

BROWSER_ANCHORS = ("anchor35", "anchor70")
"""Low-passed anchors that webMUSHRA makes while it is played."""

COLUMNS = [
    *("reference", "degraded", "mos", "ci95_low", "ci95_high", "sd", "listeners"),
    *("dataset", "scene", "condition", "role"),
]


def manifest_of(
    results: str | Path,
    sounds: str | Path,
    beside: str | Path,
    reference: str = "reference",
    anchor: str | None = None,
    pattern: str | None = None,
    screened: bool = True,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Average the ratings of a test and find the sounds that were rated.

    Args:
        results: see `qastanet.listening_tests.webmushra.read_webmushra`; a trial is a scene
        sounds: folder of the sounds
        beside: folder of the manifest, from which its paths start
        reference: condition that is the hidden reference
        anchor: condition that is the mid-range anchor; None if there is none
        pattern: where a sound lies below the folder, with {trial} and {condition}; None: PATTERNS
            are tried
        screened: leave out the listeners that do not pass
            `qastanet.listening_tests.webmushra.screen_listeners`

    Returns:
        manifest with COLUMNS and ``attrs["notes"]``, and the screening, with the ``session`` of
        each listener

    Raises:
        InputError: if the results cannot be read, no listener is left, or a sound is not there
    """
    if not Path(results).is_file():
        raise InputError(f"{results}: no such file. Name the results file of webMUSHRA.")
    if not Path(sounds).is_dir():
        raise InputError(f"{sounds}: no such folder. Name the folder of the sounds.")
    ratings = read_webmushra(results)
    sessions, notes = ratings.attrs["sessions"], list(ratings.attrs["notes"])
    rated_reference = (ratings.condition == reference).any()
    if not rated_reference and _have_reference(ratings, sounds, reference, pattern):
        notes.append(f"no ratings of '{reference}': its sounds are taken, nobody is screened by it")
        screening = rated_alike(ratings).assign(kept=lambda x: x.reason == "")
    else:
        screening = _screened(ratings, reference, anchor)
    screening["session"] = screening.listener.map(sessions)
    if screened:
        ratings = keep_screened(ratings, screening)
        if ratings.empty:
            raise InputError(
                f"{results}: none of {len(screening)} listeners passes the screening "
                f"({screening.reason[0]}); see --reference, or use --all-listeners"
            )
    table = rating_means(ratings, Path(results).stem)
    table = table.rename(columns={"mean": "mos", "content": "scene"})
    table = _with_sounds(table, sounds, beside, pattern, notes)
    if rated_reference:
        hidden = table[table.condition == reference].set_index("scene").degraded
        missing = sorted(set(table.scene) - set(hidden.index))
        if missing:
            raise InputError(f"{results}: '{reference}' was not rated in the trial '{missing[0]}'")
        table["reference"] = table.scene.map(hidden)
    else:
        table["reference"] = [
            os.path.relpath(find_sound(sounds, scene, reference, pattern), beside)
            for scene in table.scene
        ]
    roles = {reference: "reference", anchor: "anchor"}
    table["role"] = [roles.get(condition, "coded") for condition in table.condition]
    table = table[COLUMNS]
    table.attrs["notes"] = notes
    return table, screening


def _screened(ratings: pd.DataFrame, reference: str, anchor: str | None) -> pd.DataFrame:
    """Screen listeners by the hidden reference and the anchor, and for moving no slider."""
    screening = screen_listeners(ratings, reference, anchor)
    alike = rated_alike(ratings)
    screening["reason"] = [
        "; ".join(reason for reason in both if reason)
        for both in zip(screening.reason, alike.reason, strict=True)
    ]
    screening["kept"] = screening.reason == ""
    return screening


def _have_reference(
    ratings: pd.DataFrame, sounds: str | Path, reference: str, pattern: str | None
) -> bool:
    """Tell whether the sounds of all trials include a reference, which was not rated."""
    try:
        for trial in ratings.trial.unique():
            find_sound(sounds, trial, reference, pattern)
    except InputError:
        return False
    return True


def _with_sounds(
    table: pd.DataFrame,
    sounds: str | Path,
    beside: str | Path,
    pattern: str | None,
    notes: list[str],
) -> pd.DataFrame:
    """Add the sounds; anchors that the browser makes have none and are left out."""
    files = []
    for scene, condition in zip(table.scene, table.condition, strict=True):
        try:
            file = find_sound(sounds, scene, condition, pattern)
            files.append(os.path.relpath(file, beside))
        except InputError:
            if condition not in BROWSER_ANCHORS:
                raise
            files.append("")
    table["degraded"] = files
    left = sorted(set(table.condition[table.degraded == ""]))
    if left:
        notes.append(f"{', '.join(left)}: no sounds (the browser makes them); left out")
    return table[table.degraded != ""].reset_index(drop=True)


def find_sound(sounds: str | Path, trial: str, condition: str, pattern: str | None = None) -> Path:
    """Find the sound of a trial and condition.

    Args:
        sounds: folder
        trial: as `qastanet.listening_tests.webmushra.read_webmushra` gives it; a plus may be a
            space in the file
        condition: how it was processed
        pattern: see `manifest_of`

    Raises:
        InputError: if there is none, or a name leads out of the folder
    """
    folder = Path(sounds)
    for candidate in _candidates(trial, condition, pattern):
        file = folder / candidate
        try:
            if not file.resolve().is_relative_to(folder.resolve()):
                raise InputError(
                    f"{candidate}: leads out of {folder}; rename the trial or condition"
                )
            if file.is_file():
                return file
        except (OSError, ValueError) as error:  # a name too long, or a null in it
            if isinstance(error, InputError):
                raise
    trial, condition = (x if len(x) < 80 else f"{x[:80]}..." for x in (trial, condition))
    looked = pattern or ", ".join(f"{name}.wav" for name in PATTERNS)
    raise InputError(
        f"{folder}: no sound of the trial '{trial}' and the condition '{condition}' ({looked}); "
        "name its place with --pattern '{trial}...{condition}...'"
    )


def _candidates(trial: str, condition: str, pattern: str | None) -> Iterator[str]:
    """Yield the names that a sound may have."""
    for name in dict.fromkeys((trial, trial.replace("+", " "))):
        for form in (pattern,) if pattern else PATTERNS:
            fields = [field for _, field in _fields(form) if field is not None]
            if set(fields) - {"trial", "condition"} or not fields:
                raise InputError(
                    f"--pattern '{form}': give {{trial}} and {{condition}} in braces, and nothing "
                    "else"
                )
            stem = form.format(trial=name, condition=condition)
            yield stem
            if not pattern:
                yield from (stem + ending for ending in sorted(SOUND_FILES))


def _fields(form: str) -> list[tuple[str, str | None]]:
    """Return the parts of a pattern: text, and the name in braces; with a format it is no name."""
    try:
        parts = list(string.Formatter().parse(form))
    except ValueError:
        return [(form, "?")]
    return [(text, "?" if spec or conversion else field) for text, field, spec, conversion in parts]
