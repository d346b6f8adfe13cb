"""Everything that can be wrong with what a user gives: one table, through the real command line.

Each case is built in an empty folder, run as `qastanet ...`, and must end with exit code 2 and a
message that names the thing and the reason. What is accepted with a remark stands below.
"""

import os
import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from qastanet import registry, storage
from qastanet.cli import main
from qastanet.errors import InputError
from qastanet.listening_tests.rated_manifest import read_rated_manifest
from qastanet.models.parts_model import WEIGHTS
from qastanet.own_test import own_pairs
from qastanet.scoring import campaign, loading
from qastanet.sound.files import reading

RNG = np.random.default_rng(0)


def sound(name="good.wav", channels=2, samples=4800, rate=48000, change=None, **kind):
    """Write noise to a file in the working folder."""
    values = (0.1 * RNG.standard_normal((samples, channels))).astype(np.float32)
    if change:
        change(values)
    soundfile.write(name, values, rate, **({"subtype": "FLOAT"} | kind))
    return name


def damaged(name, cut=None, patches=()):
    """Write a sound file, cut it, and overwrite bytes behind a mark: (mark, offset, bytes)."""
    sound(name, subtype="PCM_16")
    content = bytearray(open(name, "rb").read()[:cut])
    for mark, offset, value in patches:
        at = content.find(mark) + offset
        content[at : at + len(value)] = value
    open(name, "wb").write(content)
    return name


def text(name, content):
    """Write a file that is no sound."""
    with open(name, "wb") as file:
        file.write(content)
    return name


def folder(name):
    os.makedirs(name)
    return name


def score(degraded, *options, reference=None):
    return ["score", reference or sound(), degraded, *options]


def same(name, *rest, **options):
    """Score a file against itself."""
    return score(sound(name, *rest, **options), reference=name)


def batch(content, *options):
    return ["batch", text("m.csv", content), *options, "--quiet"]


def weights(content):
    return score(sound("d.wav"), "--model", text("w.safetensors", content))


