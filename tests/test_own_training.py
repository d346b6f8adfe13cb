"""Training on a listening test of one's own: from a manifest to weights that score."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
import soundfile
import tolerances
import torch
from own_listening_test import write_test

from qastanet import registry
from qastanet.cli import main
from qastanet.errors import InputError
from qastanet.listening_tests.rated_manifest import (
    check_trainable,
    read_rated_manifest,
    split_by_suffix,
)
from qastanet.models.parts_model import WEIGHTS, load_default, read_weights, write_weights
from qastanet.own_test import own_agreement, own_pairs, own_scale, own_training
from qastanet.scoring import campaign
from qastanet.scoring.loading import load_model, load_scorer
from qastanet.scoring.manifest import read_manifest
from qastanet.scoring.pair_scores import open_pair, score_files
from qastanet.sound.files import reading
from qastanet.sound.options import Options
from qastanet.training.rating_scale import CurveScale

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A listening test and the weights trained on it by the command line."""
    folder = tmp_path_factory.mktemp("own")
    write_test(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(registry.CACHE_VARIABLE, str(folder / "cache"))
        arguments = ["train", str(folder / "mine.csv"), "-o", str(folder / "w.safetensors")]
        assert main([*arguments, "--quiet"]) == 0
    return folder


@pytest.fixture
def table(tmp_path):
    """A manifest of six rated pairs, to be spoilt."""
    rows = {"reference": list("aabbcc"), "degraded": list("defghi")}
    return pd.DataFrame(rows | {"mos": [10.0, 20, 30, 40, 50, 60]})


def test_out_of_fold_predictions_and_agreement_are_written(folder):
    predictions = pd.read_csv(folder / "w_predictions.csv")
    assert len(predictions) == 12 and set(predictions.part) == {"out of fold"}
    same = predictions[predictions.role == "reference"]
    assert len(same) == 3 and (same.score == 1).all()  # told from the sounds: nobody said so
    row = pd.read_csv(folder / "w_agreement.csv").iloc[0]
    assert (row.n, row.scenes) == (9, 3)
    coded = predictions[predictions.role == "coded"]
    assert row.pearson == pytest.approx(np.corrcoef(coded.score, coded["mean"])[0, 1], abs=1e-4)
    error = 100 * coded.score - coded["mean"]
    assert row.rmse == pytest.approx(np.sqrt(np.mean(error**2)), abs=1e-3)
    for name in ("pearson", "spearman", "rmse"):
        assert row[f"{name}_lo"] <= row[name] <= row[f"{name}_hi"]


def test_trained_weights_score_like_the_module_and_differ_from_the_shipped(folder):
    weights = str(folder / "w.safetensors")
    pair = [str(folder / name) for name in ("drums.wav", "drums_n.wav")]
    found = score_files(*pair, weights)
    assert found["model"] == weights and found["low"] < found["score"] < found["high"]
    assert abs(found["score"] - score_files(*pair)["score"]) > 0.01
    model = load_model(weights)
    assert model.name == weights and model is not load_model(weights)
    signals = [torch.from_numpy(reading.read(name)[0])[None] for name in pair]
    assert model(*signals).item() == pytest.approx(found["score"], abs=tolerances.SCORE)
    with safetensors.safe_open(weights, "numpy") as file:
        facts = json.loads(file.metadata()["facts"])
    assert facts["trained_on"] == "mine.csv" and facts["scenes"] == "3"


def test_scores_of_scenes_that_were_trained_on_come_close(folder):
    known = read_rated_manifest(folder / "mine.csv")
    coded = known[known.condition != "hidden"]
    weights = folder / "w.safetensors"
    scores = [score_files(*pair, weights)["score"] for pair in coded.to_numpy()[:, :2]]
    error = 100 * np.array(scores) - coded["mean"]
    assert np.sqrt(np.mean(error**2)) < 15


def test_command_line_takes_the_weights(folder, capsys):
    weights, out = str(folder / "w.safetensors"), str(folder / "scores.csv")
    pair = [str(folder / name) for name in ("drums.wav", "drums_n.wav")]
    assert main(["score", *pair, "--model", weights]) == 0
    single = float(capsys.readouterr().out)
    batch = ["batch", str(folder / "mine.csv"), "--model", weights, "-o", out, "--quiet"]
    assert main(batch) == 0
    scores = pd.read_csv(out).set_index("condition", append=True)
    assert single in scores.xs("n", level="condition").score.round(4).tolist()


def test_a_campaign_that_goes_on_with_other_weights_scores_all_anew(folder, tmp_path):
    weights, seen = tmp_path / "w.safetensors", []
    shutil.copyfile(folder / "w.safetensors", weights)
    manifest = read_manifest(folder / "mine.csv")

    def interrupted(reference, degraded, model, options):
        if len(seen) == 1:
            raise KeyboardInterrupt
        seen.append(reference)
        return [{"score": 0.5}] * len(degraded)

    with pytest.raises(KeyboardInterrupt):
        campaign.run(manifest, tmp_path / "s.csv", str(weights), progress=False, work=interrupted)
    assert len((tmp_path / ".s.csv.qastanet-journal").read_text().splitlines()) == 4
    shutil.copyfile(WEIGHTS, weights)
    table = campaign.run(manifest, tmp_path / "s.csv", str(weights), progress=False)
    scores = [row["score"] for row in table if row["condition"] != "hidden"]
    assert 0.5 not in scores and max(scores) < 1


def test_a_second_run_compares_nothing_anew(folder, monkeypatch):
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(folder / "cache"))
    table = read_rated_manifest(folder / "mine.csv")
    first = own_pairs.own_parts(table, progress=False)
    kept = next((folder / "cache" / "pairs").rglob("*.npz"))
    kept.write_bytes(b"damaged")
    calls, real = [], own_pairs.parts

    def counted(*pair):
        calls.append(pair)
        return real(*pair)

    monkeypatch.setattr(own_pairs, "parts", counted)
    again = own_pairs.own_parts(table, progress=False)
    assert len(calls) == 1  # the damaged one
    np.testing.assert_array_equal(first[1], again[1])
    pd.testing.assert_frame_equal(first[0], again[0])


