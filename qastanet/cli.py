"""The command line: `qastanet score`, `explain`, `batch`, `manifest`, `train` and `fetch`."""

import argparse
import codecs
import contextlib
import json
import os
import sys
from collections.abc import Sequence

import qastanet
from qastanet import cli_training
from qastanet.cli_training import add_force
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
    add_force(explain)
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
    add_force(batch)
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
        help="if the ambisonic orders differ: error, truncate or pad (default: %(default)s); "
        "truncate also takes orders 4 to 7",
    )
    parser.add_argument(
        "--mono", default="error", help="one channel: error, or both-ears (default: %(default)s)"
    )
    parser.add_argument(
        "--head-locked",
        default="error",
        help="two head-locked channels behind an ambisonic signal: error or ignore (default: "
        "%(default)s)",
    )
    parser.add_argument("--track", type=int, metavar="N", help="sound track in a file, from 1")
    parser.add_argument(
        "--strict", action="store_true", help="refuse files whose header and content disagree"
    )
    parser.add_argument(
        "--allow-truncated", action="store_true", help="take what is there of a file that is cut"
    )


def _options(arguments: argparse.Namespace):
    """Return what may be done to a pair of signals."""
    from dataclasses import fields

    from qastanet.sound.options import Options

    return Options(**{field.name: getattr(arguments, field.name) for field in fields(Options)})


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
    if options.json:  # what is unknown is null: NaN is no JSON
        known = {k: None if isinstance(v, float) and v != v else v for k, v in result.items()}
        print(json.dumps(known, indent=2, allow_nan=False))
    else:
        print(f"{result['score']:.4f}")
    return 0


def _tell(report: dict) -> None:
    """Print what was done to a pair, and what is odd about it."""
    for kind, sentences in (("note", report["adjustments"]), ("warning", report["warnings"])):
        for sentence in sentences:
            print(f"{kind}: {sentence}", file=sys.stderr)


def _explain(options: argparse.Namespace) -> int:
    """Show where a pair of files loses quality."""
    from qastanet.outputs import Output, claim, holding
    from qastanet.plots import explanation_page
    from qastanet.plots.explanation import WORDS
    from qastanet.scoring import explanation

    output = explanation_page.check_ending(options.output)
    inputs = options.reference, options.degraded, options.model
    claim([Output(output, holding(explanation_page.MARK))], inputs, options.force)
    explained = explanation.explain_files(
        options.reference, options.degraded, options.model, _options(options)
    )
    _tell(explained.report)
    explanation_page.write(explained, output)
    found = explained.found
    print(f"score {found.score:.4f}")
    for name, loss in found.by_feature.items():
        if loss > 0:
            print(f"lost in {WORDS[name]}: {100 * loss:.1f} points")
    return 0


