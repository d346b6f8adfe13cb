"""All commands; `score`, `explain` and `fetch` in full."""

import argparse
import codecs
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence

import qastanet
from qastanet.cli import batch, design, training
from qastanet.cli.options import add_force, add_model, add_options, options_of
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
    add_options(score)
    score.set_defaults(run=_score)

    explain = commands.add_parser("explain", help="show where quality is lost")
    _add_pair(explain)
    explain.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="a page (.html) or .png, .svg, .pdf"
    )
    add_force(explain)
    add_options(explain)
    explain.set_defaults(run=_explain)

    batch.add_batch(commands)
    training.add_manifest(commands)
    training.add_train(commands)
    design.add_design(commands)

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


def _add_pair(parser: argparse.ArgumentParser) -> None:
    """Describe a pair of files and the model."""
    parser.add_argument("reference", metavar="REF", help="reference sound file")
    parser.add_argument("degraded", metavar="DEG", help="degraded sound file, time-aligned")
    add_model(parser)


def _score(options: argparse.Namespace) -> int:
    """Score a pair of files."""
    from qastanet.scoring.pair_scores import score_files

    result = score_files(options.reference, options.degraded, options.model, options_of(options))
    if "resampled_to" in result and not result["adjustments"]:
        print(
            f"note: resampled from {result['sampling_rate']} to {result['resampled_to']} Hz",
            file=sys.stderr,
        )
    _tell(result)
    with contextlib.suppress(OSError, ValueError):
        if os.path.samefile(options.reference, options.degraded):
            print("note: reference and degraded file are the same file", file=sys.stderr)
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
    from qastanet.outputs import Output, claim, holding, sole_writer
    from qastanet.plots import explanation_page
    from qastanet.scoring import explanation

    output = explanation_page.check_ending(options.output)
    inputs = options.reference, options.degraded, options.model
    claim([Output(output, holding(explanation_page.MARK))], inputs, options.force)
    with sole_writer(output):
        explained = explanation.explain_files(
            options.reference, options.degraded, options.model, options_of(options)
        )
        _tell(explained.report)
        explanation_page.write(explained, output)
    found = explained.found
    print(f"score {found.score:.4f}")
    for sentence in found.sentences:
        print(sentence)
    return 0


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
    if unknown := sum(not entry.sha256 for entry in wanted):
        print(
            f"note: the sha256 of {unknown} of them is not known; they were checked by the sha1 "
            "under which git stores them",
            file=sys.stderr,
        )
    return 0


def _run(options: argparse.Namespace) -> int:
    """Run a command; if it needs a package that an extra brings, say which."""
    try:
        return options.run(options)
    except ModuleNotFoundError as error:
        from qastanet.lazy import missing

        raise missing(error) from error


def _show_all(error: UnicodeError) -> tuple[bytes | str, int]:
    """Encode what a stream cannot: bytes of names as they are, other letters escaped."""
    if isinstance(error, UnicodeDecodeError):  # a stream that is read back, as by tests
        return codecs.lookup_error("surrogateescape")(error)
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
    if arguments is None:  # a process of our own: leave nothing half when it is told to end
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = _parser().parse_args(arguments)
    try:
        code = _run(options)
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
