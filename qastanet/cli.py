"""The command line: `qastanet score`, `explain`, `batch`, `manifest`, `train` and `fetch`."""

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence

import qastanet
from qastanet import cli_training
from qastanet.errors import InputError


def _parser() -> argparse.ArgumentParser:
    """Describe the commands and their options."""
    parser = argparse.ArgumentParser(
        prog="qastanet", description="Predict how good coded spatial audio sounds."
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"qastanet {qastanet.__version__} (conformance {qastanet.CONFORMANCE})",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    score = commands.add_parser("score", help="score a degraded file against its reference")
    _add_pair(score)
    score.add_argument("--json", action="store_true", help="print a JSON object")
    _add_options(score)
    score.set_defaults(run=_score)

    explain = commands.add_parser("explain", help="show where quality is lost")
    _add_pair(explain)
    explain.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="a page (.html) or .png, .svg, .pdf"
    )
    _add_options(explain)
    explain.set_defaults(run=_explain)

    batch = commands.add_parser("batch", help="score a whole test campaign")
    batch.add_argument("manifest", nargs="?", metavar="MANIFEST.csv", help="reference,degraded,...")
    batch.add_argument("--ref", metavar="DIR", help="folder of references, paired by name with")
    batch.add_argument("--deg", metavar="DIR", help="folder of degraded files")
    batch.add_argument("--dry-run", action="store_true", help="only show the pairs")
    batch.add_argument("-o", "--output", default="scores.csv", help="default: %(default)s")
    _add_model(batch)
    batch.add_argument("--jobs", type=int, default=1, metavar="N", help="processes on this machine")
    batch.add_argument("--scheduler", metavar="ADDRESS", help="use an existing Dask cluster")
    batch.add_argument("--by", nargs="+", metavar="LABEL", help="columns to summarise by")
    batch.add_argument("--quiet", action="store_true", help="show no progress")
    _add_options(batch)
    batch.set_defaults(run=_batch)

    cli_training.add_manifest(commands)
    cli_training.add_train(commands, _add_options)

    fetch = commands.add_parser("fetch", help="fetch the public weights, sounds and ratings")
    fetch.add_argument("--mirror", metavar="DIR", help="copy from this folder, not the network")
    fetch.add_argument(
        "--all", action="store_true", help="also files that the committed results do not use"
    )
    fetch.add_argument(
        "--check", action="store_true", help="only tell whether all are at hand (exit code 0 or 1)"
    )
    fetch.set_defaults(run=_fetch)
    return parser


def _add_model(parser: argparse.ArgumentParser) -> None:
    """Describe the choice of the model."""
    parser.add_argument(
        "--model",
        default="default",
        metavar="NAME",
        help="default, released, or a file ending in .safetensors (default: %(default)s)",
    )


