"""Ratings of a listening test run with webMUSHRA: reading, screening, means.

Ratings are *tidy*: one row per rating, with ``listener``, ``trial`` (what was played: scene),
``condition`` (how it was processed) and ``rating`` in points 0..100. The functions that screen and
average take any rows of that form, whichever test they come from; a table of pandas will do, and
``pandas.DataFrame(rows)`` makes one of what they return.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import special

from qastanet.errors import InputError
from qastanet.scoring.given_tables import Rows, number_of, read_rows

SOURCE_COLUMNS = ["session_uuid", "trial_id", "rating_stimulus", "rating_score"]
PYMUSHRA = ["questionaire_uuid", "wm_id", "responses_stimulus", "responses_score"]
LIMIT = 90  # points that the hidden reference must reach
ALLOWED = 0.15  # share of trials in which it may stay below


class Rating(NamedTuple):
    """What one listener said of one stimulus."""

    listener: str
    trial: str
    condition: str
    rating: float
    session: str = ""
    """Identifier of the listener's session; empty where the test has none."""


class Screening(NamedTuple):
    """Whether a listener is kept."""

    listener: str
    trials: int
    reference_below: float
    """Share of the trials in which the hidden reference was rated below the limit."""
    anchor_above: float
    """Share of the trials in which the anchor was rated above it."""
    kept: bool
    reason: str
    """Why not; empty if kept."""


class Mean(NamedTuple):
    """Mean rating of a stimulus."""

    dataset: str
    content: str
    """The trial."""
    condition: str
    listeners: int
    mean: float
    sd: float
    """Of single ratings, in points."""
    ci95_low: float
    """By Student's t, not cut at the ends of the scale; NaN with one listener."""
    ci95_high: float


def read_webmushra(path: str | Path) -> Rows:
    r"""Read the results file of webMUSHRA, or of pymushra.

    Names are text, letter for letter, but for blanks around them. A row that is there twice (the
    results were sent after each part of the test) counts once; a row without a rating is left out.
    Both are said in ``notes``.

    Args:
        path: table with at least the columns ``session_uuid``, ``trial_id``, ``rating_stimulus``
            and ``rating_score``, or those of pymushra. Files of before 2022 have no session_uuid:
            listeners are then told apart by all other answers. The plus of a trial name, which
            webMUSHRA stores as a space, is put back: "drums saw_anech" becomes "drums+saw_anech".

    Returns:
        Tidy ratings (`Rating`), listeners numbered from 1 in the order of the file ("listener01").

    Raises:
        InputError: if the file cannot be read, a column is missing, a name is empty, a rating is no
            number in 0..100, or one is there twice with another value.
    """
    rows = read_rows(path, [*SOURCE_COLUMNS, *PYMUSHRA])
    names, answers = _source_columns(rows.columns, path)
    if not rows:
        raise InputError(f"{path}: lists no ratings")
    found, numbers, seen, spelt = Rows(notes=rows.notes), {}, {}, {}
    again, unrated = 0, []
    for line, row in zip(rows.lines, rows, strict=True):
        if answers:
            row |= {"session_uuid": " ".join(row[name] for name in answers)}
        session, trial, condition, given = (row[name].strip() for name in names)
        for name, cell in zip(names, (session, trial, condition), strict=False):
            if not cell:
                raise InputError(f"{path}: line {line}: {name} is empty")
        plus = trial.replace(" ", "+")
        if spelt.setdefault(plus, trial) != trial:
            raise InputError(
                f"{path}: line {line}: the trials '{spelt[plus]}' and '{trial}' cannot be told "
                f"apart (a plus is stored as a blank, '{plus}'); rename one"
            )
        rating = _points(given, f"{path}: line {line}: the rating '{given}'")
        if rating != rating:
            unrated.append(line)
            continue
        key = session, trial, condition
        if seen.get(key, rating) != rating:
            raise InputError(
                f"{path}: rated twice, the second time in line {line}: {session} {trial} "
                f"{condition}"
            )
        if key in seen:
            again += 1
            continue
        seen[key] = rating
        number = numbers.setdefault(session, len(numbers) + 1)
        found.append(Rating(f"listener{number:02d}", plus, condition, rating, session))
    if not found:
        raise InputError(f"{path}: holds no rating")
    if unrated:
        lines = ", ".join(map(str, unrated[:5]))
        found.notes.append(f"{len(unrated)} rows without a rating are left out (line {lines})")
    if again:
        found.notes.append(f"{again} ratings are there twice, word for word; they count once")
    return found


def _source_columns(columns: Sequence[str], path: str | Path) -> tuple[list[str], list[str]]:
    """Return the columns of listener, trial, condition, rating; and what else tells listeners."""
    if {"rating_non_reference", "rating_non_reference_score"} <= set(columns):
        raise InputError(
            f"{path}: the results of a test after BS.1116 (two sounds a trial, grades of 1 to 5); "
            "only ratings of MUSHRA (0 to 100) are read"
        )
    if set(PYMUSHRA) <= set(columns):
        return PYMUSHRA, []
    missing = [name for name in SOURCE_COLUMNS if name not in columns]
    if missing == ["session_uuid"]:  # before 2022
        answers = [n for n in columns if n != "trial_id" and not n.startswith("rating_")]
        if answers:
            return SOURCE_COLUMNS, answers
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}; is it a webMUSHRA result?")
    return SOURCE_COLUMNS, []