class Hostile:
    """Leaves a file behind when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("unpickled",)


def tampered_mirror():
    """A mirror whose weights have the right size and the wrong content."""
    entry = registry.find(registry.RELEASE, "model_weights.pth.tar")
    os.makedirs(os.path.dirname(f"mirror/{entry.location}"))
    text(f"mirror/{entry.location}", pickle.dumps(Hostile()).ljust(entry.bytes, b"\0"))
    loading._scorer_of_name.cache_clear()
    return score(sound("d.wav", 4), "--model", "released", reference=sound("r.wav", 4))


def locked():
    """A file that nobody may read."""
    os.chmod(sound("locked.wav"), 0)
    return score("locked.wav")


def nan(values):
    values[77, 1] = np.nan


def infinite(values):
    values[0, 0] = np.inf


def silent(values):
    values[:] = 0


def design(*arguments):
    usual = ["-o", "test", "--conditions", "tilt:3", "--metrics", "parts", "binaqual", "--quiet"]
    return ["design", *usual, *arguments]


HUGE = struct.pack("<I", 0x7FFFFFF0)
LONG = "x" * 300 + ".wav"
TABLE = {
    # what is given: how it is made, what the message says
    "missing file": (lambda: score("none.wav"), r"none\.wav: no such file"),
    "folder for a file": (lambda: score(folder("sounds")), "sounds: is a folder"),
    "empty file": (lambda: score(text("e.wav", b"")), r"e\.wav: cannot be read as sound"),
    "no sound": (lambda: score(text("t.wav", b"hello " * 99)), r"t\.wav: cannot be read as sound"),
    "no sound, codec": (lambda: score(text("t.opus", b"OggS" * 99)), r"t\.opus: cannot be read"),
    "truncated": (lambda: score(damaged("t.wav", 5000)), r"t\.wav: truncated, its header .*claims"),
    "header too large, strict": (
        lambda: score(damaged("h.wav", patches=[(b"data", 4, HUGE)]), "--strict"),
        r"h\.wav: truncated, its header \(data\) gives no length but .* 19200 bytes",
    ),
    "header cut": (lambda: score(damaged("c.wav", 30)), r"c\.wav: cannot be read as sound"),
    "zero channels": (
        lambda: score(damaged("z.wav", patches=[(b"fmt ", 10, b"\0\0")])),
        r"z\.wav: cannot be read as sound",
    ),
    "rate 0 Hz": (
        lambda: score(damaged("r.wav", patches=[(b"fmt ", 12, b"\0\0\0\0")])),
        r"r\.wav: (cannot be read as sound|sampling rate 0)",
    ),
    "1 channel": (lambda: same("m.wav", 1), r"1 channel \(m"),
    "3 channels": (
        lambda: same("3.wav", 3),
        r"3\.wav: 3 channels, as for loudspeakers .*; give",
    ),
    "5 channels": (
        lambda: same("5.wav", 5),
        r"5\.wav: 5 channels, as for loudspeakers .*; give",
    ),
    "64 channels": (lambda: same("64.wav", 64), "64 channels, as of ambisonics of order 7; give 2"),
    "65 channels": (lambda: score(sound("65.wav", 65)), "65 channels; at most 64"),
    "2 and 4 channels": (lambda: score(sound("4.wav", 4)), "2 and 4 channels; give both in"),
    "4 and 9 channels": (
        lambda: score(sound("9.wav", 9), reference=sound("4.wav", 4)),
        r"4 and 9 channels; .*--order-mismatch",
    ),
    "one sample": (
        lambda: same("1.wav", samples=1),
        r"1 samples \(0\.0 ms",
    ),
    "no sample": (
        lambda: same("0.wav", samples=0),
        r"0 samples \(0\.0 ms",
    ),
    "other length": (
        lambda: score(sound("l.wav", samples=4801)),
        "4800 and 4801 samples; .*align",
    ),
    "other rate": (lambda: score(sound("r.wav", rate=44100)), "48000 and 44100 Hz differ"),
    "not a number": (lambda: score(sound("n.wav", change=nan)), "nan in channel 1, sample 77"),
    "infinite": (lambda: score(sound("i.wav", change=infinite)), "inf in channel 0, sample 0"),
    "all zeros": (lambda: score(sound("0.wav", change=silent)), r"0\.wav: all samples are 0"),
    "long name": (lambda: score(LONG), r"x{200}: cannot be read|x{200}.*no such file"),
    "null in a name": (lambda: score("a\0b.wav"), "no such file"),
    "other scene, align": (lambda: score(sound("o.wav"), "--align"), "delay cannot be found"),
    "unknown model": (lambda: score(sound("d.wav"), "--model", "best"), "model 'best' is unknown"),
    "unknown convention": (
        lambda: score("x", "--convention", "acn"),
        "convention 'acn' is",
    ),
    "pickle as model": (
        lambda: score(sound("d.wav"), "--model", text("m.pth", pickle.dumps(Hostile()))),
        r"model 'm\.pth' is unknown; .*\.safetensors",
    ),
    "pickle as weights": (
        lambda: weights(pickle.dumps(Hostile())),
        "cannot be read as weights",
    ),
    "weights with a bit changed": (
        lambda: weights(WEIGHTS.read_bytes()[:-100] + b"\1" + WEIGHTS.read_bytes()[-99:]),
        r"w\.safetensors: (its numbers are not those|not the weights)",
    ),
    "weights cut": (
        lambda: weights(WEIGHTS.read_bytes()[:-100]),
        "cannot be read as weights",
    ),
    "tampered download": (tampered_mirror, r"weights\.pth\.tar: cannot be fetched .*hash"),
    "no manifest": (lambda: ["batch", "none.csv"], r"none\.csv: no such file"),
    "folder as manifest": (lambda: ["batch", folder("d")], "d: cannot be read as a CSV"),
    "sound as manifest": (
        lambda: ["batch", sound("s.wav")],
        r"s\.wav: (cannot be read|no column|line 1: a NUL byte)",
    ),
    "empty manifest": (lambda: batch(b""), r"m\.csv: cannot be read as a CSV"),
    "manifest without pairs": (lambda: batch(b"reference,degraded\n"), "lists no pairs"),
    "design, missing file": (lambda: design("none.wav"), r"none\.wav: no such file"),
    "design, empty folder": (lambda: design(folder("refs")), "refs: holds no sound files"),
    "design, mono": (lambda: design(sound("m.wav", 1)), r"m\.wav: 1 channel"),
    "design, silence": (lambda: design(sound("s.wav", change=silent)), r"s\.wav"),
    "design, too short": (lambda: design(sound("short.wav")), r"lasts 0\.10 s; 0\.4 s are needed"),
    "design, one name": (
        lambda: design(sound("a.wav"), sound("a.flac", subtype="PCM_16")),
        "two references are called 'a'; rename one",
    ),
    "design, taken": (
        lambda: design(sound("a.wav"), "-o", os.path.dirname(text(folder("full") + "/x", b""))),
        "full: is there already, and nothing is written over",
    ),
    "design, nowhere": (
        lambda: design(sound("a.wav"), "-o", "/proc/none/test"),
        r"/proc/none/test: cannot be written",
    ),
    "manifest, other columns": (lambda: batch(b"ref,deg\na,b\n"), "no column reference"),
    "manifest, empty cell": (
        lambda: batch(b"reference,degraded\na,\n"),
        "'degraded' is empty",
    ),
    "output in no folder": (
        lambda: batch(b"reference,degraded\na,b\n", "-o", "/proc/none/s.csv"),
        r"/proc/none/s\.csv: cannot be written",
    ),
    "output is a folder": (
        lambda: batch(b"reference,degraded\na,b\n", "-o", folder("out")),
        "out: is a folder; name a",
    ),
    "weights to no folder": (
        lambda: ["train", "m.csv", "-o", "/proc/none/w.safetensors"],
        "cannot be written",
    ),
    "not to be read": (locked, r"locked\.wav: cannot be read"),
}


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """Work in an empty folder, with a cache of its own and no network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv(registry.MIRROR_VARIABLE, str(tmp_path / "mirror"))
    return tmp_path