def _batch(options: argparse.Namespace) -> int:
    """Score a campaign; the exit code is 1 if a pair could not be scored."""
    from pathlib import Path

    from qastanet.evidence.campaign_summary import FORMER, MARK, check_labels, summarise
    from qastanet.outputs import Output, claim, holding, named
    from qastanet.scoring import campaign, manifest
    from qastanet.storage import write_table

    if bool(options.manifest) == bool(options.ref and options.deg):
        raise InputError("give either a MANIFEST.csv, or both --ref DIR and --deg DIR")
    if options.jobs == 0:
        raise InputError("--jobs 0: give the number of processes, or -1 for all cores")
    pairs = (
        manifest.read_manifest(options.manifest)
        if options.manifest
        else manifest.pair_folders(options.ref, options.deg)
    )
    unknown = [name for name in options.by or [] if name not in pairs.columns]
    if unknown:
        raise InputError(f"--by {unknown[0]}: no such column; there are {', '.join(pairs.columns)}")
    if options.dry_run:
        if not sys.stdout.isatty():  # a file that can be read as a manifest
            with contextlib.suppress(AttributeError):
                sys.stdout.reconfigure(encoding="utf-8")
        print(pairs.to_csv(index=False), end="")
        return 0
    output = named(options.output, ".csv")
    stem = output.with_suffix("")
    tables = Output(output, campaign.FORMER), Output(Path(f"{stem}_summary.csv"), FORMER)
    figures = [Output(Path(f"{stem}_summary{end}"), holding(MARK)) for end in (".svg", ".pdf")]
    inputs = [options.manifest or "", *pairs.reference, *pairs.degraded, options.model]
    claim([*tables, *figures], inputs, options.force)
    for note in pairs.attrs.get("notes", ()):
        print(f"note: {options.manifest}: {note}", file=sys.stderr)
    names = campaign.own_names(pairs.columns)
    for old, new in names.items():
        print(
            f"note: the label {old} is called like a result; it is kept as {new}", file=sys.stderr
        )
    by = [names.get(name, name) for name in options.by] if options.by else None
    check_labels(by or [])
    table = campaign.run(
        pairs,
        output,
        options.model,
        _options(options),
        options.jobs,
        options.scheduler,
        progress=not options.quiet,
        force=options.force,
    )
    summary = summarise(table, by)
    write_table(summary, tables[1].path)
    if summary["mean"].notna().any():
        _draw_summary(summary, figures[0].path)
    print(summary.round(3).to_string(index=False))
    failed = table[table.error != ""]
    for row in failed.head(10).itertuples():
        named_error = row.error if row.degraded in row.error else f"{row.degraded}: {row.error}"
        print(f"failed: {named_error}", file=sys.stderr)
    if len(failed):
        print(f"{len(failed)} of {len(table)} pairs failed: see {output}", file=sys.stderr)
    return 1 if len(failed) else 0


def _draw_summary(summary, path) -> None:
    """Draw the summary of a campaign."""
    from qastanet.evidence.campaign_summary import MARK
    from qastanet.plots import score_curves, style

    style.use_style()
    style.save(score_curves.campaign(summary), path, MARK)


def _fetch(options: argparse.Namespace) -> int:
    """Fetch the public files, or tell whether they are at hand."""
    from tqdm import tqdm

    from qastanet import registry

    wanted = [entry for entry in registry.entries() if options.all or entry.sha256]
    if options.check:
        missing = [entry.path for entry in wanted if not registry.at_hand(entry, options.mirror)]
        print(f"{len(wanted) - len(missing)} of {len(wanted)} files at hand")
        return 1 if missing else 0
    for entry in tqdm(wanted, unit="file", desc="fetch"):
        registry.fetch(entry, options.mirror)
    print(f"{len(wanted)} files in {registry.cache_folder()}")
    return 0


def _show_all(error: UnicodeEncodeError) -> tuple[bytes, int]:
    """Encode what a stream cannot: bytes of names as they are, other letters escaped."""
    parts = (
        bytes([ord(letter) - 0xDC00])
        if 0xDC80 <= ord(letter) <= 0xDCFF
        else letter.encode("ascii", "backslashreplace")
        for letter in error.object[error.start : error.end]
    )
    return b"".join(parts), error.end


def _prepare_streams() -> None:
    """Let every name be printed, whatever the console can show, also where there is none."""
    codecs.register_error("qastanet", _show_all)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started this
            setattr(sys, name, open(os.devnull, "w"))
        with contextlib.suppress(AttributeError):  # a stream of another kind
            getattr(sys, name).reconfigure(errors="qastanet")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (2 for input that cannot be used)."""
    _prepare_streams()
    options = _parser().parse_args(arguments)
    try:
        code = options.run(options)
        sys.stdout.flush()
        return code
    except InputError as error:
        print(f"qastanet: {error}", file=sys.stderr)
    except BrokenPipeError:
        _drop_output()
        return 0
    except OSError as error:  # the output is full, or the working folder is gone
        _drop_output()
        what = error.filename or "the output or the working folder"
        print(f"qastanet: {what}: cannot be used ({error.strerror})", file=sys.stderr)
    except KeyboardInterrupt:
        print("qastanet: interrupted", file=sys.stderr)
        return 130
    return 2


def _drop_output() -> None:
    """Let what is still to be printed go nowhere, so that leaving does not fail once more."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
