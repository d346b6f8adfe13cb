"""The evaluation of all metrics on a listening test of one's own."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from own_listening_test import write_test

from qastanet import registry
from qastanet.compendium import workflow
from qastanet.errors import InputError
from qastanet.evidence.comparison.tables import ceilings
from qastanet.own_test.own_scores import own_scores
from qastanet.scoring import pair_scores

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return write_test(tmp_path_factory.mktemp("mine"), duration=1.0)


def results():
    """Return when each result of the compendium was written."""
    return {p: p.stat().st_mtime_ns for d in ("data", "figures") for p in Path(d).rglob("*")}


def test_own_evaluation_writes_its_folder_and_nothing_else(manifest, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(workflow, "BUILD", tmp_path)
    kept = results()
    folder = workflow.run_own(manifest)
    assert folder == tmp_path / "mine"
    assert kept == {
        p: p.stat().st_mtime_ns for d in ("data", "figures") for p in Path(d).rglob("*")
    }
    scores = pd.read_csv(folder / "scores.csv")
    alone = pair_scores.score_files(scores.reference[2], scores.degraded[2])["score"]
    assert scores.parts[2] == pytest.approx(alone, abs=1e-3)
    assert scores.role.value_counts().to_dict() == {"coded": 9, "reference": 3}
    rows = pd.read_csv(folder / "correlations.csv")
    ours = rows[(rows.subset == "without_reference") & (rows.metric == "parts")].iloc[0]
    coded = scores[scores.role == "coded"]
    assert (ours.n, ours.scenes) == (9, 3)
    assert ours.pearson == pytest.approx(np.corrcoef(coded.parts, coded["mean"])[0, 1], abs=1e-3)
    assert {"emobiq", "ambiqual-lq", "lsd", "si-sdr"} <= set(rows.metric)
    for name in ("correlations_forest", "scatter", "metrics_within_scenes", "metric_differences"):
        assert (folder / f"{name}.svg").stat().st_size > 10_000
    assert (folder / "own_listening_test.html").is_file() and not any(folder.rglob("*.failed.*"))


def test_metrics_that_cannot_rate_a_pair_are_left_out_there(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(registry.MIRROR_VARIABLE, raising=False)
    manifest = write_test(tmp_path, scenes=1, channels=2)
    scores = own_scores(manifest, metrics=["emobiq", "lsd", "ambiqual"], progress=False)
    assert set(scores.signal) == {"binaural"} and scores.lsd.notna().all()
    assert scores["qastanet-released"].isna().all() and "ambiqual-lq" not in scores
    assert "emobiq" not in scores
    assert "0.50 s are too short for eMoBi-Q" in caplog.text
    assert "released weights are not at hand" in caplog.text


def test_one_test_at_a_time(manifest, tmp_path):
    table = pd.read_csv(manifest).assign(dataset=["a", "b"] * 6)
    table.to_csv(manifest.with_name("two.csv"), index=False)
    with pytest.raises(InputError, match=r"several data sets \(a, b\)"):
        own_scores(manifest.with_name("two.csv"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("default.csv", "rename it; build/default holds other results"),
        ("...csv", "rename it"),
        ("none/none.csv", "no such file"),
    ],
)
def test_names_that_would_overwrite_other_results(manifest, name, message, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    path = manifest.with_name(name) if "/" not in name else Path(name)
    if "/" not in name:
        shutil.copyfile(manifest, path)
    monkeypatch.setattr(sys, "argv", ["workflow", "own", str(path)])
    assert workflow.main() == 2
    assert message in capsys.readouterr().err


def test_the_notebook_is_no_node_of_the_graph(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert "own_listening_test" not in workflow.rules("default", audio=False)
    cells = json.loads(workflow.OWN.read_text())["cells"]
    assert cells[0]["source"][0].startswith("# ")


def test_no_ceiling_without_what_it_needs():
    table = pd.DataFrame({"stimulus": list("abcd"), "mean": [10, 20, 40, 80], "sd": np.nan})
    table = table.assign(dataset="d", role="coded", condition="x", listeners=10)
    assert ceilings(table).empty
    assert len(ceilings(table.assign(sd=10.0))) == 4
