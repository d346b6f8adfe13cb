"""Options that several commands share."""

import argparse


def add_model(parser: argparse.ArgumentParser) -> None:
    """Describe the choice of the model."""
    parser.add_argument(
        "--model",
        default="default",
        metavar="NAME",
        help="default, released, or a file ending in .safetensors (default: %(default)s)",
    )


def add_options(parser: argparse.ArgumentParser) -> None:
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
        help="two head-locked channels behind an ambisonic signal: error, ignore, or mix, which "
        "adds them to the ears of the scene (default: %(default)s)",
    )
    parser.add_argument("--track", type=int, metavar="N", help="sound track in a file, from 1")
    parser.add_argument(
        "--strict", action="store_true", help="refuse files whose header and content disagree"
    )
    parser.add_argument(
        "--allow-truncated", action="store_true", help="take what is there of a file that is cut"
    )


def add_force(parser: argparse.ArgumentParser) -> None:
    """Describe the leave to write over files."""
    parser.add_argument(
        "--force",
        action="store_true",
        help="write over files that an earlier run of this command did not write (never over "
        "inputs or sounds)",
    )


def options_of(arguments: argparse.Namespace):
    """Return what may be done to a pair of signals."""
    from dataclasses import fields

    from qastanet.sound.options import Options

    return Options(**{field.name: getattr(arguments, field.name) for field in fields(Options)})
