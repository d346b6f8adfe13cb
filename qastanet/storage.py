"""Where results lie, and writing them so that a file is either complete or not there."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qastanet.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

DAMAGED = (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile)
"""What reading a damaged npz file may raise."""

Source = np.ndarray | str | Path
"""A signal: an array (channels, samples) at 48 kHz, or a sound file."""


def enter_root() -> Path:
    """Make the root of the compendium the working directory, and return it.

    Paths in notebooks are relative to the root, also when JupyterLab starts a notebook in its own
    folder. Outside a compendium nothing changes.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "notebooks" / "parameters").is_dir():
            os.chdir(folder)
            return folder
    return here


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside a path, and rename to the path when the block succeeds.

    Folders are made as needed. If the block fails, the path is left as it was.

    Args:
        path: where the result shall lie

    Raises:
        InputError: if the folder cannot be written
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-", suffix=path.suffix)
        os.close(handle)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another") from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:  # a full disk, for example
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); it is as it was"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: str | Path) -> None:
    """Find out before the work, not after it, that a file cannot be written.

    Raises:
        InputError: if it is a folder, or its folder cannot be written
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another") from error


def write_table(table: pd.DataFrame, path: str | Path, digits: int = 6) -> None:
    """Write a table as CSV with rounded numbers, so that small changes of rounding do not show.

    Args:
        table: without an index of interest
        path: CSV file
        digits: decimals kept
    """
    with replacing(path) as temporary:
        table.round(digits).to_csv(
            temporary,
            index=False,
            lineterminator="\n",
            errors="surrogateescape",  # names of files need not be UTF-8
        )


def read_rows(path: str | Path) -> list[dict[str, str]]:
    """Read a CSV file as texts, one dictionary per row; an empty cell is an empty text.

    Names of files need not be UTF-8.

    Args:
        path: with the names of the columns in its first line

    Returns:
        all rows with the same names in the same order; blank lines, and columns without a name, are
        left out

    Raises:
        InputError: if it cannot be read, has semicolons for commas, or a row has more cells than
            there are columns
    """
    try:
        with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            lines = [line for line in csv.reader(file, strict=True) if line]
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file. Check the path.") from error
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a CSV file ({error})") from error
    if not lines:
        raise InputError(f"{path}: cannot be read as a CSV file (it is empty)")
    names, *rest = lines
    if len(names) == 1 and ";" in names[0]:
        raise InputError(f"{path}: is separated by semicolons; save it with commas")
    if twice := [name for k, name in enumerate(names) if name and name in names[:k]]:
        raise InputError(f"{path}: two columns are called '{twice[0]}'; rename one")
    for number, line in enumerate(rest, 2):
        if len(line) > len(names):
            raise InputError(
                f"{path}: cannot be read as a CSV file (line {number} has {len(line)} cells, the "
                f"first line {len(names)})"
            )
    rows = (dict(zip_longest(names, line, fillvalue="")) for line in rest)
    return [{name: cell for name, cell in row.items() if name} for row in rows]


def write_rows(rows: Iterable[Mapping], path: str | Path, digits: int = 6) -> None:
    """Write rows as CSV, with numbers rounded as in `write_table`; NaN and None are empty cells.

    Args:
        rows: of the same names; where one is missing in a row its cell is empty
        path: CSV file
        digits: decimals kept

    Raises:
        InputError: if it cannot be written
    """
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    with (
        replacing(path) as temporary,
        open(temporary, "w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_cell(row.get(name), digits) for name in names] for row in rows)


def _cell(value: object, digits: int) -> object:
    """Return what is written of a value."""
    if isinstance(value, float):
        return round(float(value), digits) if value == value else ""
    return "" if value is None else value


@contextlib.contextmanager
def only_one(path: str | Path, output: str | Path) -> Iterator[None]:
    """Hold a file for this process alone; it is let go when the block ends, or the process.

    Args:
        path: of the file; made if need be, and removed at the end
        output: what is written meanwhile, for the message

    Raises:
        InputError: if another process holds it
    """
    with open(path, "a") as file:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"{output}: another run is writing it; wait, or choose another"
            ) from error
        try:
            yield
        finally:
            if os.name != "nt":  # where a file that is open cannot be removed
                Path(path).unlink(missing_ok=True)


def write_maps(maps: Mapping[str, np.ndarray], path: str | Path) -> None:
    """Write difference maps in half precision (relative error 5e-4) as a compressed npz file.

    Args:
        maps: stimulus -> difference maps (features, bands, frames)
        path: npz file
    """
    with replacing(path) as temporary:
        np.savez_compressed(temporary, **{k: np.float16(v) for k, v in maps.items()})


def read_maps(path: str | Path) -> dict[str, np.ndarray]:
    """Read difference maps written by `write_maps` as float32.

    Raises:
        InputError: if the file is no such archive
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name].astype(np.float32) for name in archive.files}
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as difference maps ({error})") from error


def content_hash(source: Source) -> str:
    """Return a sha256 over a file, or over the shape, type and samples of an array.

    Example:
        >>> content_hash(np.zeros((2, 3)))[:8] == content_hash(np.zeros((3, 2)))[:8]
        False
    """
    if isinstance(source, np.ndarray):
        digest = hashlib.sha256(repr((source.shape, source.dtype.str)).encode())
        digest.update(np.ascontiguousarray(source).data)
        return digest.hexdigest()
    with open(source, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
