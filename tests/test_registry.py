"""Public files: hashes, mirrors, and what happens when either is wrong."""

import hashlib
import shutil

import pooch
import pytest
import requests
from mirror import folder

from qastanet import registry
from qastanet.cli import main
from qastanet.errors import InputError

SMALL = registry.find(registry.RELEASE, "model_args.yml")


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(registry.MIRROR_VARIABLE, raising=False)
    return tmp_path / "cache"


@pytest.fixture
def mirror(tmp_path):
    """A mirror with one file whose content is wrong."""
    file = tmp_path / "mirror" / SMALL.location
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x" * SMALL.bytes)
    return tmp_path / "mirror"


def test_every_entry_is_complete_and_unique():
    entries = registry.entries()
    assert len(entries) == len({entry.location for entry in entries}) == 187
    for entry in entries:
        assert len(entry.commit) == len(entry.git_blob_sha1) == 40
        assert (entry.sha256 is None) == (entry.bytes is None)
        assert entry.address.startswith("https://raw.githubusercontent.com/")


def test_tampered_file_is_refused_and_not_kept(empty_cache, mirror):
    with pytest.raises(InputError, match=r"model_args.yml: cannot be fetched.*git blob hash"):
        registry.fetch(SMALL, mirror)
    assert not [file for file in empty_cache.rglob("*") if file.is_file()]


def test_missing_in_the_mirror(empty_cache, mirror, capsys):
    assert main(["fetch", "--mirror", str(mirror)]) == 2
    assert "cannot be fetched from the mirror" in capsys.readouterr().err


def test_no_network_is_said_with_the_remedy(empty_cache, monkeypatch):
    def unreachable(*_):
        raise requests.ConnectionError("no route")

    monkeypatch.setattr(pooch, "HTTPDownloader", lambda **_: unreachable)
    with pytest.raises(InputError, match=r"https://raw.*no route.*--mirror DIR` or QASTANET_DATA"):
        registry.fetch(SMALL)


def test_check_tells_what_is_at_hand(empty_cache, mirror, capsys):
    assert main(["fetch", "--check"]) == 1
    assert capsys.readouterr().out.startswith("0 of ")
    assert main(["fetch", "--check", "--mirror", str(mirror)]) == 1  # of the size, but another one
    assert capsys.readouterr().out.startswith("0 of ")


def test_files_without_a_sha256_are_told(empty_cache, monkeypatch, capsys):
    monkeypatch.setattr(registry, "fetch", lambda entry, mirror: None)
    assert main(["fetch", "--all"]) == 0
    missing = sum(entry.sha256 is None for entry in registry.entries())
    assert f"the sha256 of {missing} of them is not known" in capsys.readouterr().err
    assert main(["fetch"]) == 0
    assert "sha256" not in capsys.readouterr().err


def test_a_cached_file_that_changed_is_not_used(empty_cache, monkeypatch):
    entry = registry.find(registry.RELEASE, "audio/ref.wav")  # whose sha256 is not known
    target = empty_cache / entry.location
    target.parent.mkdir(parents=True)
    target.write_text("not the file")
    monkeypatch.setenv(registry.MIRROR_VARIABLE, str(empty_cache / "none"))
    assert not registry.at_hand(entry)
    with pytest.raises(InputError, match=r"ref\.wav: cannot be fetched from the mirror"):
        registry.fetch(entry)


def test_a_cache_that_cannot_be_written_is_told(monkeypatch):
    monkeypatch.setenv(registry.CACHE_VARIABLE, "/proc/nowhere")
    with pytest.raises(InputError, match=r"/proc/nowhere: cannot be written .*QASTANET_CACHE"):
        registry.fetch(SMALL)


def test_fetch_from_a_mirror_and_again_from_the_cache(empty_cache, tmp_path):
    upstream = folder("QASTANET_DATA_MIRROR")
    (tmp_path / "copy" / SMALL.location).parent.mkdir(parents=True)
    shutil.copyfile(upstream / SMALL.location, tmp_path / "copy" / SMALL.location)
    first = registry.fetch(SMALL, tmp_path / "copy")
    assert hashlib.sha256(first.read_bytes()).hexdigest() == SMALL.sha256
    shutil.rmtree(tmp_path / "copy")
    assert registry.fetch(SMALL) == first


def test_damaged_cache_is_not_used(empty_cache, tmp_path):
    upstream = folder("QASTANET_DATA_MIRROR")
    file = registry.fetch(SMALL, upstream)
    file.write_bytes(b"damaged")
    registry.fetch(SMALL, upstream)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == SMALL.sha256


def test_ambiguous_and_unknown_names():
    with pytest.raises(InputError, match=r"0 files named 'nothing.wav'"):
        registry.find(registry.RELEASE, "nothing.wav")


def test_git_blob_hash(tmp_path):
    (tmp_path / "a").write_bytes(b"hello\n")
    assert registry.git_blob_sha1(tmp_path / "a") == "ce013625030ba8dba906f756967f9e9ca394464a"