def test_the_scene_left_out_does_not_matter_to_its_prediction(folder, monkeypatch):
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(folder / "cache"))
    known = own_pairs.own_parts(read_rated_manifest(folder / "mine.csv"), progress=False)
    found = []
    for shift in (0, 20):
        table = known[0].copy()
        table.loc[table.content == "drums", "mean"] -= shift
        predictions = own_training.train_own(table, known[1]).predictions
        found.append(predictions.set_index("stimulus").score)
    changed = (found[0] - found[1]).abs()
    assert changed[[name for name in changed.index if "drums" in name]].max() < 1e-6
    assert changed.drop([name for name in changed.index if "drums" in name]).max() > 1e-3


def test_suffixes_split(tmp_path, monkeypatch, capsys):
    manifest = write_test(tmp_path, scenes=4, channels=4, suffix=True)
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(tmp_path / "cache"))
    weights = str(tmp_path / "w.safetensors")
    assert main(["train", str(manifest), "--split", "suffix", "-o", weights, "--quiet"]) == 0
    agreement = pd.read_csv(tmp_path / "w_agreement.csv").set_index("part")
    assert agreement.n.to_dict() == {"test": 3, "validation": 3, "training": 6}
    predictions = pd.read_csv(tmp_path / "w_predictions.csv")
    ends = predictions.degraded.str.extract(r"_(\d)\.wav")[0]
    assert set(predictions.part[ends.isin(["3", "4"])]) == {"training"}
    assert "trained on and tested with" not in capsys.readouterr().err
    scorer = load_scorer(weights)
    for row in predictions[predictions.part == "test"].itertuples():
        with open_pair(row.reference, row.degraded, Options()) as (*sounds, _):
            pair = [scorer.features(sound) for sound in sounds]
        assert scorer.score(*pair) == pytest.approx(row.score, abs=tolerances.SCORE)


def test_suffixes_that_are_not_there(table):
    with pytest.raises(InputError, match=r"line 2: neither d nor a ends in _1 to _6"):
        split_by_suffix(table, "m.csv")
    names = table.assign(degraded=[f"{k}_3.wav" for k in table.degraded])
    with pytest.raises(InputError, match="no pair is for the test"):
        split_by_suffix(names, "m.csv")


SPOILT = {
    "no mos": (lambda t: t.drop(columns="mos"), "no column mos .* reference, degraded"),
    "above": (lambda t: t.assign(mos=[1, 2, 3, 101, 5, 6]), r"line 5: mos 101 is not a number in"),
    "negative": (lambda t: t.assign(mos=-1), "line 2: mos -1 is not a number in"),
    "empty": (
        lambda t: t.assign(mos=[10, None, 30, 40, 50, 60]),
        r"1 pairs without mos are left out \(line 3\)",
    ),
    "text": (lambda t: t.assign(mos=["good"] * 6), "line 2: mos 'good' is no number"),
    "five": (
        lambda t: t.assign(mos=[1, 2, 3, 4, 5, 4.5]),
        r"no mos above 5: is this a scale up to",
    ),
    "constant": (lambda t: t.assign(mos=50), "mos is 50 throughout"),
    "one scene": (lambda t: t.assign(scene="x"), "1 scene with rated pairs"),
    "twice": (lambda t: t.assign(reference="a", degraded="d"), "line 3: this pair is there twice"),
    "no scene": (lambda t: t.assign(scene=["x", None, *"yyzz"]), "line 3: 'scene' is empty"),
    "role": (lambda t: t.assign(role="best"), "role 'best': give reference, coded or anchor"),
    "ci": (lambda t: t.assign(ci95="wide"), "line 2: ci95 'wide' is no number"),
    "files": (lambda t: t, "6 of 6 pairs cannot be used; .*a: no such file"),
}


