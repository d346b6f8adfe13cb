"""Where results lie, and writing them so that a file is either complete or not there."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qastanet.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
import hashlib
import zipfile

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
    rounded = table.round(digits)
    numbers = rounded.select_dtypes("float").columns
    rounded[numbers] += 0.0  # makes 0.0 of -0.0
    with replacing(path) as temporary:
        rounded.to_csv(
            temporary,
            index=False,
            lineterminator="\n",
            errors="surrogateescape",  # names of files need not be UTF-8
        )


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
