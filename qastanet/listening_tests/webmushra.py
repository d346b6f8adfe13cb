"""Ratings of a listening test run with webMUSHRA: reading, screening, means.

Tables are *tidy*: one row per rating, with the columns ``listener``, ``trial`` (what was played:
scene), ``condition`` (how it was processed) and ``rating`` in points 0..100. The functions that
screen and average take any table of that form, whichever test it comes from.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.stats

from qastanet.errors import InputError
from qastanet.scoring.given_tables import numbers_of, read_given_table

COLUMNS = ["listener", "trial", "condition", "rating"]
SOURCE_COLUMNS = ["session_uuid", "trial_id", "rating_stimulus", "rating_score"]
PYMUSHRA = ["questionaire_uuid", "wm_id", "responses_stimulus", "responses_score"]
ALL_COLUMNS = [*SOURCE_COLUMNS, *PYMUSHRA]
LIMIT = 90  # points that the hidden reference must reach
ALLOWED = 0.15  # share of trials in which it may stay below


def read_webmushra(path: str | Path) -> pd.DataFrame:
    r"""Read the results file of webMUSHRA, or of pymushra.

    Names are text, letter for letter, but for blanks around them. A row that is there twice (the
    results were sent after each part of the test) counts once; a row without a rating is left out.
    Both are said in ``attrs["notes"]``.

    Args:
        path: table with at least the columns ``session_uuid``, ``trial_id``, ``rating_stimulus``
            and ``rating_score``, or those of pymushra. Files of before 2022 have no session_uuid:
            listeners are then told apart by all other answers. The plus of a trial name, which
            webMUSHRA stores as a space, is put back: "drums saw_anech" becomes "drums+saw_anech".

    Returns:
        Tidy ratings, listeners numbered from 1 in the order of the file ("listener01"); their
        session identifiers are in ``attrs["sessions"]``.

    Raises:
        InputError: if the file cannot be read, a column is missing, a name is empty, a rating is no
            number in 0..100, or one is there twice with another value.

    Example:
        >>> import tempfile
        >>> lines = "session_uuid,trial_id,rating_stimulus,rating_score\nabc,a b,FOA,30\n"
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     _ = Path(file.name).write_text(lines)
        ...     read_webmushra(file.name).iloc[0, :3].tolist()
        ['listener01', 'a+b', 'FOA']
    """
    table = _source_columns(read_given_table(path, ALL_COLUMNS), path)
    notes = table.attrs["notes"]
    if table.empty:
        raise InputError(f"{path}: lists no ratings")
    for name, source in zip(COLUMNS[:3], SOURCE_COLUMNS[:3], strict=True):
        table[name] = table[name].str.strip()
        empty = table.index[table[name] == ""]
        if len(empty):
            raise InputError(f"{path}: line {empty[0] + 2}: {source} is empty")
    table = _rated(table, path, notes)
    table["trial"] = _with_plus(table, path)
    again = table.duplicated(COLUMNS)
    if again.any():
        notes.append(f"{again.sum()} ratings are there twice, word for word; they count once")
    table = table[~again]
    twice = table[table.duplicated(COLUMNS[:3])]
    if len(twice):
        named = " ".join(twice.iloc[0][COLUMNS[:3]])
        raise InputError(
            f"{path}: rated twice, the second time in line {twice.index[0] + 2}: {named}"
        )
    numbers = {name: i + 1 for i, name in enumerate(table["listener"].unique())}
    table["listener"] = [f"listener{numbers[name]:02d}" for name in table["listener"]]
    table.attrs = {
        "sessions": {f"listener{k:02d}": name for name, k in numbers.items()},
        "notes": notes,
    }
    return table


def _source_columns(table: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    """Return the columns COLUMNS, whichever program wrote them."""
    if {"rating_non_reference", "rating_non_reference_score"} <= set(table.columns):
        raise InputError(
            f"{path}: the results of a test after BS.1116 (two sounds a trial, grades of 1 to 5); "
            "only ratings of MUSHRA (0 to 100) are read"
        )
    names = PYMUSHRA if set(PYMUSHRA) <= set(table.columns) else SOURCE_COLUMNS
    missing = [name for name in names if name not in table.columns]
    if missing == ["session_uuid"]:  # before 2022
        answers = [n for n in table.columns if n != "trial_id" and not n.startswith("rating_")]
        table["session_uuid"] = table[answers].agg(" ".join, axis=1) if answers else "?"
        missing = []
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}; is it a webMUSHRA result?")
    notes = table.attrs["notes"]
    table = table[list(names)].set_axis(COLUMNS, axis="columns")
    table.attrs["notes"] = notes
    return table


def _rated(table: pd.DataFrame, path: str | Path, notes: list[str]) -> pd.DataFrame:
    """Return the rows that have a rating, as a number."""
    try:
        ratings = numbers_of(table["rating"])
    except ValueError as error:
        index, cell = error.args
        raise InputError(
            f"{path}: line {index + 2}: the rating '{cell}' is no number in 0..100"
        ) from error
    wrong = ratings[~ratings.between(0, 100) & ratings.notna()]
    if len(wrong):
        raise InputError(
            f"{path}: line {wrong.index[0] + 2}: the rating {wrong.iloc[0]:g} is outside 0..100"
        )
    if ratings.isna().any():
        lines = ", ".join(str(k + 2) for k in ratings.index[ratings.isna()][:5])
        notes.append(f"{ratings.isna().sum()} rows without a rating are left out (line {lines})")
    table = table.assign(rating=ratings)[ratings.notna()]
    if table.empty:
        raise InputError(f"{path}: holds no rating")
    return table


def _with_plus(table: pd.DataFrame, path: str | Path) -> pd.Series:
    """Put the plus of the names of trials back, unless names would fall together."""
    names = table["trial"].str.replace(" ", "+", regex=False)
    for plus, group in table["trial"].groupby(names):
        if group.nunique() > 1:
            known = "' and '".join(group.unique())
            raise InputError(
                f"{path}: the trials '{known}' cannot be told apart (a plus is stored as a "
                f"blank, '{plus}'); rename one"
            )
    return names


def rated_alike(ratings: pd.DataFrame, allowed: float = ALLOWED) -> pd.DataFrame:
    """Find listeners who left all sliders of a trial at one place.

    Args:
        ratings: tidy ratings.
        allowed: share of trials.

    Returns:
        One row per listener: ``listener``, ``alike`` (share of the trials with at least three
        sounds in which all were rated alike) and ``reason`` (empty up to the allowed share).

    Example:
        >>> rows = [("a", "t", name, 100) for name in "xyz"]
        >>> rated_alike(pd.DataFrame(rows, columns=COLUMNS)).reason.tolist()
        ['all sounds rated alike in 100.0% of trials']
    """
    trials = ratings.groupby(["listener", "trial"])["rating"].agg(["nunique", "count"])
    trials = trials[trials["count"] >= 3]
    shares = (trials["nunique"] == 1).groupby("listener").mean()
    names = sorted(ratings["listener"].unique())
    rows = [(name, float(shares.get(name, 0.0))) for name in names]
    found = pd.DataFrame(rows, columns=["listener", "alike"])
    found["reason"] = [
        f"all sounds rated alike in {share:.1%} of trials" if share > allowed else ""
        for share in found["alike"]
    ]
    return found


def screen_listeners(
    ratings: pd.DataFrame,
    reference: str = "reference",
    anchor: str | None = None,
    limit: float = LIMIT,
    allowed: float = ALLOWED,
) -> pd.DataFrame:
    """Post-screen listeners as ITU-R BS.1534-3 (section 4.1.2) does.

    A listener is left out who rates the hidden reference below 90 in more than 15 % of the trials,
    or, if the test has a mid-range anchor, who rates it above 90 in more than 15 % of them.

    Args:
        ratings: tidy ratings.
        reference: condition that is the hidden reference.
        anchor: condition that is the mid-range anchor; None if there is none.
        limit: points, 90 in the recommendation.
        allowed: share of trials, 0.15 in the recommendation.

    Returns:
        One row per listener: ``listener``, ``trials``, ``reference_below`` and ``anchor_above``
        (shares of trials), ``kept`` and ``reason`` (empty if kept).

    Raises:
        InputError: if nobody rated the reference or the anchor.

    Example:
        >>> rows = [("a", "t", "reference", 100), ("b", "t", "reference", 50)]
        >>> screened = screen_listeners(pd.DataFrame(rows, columns=COLUMNS))
        >>> screened["kept"].tolist()
        [True, False]
    """
    names = sorted(ratings["listener"].unique())
    below = _share(ratings, reference, lambda x: x < limit).reindex(names)
    above = pd.Series(0.0, index=names)
    if anchor is not None:
        above = _share(ratings, anchor, lambda x: x > limit).reindex(names)
    rows = []
    for name in names:
        reasons = []
        if not below[name] <= allowed:  # also when the reference was not rated at all
            reasons.append(f"{reference} below {limit:g} in {below[name]:.1%} of trials")
        if not above[name] <= allowed:
            reasons.append(f"{anchor} above {limit:g} in {above[name]:.1%} of trials")
        trials = ratings.loc[ratings["listener"] == name, "trial"].nunique()
        shares = (below[name], above[name])
        rows.append((name, trials, *shares, not reasons, "; ".join(reasons)))
    columns = ["listener", "trials", "reference_below", "anchor_above", "kept", "reason"]
    return pd.DataFrame(rows, columns=columns)


def keep_screened(ratings: pd.DataFrame, screening: pd.DataFrame) -> pd.DataFrame:
    """Ratings of the listeners that passed `screen_listeners`.

    Example:
        >>> rows = [("a", "t", "reference", 100), ("b", "t", "reference", 50)]
        >>> ratings = pd.DataFrame(rows, columns=COLUMNS)
        >>> keep_screened(ratings, screen_listeners(ratings))["listener"].tolist()
        ['a']
    """
    kept = screening.loc[screening["kept"], "listener"]
    return ratings[ratings["listener"].isin(kept)].reset_index(drop=True)


def rating_means(
    ratings: pd.DataFrame, dataset: str, rename: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Mean rating of every stimulus with its 95 % confidence interval.

    Args:
        ratings: tidy ratings; empty (NaN) ones are left out.
        dataset: name of the listening test, for the first column.
        rename: new names of conditions, if they are to be changed.

    Returns:
        One row per stimulus: ``dataset``, ``content`` (the trial), ``condition``, ``listeners``,
        ``mean``, ``sd`` (of single ratings), ``ci95_low``, ``ci95_high`` (Student's t, not cut at
        the ends of the scale; NaN with one listener).

    Example:
        >>> rows = [("a", "t", "FOA", 40), ("b", "t", "FOA", 50), ("c", "t", "FOA", 60)]
        >>> means = rating_means(pd.DataFrame(rows, columns=COLUMNS), "test")
        >>> means.loc[0, ["listeners", "mean", "sd"]].tolist()
        [3.0, 50.0, 10.0]
    """
    rated = ratings.dropna(subset="rating")
    if rename:
        rated = rated.assign(condition=rated["condition"].replace(dict(rename)))
    groups = rated.groupby(["trial", "condition"], sort=True)["rating"]
    table = groups.agg(listeners="count", mean="mean", sd="std").reset_index()
    table = table.rename(columns={"trial": "content"})
    table.insert(0, "dataset", dataset)
    freedom = (table["listeners"] - 1).where(table["listeners"] > 1)
    half = scipy.stats.t.ppf(0.975, freedom) * table["sd"] / np.sqrt(table["listeners"])
    table["ci95_low"], table["ci95_high"] = table["mean"] - half, table["mean"] + half
    return table


def _share(ratings: pd.DataFrame, condition: str, test) -> pd.Series:
    chosen = ratings[ratings["condition"] == condition]
    if chosen.empty:
        known = ", ".join(sorted(ratings["condition"].unique()))
        raise InputError(f"no ratings of {condition!r}; conditions are {known}")
    return test(chosen["rating"]).groupby(chosen["listener"]).mean()
