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

COLUMNS = ["listener", "trial", "condition", "rating"]
SOURCE_COLUMNS = ["session_uuid", "trial_id", "rating_stimulus", "rating_score"]
LIMIT = 90  # points that the hidden reference must reach
ALLOWED = 0.15  # share of trials in which it may stay below


def read_webmushra(path: str | Path) -> pd.DataFrame:
    r"""Read the results file of webMUSHRA.

    Args:
        path: CSV with at least the columns ``session_uuid``, ``trial_id``, ``rating_stimulus`` and
            ``rating_score``. The plus of a trial name, which webMUSHRA stores as a space, is put
            back: "drums saw_anech" becomes "drums+saw_anech".

    Returns:
        Tidy ratings, listeners numbered from 1 in the order of the file ("listener01"); their
        session identifiers are in ``attrs["sessions"]``.

    Raises:
        InputError: if the file cannot be read, a column is missing, a rating is missing or outside
            0..100, or one is there twice.

    Example:
        >>> import io
        >>> lines = "session_uuid,trial_id,rating_stimulus,rating_score\nabc,a b,FOA,30\n"
        >>> read_webmushra(io.StringIO(lines)).iloc[0, :3].tolist()
        ['listener01', 'a+b', 'FOA']
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a CSV file ({error})") from error
    missing = [name for name in SOURCE_COLUMNS if name not in table.columns]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}; is it a webMUSHRA result?")
    table = table[SOURCE_COLUMNS].set_axis(COLUMNS, axis="columns")
    twice = table[table.duplicated(COLUMNS[:3])]
    if len(twice):
        named = " ".join(map(str, twice.iloc[0][COLUMNS[:3]]))
        raise InputError(
            f"{path}: rated twice, the second time in line {twice.index[0] + 2}: {named}"
        )
    numbers = {name: i + 1 for i, name in enumerate(table["listener"].unique())}
    table["listener"] = [f"listener{numbers[name]:02d}" for name in table["listener"]]
    table["trial"] = table["trial"].str.strip().str.replace(" ", "+", regex=False)
    table["rating"] = pd.to_numeric(table["rating"], errors="coerce")
    wrong = table[~table["rating"].between(0, 100)]
    if len(wrong):
        raise InputError(
            f"{path}: rating {wrong['rating'].iloc[0]} in line {wrong.index[0] + 2} is missing, no "
            "number, or outside 0..100"
        )
    table.attrs["sessions"] = {f"listener{k:02d}": name for name, k in numbers.items()}
    return table


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
