"""Damaged sound files of ten kinds: whatever is in them, they are read or refused with a reason."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fuzz_reading import ENDINGS, read_it, seeds

from qastanet.errors import InputError
from qastanet.sound.files.reading import read

SECONDS = 60
"""For which atheris looks, in the long run."""


@pytest.fixture(scope="module")
def good():
    pytest.importorskip("av")
    return seeds()


def mutated(content, rng):
    """Change a file as disks, networks and editors do: bits, words, cuts, repeats, extremes."""
    kind, body = content[:1], bytearray(content[1:])
    for _ in range(rng.integers(1, 6)):
        reach = len(body) if rng.random() < 0.3 else min(len(body), 300)  # mostly in the header
        at, what = int(rng.integers(reach)), rng.integers(6)
        size = int(rng.integers(1, 9))
        if what == 0:
            body[at] ^= 1 << int(rng.integers(8))
        elif what == 1:
            body[at : at + size] = rng.integers(0, 256, size, dtype=np.uint8).tobytes()
        elif what == 2:
            body[at : at + 4] = [b"\0" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f", b"\1\0\0\0"][size % 4]
        elif what == 3:
            del body[at : at + size]
        elif what == 4:
            body[at:at] = body[at : at + 50 * size]
        elif rng.random() < 0.3:
            del body[at + 8 :]
        body = body or bytearray(b"\0")
    return kind + bytes(body)


def test_the_undamaged_files_are_read(good, tmp_path):
    assert sorted(ENDINGS[content[0]] for content in good) == sorted(ENDINGS)
    assert [read_it(content, tmp_path) for content in good] == ["read"] * len(good)


def test_damaged_files_are_read_or_refused(good, tmp_path):
    rng, outcomes = np.random.default_rng(0), []
    for _ in range(150):
        outcomes += [read_it(mutated(content, rng), tmp_path) for content in good]
    refused = {text for text in outcomes if text != "read"}
    assert 0.1 < np.mean([text == "read" for text in outcomes]) < 0.9
    assert len(refused) > 20  # many different reasons, so the files were damaged in many ways


def test_a_codec_that_nobody_knows_is_refused(good, tmp_path):
    (content,) = (content for content in good if ENDINGS[content[0]] == ".m4a")
    unknown = content[1:].replace(b"mp4a", b"zzzz").replace(b"esds", b"free")
    (tmp_path / "a.m4a").write_bytes(unknown)  # found by atheris
    with pytest.raises(InputError, match=r"a\.m4a: its sound is coded in a way that is not known"):
        read(tmp_path / "a.m4a")


@pytest.mark.long
def test_atheris_finds_nothing_in_a_minute(tmp_path):
    pytest.importorskip("atheris", reason="pip install qastanet[fuzz]")
    limits = [f"-max_total_time={SECONDS}", "-timeout=20", "-rss_limit_mb=4096", "-max_len=40000"]
    harness = Path(__file__).with_name("fuzz_reading.py")
    paths = os.pathsep.join([str(harness.parents[1]), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(harness), str(tmp_path)]
    artifacts = [f"-artifact_prefix={tmp_path}/", "-seed=1"]
    result = subprocess.run(
        [*command, *limits, *artifacts],
        capture_output=True,
        text=True,
        timeout=3 * SECONDS,
        env=os.environ | {"PYTHONPATH": paths},
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert "DONE" in result.stderr
