"""Tables as people have them: every cell is text, letter for letter, and no row is misread.

Spreadsheets write semicolons, tabs, UTF-16, byte order marks, capitals, blanks, and commas at the
ends of rows. All of that is recognised and said in one note. What cannot be told apart from a
mistake is refused with its line: a row with more or fewer cells than the header, a column that is
there twice, a quote that is not closed.
"""

import codecs
import csv
import io
import math
from collections.abc import Collection, Iterable
from pathlib import Path

from qastanet.errors import InputError
from qastanet.storage import read_once

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
MISSING = ("", "na", "n/a", "nan", "null", "none", "-")
"""Cells (in small letters) in place of a number that say that there is none."""


class Rows(list):
    """Rows of a table, each a dictionary or a tuple.

    Attributes:
        lines: number of the line of each row in the file; empty if it was not read
        notes: sentences on how it was read
        columns: names of the columns
    """

    def __init__(self, notes: Iterable[str] = ()):
        super().__init__()
        self.lines: list[int] = []
        self.notes, self.columns = list(notes), []


def read_rows(path: str | Path, known: Collection[str]) -> Rows:
    r"""Read a table with a header.

    Args:
        path: CSV file, or the like
        known: columns whose names are recognised in capitals too

    Returns:
        dictionaries of the columns that have a name, all of the same names; all cells are text

    Raises:
        InputError: naming the file, the line, and what is wrong

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     _ = Path(file.name).write_bytes("Name ;take\nNA;007\n".encode("utf-16"))
        ...     rows = read_rows(file.name, ["name"])
        >>> rows, rows.notes
        ([{'name': 'NA', 'take': '007'}], ['read as UTF-16, separated by semicolons'])
    """
    text, encoding = _decoded(_content(path))
    separator = _separator(text)
    rows = _rows(text, separator, path)
    if rows and rows[0][1][0].startswith("sep="):  # a word to spreadsheets
        rows.pop(0)
    if not rows:
        raise InputError(f"{path}: cannot be read as a CSV file (it is empty)")
    columns = _header(*rows.pop(0), known, path)
    how = [f"as {encoding.upper()[:6]}"] if encoding else []
    how += [f"separated by {SEPARATORS[separator]}"] if separator != "," else []
    table = Rows(notes=[f"read {', '.join(how)}"] if how else ())
    for line, row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if any(cell.strip() for cell in row[len(columns) :]) or len(row) < len(columns):
            raise InputError(
                f"{path}: line {line}: {len(row)} cells, but {len(columns)} columns; quote cells "
                f"that hold {SEPARATORS[separator]}, and leave none out"
            )
        unnamed = [k for k, name in enumerate(columns) if not name and row[k].strip()]
        if unnamed:
            raise InputError(f"{path}: column {unnamed[0] + 1} has no name; give it one")
        table.lines.append(line)
        table.append({name: row[k] for k, name in enumerate(columns) if name})
    table.columns = [name for name in columns if name]
    return table


def number_of(cell: str) -> float:
    """Return a cell as a number, NaN where there is none; a decimal comma is one.

    Raises:
        ValueError: if it is no number

    Example:
        >>> [number_of(cell) for cell in ("99,5", " 3", "NA")]
        [99.5, 3.0, nan]
    """
    text = cell.strip()
    if text.lower() in MISSING:
        return math.nan
    if "_" in text:
        raise ValueError(text)
    return float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)


def _content(path: str | Path) -> bytes:
    """Return the bytes of a file."""
    try:
        return read_once(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file. Check the path.") from error
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{str(path)[:200]}: cannot be read as a CSV file ({error})") from error


def _decoded(content: bytes) -> tuple[str, str]:
    """Return the text of a file, and its encoding if that is worth a word."""
    for mark, encoding in MARKS.items():
        if content.startswith(mark):
            said = "" if encoding == "utf-8" else encoding
            return content[len(mark) :].decode(encoding, "surrogateescape"), said
    head = content[:200]
    for encoding, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if len(zeros) > 4 and zeros.count(0) > 0.7 * len(zeros):
            return content.decode(encoding, "replace"), encoding
    return content.decode("utf-8", "surrogateescape"), ""  # names of files need not be UTF-8


def _separator(text: str) -> str:
    """Return what separates the cells of the header."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    if head.startswith("sep=") and head[4:5] in SEPARATORS:
        return head[4]
    bare = "".join(head.split('"')[::2])  # outside of quotes
    return max(SEPARATORS, key=lambda mark: (bare.count(mark), mark == ","))


def _rows(text: str, separator: str, path: str | Path) -> list[tuple[int, list[str]]]:
    """Return the rows that are not empty, with the numbers of their lines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows, line = [], 0
    try:
        for row in reader:
            if row:
                rows.append((line + 1, row))
            line = reader.line_num
    except csv.Error as error:
        reason = "a quote is not closed" if "end of data" in str(error) else str(error)
        raise InputError(
            f"{path}: cannot be read as a CSV file (line {line + 1}: {reason})"
        ) from error
    return rows


def _header(line: int, cells: list[str], known: Collection[str], path: str | Path) -> list[str]:
    """Return the names of the columns."""
    names = [cell.strip() for cell in cells]
    if any("\0" in name for name in names):
        raise InputError(f"{path}: line {line}: a NUL byte in the header; save it as text")
    names = [name.lower() if name.lower() in known else name for name in names]
    for name in names:
        if name and names.count(name) > 1:
            raise InputError(f"{path}: the column {name} is there twice; rename one")
    while names and not names[-1]:  # commas at the end
        names.pop()
    return names