@pytest.mark.parametrize("case", TABLE)
def test_is_refused_with_its_name_and_exit_code_2(case, empty, capsys):
    if case == "not to be read" and os.geteuid() == 0:
        pytest.skip("the superuser may read everything")
    build, message = TABLE[case]
    arguments = build()
    before = sorted(empty.rglob("*"))
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert not out and err.startswith("qastanet: ") and "Traceback" not in err
    with pytest.raises(InputError, match=message):
        raise InputError(err)
    made = set(empty.rglob("*")) - set(before)
    assert not [path for path in made if path.is_file() and "qastanet-" not in path.name]
    assert not (empty / "unpickled").exists()


# Accepted, with a remark.


@pytest.mark.parametrize("rate", [8000, 192000])
def test_unusual_rates_are_resampled_and_it_is_said(rate, empty, capsys):
    names = [sound(f"{name}.wav", samples=rate, rate=rate) for name in "ab"]
    assert main(["score", *names]) == 0
    out, err = capsys.readouterr()
    assert f"note: resampled from {rate} to 48000 Hz" in err and 0 <= float(out) <= 1


def test_clipped_files_are_warned_about(empty, capsys):
    loud = sound("loud.wav", change=lambda x: np.clip(20 * x, -1, 1, out=x))
    assert main(["score", loud, loud]) == 0
    assert "at full scale (clipped)" in capsys.readouterr().err


def test_swapped_files_cannot_be_noticed(empty, capsys):
    names = [sound("a.wav"), sound("b.wav")]
    scores = []
    for pair in (names, names[::-1]):
        assert main(["score", *pair]) == 0
        scores.append(float(capsys.readouterr().out))
    assert scores[0] == pytest.approx(scores[1], abs=0.02) and scores[0] < 1


