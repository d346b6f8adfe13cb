"""The verdict on a run: does everything that it made say what is published?

`python -m qastanet.compendium.verdict` compares the results of the notebooks of a profile with the
published ones, each within the tolerance of its kind (see
`qastanet.compendium.published.comparing`), writes build/<profile>/verdict.csv and prints one line.
It ends with 1 if anything is off. With `--show` it lists where a result deviates. Of a run with
other parameters than the published results were made with, only notebooks whose parameters are the
same are compared.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from qastanet.compendium.published.deviations import listed
from qastanet.compendium.published.keeping import BUILD, committed, judge
from qastanet.compendium.running import MADE
from qastanet.compendium.workflow import NOTEBOOKS, parameters
from qastanet.errors import InputError, exit_code
from qastanet.storage import replacing

PUBLISHED = "default"
"""Profile that the published results are made with."""

FIGURES = (".svg", ".pdf")
COLUMNS = ["file", "notebook", "rows", "cells", "largest", "tolerance", "unit", "verdict"]
AS_PUBLISHED = ("equal", "within")


def results(profile: str) -> Iterator[tuple[str, str, Path]]:
    """Find what the notebooks of a profile made that can be compared.

    Args:
        profile: see `qastanet.compendium.workflow.parameters`.

    Yields:
        notebook, published name, and the file that was made (also if it is not there).
    """
    for notebook in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        standard, given = (parameters(notebook, each) for each in (PUBLISHED, profile))
        places = {k: v for k, v in standard.items() if v and k.startswith(("out_", "from_audio_"))}
        if any(standard[k] != given[k] for k in standard.keys() - places.keys() - {"audio"}):
            continue
        for name, published in places.items():
            made = BUILD / profile / MADE / notebook.stem / given[name]
            if name.startswith("from_audio_") and not made.is_file():
                continue  # made without the sounds
            yield notebook.stem, published, made
            pdf = made.with_suffix(".pdf")
            if made.suffix == ".svg" and pdf.is_file():
                yield notebook.stem, published.replace(".svg", ".pdf"), pdf


def verdict(profile: str = PUBLISHED) -> pd.DataFrame:
    """Judge all results of a profile.

    Args:
        profile: see `results`.

    Returns:
        One row per file: ``file``, ``notebook``, ``rows`` (arrays, elements of a drawing),
        ``cells`` (numbers), ``largest`` deviation with its ``tolerance`` and ``unit``, and
        ``verdict``: equal, within, off, missing (published but not made) or new (not published).
    """
    rows = []
    for notebook, name, made in results(profile):
        row: dict[str, object] = {"file": name, "notebook": notebook}
        found = judge(name, made) if made.is_file() else None
        if found is None:
            rows.append(row | {"verdict": "new" if made.is_file() else "missing"})
            continue
        row |= {"rows": found.rows, "cells": found.cells, "verdict": found.verdict, "largest": 0.0}
        if worst := found.worst:
            row |= {"largest": worst.deviation, "tolerance": worst.tolerance, "unit": worst.unit}
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS).astype({"rows": "Int64", "cells": "Int64"})


def sentence(table: pd.DataFrame) -> str:
    """Say the verdict in a line.

    Args:
        table: of `verdict`.

    Example:
        >>> sentence(pd.DataFrame({"file": ["a.csv", "b.svg", "b.pdf"], "verdict": "equal"}))
        '1 of 1 tables and 1 of 1 figures as published'
    """
    good = table.verdict.isin(AS_PUBLISHED)
    figures = table.file.str.endswith(FIGURES)
    drawings = good[figures].groupby(table.file.str.replace(r"\.\w+$", "", regex=True)).all()
    text = (
        f"{good[~figures].sum()} of {(~figures).sum()} tables and "
        f"{drawings.sum()} of {len(drawings)} figures as published"
    )
    within = int((table.verdict == "within").sum())
    return text + (f" ({within} files within their tolerance, left as they are)" if within else "")


def remedy(table: pd.DataFrame, profile: str) -> list[str]:
    """Say what is not as published, and which command shows it."""
    lines = []
    for row in table[~table.verdict.isin(AS_PUBLISHED)].itertuples():
        much = f", largest deviation {row.largest:.3g}" if row.verdict == "off" else ""
        tolerance = f", tolerance {row.tolerance:.3g} {row.unit}" if much else ""
        lines.append(f"  {row.verdict}: {row.file} (of {row.notebook}{much}{tolerance})")
    if (table.verdict == "missing").any():
        lines.append("What is missing was not made by this run: `make clean reproduce` makes all.")
    show = f"{sys.executable} -m qastanet.compendium.verdict --profile {profile} --show FILE"
    if profile == PUBLISHED and committed(Path.cwd()):
        return [*lines, f"To see what: git diff -- data figures, or {show}"]
    return [*lines, f"To see what: {show}"]


def show(profile: str, file: str) -> str:
    """List where a result deviates from the published one.

    Args:
        profile: see `results`.
        file: its published name.

    Raises:
        InputError: if it was not made
    """
    known = {name: made for _, name, made in results(profile)}
    if file not in known:
        raise InputError(f"{file}: is no result of this run; choose one of {', '.join(known)}")
    if not known[file].is_file():
        raise InputError(f"{known[file]}: was not made; run `make reproduce`")
    found = judge(file, known[file])
    if found is None:
        return f"{file}: nothing is published under this name"
    lines = [f"{file}: {found.verdict}, {len(found.differences)} differences"]
    return "\n  ".join(lines + listed(found.differences))


def write(profile: str = PUBLISHED) -> pd.DataFrame:
    """Judge all results of a profile and write build/<profile>/verdict.csv; see `verdict`."""
    table = verdict(profile)
    with replacing(BUILD / profile / "verdict.csv") as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
    return table


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m qastanet.compendium.verdict", description=__doc__
    )
    parser.add_argument("--profile", default=PUBLISHED, help="of the executed notebooks")
    parser.add_argument("--show", metavar="FILE", help="list where this result deviates")
    options = parser.parse_args(arguments)
    if options.show:
        return exit_code(lambda: print(show(options.profile, options.show)))
    return exit_code(lambda: _judge_all(options.profile))


def _judge_all(profile: str) -> int:
    """Write and print the verdict on a profile; returns whether anything is off."""
    table = write(profile)
    trial = "" if profile == PUBLISHED else f"Trial run ({profile}): "
    print(f"{trial}{sentence(table)}; see {BUILD / profile / 'verdict.csv'}")
    if table.verdict.isin(AS_PUBLISHED).all():
        return 0
    print("\n".join(remedy(table, profile)), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