@pytest.mark.parametrize("further", [[], ["--scale-only"]])
@pytest.mark.parametrize("case", SPOILT)
def test_manifests_that_cannot_be_trained_on(table, case, further, tmp_path, capsys):
    spoil, message = SPOILT[case]
    spoil(table).to_csv(tmp_path / "m.csv", index=False)
    weights = tmp_path / "w.safetensors"
    arguments = ["train", str(tmp_path / "m.csv"), "-o", str(weights), "--quiet", *further]
    assert main(arguments) == 2
    err = capsys.readouterr().err
    with pytest.raises(InputError, match=message):
        raise InputError(err)
    assert not weights.exists()


def test_other_endings_are_refused(table, tmp_path, capsys):
    table.to_csv(tmp_path / "m.csv", index=False)
    arguments = ["train", str(tmp_path / "m.csv"), "--quiet"]
    assert main([*arguments, "-o", str(tmp_path / "w.pt")]) == 2
    assert "must end in .safetensors" in capsys.readouterr().err


def test_pairs_that_are_too_short(tmp_path, table):
    for name in "abcdefghi":
        noise = 0.1 * np.random.default_rng(0).standard_normal((12000, 2))
        soundfile.write(tmp_path / f"{name}.wav", noise, 48000)
    files = table[["reference", "degraded"]] + ".wav"
    table.assign(**files).to_csv(tmp_path / "m.csv", index=False)
    with pytest.raises(InputError, match=r"6 of 6 pairs .*0\.25 s are too short.*and 1 more"):
        own_pairs.own_parts(read_rated_manifest(tmp_path / "m.csv"), progress=False)


def test_stimuli_have_names_of_their_own(table, tmp_path):
    table.assign(scene="x", condition=[*"aabcde"]).to_csv(tmp_path / "m.csv", index=False)
    names = read_rated_manifest(tmp_path / "m.csv").stimulus
    assert names.tolist() == ["x_a_line2", "x_a_line3", "x_b", "x_c", "x_d", "x_e"]


def test_only_references_are_no_test(table):
    with pytest.raises(InputError, match="0 scene"):
        check_trainable(table.assign(role="reference", content="a", mean=1), "m.csv")


def test_scenes_are_grouped_when_there_are_many():
    table = pd.DataFrame({"content": [f"s{k}" for k in range(50)], "role": "coded"})
    folds = own_training.scene_folds(table)
    assert len(folds) == own_training.FOLDS
    assert np.sum([fold.test for fold in folds], axis=0).tolist() == [1] * 50
    assert not any((fold.test & fold.train).any() for fold in folds)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a["units"].__setitem__(0, -1), "not the weights of this model"),
        (lambda a: a["scale"].__setitem__(0, np.nan), "not the weights of this model"),
        (lambda a: a["norm"].__setitem__(0, 0.5), "not the weights of this model"),
        (lambda a: a.update(filters=a["filters"][:, :3]), "not the weights of this model"),
        (lambda a: a.pop("quantile"), "not the weights of this model"),
        (lambda a: a.update(extra=np.zeros(1)), "not the weights of this model"),
    ],
)
def test_tampered_weights_are_refused(tmp_path, change, message):
    with safetensors.safe_open(WEIGHTS, "numpy") as file:
        facts = json.loads(file.metadata()["facts"])
    arrays = {name: array.copy() for name, array in read_weights().items()}
    write_weights(arrays, tmp_path / "same.safetensors", facts)
    assert load_default(tmp_path / "same.safetensors").quantile == load_default().quantile
    change(arrays)
    write_weights(arrays, tmp_path / "w.safetensors", facts)
    with pytest.raises(InputError, match=message):
        load_model(tmp_path / "w.safetensors")


def test_a_changed_number_is_noticed(tmp_path):
    content, number = WEIGHTS.read_bytes(), read_weights()["norm"].tobytes()
    assert content.count(number) == 1
    changed = content.replace(number, np.array([7.0]).tobytes())
    (tmp_path / "w.safetensors").write_bytes(changed)
    with pytest.raises(InputError, match="sha256"):
        load_model(tmp_path / "w.safetensors")


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\xff" * 100, None])
def test_files_that_are_no_weights(tmp_path, content):
    path = tmp_path / "w.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"w\.safetensors: cannot be read as weights"):
        load_scorer(str(path))


