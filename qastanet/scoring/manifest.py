"""Lists of pairs to score: a CSV file, or two folders whose names belong together."""

from pathlib import Path

import pandas as pd

from qastanet.errors import InputError

SOUND_FILES = {
    *(".wav", ".wave", ".rf64", ".w64", ".flac", ".ogg", ".opus", ".oga", ".aif", ".aiff", ".caf"),
    *(".mp3", ".m4a", ".mp4", ".aac", ".ac3", ".ec3", ".mka", ".webm"),
}
"""Endings of files that are taken for sounds when folders are paired."""

REFERENCE_MARKS = ("_reference", "_ref", "-reference", "-ref")
"""Endings of the name of a reference (in any case) that its degraded versions do not carry."""


def read_manifest(path: str | Path) -> pd.DataFrame:
    """Read a manifest: a CSV file with the columns reference and degraded, and any labels.

    Args:
        path: CSV file; relative paths in it start at its own folder

    Returns:
        the table with `reference` and `degraded` made absolute; all other columns as they are

    Raises:
        InputError: if the file cannot be read, or has no such columns or an empty cell in them
    """
    path = Path(path)
    try:
        table = pd.read_csv(
            path,
            dtype={"reference": str, "degraded": str},
            encoding_errors="surrogateescape",  # names of files need not be UTF-8
        )
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file. Check the path.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a CSV file ({error})") from error
    missing = [name for name in ("reference", "degraded") if name not in table.columns]
    if missing and len(table.columns) == 1 and ";" in table.columns[0]:
        raise InputError(f"{path}: is separated by semicolons; save it with commas")
    if missing:
        raise InputError(
            f"{path}: no column {' and no column '.join(missing)}; its columns are "
            f"{', '.join(map(str, table.columns))}"
        )
    if table.empty:
        raise InputError(f"{path}: lists no pairs")
    for name in ("reference", "degraded"):
        empty = table.index[table[name].isna()]
        if len(empty):
            raise InputError(f"{path}: line {empty[0] + 2}: '{name}' is empty")
        table[name] = [str(path.parent.absolute() / cell) for cell in table[name]]
    return table


def pair_folders(references: str | Path, degraded: str | Path) -> pd.DataFrame:
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
        table with the columns reference, degraded, item (name of the reference), condition

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
        item = max((key for key in known if name.startswith(key)), key=len, default=None)
        if item is None:
            orphans.append(file)
            continue
        if file.resolve() == known[item].resolve():
            continue
        rest = name[len(item) :].strip("_- .")
        parts = [*file.relative_to(degraded).parent.parts, *([rest] if rest else [])]
        rows.append((known[item], file, item, "/".join(parts) or Path(degraded).name))
    if orphans:
        raise InputError(
            f"{orphans[0]}: no file in {references} has a name that it begins with "
            f"({len(orphans)} such files); rename it or write a manifest"
        )
    table = pd.DataFrame(rows, columns=["reference", "degraded", "item", "condition"])
    if table.empty:
        raise InputError(f"{degraded}: holds nothing but the references")
    table[["reference", "degraded"]] = table[["reference", "degraded"]].map(
        lambda file: str(file.absolute())
    )
    return table.sort_values(["item", "condition"], ignore_index=True)


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
    files = sorted(file for file in folder.glob(pattern) if file.suffix.lower() in SOUND_FILES)
    if not files:
        raise InputError(f"{folder}: holds no sound files ({', '.join(sorted(SOUND_FILES))})")
    return files
