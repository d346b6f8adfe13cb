"""Every command on inputs that nobody made on purpose.

Exit code 0 with a score that is a number, 1 with rows that say why, or 2 with one line; never
anything else, and no file but the named output changes.
"""

import contextlib
import hashlib
import io
import math
import os
import time
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from fuzz_reading import ENDINGS, seeds
from people_have import B_FORMAT, EARS, SCENE, fuma, matroska, wav, wave_of
from test_fuzzing import mutated

from qastanet import registry
from qastanet.cli import main

SECONDS = 120
"""For which each kind of input is made in the long run."""

SHORT = 2400
MORE = [
    # files with headers that the seeds of the reading fuzzer do not have
    (".wav", wave_of(SCENE[:, :SHORT], b"BW64")),
    (".wav", wave_of(SCENE[:, :SHORT], b"RF64")),
    (".amb", wave_of(fuma(SCENE[:, :SHORT]), guid=B_FORMAT)),
    (".mka", matroska(EARS[:, :SHORT], seconds=0.05)),
    (".rf64", wav(EARS[:, :SHORT], form="RF64")),
    (".w64", wav(EARS[:, :SHORT], form="W64")),
    (".au", wav(EARS[:, :SHORT], form="AU")),
    (".flac", wav(EARS[:, :SHORT], form="FLAC")),
    (".wav", wav(np.concatenate([SCENE, EARS])[:, :SHORT])),
]
OPTIONS = (
    [],
    ["--align"],
    ["--convention", "n3d"],
    ["--order-mismatch", "truncate"],
    ["--mono", "both-ears", "--allow-truncated"],
    ["--strict"],
    ["--track", "1", "--allow-truncated"],
    ["--head-locked", "mix", "--allow-truncated"],
)
LABELS = ("reference", "degraded", "mos", "codec", "score", "scene", "Reference ", "")
ODD = (
    *("a.wav", "b.wav", "NA", "", "1e400", "70", "70,5", "nan", '"', '"x\ny"', "x\0", "\u732b"),
    *("$\\bad{$", "none.wav", ".", "..", "m.csv", "=1+1", " a.wav", "*", "[a].wav", "a" * 300),
    "http://x/a.wav",
)
CELLS = st.sampled_from(ODD)
ROWS = st.lists(st.lists(CELLS, max_size=5), max_size=5)
MUSHRA = ("session_uuid", "trial_id", "rating_stimulus", "rating_score")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Work in a folder of its own, with two sounds and a cache."""
    folder = tmp_path_factory.mktemp("commands")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv(registry.CACHE_VARIABLE, str(folder.parent / "cache"))
        patch.setenv(registry.MIRROR_VARIABLE, str(folder.parent / "none"))
        for name, noise in (("a", 0), ("b", 0.02)):
            Path(f"{name}.wav").write_bytes(wav(EARS[:, :SHORT] + noise * EARS[::-1, :SHORT]))
        yield folder


def state():
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in Path().rglob("*")
        if path.is_file()
    }


def run(*arguments, made=()):
    """Run a command; check what the module says, and remove what it was asked to make."""
    before, out, err = state(), io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([*arguments])
        except SystemExit as usage:  # of argparse
            assert usage.code == 2 and "usage" in err.getvalue()
            code = None
    out, err = out.getvalue(), err.getvalue()
    told = [line for line in err.splitlines() if not line.startswith(("note: ", "warning: "))]
    after = state()
    for path in set(after) - set(before):
        assert path.name in made or path.name.endswith("qastanet-journal"), path
        path.unlink()
    assert {path: after.get(path) for path in before} == before
    if code == 2:
        assert len(told) == 1 and told[0].startswith("qastanet: ") and not out, (arguments, err)
    elif code == 1:
        assert arguments[0] == "batch" and "pairs failed" in told[-1], (arguments, err)
    else:
        assert code in (0, None), (arguments, code)
    if code == 0 and arguments[0] == "score":
        assert math.isfinite(float(out)) and 0 <= float(out) <= 1
    return code


def damage(rng):
    """Write a damaged file, and score it against itself or a good one by one of the options."""
    kinds = [(ENDINGS[content[0]], content[1:]) for content in seeds()] + MORE
    ending, content = kinds[rng.integers(len(kinds))]
    name = f"x{ending}"
    Path(name).write_bytes(mutated(b"\0" + content, rng)[1:])
    options = OPTIONS[rng.integers(len(OPTIONS))]
    run("score", name, name if rng.random() < 0.7 else "a.wav", *options)
    if rng.random() < 0.1:
        run("explain", name, name, "-o", "p.html", *options, made={"p.html"})
    os.remove(name)


def table(columns, rows, separator=",", encoding="utf-8"):
    lines = [separator.join(row) for row in [columns, *rows]]
    return "\n".join(lines).encode(encoding, "replace")


def manifest(columns, rows, separator, encoding):
    Path("m.csv").write_bytes(table(columns, rows, separator, encoding))
    run("batch", "m.csv", "--dry-run")
    made = {"s.csv", "s_summary.csv", "s_summary.svg", "s_summary.pdf"}
    run("batch", "m.csv", "-o", "s.csv", "--quiet", made=made)
    made = {"w.safetensors", "w_predictions.csv", "w_agreement.csv"}
    run("train", "m.csv", "--scale-only", "--quiet", "-o", "w.safetensors", made=made)


def ratings(columns, rows, pattern):
    Path("r.csv").write_bytes(table(columns, rows))
    arguments = ["--webmushra", "r.csv", "--sounds", ".", "--pattern", pattern, "--reference", "a"]
    run("manifest", *arguments, "-o", "made.csv", made={"made.csv"})


COLUMNS = st.one_of(
    st.just(["reference", "degraded"]),
    st.just(["reference", "degraded", "codec"]),
    st.just(["reference", "degraded", "mos", "scene"]),
    st.lists(st.sampled_from(LABELS), max_size=5),
)
PAIRS = st.lists(
    st.tuples(st.sampled_from(["a.wav", "b.wav"]), st.sampled_from(["a.wav", "b.wav"]), CELLS).map(
        list
    ),
    min_size=1,
    max_size=4,
)
TABLES = st.tuples(
    COLUMNS,
    st.one_of(ROWS, PAIRS),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
)
SCORES = st.sampled_from(["100", "70", "0", "-1", "101", "", "NA", "True", "1e3", "99,5"])
NAMES = st.sampled_from(
    ["a", "b", "", " a", "x", "t" * 300, "t\0", "../x", "NA", "1", "t 1", "t+1"]
)
RATINGS = st.tuples(
    st.one_of(st.just(MUSHRA), st.lists(st.sampled_from(MUSHRA), max_size=4)),
    st.lists(st.tuples(NAMES, NAMES, NAMES, SCORES), max_size=6),
    st.sampled_from(
        ["{condition}.wav", "{trial}/{condition}", "{", "{trial:>9999999999}", "{x}", ""]
    ),
)


def looked_for(strategy, check, examples):
    """Let hypothesis look for an input that fails."""

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategy)
    def look(values):
        check(*values)

    look()


def test_damaged_sounds_through_the_commands(place):
    pytest.importorskip("av")
    rng = np.random.default_rng(0)
    for _ in range(60):
        damage(rng)


def test_odd_manifests_through_the_commands(place):
    looked_for(TABLES, manifest, 12)


def test_odd_ratings_through_the_command(place):
    looked_for(RATINGS, ratings, 60)


@pytest.mark.parametrize(
    "output", ["m.csv", "a.wav", "", ".", "x/y/s.csv", "s.txt", "/proc/x/s.csv"]
)
def test_odd_outputs(place, output):
    Path("m.csv").write_bytes(b"reference,degraded\na.wav,b.wav\n")
    made = {"s.csv", "s_summary.csv", "s_summary.svg", "s_summary.pdf"}
    run("batch", "m.csv", "-o", output, "--quiet", made=made)
    run("explain", "a.wav", "b.wav", "-o", output)
    run("train", "m.csv", "--scale-only", "-o", output)


@pytest.mark.long
def test_minutes_of_damaged_sounds(place):
    pytest.importorskip("av")
    rng, end = np.random.default_rng(1), time.monotonic() + SECONDS
    while time.monotonic() < end:
        damage(rng)


@pytest.mark.long
@pytest.mark.parametrize(("strategy", "check"), [(TABLES, manifest), (RATINGS, ratings)])
def test_minutes_of_odd_tables(place, strategy, check):
    looked_for(strategy, check, 400)
