"""Lists of pairs to score: a CSV file, or two folders whose names belong together."""

import contextlib
import re
from collections.abc import Collection
from pathlib import Path

from qastanet.errors import InputError
from qastanet.scoring.given_tables import Rows, read_rows
from qastanet.storage import is_pipe

SOUND_FILES = {
    *(".wav", ".wave", ".rf64", ".w64", ".flac", ".ogg", ".opus", ".oga", ".aif", ".aiff", ".caf"),
    *(".mp3", ".m4a", ".mp4", ".aac", ".ac3", ".ec3", ".eac3", ".mka", ".mkv", ".webm"),
    *(".wv", ".mov", ".bw64", ".amb", ".au", ".tta", ".ape", ".wma"),
}
"""Endings of files that are taken for sounds when folders are paired."""

REFERENCE_MARKS = ("_reference", "_ref", "-reference", "-ref")
"""Endings of the name of a reference (in any case) that its degraded versions do not carry."""


def read_manifest(path: str | Path, known: Collection[str] = ()) -> Rows:
    """Read a manifest: a CSV file with the columns reference and degraded, and any labels.

    Args:
        path: CSV file; relative paths in it start at its own folder
        known: see `qastanet.scoring.given_tables.read_rows`; default: reference, degraded

    Returns:
        its rows with `reference` and `degraded` made absolute; all other columns as they are

    Raises:
        InputError: if the file cannot be read, or has no such columns or an empty cell in them
    """
    path = Path(path)
    rows = read_rows(path, known or ("reference", "degraded"))
    missing = [name for name in ("reference", "degraded") if name not in rows.columns]
    if missing:
        raise InputError(
            f"{path}: no column {' and no column '.join(missing)}; its columns are "
            f"{', '.join(rows.columns)}"
        )
    if not rows:
        raise InputError(f"{path}: lists no pairs")
    root = Path.cwd() if is_pipe(path) else path.parent.absolute()
    found: dict[str, str] = {}
    for line, row in zip(rows.lines, rows, strict=True):
        for name in ("reference", "degraded"):
            cell = row[name]
            if not cell.strip():
                raise InputError(f"{path}: line {line}: '{name}' is empty")
            if cell not in found:
                found[cell] = _resolved(root, cell, f"{path}: line {line}")
            row[name] = found[cell]
    return rows


def _resolved(root: Path, cell: str, where: str) -> str:
    """Return the absolute path of a cell: as it is if there is such a file, else mended."""
    if re.match(r"[a-z][a-z0-9+.-]+://", cell, re.IGNORECASE):
        return cell  # an address, which reading refuses
    plain = root / cell
    other = root / cell.strip()
    with contextlib.suppress(UnicodeError):  # an old code page
        if not _exists(other) and not cell.isprintable():
            latin = root / cell.strip().encode("utf-8", "surrogateescape").decode("cp1252")
            other = latin if _exists(latin) else other
    chosen = plain if _exists(plain) else other
    if "\n" in cell and not _exists(chosen):
        raise InputError(f"{where}: a quote is not closed (its cell goes on in the next line)")
    return str(chosen)


def _exists(path: Path) -> bool:
    """Tell whether there is a file; a name that cannot be one is none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def pair_folders(references: str | Path, degraded: str | Path) -> list[dict[str, str]]:
    """Pair the sound files of two folders by name.

    A degraded file belongs to the reference whose name is the longest beginning of its own, without
    ending and without a mark such as `_REF`. What is left of the name, with the names of the
    folders in between, is the condition: `speech_opus32.wav` and `opus32/speech.wav` belong to
    `speech_REF.wav` with the condition `opus32`.

    If both are one folder, only files with such a mark are references.

    Args:
        references: folder, not searched below
        degraded: folder, searched below too

    Returns:
        rows with reference, degraded, item (name of the reference) and condition, sorted

    Raises:
        InputError: if a folder is missing or has no sounds, or a degraded file has no reference
    """
    shared = Path(references).resolve() == Path(degraded).resolve()
    known = {
        _stem(file): file
        for file in _sounds(references, "*")
        if not shared or _stem(file) != file.stem
    }
    rows, orphans = [], []
    for file in _sounds(degraded, "**/*"):
        name = file.stem
        item = max((key for key in known if _begins(name, key)), key=len, default=None)
        if item is None:
            orphans.append(file)
            continue
        if file.resolve() == known[item].resolve():
            continue
        rest = name[len(item) :].strip("_- .")
        parts = [*file.relative_to(degraded).parent.parts, *([rest] if rest else [])]
        files = {"reference": str(known[item].absolute()), "degraded": str(file.absolute())}
        condition = "/".join(parts) or Path(degraded).name
        rows.append(files | {"item": item, "condition": condition})
    if orphans:
        raise InputError(
            f"{orphans[0]}: no file in {references} has a name that it begins with "
            f"({len(orphans)} such files); rename it or write a manifest"
        )
    if not rows:
        raise InputError(f"{degraded}: holds nothing but the references")
    return sorted(rows, key=lambda row: (row["item"], row["condition"]))


def _begins(name: str, item: str) -> bool:
    """Tell whether a name begins with that of an item, which ends there: speech1 is not speech10.

    Example:
        >>> _begins("speech1_opus", "speech1"), _begins("speech10", "speech1"), _begins("ab", "a")
        (True, False, False)
    """
    rest = name[len(item) :]
    return name.startswith(item) and not rest[:1].isalnum()


def _stem(file: Path) -> str:
    """Return the name of a reference without its ending and its mark."""
    for mark in REFERENCE_MARKS:
        if file.stem.lower().endswith(mark):
            return file.stem[: -len(mark)]
    return file.stem


def _sounds(folder: str | Path, pattern: str) -> list[Path]:
    """Return the sound files of a folder, sorted."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    files = sorted(
        file
        for file in folder.glob(pattern)
        if file.suffix.lower() in SOUND_FILES and not file.name.startswith(".")
    )
    if not files:
        raise InputError(f"{folder}: holds no sound files ({', '.join(sorted(SOUND_FILES))})")
    return files
