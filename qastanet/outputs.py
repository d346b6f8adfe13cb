"""What may be written: one decision for all commands.

No command writes over one of its inputs, a sound, a folder, a device or a pipe, whatever the names
and links are; and over a file that is there only if an earlier run of the same command wrote it, or
if it is told to.
"""

import contextlib
import csv
import glob
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from qastanet.errors import InputError
from qastanet.storage import check_target, check_writable

LARGEST = 1 << 28
"""Files with more bytes are not searched for the mark of a command."""


class Output(NamedTuple):
    """A file that a command is going to write.

    Attributes:
        path: where.
        former: tells of a file that is there whether an earlier run of the command wrote it.
    """

    path: Path
    former: Callable[[Path], bool]


def table_with(*columns: str) -> Callable[[Path], bool]:
    """Return what tells a CSV file by its columns.

    Example:
        >>> table_with("score")(Path("no such file"))
        False
    """

    def former(path: Path) -> bool:
        with contextlib.suppress(OSError, csv.Error, UnicodeDecodeError):
            with open(path, newline="", encoding="utf-8") as file:
                return set(columns) <= set(next(csv.reader([file.readline(1 << 16)]), ()))
        return False

    return former


def holding(mark: str) -> Callable[[Path], bool]:
    """Return what tells a file of any kind by a mark that it holds."""

    def former(path: Path) -> bool:
        with contextlib.suppress(OSError):
            return path.stat().st_size <= LARGEST and mark.encode() in path.read_bytes()
        return False

    return former


def claim(outputs: Iterable[Output], inputs: Iterable[str | Path], force: bool = False) -> None:
    """Refuse, before the work, to write what must not be written.

    Args:
        outputs: all files that will be written or removed
        inputs: all files that are read; a name with `*` stands for all that it fits
        force: write over files that another program wrote; inputs, sounds and devices are never
            written over

    Raises:
        InputError: naming the output, the reason and the remedy
    """
    names, nodes = set(), set()
    for name in dict.fromkeys(map(str, inputs)):
        for file in [name, *(glob.glob(name) if "*" in name else [])]:
            with contextlib.suppress(OSError, ValueError):  # it is told where it is read
                names.add(os.path.realpath(file))
                found = os.stat(file)
                nodes.add((found.st_dev, found.st_ino))
    for path, former in outputs:
        if not path.name:
            raise InputError(f"the output '{path}' has no name; name a file")
        check_target(path)
        there = path.stat() if path.exists() else None
        if os.path.realpath(path) in names or (there and (there.st_dev, there.st_ino) in nodes):
            raise InputError(f"{path}: is an input; name another output")
        if there and not force and not former(path):
            raise InputError(
                f"{path}: is there already, and this command did not write it; name another "
                "output, or write over it with --force"
            )
        check_writable(path)


def named(path: str | Path, *endings: str) -> Path:
    """Return the path of an output if it has one of the endings.

    Raises:
        InputError: naming the endings

    Example:
        >>> named("scores.wav", ".csv")
        Traceback (most recent call last):
        ...
        qastanet.errors.InputError: scores.wav: the name of this output must end in .csv
    """
    if not str(path).strip():
        raise InputError(f"-o is empty; name a file that ends in {', '.join(endings)}")
    if Path(path).is_dir():
        raise InputError(f"{path}: is a folder; name a file")
    if Path(path).suffix.lower() not in endings:
        raise InputError(f"{path}: the name of this output must end in {', '.join(endings)}")
    return Path(path)


def beside(path: Path, what: str) -> Path:
    """Return the name of a file that goes with an output; it cannot be one of the user's.

    Example:
        >>> beside(Path("scores.csv"), "journal").name
        '.scores.csv.qastanet-journal'
    """
    return path.with_name(f".{path.name}.qastanet-{what}")


@contextlib.contextmanager
def sole_writer(path: Path) -> Iterator[None]:
    """Keep other runs from writing the same output meanwhile.

    Raises:
        InputError: if another run is writing it
    """
    place = beside(path, "lock")
    if place.is_symlink() or (
        place.exists() and not (place.is_file() and not place.stat().st_size)
    ):
        raise InputError(f"{place}: is in the way; remove it")
    try:
        file = open(place, "a")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another") from error
    with file:
        if not _hold(file):
            raise InputError(f"{path}: another run is writing it; wait, or choose another")
        try:
            yield
        finally:
            if os.name != "nt":  # where a file that is open cannot be removed
                place.unlink(missing_ok=True)


def _hold(file: IO[str]) -> bool:
    """Hold a file for this process alone, until it is closed; tell whether that succeeded."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            return True
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(
            os.fstat(file.fileno()), os.stat(file.name)
        )  # not removed meanwhile
    except OSError:
        return False
