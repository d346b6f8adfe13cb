"""Lists of pairs: from a CSV file and from the names of files."""

import hashlib
from pathlib import Path

import pytest

from qastanet.errors import InputError
from qastanet.scoring import campaign
from qastanet.scoring.manifest import pair_folders, read_manifest
from qastanet.sound.options import Options


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
        ('reference,degraded\n"a,b\n', "line 2: a quote is not closed"),
        ('reference,degraded\na,"b\na,c"\n', "line 2: a quote is not closed"),
        ("reference,degraded\nb,a,b\n", "line 2: 3 cells, but 2 columns"),
        ("reference,degraded\na,b\na,b,x,y\n", "line 3: 4 cells, but 2 columns"),
        ("reference,degraded,codec\na,b,48 kHz, high\n", "line 2: 4 cells, but 3 columns"),
        ("reference,degraded,codec\na,b,x\na,c\n", "line 3: 2 cells, but 3 columns"),
        ("reference,degraded,degraded\na,b,c\n", "the column degraded is there twice"),
        ("Reference,reference ,degraded\na,b,c\n", "the column reference is there twice"),
        ("reference,degraded\0\na,b\n", "line 1: a NUL byte"),
        ("reference,degraded,,codec\na,b,x,y\n", "column 3 has no name"),
        ("\n\n\n", "cannot be read as a CSV"),
    ],
)
def test_bad_manifests(tmp_path, content, message):
    (tmp_path / "m.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        read_manifest(tmp_path / "m.csv")


LABELS = {
    "codec": ["None", "064", "1e3"],
    "take": ["000", "NA", "True"],
    "empty": ["", "null", " x"],
}


def test_labels_are_text_letter_for_letter(tmp_path):
    rows = zip(*LABELS.values(), strict=True)
    lines = [f"NA,null,{','.join(row)}" for row in rows]
    (tmp_path / "m.csv").write_text("\n".join([f"reference,degraded,{','.join(LABELS)}", *lines]))
    table = read_manifest(tmp_path / "m.csv")
    assert {name: [row[name] for row in table] for name in LABELS} == LABELS
    assert table[0]["reference"] == str(tmp_path / "NA")
    assert table[0]["degraded"] == str(tmp_path / "null")


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b"reference,degraded\na.wav,b.wav\n", []),
        (b"reference,degraded,\na.wav,b.wav,\n", []),
        (b"reference,degraded\na.wav,b.wav,,\n\n,\n", []),
        (b"reference,degraded\r\na.wav,b.wav\r\n", []),
        (b"\xef\xbb\xbfreference;degraded\r\na.wav;b.wav\r\n", ["read separated by semicolons"]),
        (b"sep=;\nreference;degraded\na.wav;b.wav\n", ["read separated by semicolons"]),
        (
            "reference\tdegraded\na.wav\tb.wav\n".encode("utf-16"),
            ["read as UTF-16, separated by tabs"],
        ),
        ("reference,degraded\na.wav,b.wav\n".encode("utf-16-be"), ["read as UTF-16"]),
        (b"Reference, DEGRADED \na.wav, b.wav\n", []),
        (b'"reference","degraded"\n"a.wav","b.wav"\n', []),
    ],
)
def test_tables_of_spreadsheets_are_read(tmp_path, content, note):
    (tmp_path / "m.csv").write_bytes(content)
    table = read_manifest(tmp_path / "m.csv")
    assert table.columns == ["reference", "degraded"] and table.notes == note
    assert list(table[0].values()) == [str(tmp_path / "a.wav"), str(tmp_path / "b.wav")]


def test_names_of_an_old_code_page_are_found(tmp_path):
    touch(tmp_path, "caf\u00e9.wav", " b.wav")
    (tmp_path / "m.csv").write_bytes(b"reference,degraded\ncaf\xe9.wav, b.wav\n")
    table = read_manifest(tmp_path / "m.csv")
    assert list(table[0].values()) == [str(tmp_path / "caf\u00e9.wav"), str(tmp_path / " b.wav")]


def test_many_rows_of_one_pair_are_looked_at_once(tmp_path, monkeypatch):
    rows = "a.wav,b.wav\n" * 100_000
    (tmp_path / "m.csv").write_text(f"reference,degraded\n{rows}")
    table = read_manifest(tmp_path / "m.csv")
    texts = []
    sha256 = hashlib.sha256
    monkeypatch.setattr(hashlib, "sha256", lambda text: texts.append(text) or sha256(text))
    assert len(campaign._keys(table, "default", Options())) == 100_000
    assert len(texts) == 1


def test_a_name_ends_where_no_letter_or_digit_goes_on(tmp_path):
    ref = touch(tmp_path / "ref", "speech1.wav", "speech2.wav")
    deg = touch(tmp_path / "deg", "speech1_opus.wav", "speech2-opus.wav", "speech10_opus.wav")
    with pytest.raises(InputError, match=r"speech10_opus\.wav: no file .*\(1 such files\)"):
        pair_folders(ref, deg)
    (deg / "speech10_opus.wav").unlink()
    assert [row["item"] for row in pair_folders(ref, deg)] == ["speech1", "speech2"]


def test_hidden_files_are_passed_over(tmp_path):
    ref = touch(tmp_path / "ref", "a.wav", "._a.wav")
    deg = touch(tmp_path / "deg", "a_1.wav", "._a_1.wav", "._b_1.wav")
    assert [row["condition"] for row in pair_folders(ref, deg)] == ["1"]


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
