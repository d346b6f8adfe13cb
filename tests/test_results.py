"""The committed results: consistent with each other, with a rerun, and with the sounds."""

import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from mirror import folder
from tolerances import SCORE

from qastanet import registry, storage
from qastanet.compendium import texts
from qastanet.compendium.published import keeping
from qastanet.compendium.published.deviations import listed
from qastanet.evidence.codec_set import score_codec_set
from qastanet.listening_tests import ambiqual_ratings
from qastanet.models.parts_model import read_weights
from qastanet.registry import AMBIQUAL
from qastanet.scoring.loading import load_model

ROOT = Path(__file__).parents[1]
PROCESSED, FIGURES = ROOT / "data" / "processed", ROOT / "figures"
RESULTS = sorted([*PROCESSED.iterdir(), *FIGURES.glob("*.svg"), *FIGURES.glob("*.pdf")])


def _committed(path):
    name = path.relative_to(ROOT).as_posix()
    shown = subprocess.run(["git", "show", f"HEAD:{name}"], cwd=ROOT, capture_output=True)
    if shown.returncode:
        pytest.skip(f"{name} is not committed yet")
    return shown.stdout


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.name)
def test_results_are_as_committed(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    found = keeping.judge(path.relative_to(ROOT), path)
    if found is None:
        pytest.skip(f"{path.name} is not committed yet")
    assert found.verdict in ("equal", "within"), listed(found.differences)


def test_every_figure_has_a_pdf_beside_it():
    names = {path.stem for path in FIGURES.glob("*.svg")}
    assert names and names == {path.stem for path in FIGURES.glob("*.pdf")}


def test_listening_test_agrees_with_the_files_that_the_metrics_compare():
    table = pd.read_csv(PROCESSED / "ambiqual2_listening_test.csv")
    assert len(table) == 36 and (table.order == 1).sum() == 24 and set(table.listeners) == {13}
    pairs = {(p.reference, p.degraded) for p in ambiqual_ratings.ambiqual2_pairs()}
    first = table[table.order == 1]
    assert set(zip(first.reference, first.degraded, strict=True)) <= pairs
    known = {Path(entry.path).name for entry in registry.entries()}
    assert set(table.reference) | set(table.degraded) <= known


def test_listening_test_comes_from_the_ratings():
    folder("QASTANET_DATA_MIRROR")
    found = ambiqual_ratings.read_ambiqual2(registry.path(AMBIQUAL, "MUSHRA_experiment_2.csv"))
    kept = pd.read_csv(PROCESSED / "ambiqual2_listening_test.csv")
    kept["content"] = pd.Categorical(kept.content, found.content.cat.categories)
    pd.testing.assert_frame_equal(found.round(6), kept, check_dtype=False)


def test_kept_scores_follow_from_the_kept_differences():
    folder("QASTANET_DATA_MIRROR")  # the weights
    model = load_model("released")
    scores = pd.read_csv(PROCESSED / "ambiqual2_scores.csv").set_index("stimulus").score
    maps = storage.read_maps(PROCESSED / "ambiqual2_differences.npz")
    assert set(maps) == set(scores.index)
    for stimulus, values in maps.items():
        with torch.inference_mode():
            score = model.score_differences(torch.from_numpy(values)[None, None]).item()
        assert score == pytest.approx(scores[stimulus], abs=SCORE), stimulus


def test_differences_and_scores_come_from_the_sounds():
    folder("QASTANET_DATA_MIRROR")
    chosen = [p for p in ambiqual_ratings.ambiqual2_pairs() if p.stimulus.endswith("_FOA64")]
    found, maps = score_codec_set(chosen[::3], "released")
    kept = pd.read_csv(PROCESSED / "ambiqual2_scores.csv").set_index("stimulus")
    kept_maps = storage.read_maps(PROCESSED / "ambiqual2_differences.npz")
    for row in found.itertuples():
        assert row.score == pytest.approx(kept.score[row.stimulus], abs=SCORE)
        np.testing.assert_allclose(
            maps[row.stimulus], kept_maps[row.stimulus], rtol=2e-3, atol=2e-3
        )


def test_correlations_can_be_found_by_name():
    table = pd.read_csv(PROCESSED / "correlations.csv")
    wanted = {"dataset", "subset", "signal", "metric", "protocol", "n", "scenes"}
    assert wanted <= set(table.columns)
    row = table.query(
        "dataset == 'ambiqual2' and subset == 'without_reference' "
        "and metric == 'qastanet-released' and protocol == 'direct'"
    )
    assert len(row) == 1 and row.n.item() == 18
    # measured with the authors' own code on the same files: 0.60
    assert row.pearson.item() == pytest.approx(0.60, abs=0.03)


def test_tables_in_texts_are_those_of_the_results(monkeypatch):
    monkeypatch.chdir(ROOT)
    for name in texts.TEXTS:
        text = Path(name).read_text(encoding="utf-8")
        assert texts.PLACE.search(text), name
        assert texts.written(text) == text, f"{name}: make texts"


def test_our_model_is_ahead_or_level_on_every_test():
    table = pd.read_csv(PROCESSED / "overview.csv")
    ours = table[(table.metric == "parts") & (table.unseen == "test left out")]
    ours = ours.set_index(["dataset", "subset"])
    others = table[~table.metric.isin(["parts", "listeners", "bitrate", "condition-mean"])]
    for key, part in others[others.subset == "all"].groupby(["dataset", "subset"]):
        assert ours.loc[key].pearson > part.pearson.max() - 0.02, key
    assert ours.loc[("aes2023", "all")].scenes > 0.6  # knows on which sound a coding is heard


def test_weights_are_as_committed(tmp_path):
    path = ROOT / "qastanet" / "weights" / "default.safetensors"
    before = tmp_path / "before.safetensors"
    before.write_bytes(_committed(path))
    committed = read_weights(before)
    for name, array in read_weights(path).items():
        np.testing.assert_allclose(array, committed[name], rtol=2e-3, atol=1e-6, err_msg=name)


def test_every_table_is_described():
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    missing = [path.name for path in PROCESSED.iterdir() if f"`{path.name}`" not in text]
    assert set(missing) <= {"correlations.html", "correlations.tex"}


def test_every_figure_is_described():
    text = (FIGURES / "README.md").read_text(encoding="utf-8")
    assert [path.stem for path in FIGURES.glob("*.svg") if f"`{path.stem}`" not in text] == []