def test_names_that_are_not_utf8_pass_through_a_campaign(empty, capfdbinary):
    reference = sound("a_REF.wav")
    name = os.fsdecode(b"a_\xff\xfe.wav")
    os.rename(sound("b.wav"), name)
    assert main(["score", reference, name, "--json"]) == 0
    assert main(["batch", "--ref", ".", "--deg", ".", "--quiet"]) == 0
    assert b"a_\xff\xfe.wav" in open("scores.csv", "rb").read()
    capfdbinary.readouterr()
    command = [sys.executable, "-m", "qastanet", "batch", "--ref", ".", "--deg", "."]
    shown = subprocess.run([*command, "--dry-run"], capture_output=True, check=True).stdout
    text("m.csv", shown)
    assert main(["batch", "m.csv", "--quiet", "-o", "again.csv"]) == 0
    assert open("again.csv", "rb").read() == open("scores.csv", "rb").read()


def test_names_and_labels_lead_nowhere_outside(empty):
    os.makedirs("work")
    os.chdir("work")
    sound("a.wav"), sound("b.wav")
    text("m.csv", b"reference,degraded,condition,item\na.wav,b.wav,../../x,/tmp/../../y\n")
    assert main(["batch", "m.csv", "--quiet", "-o", "s.csv"]) == 0
    assert sorted(os.listdir("..")) == ["work"]
    assert set(os.listdir(".")) == {
        *("a.wav", "b.wav", "m.csv", "s.csv", "s_summary.csv", "s_summary.svg", "s_summary.pdf")
    }


# A full disk, and others at work in the same place.


def test_permission_denied_is_told(empty, monkeypatch, capsys):
    def denied(*_):
        raise PermissionError(13, "Permission denied")

    arguments = score(sound("d.wav"))
    monkeypatch.setattr(reading.soundfile, "SoundFile", denied)
    assert main(arguments) == 2
    assert "cannot be read ([Errno 13] Permission denied)" in capsys.readouterr().err


def test_a_disk_that_fills_up_during_a_campaign_keeps_what_is_there(empty, monkeypatch, capsys):
    arguments = batch(f"reference,degraded\n{sound()},{sound('d.wav')}\n".encode())
    assert main(arguments) == 0
    before = open("scores.csv", "rb").read()
    real = open

    def full(name, mode="r", *rest, **options):
        journal = str(name).endswith("-journal")
        return real("/dev/full" if journal else name, mode, *rest, **options)

    monkeypatch.setattr(campaign, "open", full, raising=False)
    assert main(arguments) == 2
    assert "No space left on device); make room and start again" in capsys.readouterr().err
    assert real("scores.csv", "rb").read() == before
    monkeypatch.undo()


def test_a_disk_that_is_full_keeps_the_table(empty, monkeypatch, capsys):
    arguments = batch(f"reference,degraded\n{sound()},{sound('d.wav')}\n".encode())
    assert main(arguments) == 0
    before = open("scores.csv", "rb").read()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "_cell", full)
    assert main(arguments) == 2
    assert "scores.csv: cannot be written (No space left" in capsys.readouterr().err
    assert open("scores.csv", "rb").read() == before
    assert not [name for name in os.listdir(".") if name.startswith(".part-")]


def test_runs_side_by_side_do_not_disturb_each_other(empty):
    names = [[sound(f"{x}{k}.wav", samples=24000) for x in "rd"] for k in range(4)]
    pairs = [(*names[k], 20 * k) for k in range(4)]
    rows = "".join(f"{r},{d},{mos}\n" for r, d, mos in pairs)
    text("m.csv", f"reference,degraded,mos\n{rows}".encode())
    command = [sys.executable, "-m", "qastanet", "batch", "m.csv", "--quiet", "-o"]
    runs = [subprocess.Popen([*command, f"s{k}.csv"], stdout=subprocess.DEVNULL) for k in range(2)]
    table = read_rated_manifest("m.csv")
    found = own_pairs.own_parts(table, progress=False)[1]
    assert [run.wait(300) for run in runs] == [0, 0]
    assert open("s0.csv", "rb").read() == open("s1.csv", "rb").read()
    np.testing.assert_array_equal(own_pairs.own_parts(table, progress=False)[1], found)