def _add_pair(parser: argparse.ArgumentParser) -> None:
    """Describe a pair of files and the model."""
    parser.add_argument("reference", metavar="REF", help="reference sound file")
    parser.add_argument("degraded", metavar="DEG", help="degraded sound file, time-aligned")
    _add_model(parser)


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Describe what may be done to a pair of signals."""
    parser.add_argument(
        "--align",
        action="store_true",
        help="compensate a delay of up to 100 ms and cut both files to what they share",
    )
    parser.add_argument(
        "--convention", default="ambix", help="ambix, n3d or fuma (default: %(default)s)"
    )
    parser.add_argument(
        "--order-mismatch",
        default="error",
        help="if the ambisonic orders differ: error, truncate or pad (default: %(default)s)",
    )


def _options(arguments: argparse.Namespace):
    """Return what may be done to a pair of signals."""
    from qastanet.sound.options import Options

    return Options(arguments.align, arguments.convention, arguments.order_mismatch)


def _score(options: argparse.Namespace) -> int:
    """Score a pair of files."""
    from qastanet.scoring.pair_scores import score_files

    result = score_files(options.reference, options.degraded, options.model, _options(options))
    if "resampled_to" in result and not result["adjustments"]:
        print(
            f"note: resampled from {result['sampling_rate']} to {result['resampled_to']} Hz",
            file=sys.stderr,
        )
    _tell(result)
    print(json.dumps(result, indent=2) if options.json else f"{result['score']:.4f}")
    return 0


def _tell(report: dict) -> None:
    """Print what was done to a pair, and what is odd about it."""
    for kind, sentences in (("note", report["adjustments"]), ("warning", report["warnings"])):
        for sentence in sentences:
            print(f"{kind}: {sentence}", file=sys.stderr)


def _explain(options: argparse.Namespace) -> int:
    """Show where a pair of files loses quality."""
    from qastanet.plots import explanation_page
    from qastanet.plots.explanation import WORDS
    from qastanet.scoring import explanation

    explanation_page.check_ending(options.output)
    explained = explanation.explain_files(
        options.reference, options.degraded, options.model, _options(options)
    )
    _tell(explained.report)
    explanation_page.write(explained, options.output)
    found = explained.found
    print(f"score {found.score:.4f}")
    for name, loss in found.by_feature.items():
        if loss > 0:
            print(f"lost in {WORDS[name]}: {100 * loss:.1f} points")
    return 0


def _batch(options: argparse.Namespace) -> int:
    """Score a campaign; the exit code is 1 if a pair could not be scored."""
    import csv
    from pathlib import Path

    from qastanet.agreement.condition_means import summarise
    from qastanet.scoring import campaign, manifest
    from qastanet.storage import write_rows

    if bool(options.manifest) == bool(options.ref and options.deg):
        raise InputError("give either a MANIFEST.csv, or both --ref DIR and --deg DIR")
    if options.jobs == 0:
        raise InputError("--jobs 0: give the number of processes, or -1 for all cores")
    pairs = (
        manifest.read_manifest(options.manifest)
        if options.manifest
        else manifest.pair_folders(options.ref, options.deg)
    )
    unknown = [name for name in options.by or [] if name not in pairs[0]]
    if unknown:
        raise InputError(f"--by {unknown[0]}: no such column; there are {', '.join(pairs[0])}")
    if options.dry_run:
        writer = csv.DictWriter(sys.stdout, list(pairs[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(pairs)
        return 0
    table = campaign.run(
        pairs,
        options.output,
        options.model,
        _options(options),
        options.jobs,
        options.scheduler,
        progress=not options.quiet,
    )
    summary = summarise(table, options.by)
    stem = Path(options.output).with_suffix("")
    write_rows(summary, f"{stem}_summary.csv")
    _draw_summary(summary, f"{stem}_summary.svg")
    _print_columns(summary)
    failed = [row for row in table if row["error"]]
    for row in failed[:10]:
        error, name = row["error"], row["degraded"]
        print(f"failed: {error if name in error else f'{name}: {error}'}", file=sys.stderr)
    if failed:
        print(f"{len(failed)} of {len(table)} pairs failed: see {options.output}", file=sys.stderr)
    return 1 if failed else 0


def _draw_summary(summary: list[dict], path: str) -> None:
    """Draw the summary of a campaign, if the package for it is there."""
    from qastanet.lazy import MissingExtraError

    try:
        from qastanet.plots import score_curves, style
    except MissingExtraError as error:
        print(f"note: no {path}, since {error}", file=sys.stderr)
        return
    style.use_style()
    style.save(score_curves.campaign(summary), path)


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


def _fetch(options: argparse.Namespace) -> int:
    """Fetch the public files, or tell whether they are at hand."""
    from qastanet import registry
    from qastanet.scoring.progress import Progress

    wanted = [entry for entry in registry.entries() if options.all or entry.sha256]
    if options.check:
        missing = [entry.path for entry in wanted if not registry.at_hand(entry, options.mirror)]
        print(f"{len(wanted) - len(missing)} of {len(wanted)} files at hand")
        return 1 if missing else 0
    with Progress(len(wanted), unit="files") as shown:
        for entry in wanted:
            registry.fetch(entry, options.mirror)
            shown.add(1)
    print(f"{len(wanted)} files in {registry.cache_folder()}")
    return 0


def _run(options: argparse.Namespace) -> int:
    """Run a command; if it needs a package that an extra brings, say which."""
    try:
        return options.run(options)
    except ModuleNotFoundError as error:
        from qastanet.lazy import missing

        raise missing(error) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (2 for input that cannot be used)."""
    options = _parser().parse_args(arguments)
    with contextlib.suppress(AttributeError):  # a stream of another kind
        sys.stdout.reconfigure(errors="surrogateescape")  # names of files need not be UTF-8
    try:
        return _run(options)
    except InputError as error:
        print(f"qastanet: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        print("qastanet: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
