"""Lists of pairs to score: a CSV file, or two folders whose names belong together."""

from pathlib import Path

from qastanet.errors import InputError
from qastanet.storage import read_rows

SOUND_FILES = {
    *(".wav", ".wave", ".rf64", ".w64", ".flac", ".ogg", ".opus", ".oga", ".aif", ".aiff", ".caf"),
    *(".mp3", ".m4a", ".mp4", ".aac", ".ac3", ".ec3", ".mka", ".webm"),
}
"""Endings of files that are taken for sounds when folders are paired."""

REFERENCE_MARKS = ("_reference", "_ref", "-reference", "-ref")
"""Endings of the name of a reference (in any case) that its degraded versions do not carry."""


def read_manifest(path: str | Path) -> list[dict[str, str]]:
    """Read a manifest: a CSV file with the columns reference and degraded, and any labels.

    Args:
        path: CSV file; relative paths in it start at its own folder

    Returns:
        its rows with `reference` and `degraded` made absolute; all other columns as they are

    Raises:
        InputError: if the file cannot be read, or has no such columns or an empty cell in them
    """
    path = Path(path)
    rows = read_rows(path)
    if not rows:
        raise InputError(f"{path}: lists no pairs")
    columns = list(rows[0])
    missing = [name for name in ("reference", "degraded") if name not in columns]
    if missing:
        raise InputError(
            f"{path}: no column {' and no column '.join(missing)}; its columns are "
            f"{', '.join(columns)}"
        )
    for line, row in enumerate(rows, 2):
        for name in ("reference", "degraded"):
            if not row[name].strip():
                raise InputError(f"{path}: line {line}: '{name}' is empty")
            row[name] = str(path.parent.absolute() / row[name])
    return rows


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
        item = max((key for key in known if name.startswith(key)), key=len, default=None)
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
