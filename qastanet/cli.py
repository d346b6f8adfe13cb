"""The command line: `qastanet score`, `qastanet fetch`."""

import argparse
import json
import sys
from collections.abc import Sequence

import qastanet
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
    score.add_argument("reference", metavar="REF", help="reference sound file")
    score.add_argument("degraded", metavar="DEG", help="degraded sound file, time-aligned")
    score.add_argument("--model", default="default", help="model name (default: %(default)s)")
    score.add_argument("--json", action="store_true", help="print a JSON object")
    score.set_defaults(run=_score)

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


def _score(options: argparse.Namespace) -> int:
    """Score a pair of files."""
    from qastanet.scoring import score_files

    result = score_files(options.reference, options.degraded, options.model)
    if "resampled_to" in result:
        print(
            f"note: resampled from {result['sampling_rate']} to {result['resampled_to']} Hz",
            file=sys.stderr,
        )
    print(json.dumps(result, indent=2) if options.json else f"{result['score']:.4f}")
    return 0


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (2 for input that cannot be used)."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
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
