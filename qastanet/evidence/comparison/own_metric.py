"""Scores of the reader's own metric, put beside all others.

A CSV file with ``stimulus`` and ``signal`` (as in `data/processed/scores.csv`) and one column for
each metric. A name that begins with a minus is a distance: it is turned round.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from qastanet.errors import InputError
from qastanet.evidence.comparison.metrics import TAKEN
from qastanet.scoring.given_tables import number_of, read_rows

KEY = ["stimulus", "signal"]
SHOWN = 3
"""Items named in a message."""


def with_own_metrics(scores: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    """Add the metrics of a file to the table of scores.

    Args:
        scores: table of scores, see `qastanet.evidence.comparison.metrics`.
        path: the file.

    Returns:
        The table with a column for each metric, larger being better. Where the file has no item of
        a listening test in one form, the column is empty there.

    Raises:
        InputError: if a column is called like one that is there, an item is unknown, missing or
            there twice, or a score is no finite number
    """
    rows = read_rows(path, KEY)
    absent = [name for name in KEY if name not in rows.columns]
    if absent:
        raise InputError(
            f"{path}: no column {' and '.join(absent)}; give stimulus, signal (ambisonic or "
            "binaural) and one column for each metric, as in data/processed/scores.csv"
        )
    metrics = [name for name in rows.columns if name not in KEY and name != "dataset"]
    if not metrics:
        raise InputError(f"{path}: no column with scores beside {', '.join(rows.columns)}")
    names = {name: name.lstrip("-−").strip() for name in metrics}
    taken = [name for name in names.values() if name in scores or name in TAKEN]
    if taken or len(set(names.values())) < len(names):
        raise InputError(f"{path}: column {(taken or metrics)[0]!r}: choose a name that is free")
    table = pd.DataFrame(rows)[[*KEY, *metrics]]
    for name in metrics:
        sign = -1.0 if name != names[name] else 1.0
        cells = zip(table[name], rows.lines, strict=True)
        table[names[name]] = [sign * _finite(cell, name, line, path) for cell, line in cells]
    _check_items(scores, table, path)
    return scores.merge(table[[*KEY, *names.values()]], on=KEY, how="left", validate="1:1")


def _finite(cell: str, name: str, line: int, path: str | Path) -> float:
    """Read a score."""
    try:
        value = number_of(cell)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise InputError(
            f"{path}, line {line}: {name} is {cell!r}; every item needs a number (leave out all "
            "items of a test that the metric cannot rate)"
        )
    return value


def _check_items(scores: pd.DataFrame, table: pd.DataFrame, path: str | Path) -> None:
    """Refuse items that are unknown, there twice, or missing of a test that is there in part."""
    found = pd.MultiIndex.from_frame(table[KEY])
    known = pd.MultiIndex.from_frame(scores[KEY])
    groups = pd.MultiIndex.from_frame(scores[["dataset", "signal"]])
    wanted = known[groups.isin(groups[known.isin(found)])]
    problems = {
        "is there twice": found[found.duplicated()],
        "is no rated item": found[~found.isin(known)],
        "is missing": wanted[~wanted.isin(found)],
    }
    for what, items in problems.items():
        if len(items):
            some = "; ".join(", ".join(item) for item in items[:SHOWN])
            more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
            raise InputError(f"{path}: {some}{more} {what} (see data/processed/scores.csv)")
