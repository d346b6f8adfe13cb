"""Commands for a listening test of one's own: `qastanet manifest` and `qastanet train`."""

import argparse
import math
import sys
from pathlib import Path

from qastanet.cli.options import add_force, add_options, options_of
from qastanet.lazy import need

SPLITS = ("scenes", "suffix")
PREDICTIONS = ("stimulus", "reference", "degraded", "part", "score")
AGREEMENT = ("part", "dataset", "signal", "pearson", "rmse")
"""Columns that tell the tables of `qastanet train`."""


def add_train(commands) -> None:
    """Describe `qastanet train`."""
    train = commands.add_parser("train", help="train on a listening test of your own")
    train.add_argument(
        "manifest", metavar="MANIFEST.csv", help="reference,degraded,mos[,scene,condition,...]"
    )
    train.add_argument("-o", "--output", default="weights.safetensors", help="default: %(default)s")
    train.add_argument(
        "--split",
        choices=SPLITS,
        default="scenes",
        help="scenes: train on all, evaluate on scenes left out; suffix: file names that end in "
        "_3.._6 train, _2 validate, _1 test (default: %(default)s)",
    )
    train.add_argument(
        "--scale-only",
        action="store_true",
        help="fit only how the test uses its scale (two numbers); the order of scores stays",
    )
    train.add_argument("--quiet", action="store_true", help="show no progress")
    add_force(train)
    add_options(train)
    train.set_defaults(run=_train)


def add_manifest(commands) -> None:
    """Describe `qastanet manifest`."""
    manifest = commands.add_parser("manifest", help="make a manifest of a webMUSHRA test")
    manifest.add_argument("--webmushra", required=True, metavar="RESULTS.csv", help="results file")
    manifest.add_argument("--sounds", required=True, metavar="DIR", help="folder of the sounds")
    manifest.add_argument(
        "--pattern",
        help="where a sound lies below DIR, such as '{trial}/{condition}.wav' (default: the usual "
        "ones are tried)",
    )
    manifest.add_argument(
        "--reference", default="reference", help="hidden reference (default: %(default)s)"
    )
    manifest.add_argument(
        "--anchor",
        nargs="+",
        default=[],
        help="mid-range anchor, which screens listeners too, and further ones (anchor35 and "
        "anchor70 are always taken for anchors)",
    )
    manifest.add_argument(
        "--all-listeners", action="store_true", help="keep those that the screening leaves out"
    )
    manifest.add_argument("-o", "--output", default="manifest.csv", help="default: %(default)s")
    add_force(manifest)
    manifest.set_defaults(run=_manifest)


def _train(options: argparse.Namespace) -> int:
    """Train on a listening test."""
    need("pandas", "tqdm", extra="train")
    from qastanet.listening_tests import rated_manifest
    from qastanet.outputs import Output, claim, holding, named, sole_writer, table_with
    from qastanet.own_test import own_scale

    output = named(options.output, ".safetensors")
    stem = output.with_suffix("")
    outputs = output, Path(f"{stem}_predictions.csv"), Path(f"{stem}_agreement.csv")
    marks = holding("trained_on"), table_with(*PREDICTIONS), table_with(*AGREEMENT)
    wanted = list(map(Output, outputs, marks))
    claim(wanted, [options.manifest], options.force)
    table = rated_manifest.read_rated_manifest(options.manifest)
    claim(wanted, [*table.reference, *table.degraded], options.force)
    parts = None
    if options.split == "suffix":
        parts = rated_manifest.split_by_suffix(table, options.manifest)
    for note in table.attrs["notes"]:
        print(f"note: {note}", file=sys.stderr)
    rated_manifest.check_trainable(table, options.manifest)
    if options.scale_only:
        own_scale.check_one_test(table, options.manifest)
    with sole_writer(output):
        _fit(options, table, parts, outputs)
    return 0


def _fit(options: argparse.Namespace, table, parts, outputs: tuple[Path, Path, Path]) -> None:
    """Train, predict and write."""
    from qastanet.listening_tests import rated_manifest
    from qastanet.models.parts_model import read_weights
    from qastanet.own_test import own_agreement, own_pairs, own_scale, own_training
    from qastanet.storage import write_table
    from qastanet.training import rating_scale
    from qastanet.training.shipping import ship

    prepared = options_of(options)
    shown = not options.quiet
    if options.scale_only:
        table = own_scale.shipped_scores(table, prepared, shown)
    else:
        table, values = own_pairs.own_parts(table, prepared, progress=shown)
    rated_manifest.check_scale(table["mean"], table.role == "reference", options.manifest)
    rated_manifest.check_trainable(table, options.manifest)
    if parts is not None and (shared := own_training.shared_scenes(table, parts)):
        print(
            f"note: scenes are both trained on and tested with ({len(shared)}, {shared[0]} for "
            "one): the agreement says nothing about other scenes",
            file=sys.stderr,
        )
    facts = {"trained_on": Path(options.manifest).name, "pairs": str(len(table))}
    facts |= {"split": options.split, "scenes": str(table.content.nunique())}
    if options.scale_only:
        trained = own_scale.fit_own_scale(table, parts)
        own_scale.write_own_scale(trained, outputs[0], facts)
        strict, curve = trained.scale
        print(
            f"scale of the test: {strict:.2f} (above 1: stricter than the shipped model), ", end=""
        )
        print(f"curve {curve:.2f} (above 1: kinder to small differences)")
        if abs(math.log(strict)) > 0.99 * rating_scale.LIMIT:
            print(
                "warning: this is the end of the search; the ratings fit no scale", file=sys.stderr
            )
    else:
        trained = own_training.train_own(table, values, parts)
        ship(trained.model, read_weights()["filters"], trained.quantile, outputs[0], facts)
    agreement = own_agreement.own_agreement(trained.predictions)
    write_table(trained.predictions, outputs[1])
    write_table(agreement, outputs[2])
    print(agreement.round(2).to_string(index=False))
    for note in own_agreement.doubts(agreement):
        print(f"note: {note}", file=sys.stderr)
    print(f"{outputs[0]}: use it with --model {outputs[0]}")


def _manifest(options: argparse.Namespace) -> int:
    """Make a manifest of the results of webMUSHRA."""
    from qastanet.listening_tests import webmushra_manifest
    from qastanet.outputs import Output, claim, named, sole_writer, table_with
    from qastanet.storage import write_rows

    output = Output(named(options.output, ".csv"), table_with(*webmushra_manifest.COLUMNS))
    claim([output], [options.webmushra], options.force)
    with sole_writer(output.path):
        rows, screening, sessions = webmushra_manifest.manifest_of(
            options.webmushra,
            options.sounds,
            output.path.absolute().parent,
            options.reference,
            options.anchor,
            options.pattern,
            not options.all_listeners,
        )
        sounds = [output.path.absolute().parent / row["degraded"] for row in rows]
        claim([output], sounds, options.force)
        write_rows(rows, output.path)
    for note in rows.notes:
        print(f"note: {note}", file=sys.stderr)
    for row in screening:
        if not row.kept:
            kept = "kept by request" if options.all_listeners else "left out"
            session = sessions[row.listener]
            print(f"{row.listener} (session {session}): {kept}, {row.reason}", file=sys.stderr)
    used = sum(row.kept or options.all_listeners for row in screening)
    print(f"{len(rows)} pairs, {used} of {len(screening)} listeners: {options.output}")
    return 0
