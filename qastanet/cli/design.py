"""The command `qastanet design`: the next listening test, or what it can prove."""

import argparse
import sys

from qastanet.cli.options import add_options, options_of

FIRST_ORDER = "opus:48 opus:64 opus:96 opus:128 opus:192 aac:128 aac:192 parametric:0.5".split()
"""Conditions of the built-in scenes: close to each other, of several kinds."""

SCENES = 12


def add_design(commands) -> None:
    """Describe `qastanet design`."""
    design = commands.add_parser("design", help="make the folder of the next listening test")
    design.add_argument(
        "references",
        nargs="*",
        metavar="REF",
        help="ambisonic or binaural files, or folders of them; quartet__hall.wav and "
        "quartet__dry.wav are one recording (default: built-in scenes)",
    )
    design.add_argument(
        "--conditions",
        nargs="+",
        metavar="KIND:NUMBER",
        help="opus:64, aac:96 (kbit/s), order:1, parametric:0.5, or another degradation "
        f"(default for built-in scenes: {' '.join(FIRST_ORDER)})",
    )
    design.add_argument(
        "--coded",
        metavar="FILES.csv",
        help="own coded files: reference,degraded,condition,...",
    )
    design.add_argument("-o", "--output", default="listening_test", help="default: %(default)s")
    design.add_argument(
        "--trials", type=int, metavar="N", help="pages (default: one per reference, at most 16)"
    )
    design.add_argument(
        "--per-trial",
        type=int,
        metavar="N",
        help="conditions on a page, besides reference and anchors (default: 2: few conditions of "
        "many recordings say most)",
    )
    for name, value, text in (
        ("listeners", 12, "for --plan"),
        ("seed", 0, "of scenes and of what is drawn"),
    ):
        design.add_argument(
            f"--{name}", type=int, default=value, metavar="N", help=f"{text} (default: %(default)s)"
        )
    design.add_argument(
        "--seconds", type=float, default=8.0, help="longest excerpt, to 12 (default: %(default)s)"
    )
    design.add_argument(
        "--scenes", type=int, metavar="N", help=f"that many built-in scenes (default: {SCENES})"
    )
    design.add_argument(
        "--random", action="store_true", help="draw, instead of choosing where metrics disagree"
    )
    design.add_argument("--metrics", nargs="+", metavar="NAME", help="that choose (default: all)")
    design.add_argument(
        "--plan", action="store_true", help="only tell what a test of this size can prove"
    )
    design.add_argument("--quiet", action="store_true", help="show no progress")
    add_options(design)
    design.set_defaults(run=_design)


def _design(options: argparse.Namespace) -> int:
    """Write the folder of a listening test, or plan it."""
    from qastanet.listening_design import design

    design.check_wishes(options.trials, options.per_trial, options.seconds)
    if options.plan:
        from qastanet.listening_design import plan_tables

        trials = options.trials or len(options.references) or design.PAGES
        size = (trials, options.per_trial or design.CLOSE)
        for line in plan_tables.told(options.listeners, *size):
            print(line)
        return 0
    design.check_folder(options.output)
    table = design.write_design(
        options.output,
        _materials(options),
        options.trials,
        options.per_trial,
        options.seed,
        options.random,
        options.metrics,
        progress=not options.quiet,
    )
    for note in table.attrs["notes"]:
        print(f"note: {note}", file=sys.stderr)
    coded = table[table.role == "coded"]
    print(
        f"{coded.trial.nunique()} trials of {coded.recording.nunique()} recordings, "
        f"{len(coded)} coded sounds, on which the metrics disagree by "
        f"{coded.disagreement.mean():.0f} points"
    )
    print(f"{options.output}: see README.md in it, and keep design.csv from the listeners")
    return 0


def _materials(options: argparse.Namespace) -> list:
    """Gather what can be rated."""
    from qastanet.errors import InputError
    from qastanet.listening_design import materials
    from qastanet.listening_design.conditions import conditions

    ways = [bool(options.references), options.coded is not None, options.scenes is not None]
    if sum(ways) > 1:
        raise InputError("give reference files, --coded or --scenes, one of them")
    prepared = options_of(options)
    if options.coded is not None:
        if options.conditions:
            raise InputError("--conditions: the files of --coded are coded already; leave it out")
        return materials.of_manifest(options.coded, options.seconds, prepared)
    if options.references and not options.conditions:
        raise InputError("name the conditions, such as --conditions opus:64 opus:96 aac:96")
    made = conditions(options.conditions or FIRST_ORDER)
    if options.references:
        return materials.of_files(options.references, made, options.seconds, prepared, options.seed)
    count = SCENES if options.scenes is None else options.scenes
    if count < 1:
        raise InputError(f"--scenes {count}: give at least 1")
    print("note: no references are given: built-in scenes, no recordings", file=sys.stderr)
    return materials.of_scenes(count, made, options.seconds, options.seed)
