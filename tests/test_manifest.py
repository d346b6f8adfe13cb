"""Lists of pairs: from a CSV file and from the names of files."""

from pathlib import Path

import pytest

from qastanet.errors import InputError
from qastanet.scoring.manifest import pair_folders, read_manifest


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_paths_start_at_the_manifest_and_labels_pass_through(tmp_path):
    (tmp_path / "m.csv").write_text("codec,reference,degraded\nopus,a.wav,/x/b.wav\n")
    found = {"codec": "opus", "reference": str(tmp_path / "a.wav"), "degraded": "/x/b.wav"}
    assert read_manifest(tmp_path / "m.csv") == [found]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("reference,coded\na,b\n", "no column degraded; its columns are reference, coded"),
        ("reference,degraded\n", "lists no pairs"),
        ("reference,degraded\na,b\na,\n", "line 3: 'degraded' is empty"),
        ("", "cannot be read as a CSV"),
        ("reference;degraded\na;b\n", "separated by semicolons"),
        ("reference;degraded\na;b;0,5\n", "separated by semicolons"),
        ('reference,degraded\n"a,b\n', "cannot be read as a CSV"),
        ("reference,degraded\na,b,c\n", "line 2 has 3 cells, the first line 2"),
        ("reference,degraded,reference\na,b,c\n", "two columns are called 'reference'"),
    ],
)
def test_bad_manifests(tmp_path, content, message):
    (tmp_path / "m.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        read_manifest(tmp_path / "m.csv")


def test_missing_manifest(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: no such file"):
        read_manifest(tmp_path / "none.csv")


def test_folders_are_paired_by_the_longest_name(tmp_path):
    ref = touch(tmp_path / "ref", "speech_REF.wav", "speech2.wav", "notes.txt")
    deg = touch(tmp_path / "deg", "speech_opus32.wav", "speech2_opus32.WAV", "aac/speech.flac")
    table = pair_folders(ref, deg)
    found = [
        (Path(row["reference"]).name, Path(row["degraded"]).name, row["item"], row["condition"])
        for row in table
    ]
    assert found == [
        ("speech_REF.wav", "speech.flac", "speech", "aac"),
        ("speech_REF.wav", "speech_opus32.wav", "speech", "opus32"),
        ("speech2.wav", "speech2_opus32.WAV", "speech2", "opus32"),
    ]


def test_one_folder_for_both_leaves_the_references_out(tmp_path):
    folder = touch(tmp_path, "a_REF.wav", "a_32k.wav")
    assert [row["condition"] for row in pair_folders(folder, folder)] == ["32k"]


def test_files_without_a_reference_are_named(tmp_path):
    ref, deg = touch(tmp_path / "ref", "a.wav"), touch(tmp_path / "deg", "a_1.wav", "b_1.wav")
    with pytest.raises(InputError, match=r"b_1\.wav: no file .*\(1 such files\)"):
        pair_folders(ref, deg)


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        pair_folders(tmp_path / "no", tmp_path)
    with pytest.raises(InputError, match="holds no sound files"):
        pair_folders(tmp_path, tmp_path)
