"""Results are complete or absent."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qastanet import storage
from qastanet.errors import InputError


def test_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "folder" / "a.csv"
    storage.write_table(pd.DataFrame({"x": [1 / 3]}), path)
    with pytest.raises(RuntimeError), storage.replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "x\n0.333333\n"
    assert [file.name for file in path.parent.iterdir()] == ["a.csv"]


def test_no_text_is_a_formula(tmp_path):
    names = ["=HYPERLINK(1)", "@a", "+b", "-6 dB", "-3", "drums"]
    storage.write_table(pd.DataFrame({"x": names, "y": -1.5}), tmp_path / "a.csv")
    back = pd.read_csv(tmp_path / "a.csv")
    assert back.x.tolist() == ["'=HYPERLINK(1)", "'@a", "'+b", "-6 dB", "-3", "drums"]
    assert (back.y == -1.5).all()


def test_maps_come_back_in_half_precision(tmp_path):
    maps = {"a": np.random.default_rng(0).random((4, 29, 7)), "b": np.zeros((4, 29, 2))}
    storage.write_maps(maps, tmp_path / "m.npz")
    back = storage.read_maps(tmp_path / "m.npz")
    assert list(back) == ["a", "b"] and back["a"].dtype == np.float32
    np.testing.assert_allclose(back["a"], maps["a"], rtol=1e-3)


def test_root_is_found_from_below(tmp_path, monkeypatch):
    (tmp_path / "notebooks" / "parameters").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks" / "parameters")
    assert storage.enter_root() == Path.cwd() == tmp_path


def test_outside_a_compendium_nothing_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert storage.enter_root() == tmp_path


def test_unwritable_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        storage.write_table(pd.DataFrame(), tmp_path / "file" / "a.csv")


def test_no_archive(tmp_path):
    (tmp_path / "m.npz").write_text("no")
    with pytest.raises(InputError, match=r"m.npz: cannot be read as difference maps"):
        storage.read_maps(tmp_path / "m.npz")