def test_the_scale_alone(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(folder / "cache"))
    weights = str(tmp_path / "s.safetensors")
    arguments = ["train", str(folder / "mine.csv"), "--scale-only", "-o", weights, "--quiet"]
    assert main(arguments) == 0
    told = re.search(r"scale of the test: ([\d.]+) .* curve ([\d.]+)", capsys.readouterr().out)
    scale = CurveScale(float(told[1]), float(told[2]))
    pair = [str(folder / name) for name in ("drums.wav", "drums_n.wav")]
    plain, scaled = score_files(*pair), score_files(*pair, weights)
    assert scaled["score"] == pytest.approx(float(scale(plain["score"])), abs=0.01)
    assert abs(scaled["score"] - plain["score"]) > 0.02 and scaled["low"] < scaled["score"]
    assert score_files(pair[0], pair[0], weights)["score"] == 1
    predictions = pd.read_csv(tmp_path / "s_predictions.csv")
    errors = {}
    for each in ("default", weights):
        coded = predictions[predictions.role == "coded"]
        found = [
            score_files(r, d, each)["score"] for r, d in coded[["reference", "degraded"]].values
        ]
        errors[each] = np.sqrt(np.mean((100 * np.array(found) - coded["mean"]) ** 2))
    assert errors[weights] < errors["default"]


def test_a_scene_does_not_tell_its_own_scale(folder, monkeypatch):
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(folder / "cache"))
    table = own_scale.shipped_scores(read_rated_manifest(folder / "mine.csv"), progress=False)
    changed = table.assign(mean=table["mean"].where(table.content != "drums", 30.0))
    first, second = (own_scale.fit_own_scale(t) for t in (table, changed))
    assert first.scale != second.scale
    same = first.predictions.content == "drums"
    a, b = first.predictions.score, second.predictions.score
    assert np.array_equal(a[same], b[same]) and not np.allclose(a[~same], b[~same])
    for own in (first, second):
        assert (own.predictions.score[own.predictions.role == "reference"] == 1).all()


def test_each_test_has_a_scale_of_its_own(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(folder / "cache"))
    table = pd.read_csv(folder / "mine.csv").assign(dataset=["one"] * 4 + ["two"] * 8)
    for name in ("reference", "degraded"):
        table[name] = [str(folder / file) for file in table[name]]
    table.to_csv(tmp_path / "m.csv", index=False)
    weights = tmp_path / "s.safetensors"
    assert main(["train", str(tmp_path / "m.csv"), "--scale-only", "-o", str(weights)]) == 2
    assert "m.csv: pairs of 2 listening tests (one, two); each has" in capsys.readouterr().err
    assert not weights.exists()


def test_a_scale_cannot_mend_a_model_that_does_not_follow(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(folder / "cache"))
    table = pd.read_csv(folder / "mine.csv")
    table["mos"] = np.where(table.condition == "hidden", table.mos, 110 - table.mos)
    for name in ("reference", "degraded"):
        table[name] = [str(folder / file) for file in table[name]]
    table.to_csv(tmp_path / "m.csv", index=False)
    weights = tmp_path / "s.safetensors"
    assert main(["train", str(tmp_path / "m.csv"), "--scale-only", "-o", str(weights)]) == 0
    notes = capsys.readouterr().err
    assert "hardly follow the ratings (Pearson" in notes and "calibrated on 9 pairs only" in notes


def test_agreement_is_told_without_anchors_too():
    rows = {"part": "out of fold", "dataset": "mine", "signal": "binaural", "content": list("aabb")}
    rated = {
        "role": ["anchor", "coded"] * 2,
        "score": [0.1, 0.8, 0.2, 0.7],
        "mean": [9, 60, 12, 66],
    }
    found = own_agreement.own_agreement(pd.DataFrame(rows | rated)).set_index("dataset")
    assert found.n.to_dict() == {"mine": 4, "mine without anchors": 2}
    assert found.pearson["mine"] > 0.9 > found.pearson["mine without anchors"]
    assert own_agreement.doubts(found.reset_index())[0].startswith(
        "the interval is calibrated on 4 "
    )


@pytest.mark.parametrize("taken", ["s.safetensors", "s_predictions.csv", "s_agreement.csv"])
def test_nothing_is_written_if_one_file_cannot_be(folder, tmp_path, taken, capsys):
    (tmp_path / taken).mkdir()
    arguments = [
        "train",
        str(folder / "mine.csv"),
        "--scale-only",
        "-o",
        str(tmp_path / "s.safetensors"),
    ]
    assert main(arguments) == 2 and f"{taken}: is a folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [taken]
