"""Which results are published, and keeping their files when they are made again.

Published is what is committed. Without version control it is what lay there before: a result that
deviates puts the file that it replaces aside, under build/published.
"""

import functools
import os
import subprocess
from pathlib import Path

from qastanet.compendium.published.comparing import Comparison, compare
from qastanet.storage import replacing

BUILD = Path("build")
"""Nothing below it is published."""

ASIDE = BUILD / "published"


@functools.cache
def committed(folder: Path) -> frozenset[str]:
    """Return the names of all committed files below a folder; none without version control."""
    listing = _git(folder, "ls-tree", "-r", "-z", "--name-only", "HEAD")
    return frozenset(filter(None, (listing or b"").decode(errors="surrogateescape").split("\0")))


def _git(folder: Path, *arguments: str) -> bytes | None:
    """Return what git prints, or None if it fails or is not there."""
    try:
        shown = subprocess.run(["git", *arguments], cwd=folder, capture_output=True)
    except OSError:
        return None
    return None if shown.returncode else shown.stdout


def content(name: str | Path) -> bytes | None:
    """Return the published content of a file, or None if nothing of that name is published.

    Args:
        name: path from the root of the compendium, which is the working directory.
    """
    name = Path(name)
    if name.is_relative_to(BUILD):
        return None
    if names := committed(Path.cwd()):
        blob = f"HEAD:./{name.as_posix()}"
        known = name.as_posix() in names
        return _git(Path.cwd(), "cat-file", "blob", blob) if known else None
    for file in (ASIDE / name, name):
        if file.is_file():
            return file.read_bytes()
    return None


def _drawing(file: Path) -> Path:
    """Return the file by which a file is judged: for a PDF the SVG beside it, the same drawing.

    What a PDF holds is compressed, and differs with the library that compresses it.
    """
    beside = file.with_suffix(".svg")
    return beside if file.suffix == ".pdf" and beside.is_file() else file


def judge(name: str | Path, made: Path) -> Comparison | None:
    """Compare a file with what is published under a name.

    Args:
        name: path from the root of the compendium.
        made: the file.

    Returns:
        The comparison; None if nothing of that name is published.
    """
    shown = _drawing(made)
    before = content(Path(name).with_suffix(shown.suffix))
    return None if before is None else compare(shown, before, shown.read_bytes())


def settle(made: Path, target: Path) -> None:
    """Put a result in its place, unless the published file says the same within its tolerance.

    The published file then stays as it is, byte for byte, and gets the time of now, by which
    `make` knows that it is up to date. To have a file anew, remove it first.

    Args:
        made: the file as it was made; it stays.
        target: its place, a path from the root of the compendium.
    """
    before = content(target) if target.is_file() else None
    found = judge(target, made) if before is not None else None
    if before is not None and found is not None and found.verdict != "off":
        if before != target.read_bytes():
            _write(before, target)
        os.utime(target)
        return
    if before is not None and not committed(Path.cwd()):
        _write(before, ASIDE / target)
    _write(made.read_bytes(), target)


def _write(what: bytes, where: Path) -> None:
    with replacing(where) as temporary:
        temporary.write_bytes(what)
