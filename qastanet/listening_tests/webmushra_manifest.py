"""From the results of webMUSHRA and a folder of sounds to a manifest with mean ratings."""

import os
from collections.abc import Iterator
from pathlib import Path

from qastanet.errors import InputError
from qastanet.listening_tests.webmushra import (
    Screening,
    keep_screened,
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


def manifest_of(
    results: str | Path,
    sounds: str | Path,
    beside: str | Path,
    reference: str = "reference",
    anchor: str | None = None,
    pattern: str | None = None,
    screened: bool = True,
) -> tuple[list[dict], list[Screening], dict[str, str]]:
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
    screening = screen_listeners(ratings, reference, anchor)
    if screened:
        ratings = keep_screened(ratings, screening)
        if not ratings:
            raise InputError(
                f"{results}: none of {len(screening)} listeners passes the screening "
                f"({screening[0].reason}); see --reference, or use --all-listeners"
            )
    means = rating_means(ratings, Path(results).stem)
    files = {
        (mean.content, mean.condition): os.path.relpath(
            find_sound(sounds, mean.content, mean.condition, pattern), beside
        )
        for mean in means
    }
    roles = {reference: "reference", anchor: "anchor"}
    rows = []
    for mean in means:
        if (mean.content, reference) not in files:
            raise InputError(
                f"{results}: '{reference}' was not rated in the trial '{mean.content}'"
            )
        pair = (files[mean.content, reference], files[mean.content, mean.condition])
        rows.append(
            dict(zip(("reference", "degraded"), pair, strict=True))
            | {"mos": mean.mean, "ci95_low": mean.ci95_low, "ci95_high": mean.ci95_high}
            | {"sd": mean.sd, "listeners": mean.listeners, "dataset": mean.dataset}
            | {"scene": mean.content, "condition": mean.condition}
            | {"role": roles.get(mean.condition, "coded")}
        )
    return rows, screening, sessions


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
        if not file.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{candidate}: leads out of {folder}; rename the trial or condition")
        if file.is_file():
            return file
    looked = pattern or ", ".join(f"{name}.wav" for name in PATTERNS)
    raise InputError(
        f"{folder}: no sound of the trial '{trial}' and the condition '{condition}' ({looked}); "
        "name its place with --pattern '{trial}...{condition}...'"
    )


def _candidates(trial: str, condition: str, pattern: str | None) -> Iterator[str]:
    """Yield the names that a sound may have."""
    for name in dict.fromkeys((trial, trial.replace("+", " "))):
        for form in (pattern,) if pattern else PATTERNS:
            try:
                stem = form.format(trial=name, condition=condition)
            except (KeyError, IndexError, ValueError, AttributeError) as error:
                raise InputError(
                    f"--pattern '{form}': give {{trial}} and {{condition}} in braces, and nothing "
                    "else"
                ) from error
            yield stem
            if not pattern:
                yield from (stem + ending for ending in sorted(SOUND_FILES))
