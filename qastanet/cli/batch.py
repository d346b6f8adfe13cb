"""The command for test campaigns: `qastanet batch`."""

import argparse
import contextlib
import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from qastanet.cli.options import add_force, add_model, add_options, options_of
from qastanet.errors import InputError

MOST_SHOWN = 60
"""Lines of a summary that are printed."""


def add_batch(commands) -> None:
    """Describe `qastanet batch`."""
    batch = commands.add_parser("batch", help="score a whole test campaign")
    batch.add_argument("manifest", nargs="?", metavar="MANIFEST.csv", help="reference,degraded,...")
    batch.add_argument("--ref", metavar="DIR", help="folder of references, paired by name with")
    batch.add_argument("--deg", metavar="DIR", help="folder of degraded files")
    batch.add_argument("--dry-run", action="store_true", help="only show the pairs")
    batch.add_argument("-o", "--output", default="scores.csv", help="default: %(default)s")
    add_model(batch)
    batch.add_argument("--jobs", type=int, default=1, metavar="N", help="processes on this machine")
    batch.add_argument("--scheduler", metavar="ADDRESS", help="use an existing Dask cluster")
    batch.add_argument("--by", nargs="+", metavar="LABEL", help="columns to summarise by")
    batch.add_argument("--quiet", action="store_true", help="show no progress")
    add_force(batch)
    add_options(batch)
    batch.set_defaults(run=_batch)


def _pairs(options: argparse.Namespace) -> list[dict]:
    """Return the pairs that are asked for."""
    from qastanet.scoring import campaign, manifest

    if bool(options.manifest) == bool(options.ref and options.deg):
        raise InputError("give either a MANIFEST.csv, or both --ref DIR and --deg DIR")
    if options.jobs == 0:
        raise InputError("--jobs 0: give the number of processes, or -1 for all cores")
    pairs = (
        manifest.read_manifest(options.manifest)
        if options.manifest
        else manifest.pair_folders(options.ref, options.deg)
    )
    for name in options.by or []:
        if name not in pairs[0]:
            raise InputError(f"--by {name}: no such column; there are {', '.join(pairs[0])}")
        if name in campaign.SUMMARY:
            raise InputError(f"--by {name}: the summary has a column of that name; rename it")
    return pairs


def _batch(options: argparse.Namespace) -> int:
    """Score a campaign; the exit code is 1 if a pair could not be scored."""
    from qastanet.agreement.condition_means import summarise
    from qastanet.outputs import Output, claim, holding, named, sole_writer
    from qastanet.scoring import campaign
    from qastanet.storage import write_rows

    pairs = _pairs(options)
    if options.dry_run:
        _show(pairs)
        return 0
    output = named(options.output, ".csv")
    stem = output.with_suffix("")
    summary_file = Path(f"{stem}_summary.csv")
    figures = [Path(f"{stem}_summary{end}") for end in (".svg", ".pdf")]
    wanted = [Output(output, campaign.FORMER), Output(summary_file, campaign.FORMER_SUMMARY)]
    wanted += [Output(path, holding(campaign.MARK)) for path in figures]
    sounds = [row[name] for row in pairs for name in ("reference", "degraded")]
    claim(wanted, [options.manifest or "", *sounds, options.model], options.force)
    by = _told(pairs, options)
    with sole_writer(output):
        table = campaign.run(
            pairs,
            output,
            options.model,
            options_of(options),
            options.jobs,
            options.scheduler,
            progress=not options.quiet,
            force=options.force,
            held=True,
        )
        summary = summarise(table, by)
        write_rows(summary, summary_file)
        if any(row["mean"] == row["mean"] for row in summary):
            _draw_summary(summary, figures[0])
    _print_columns(summary[:MOST_SHOWN])
    if len(summary) > MOST_SHOWN:
        print(f"... and {len(summary) - MOST_SHOWN} more: see {summary_file}")
    failed = [row for row in table if row["error"]]
    for row in failed[:10]:
        error, name = row["error"], row["degraded"]
        print(f"failed: {error if name in error else f'{name}: {error}'}", file=sys.stderr)
    if failed:
        print(f"{len(failed)} of {len(table)} pairs failed: see {output}", file=sys.stderr)
    return 1 if failed else 0


def _told(pairs: Sequence[Mapping], options: argparse.Namespace) -> list[str] | None:
    """Say how the manifest was read, and return the labels to summarise by, by their new names."""
    from qastanet.scoring import campaign

    for note in getattr(pairs, "notes", ()):
        print(f"note: {options.manifest}: {note}", file=sys.stderr)
    names = campaign.own_names(pairs[0])
    for old, new in names.items():
        print(
            f"note: the label {old} is called like a result; it is kept as {new}", file=sys.stderr
        )
    doubles = len(pairs) - len({(row["reference"], row["degraded"]) for row in pairs})
    if doubles:
        print(f"note: {doubles} rows name a pair that is there already", file=sys.stderr)
    same = sum(row["reference"] == row["degraded"] for row in pairs)
    if same:
        print(f"note: {same} pairs are a file against itself", file=sys.stderr)
    return list(dict.fromkeys(names.get(name, name) for name in options.by or ())) or None


def _show(pairs: Sequence[Mapping]) -> None:
    """Print the pairs as a table that can be read as a manifest."""
    if not sys.stdout.isatty():
        with contextlib.suppress(AttributeError):
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    writer = csv.DictWriter(sys.stdout, list(pairs[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(pairs)


def _draw_summary(summary: list[dict], path: Path) -> None:
    """Draw the summary of a campaign, if the package for it is there."""
    from qastanet.lazy import MissingExtraError
    from qastanet.scoring.campaign import MARK

    try:
        from qastanet.plots import score_curves, style
    except MissingExtraError as error:
        print(f"note: no {path}, since {error}", file=sys.stderr)
        return
    style.use_style()
    style.save(score_curves.campaign(summary), path, MARK)


def _print_columns(rows: list[dict]) -> None:
    """Print rows as a table of columns that end below one another."""
    shown = [
        [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row.values()]
        for row in rows
    ]
    lines = [list(rows[0]), *shown]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print(*(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
