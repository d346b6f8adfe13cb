"""A listening test of one's own as a table: pairs of files and what the listeners said of them."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from qastanet.errors import InputError
from qastanet.scoring.given_tables import number_of
from qastanet.scoring.manifest import read_manifest

COLUMNS = (
    *("reference", "degraded", "mos", "scene", "content", "condition", "dataset", "role"),
    *("listeners", "sd", "ci95", "ci95_low", "ci95_high"),
)
"""Columns that a rated manifest may have, in any case."""

SCALES = (1, 5, 7, 10, 20)
"""Ends of other scales that are in use."""

KNOWN = ["listeners", "sd", "ci95_low", "ci95_high"]
"""Further columns of ratings; NaN where the manifest does not have them."""

PARTS = {1: "test", 2: "validation", 3: "training", 4: "training", 5: "training", 6: "training"}
"""Number at the end of a file name -> part of the listening test, as in arXiv:2509.16715."""


def read_rated_manifest(path: str | Path) -> pd.DataFrame:
    """Read a manifest with ratings.

    Args:
        path: CSV file with the columns reference, degraded and mos (mean rating, 0..100), and
            optionally scene (or content; default: one scene per reference), condition (default:
            the name of the degraded file), dataset (default: the name of the CSV file), role
            (reference, coded or anchor), listeners, sd, and ci95 (half of the 95 % confidence
            interval) or ci95_low and ci95_high

    Returns:
        one row per pair: reference, degraded (absolute paths), dataset, stimulus (unique),
        content, condition, role (empty if not told), mean, and the columns KNOWN

    Raises:
        InputError: naming the file, the line, the value and the remedy
    """
    rows = read_manifest(path, COLUMNS)
    # the index tells the lines: they are counted from 1, and the first one is the header
    given, notes = pd.DataFrame(rows, index=np.array(rows.lines) - 2, dtype=object), rows.notes
    mean = _ratings(given, path)
    if mean.isna().any():
        lines = ", ".join(str(k + 2) for k in mean.index[mean.isna()][:5])
        notes.append(f"{mean.isna().sum()} pairs without mos are left out (line {lines})")
        given, mean = given[mean.notna()], mean[mean.notna()]
    table = given[["reference", "degraded"]].copy()
    twice = table.index[table.duplicated()]
    if len(twice):
        raise InputError(f"{path}: line {twice[0] + 2}: this pair is there twice; keep one mean")
    table["dataset"] = _labels(given, "dataset", path, Path(path).stem)
    scene = "scene" if "scene" in given else "content"
    table["content"] = _labels(given, scene, path, _names(given.reference))
    table["condition"] = _labels(given, "condition", path, _names(given.degraded))
    names = table.content + "_" + table.condition
    numbers = (table.index + 2).astype(str)
    table["stimulus"] = names.where(~names.duplicated(keep=False), names + "_line" + numbers)
    table["role"] = _labels(given, "role", path, "")
    unknown = set(table.role) - {"", "reference", "coded", "anchor"}
    if unknown:
        raise InputError(f"{path}: role '{min(unknown)}': give reference, coded or anchor")
    table["mean"] = mean
    for name in KNOWN:
        table[name] = _numbers(given, name, path) if name in given else np.nan
    if "ci95" in given:
        half = _numbers(given, "ci95", path)
        table["ci95_low"], table["ci95_high"] = mean - half, mean + half
    same = (table.role == "reference") | (table.reference == table.degraded)
    check_scale(table["mean"], same, path)
    table.attrs["notes"] = notes
    return table


def check_scale(mean: pd.Series, same: pd.Series, path: str | Path) -> None:
    """Refuse ratings that are not on a scale of 0 to 100.

    Args:
        mean: ratings
        same: which pairs do not differ from their reference
        path: the name of the ratings for messages

    Raises:
        InputError: naming the likely scale
    """
    top = mean.max()
    likely = next((scale for scale in SCALES if top <= scale), 100)
    if len(mean) > 1 and mean.nunique() > 1 and top <= 20:
        raise InputError(
            f"{path}: no mos above {top:g}: is this a scale up to {likely}? Convert it to 0..100"
        )
    if same.any() and mean[same].mean() < 50:
        raise InputError(
            f"{path}: pairs that do not differ are rated {mean[same].mean():.0f} on average, where "
            "a hidden reference is near 100; convert the ratings to 0..100, or mend the pairs"
        )


def check_trainable(table: pd.DataFrame, path: str | Path) -> None:
    """Refuse ratings from which nothing can be learned, or nothing be held out.

    Args:
        table: of `read_rated_manifest`, with the roles
        path: its name for messages

    Raises:
        InputError: with fewer than two scenes, or if the ratings are all the same
    """
    coded = table[table.role != "reference"]
    scenes = coded.content.nunique()
    if scenes < 2:
        raise InputError(
            f"{path}: {scenes} scene with rated pairs that differ from their reference; at least "
            "2 are needed, to predict one from the others"
        )
    if coded["mean"].nunique() < 2:
        raise InputError(
            f"{path}: mos is {coded['mean'].iloc[0]:g} throughout; there is nothing to learn"
        )


def split_by_suffix(table: pd.DataFrame, path: str | Path) -> pd.Series:
    """Tell the part of the listening test from the number at the end of the file names.

    Args:
        table: of `read_rated_manifest`
        path: its name for messages

    Returns:
        for each pair its part, by PARTS: `..._1.wav` is for the test, `_2` for validation, `_3` to
        `_6` for training. The name of the degraded file counts, and where it ends otherwise that of
        the reference

    Raises:
        InputError: if neither name ends so, or a part is empty

    Example:
        >>> pairs = pd.DataFrame({"reference": ["a.wav"] * 3})
        >>> pairs["degraded"] = [f"coded/a_{k}.wav" for k in (1, 2, 5)]
        >>> split_by_suffix(pairs, "test.csv").tolist()
        ['test', 'validation', 'training']
    """
    parts = []
    for row in table.itertuples():
        line = row.Index + 2
        found = [re.search(r"_([1-6])$", Path(name).stem) for name in (row.degraded, row.reference)]
        number = next((match[1] for match in found if match), None)
        if number is None:
            raise InputError(
                f"{path}: line {line}: neither {Path(row.degraded).name} nor "
                f"{Path(row.reference).name} ends in _1 to _6 before the ending; rename the files, "
                "or leave --split out"
            )
        parts.append(PARTS[int(number)])
    missing = [name for name in dict.fromkeys(PARTS.values()) if name not in parts]
    if missing:
        raise InputError(f"{path}: no pair is for the {missing[0]} by its suffix (_1 to _6)")
    return pd.Series(parts, index=table.index)


def _ratings(given: pd.DataFrame, path: str | Path) -> pd.Series:
    """Return the mean ratings, checked."""
    if "mos" not in given:
        raise InputError(
            f"{path}: no column mos (mean rating, 0..100); its columns are "
            f"{', '.join(map(str, given.columns))}"
        )
    mean = _numbers(given, "mos", path)
    wrong = mean.index[~mean.between(0, 100) & mean.notna()]
    if len(wrong):
        value = given.mos[wrong[0]]
        raise InputError(
            f"{path}: line {wrong[0] + 2}: mos {value} is not a number in 0..100 (the scale of "
            "MUSHRA); convert other scales"
        )
    if mean.isna().all():
        raise InputError(f"{path}: no pair has a mos (mean rating, 0..100)")
    return mean


def _numbers(given: pd.DataFrame, name: str, path: str | Path) -> pd.Series:
    """Return a column of numbers."""
    values = []
    for index, cell in given[name].items():
        try:
            values.append(number_of(cell))
        except ValueError as error:
            raise InputError(f"{path}: line {index + 2}: {name} '{cell}' is no number") from error
    return pd.Series(values, index=given.index, dtype=float)


def _labels(given: pd.DataFrame, name: str, path: str | Path, default) -> pd.Series:
    """Return a column of labels, or the default if there is none."""
    if name not in given:
        return pd.Series(default, index=given.index).astype(str)
    empty = given.index[given[name].str.strip() == ""]
    if len(empty) and name != "role":
        raise InputError(f"{path}: line {empty[0] + 2}: '{name}' is empty")
    return given[name]


def _names(files: pd.Series) -> pd.Series:
    """Return names of files without folder and ending, or as they are if these are not unique."""
    stems = files.map(lambda file: Path(file).stem)
    same = stems.groupby(stems).transform(lambda group: files[group.index].nunique()) > 1
    return stems.where(~same, files)