def rated_alike(ratings: Iterable[Rating]) -> dict[str, str]:
    """Find listeners who left all sliders of a trial at one place.

    Args:
        ratings: tidy ratings.

    Returns:
        For each listener who did so in more than 15 % of the trials with at least three sounds, the
        reason to leave them out.

    Example:
        >>> rated_alike([Rating("a", "t", name, 100) for name in "xyz"])
        {'a': 'all sounds rated alike in 100.0% of trials'}
    """
    trials: dict[tuple[str, str], list[float]] = {}
    for row in _rows(ratings):
        trials.setdefault((row.listener, row.trial), []).append(row.rating)
    alike: dict[str, list[bool]] = {}
    for (listener, _), given in trials.items():
        if len(given) >= 3:
            alike.setdefault(listener, []).append(len(set(given)) == 1)
    shares = {name: float(np.mean(found)) for name, found in alike.items()}
    return {
        name: f"all sounds rated alike in {share:.1%} of trials"
        for name, share in shares.items()
        if share > ALLOWED
    }


def screen_listeners(
    ratings: Iterable[Rating], reference: str = "reference", anchor: str | None = None
) -> list[Screening]:
    """Post-screen listeners as ITU-R BS.1534-3 (section 4.1.2) does.

    A listener is left out who rates the hidden reference below 90 in more than 15 % of the trials,
    or, if the test has a mid-range anchor, who rates it above 90 in more than 15 % of them.

    Args:
        ratings: tidy ratings.
        reference: condition that is the hidden reference.
        anchor: condition that is the mid-range anchor; None if there is none.

    Returns:
        One row per listener, sorted.

    Raises:
        InputError: if nobody rated the reference or the anchor.

    Example:
        >>> rows = [Rating("a", "t", "reference", 100), Rating("b", "t", "reference", 50)]
        >>> [row.kept for row in screen_listeners(rows)]
        [True, False]
    """
    ratings = list(_rows(ratings))
    below = _share(ratings, reference, lambda x: x < LIMIT)
    above = {} if anchor is None else _share(ratings, anchor, lambda x: x > LIMIT)
    screened = []
    for name in sorted({row.listener for row in ratings}):
        shares = below.get(name, np.nan), above.get(name, 0.0 if anchor is None else np.nan)
        reasons = []
        if not shares[0] <= ALLOWED:  # also when the reference was not rated at all
            reasons.append(f"{reference} below {LIMIT} in {shares[0]:.1%} of trials")
        if not shares[1] <= ALLOWED:
            reasons.append(f"{anchor} above {LIMIT} in {shares[1]:.1%} of trials")
        trials = len({row.trial for row in ratings if row.listener == name})
        screened.append(Screening(name, trials, *shares, not reasons, "; ".join(reasons)))
    return screened


def keep_screened(ratings: Iterable[Rating], screening: Iterable[Screening]) -> list[Rating]:
    """Ratings of the listeners that passed `screen_listeners`.

    Example:
        >>> rows = [Rating("a", "t", "reference", 100), Rating("b", "t", "reference", 50)]
        >>> [row.listener for row in keep_screened(rows, screen_listeners(rows))]
        ['a']
    """
    kept = {row.listener for row in screening if row.kept}
    return [row for row in _rows(ratings) if row.listener in kept]


def rating_means(ratings: Iterable[Rating], dataset: str) -> list[Mean]:
    """Mean rating of every stimulus with its 95 % confidence interval.

    Args:
        ratings: tidy ratings; empty (NaN) ones are left out.
        dataset: name of the listening test, for the first column.

    Returns:
        One row per stimulus, sorted by content and condition.

    Example:
        >>> rows = [Rating("a", "t", "FOA", 40), Rating("b", "t", "FOA", 50)]
        >>> rating_means([*rows, Rating("c", "t", "FOA", 60)], "test")[0][3:6]
        (3, 50.0, 10.0)
    """
    groups: dict[tuple[str, str], list[float]] = {}
    for row in _rows(ratings):
        if row.rating == row.rating:
            groups.setdefault((row.trial, row.condition), []).append(row.rating)
    means = []
    for (trial, condition), given in sorted(groups.items()):
        number, mean = len(given), float(np.mean(given))
        sd = float(np.std(given, ddof=1)) if number > 1 else np.nan
        half = float(special.stdtrit(number - 1, 0.975)) * sd / np.sqrt(number)
        means.append(Mean(dataset, trial, condition, number, mean, sd, mean - half, mean + half))
    return means


def _rows(ratings: Iterable[Rating]) -> Iterable[Rating]:
    """Take a table of pandas for rows."""
    return ratings.itertuples(index=False) if hasattr(ratings, "itertuples") else ratings


def _points(given: str, what: str) -> float:
    """Return a rating of 0..100, NaN if there is none."""
    try:
        rating = number_of(given)
    except ValueError as error:
        raise InputError(f"{what} is no number in 0..100") from error
    if not (0 <= rating <= 100 or rating != rating):
        raise InputError(f"{what} is outside 0..100")
    return rating


def _share(
    ratings: Iterable[Rating], condition: str, test: Callable[[float], bool]
) -> dict[str, float]:
    """Return in what share of a listener's ratings of a condition a test holds."""
    chosen: dict[str, list[bool]] = {}
    for row in ratings:
        if row.condition == condition:
            chosen.setdefault(row.listener, []).append(test(row.rating))
    if not chosen:
        known = ", ".join(sorted({row.condition for row in ratings}))
        raise InputError(f"no ratings of {condition!r}; conditions are {known}")
    return {name: float(np.mean(found)) for name, found in chosen.items()}
