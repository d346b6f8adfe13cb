"""From the results of webMUSHRA and a folder of sounds to a manifest with mean ratings."""

import os
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from qastanet.errors import InputError
from qastanet.listening_tests.webmushra import (
    Mean,
    Rating,
    Screening,
    keep_screened,
    rated_alike,
    rating_means,
    read_webmushra,
    screen_listeners,
)
from qastanet.scoring.given_tables import Rows
from qastanet.scoring.manifest import SOUND_FILES

PATTERNS = (
    *("{trial}/{condition}", "{condition}/{trial}", "{trial}_{condition}", "{trial}-{condition}"),
    *("{condition}_{trial}", "{trial}/{trial}_{condition}", "{condition}/{trial}_{condition}"),
)
"""Where a sound may lie, without ending; each is tried with the endings of sound files."""

ANCHORS = ("anchor35", "anchor70")
"""Low-passed anchors of webMUSHRA, which it can make while it is played."""

COLUMNS = (
    *("reference", "degraded", "mos", "ci95_low", "ci95_high", "sd", "listeners"),
    *("dataset", "scene", "condition", "role"),
)
"""Columns of a manifest."""


def manifest_of(
    results: str | Path,
    sounds: str | Path,
    beside: str | Path,
    reference: str = "reference",
    anchors: Sequence[str] = (),
    pattern: str | None = None,
    screened: bool = True,
) -> tuple[Rows, list[Screening], dict[str, str]]:
    """Average the ratings of a test and find the sounds that were rated.

    Args:
        results: see `qastanet.listening_tests.webmushra.read_webmushra`; a trial is a scene
        sounds: folder of the sounds
        beside: folder of the manifest, from which its paths start
        reference: condition that is the hidden reference
        anchors: conditions that are anchors, beside ANCHORS; the first is the mid-range anchor,
            by which listeners are screened
        pattern: where a sound lies below the folder, with {trial} and {condition}; None: PATTERNS
            are tried
        screened: leave out the listeners that do not pass
            `qastanet.listening_tests.webmushra.screen_listeners`

    Returns:
        rows of the manifest, of which each has reference, degraded, mos, ci95_low, ci95_high, sd,
        listeners, dataset, scene, condition and role; the screening; and the session of each
        listener

    Raises:
        InputError: if the results cannot be read, no listener is left, or a sound is not there
    """
    if not Path(results).is_file():
        raise InputError(f"{results}: no such file. Name the results file of webMUSHRA.")
    if not Path(sounds).is_dir():
        raise InputError(f"{sounds}: no such folder. Name the folder of the sounds.")
    ratings = read_webmushra(results)
    sessions = {row.listener: row.session for row in ratings}
    notes = ratings.notes
    rated = any(row.condition == reference for row in ratings)
    if not rated and _have_reference(ratings, sounds, reference, pattern):
        notes.append(f"no ratings of '{reference}': its sounds are taken, nobody is screened by it")
        listeners = sorted({row.listener for row in ratings})
        screening = [Screening(name, 0, np.nan, np.nan, True, "") for name in listeners]
    else:
        screening = screen_listeners(ratings, reference, next(iter(anchors), None))
    screening = _and_alike(screening, rated_alike(ratings))
    if screened:
        ratings = keep_screened(ratings, screening)
        if not ratings:
            raise InputError(
                f"{results}: none of {len(screening)} listeners passes the screening "
                f"({screening[0].reason}); see --reference, or use --all-listeners"
            )
    means = rating_means(ratings, Path(results).stem)
    files = _files(means, sounds, beside, pattern, notes)
    if not rated:
        for mean in means:
            file = find_sound(sounds, mean.content, reference, pattern)
            files[mean.content, reference] = os.path.relpath(file, beside)
    roles = dict.fromkeys((*ANCHORS, *anchors), "anchor") | {reference: "reference"}
    rows = Rows(notes=notes)
    for mean in means:
        if (mean.content, reference) not in files:
            raise InputError(
                f"{results}: '{reference}' was not rated in the trial '{mean.content}'"
            )
        if (mean.content, mean.condition) not in files:
            continue
        pair = (files[mean.content, reference], files[mean.content, mean.condition])
        rows.append(
            dict(zip(("reference", "degraded"), pair, strict=True))
            | {"mos": mean.mean, "ci95_low": mean.ci95_low, "ci95_high": mean.ci95_high}
            | {"sd": mean.sd, "listeners": mean.listeners, "dataset": mean.dataset}
            | {"scene": mean.content, "condition": mean.condition}
            | {"role": roles.get(mean.condition, "coded")}
        )
    return rows, screening, sessions


def _and_alike(screening: Iterable[Screening], alike: Mapping[str, str]) -> list[Screening]:
    """Leave those out too who moved no slider."""
    return [
        row._replace(kept=False, reason="; ".join(filter(None, (row.reason, alike[row.listener]))))
        if row.listener in alike
        else row
        for row in screening
    ]


def _have_reference(
    ratings: Iterable[Rating], sounds: str | Path, reference: str, pattern: str | None
) -> bool:
    """Tell whether the sounds of all trials include a reference, which was not rated."""
    try:
        for trial in {row.trial for row in ratings}:
            find_sound(sounds, trial, reference, pattern)
    except InputError:
        return False
    return True


def _files(
    means: Iterable[Mean],
    sounds: str | Path,
    beside: str | Path,
    pattern: str | None,
    notes: list[str],
) -> dict[tuple[str, str], str]:
    """Find the sounds; anchors that the browser makes have none and are left out."""
    files, left = {}, set()
    for mean in means:
        try:
            file = find_sound(sounds, mean.content, mean.condition, pattern)
        except InputError:
            if mean.condition not in ANCHORS:
                raise
            left.add(mean.condition)
            continue
        files[mean.content, mean.condition] = os.path.relpath(file, beside)
    if left:
        notes.append(f"{', '.join(sorted(left))}: no sounds (the browser makes them); left out")
    return files


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
