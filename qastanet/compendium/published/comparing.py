"""How far a result that was made again lies from the one that is published, by kind of file.

What a result may deviate by is about the precision that it is written with: rounding alone cannot
hide differences of the last bits between machines, because values fall on both sides of a
step. Texts, whole numbers, columns and numbers of rows must be the same.

==================  ==================================================================
kind                tolerance
==================  ==================================================================
table (csv)         one step of the last decimal of the file: 1e-6, or as it was rounded
arrays (npz)        half precision: two steps, or `MAPS` if that is more; else `ARRAYS`
figure (svg)        see `qastanet.compendium.published.drawings`
text (html, tex)    one step of the last decimal of each number
anything else       none
==================  ==================================================================
"""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qastanet.compendium.published.deviations import NUMBER, Comparison, Difference, different
from qastanet.compendium.published.drawings import compare_drawings

ARRAYS = {8: 1e-6, 4: 1e-4}
"""Of arrays in double and in single precision (bytes), relative to the largest value above 1."""
MAPS = 0.01
"""Of arrays in half precision, which are differences of features (dB, or without unit). Features of
cells near the threshold of hearing, made in single precision, move by this much with the machine or
with the way through the code; scores move by less than 1e-3."""


def compare(name: str | Path, published: bytes, made: bytes) -> Comparison:
    r"""Compare two versions of a file.

    Args:
        name: its ending says what it holds.
        published: content of one.
        made: content of the other.

    Returns:
        What they hold and where they differ.

    Example:
        >>> compare("a.csv", b"x\n0.25\n", b"x\n0.26\n").verdict
        'within'
        >>> compare("a.csv", b"x\n0.25\n", b"x\n0.27\n").verdict
        'off'
    """
    ways = {
        ".csv": _tables,
        ".npz": _archives,
        ".svg": compare_drawings,
        ".html": _texts,
        ".tex": _texts,
    }
    return ways.get(Path(name).suffix, _bytes)(published, made)


def _bytes(published: bytes, made: bytes) -> Comparison:
    same = published == made
    sizes = (f"{len(published)} bytes", f"{len(made)} bytes")
    return Comparison(1, 1, [] if same else [different("content", *sizes)])


def _decimals(text: str) -> int:
    """Return how many decimals a number is written with.

    Example:
        >>> [_decimals(each) for each in ("3", "0.25", "1e-06", "name")]
        [0, 2, 6, 0]
    """
    if not NUMBER.fullmatch(text):
        return 0
    digits, _, power = text.partition("e")
    return max(len(digits.partition(".")[2]) - int(power or 0), 0)


def _cells(
    pairs: Iterable[tuple[str, str, str]], decimals: int | None = None
) -> Iterable[Difference]:
    """Yield the differences of cells: place, published and made text.

    Args:
        pairs: see above.
        decimals: that the numbers are rounded to; default: as each is written.
    """
    for place, before, now in pairs:
        if before == now:
            continue
        numbers = NUMBER.fullmatch(before) and NUMBER.fullmatch(now)
        written = max(_decimals(before), _decimals(now))
        if not numbers or not written:
            yield different(place, before or "nothing", now or "nothing")
        else:
            step = 10.0 ** -(decimals or written)
            deviation = abs(float(before) - float(now))
            if deviation:  # else 0.0 and -0.0
                yield Difference(place, before, now, deviation, step, "")


def _tables(published: bytes, made: bytes) -> Comparison:
    before, now = (
        list(csv.reader(io.StringIO(text.decode(errors="surrogateescape"), newline="")))
        for text in (published, made)
    )
    size = len(now) - 1, sum(map(len, now[1:]))
    if before[:1] != now[:1]:
        columns = (", ".join(table[0]) if table else "none" for table in (before, now))
        return Comparison(*size, [different("columns", *columns)])
    if list(map(len, before)) != list(map(len, now)):
        return Comparison(*size, [different("rows", len(before) - 1, len(now) - 1)])
    decimals = max((_decimals(cell) for row in before + now for cell in row), default=0)
    pairs = (
        (f"row {number}, {column}", first, second)
        for number, (one, other) in enumerate(zip(before[1:], now[1:], strict=True), 1)
        for column, first, second in zip(before[0], one, other, strict=True)
    )
    return Comparison(*size, list(_cells(pairs, decimals)))


def _texts(published: bytes, made: bytes) -> Comparison:
    before, now = (text.decode(errors="replace") for text in (published, made))
    found = NUMBER.findall(before), NUMBER.findall(now)
    size = len(now.splitlines()), len(found[1])
    if NUMBER.sub("#", before) != NUMBER.sub("#", now):
        lines = zip(before.splitlines(), now.splitlines(), strict=False)
        first = next(((a, b) for a, b in lines if NUMBER.sub("#", a) != NUMBER.sub("#", b)), None)
        return Comparison(*size, [different("text", *(first or ("one length", "another")))])
    places = (f"number {k}" for k in range(1, size[1] + 1))
    return Comparison(*size, list(_cells(zip(places, *found, strict=True))))


def _archives(published: bytes, made: bytes) -> Comparison:
    with np.load(io.BytesIO(published)) as one, np.load(io.BytesIO(made)) as other:
        before, now = dict(one), dict(other)
    size = len(now), sum(array.size for array in now.values())
    if list(before) != list(now):
        return Comparison(*size, [different("arrays", *(", ".join(a) for a in (before, now)))])
    found = (_array_difference(name, before[name], now[name]) for name in now)
    return Comparison(*size, [each for each in found if each])


def _array_difference(name: str, published: NDArray, made: NDArray) -> Difference | None:
    """Return the largest difference of two arrays, if there is one."""
    kinds = [f"{array.dtype} {array.shape}" for array in (published, made)]
    if kinds[0] != kinds[1]:
        return different(name, *kinds)
    if np.array_equal(published, made, equal_nan=published.dtype.kind == "f"):
        return None
    if published.dtype.kind != "f" or (np.isfinite(published) != np.isfinite(made)).any():
        return different(name, "these values", "others")
    before, now = (np.nan_to_num(array.astype(float)) for array in (published, made))
    size = np.maximum(np.abs(before), np.abs(now))
    if published.dtype == np.float16:
        step = np.maximum(2 * np.spacing(size.astype(np.float16)).astype(float), MAPS)
    else:
        step = np.full(size.shape, ARRAYS[published.dtype.itemsize] * max(1.0, size.max()))
    deviation = np.abs(before - now)
    worst = np.unravel_index(np.argmax(deviation / step), deviation.shape)
    place = f"{name}{list(map(int, worst))}"
    values = published[worst], made[worst]
    return Difference(place, *values, float(deviation[worst]), float(step[worst]), "")
