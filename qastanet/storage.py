"""Where results lie, and writing them so that a file is either complete or not there."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import os
import re
import stat
import tempfile
import time
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qastanet.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

QUANTITY = re.compile(r"[+-]\d[\d.,]*(e[+-]?\d+)?( ?[A-Za-zµ°%/]+)?")
"""A number with its sign, and perhaps a unit."""

DAMAGED = (
    *(OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile),
    *(tokenize.TokenError, zlib.error),
)
"""What reading a damaged npz file may raise."""

SOUNDS = (
    *(b"RIFF", b"RF64", b"BW64", b"riff", b"FORM", b"fLaC", b"OggS", b"caff", b".snd", b"wvpk"),
    *(b"ID3\2", b"ID3\3", b"ID3\4", b"\x1aE\xdf\xa3"),
)
"""How files of sound begin."""

PATIENCE_S = 5.0

DIGITS = 6
"""Decimals kept in tables."""


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

    Folders are made as needed. If the block fails, the path is left as it was. A link is written
    through, and a file that is replaced keeps its permissions.

    Args:
        path: where the result shall lie

    Raises:
        InputError: if the folder cannot be written, or something else than a file lies there
    """
    check_target(path)
    path = Path(os.path.realpath(path))  # through a link, which stays
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~umask()
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-", suffix=path.suffix)
        os.close(handle)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another") from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(mode)
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
    check_target(path)
    path = Path(os.path.realpath(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another") from error


def check_target(path: str | Path) -> None:
    """Refuse to write where something else lies than a file that may be replaced.

    Raises:
        InputError: if it is a folder, a device, a pipe or a sound
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return  # nothing is there, or writing will tell what is wrong
    if stat.S_ISDIR(mode):
        raise InputError(f"{path}: is a folder; name a file")
    if not stat.S_ISREG(mode):
        raise InputError(f"{path}: is no regular file (a pipe or a device); name another output")
    with contextlib.suppress(OSError), open(path, "rb") as file:
        if file.read(4) in SOUNDS:
            raise InputError(f"{path}: is a sound; name another output")


def read_once(path: str | Path) -> bytes:
    """Return the content of a file, or of a pipe, which can be read only once.

    Args:
        path: file or pipe, which somebody must write into within PATIENCE_S

    Raises:
        InputError: for a device, or a pipe that nobody writes to
        OSError: if it cannot be read
    """
    mode = os.stat(path).st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):  # that it is a folder is told by reading it
        return Path(path).read_bytes()
    if not stat.S_ISFIFO(mode):
        raise InputError(f"{path}: is a device; save what it gives to a file first")
    content, end = bytearray(), time.monotonic() + PATIENCE_S
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        while True:
            try:
                part = os.read(handle, 1 << 20)
            except BlockingIOError:
                part = None  # somebody is about to write
            if part:
                content += part
                end = time.monotonic() + PATIENCE_S
            elif part == b"" and content:
                return bytes(content)
            elif time.monotonic() > end:
                raise InputError(
                    f"{path}: is a pipe that nobody writes to; save it to a file first"
                )
            else:
                time.sleep(0.01)
    finally:
        os.close(handle)


def is_pipe(path: str | Path) -> bool:
    """Tell whether a name is that of a pipe or of a device, which cannot be read twice.

    Example:
        >>> is_pipe("/dev/null"), is_pipe("no such file")
        (True, False)
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def umask() -> int:
    """Return which permissions new files shall not have."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def write_table(table: pd.DataFrame, path: str | Path, digits: int = DIGITS) -> None:
    """Write a table as CSV with rounded numbers, so that small changes of rounding do not show.

    A text that a spreadsheet would take for a formula has an apostrophe put before it.

    Args:
        table: without an index of interest
        path: CSV file
        digits: decimals kept
    """
    rounded = table.round(digits)
    numbers = rounded.select_dtypes("float").columns
    rounded[numbers] += 0.0  # makes 0.0 of -0.0
    texts = rounded.select_dtypes(["object", "string"]).columns
    rounded[texts] = rounded[texts].map(_shown)
    with replacing(path) as temporary:
        rounded.to_csv(
            temporary,
            index=False,
            lineterminator="\n",
            errors="surrogateescape",  # names of files need not be UTF-8
        )


def _shown(value: object) -> object:
    """Return a text that no spreadsheet evaluates.

    Example:
        >>> [_shown(each) for each in ("=1+1", "-1+cmd", "-6 dB", "drums", 3)]
        ["'=1+1", "'-1+cmd", '-6 dB', 'drums', 3]
    """
    formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if formula and not QUANTITY.fullmatch(value) else value


def write_rows(rows: Iterable[Mapping], path: str | Path) -> None:
    """Write rows as CSV, with numbers rounded as in `write_table`; NaN and None are empty cells.

    Args:
        rows: of the same names; where one is missing in a row its cell is empty
        path: CSV file

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
        writer.writerows([_cell(row.get(name)) for name in names] for row in rows)


def _cell(value: object) -> object:
    """Return what is written of a value."""
    if isinstance(value, float):
        return round(float(value), DIGITS) if value == value else ""
    return "" if value is None else value


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
    except (*DAMAGED, AttributeError) as error:
        raise InputError(f"{path}: cannot be read as difference maps ({error})") from error


def content_hash(source: np.ndarray | str | Path) -> str:
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
