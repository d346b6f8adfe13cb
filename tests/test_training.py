"""Training: reproducible, resumable, and honest about what it may see."""

from collections import namedtuple
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from qastanet.evidence import configurations, fold_agreement
from qastanet.listening_tests import contents
from qastanet.models import interval
from qastanet.models.network import DifferenceNetwork
from qastanet.models.parts_model import read_weights
from qastanet.training import calibration, cross_validation, parts_fit, rated_parts
from qastanet.training.paper_training import DEAD, Batch, PaperRecipe, predict_paper, train_paper

Material = namedtuple("Material", ["rated", "parts", "forms"])
PROCESSED = Path(__file__).parents[1] / "data" / "processed"


@pytest.fixture(scope="module")
def material():
    table, values = rated_parts.read_parts(PROCESSED / "rated_parts.npz")
    tests = [pd.read_csv(path) for path in sorted(PROCESSED.glob("*_listening_test.csv"))]
    rated = rated_parts.add_ratings(table, tests)
    forms = {name: each[rated.row] for name, each in values.items()}
    return Material(rated, forms["shipped"], forms)


def _seen(material):
    return (material.rated.role != "reference").to_numpy()


def test_folds_never_train_on_what_they_test(material):
    table = material.rated
    found = cross_validation.folds(table)
    assert [f.protocol for f in found].count("loso") >= 13
    for fold in found:
        assert not (fold.train & fold.test).any()
        assert not set(table.content[fold.train]) & set(table.content[fold.test])
        assert "reference" not in set(table.role[fold.train])
        if fold.protocol == "lodo":
            assert not set(table.dataset[fold.train]) & set(table.dataset[fold.test])


@pytest.mark.parametrize("protocol", ["source-out", "pooled-source-out"])
def test_no_recording_is_trained_on_and_tested_with(material, protocol):
    table = material.rated
    source = table.content.astype(str).map(contents.recording)
    found = cross_validation.folds(table, [protocol])
    assert len(found) >= 7
    for fold in found:
        assert not set(source[fold.train]) & set(source[fold.test])
    assert np.sum([fold.test for fold in found], axis=0).tolist() == [1] * len(table)


def test_condition_means_do_not_use_the_scene(material):
    table = material.rated
    found = fold_agreement.condition_means(table)
    first = found.content.iloc[0]
    changed = table.assign(mean=table["mean"].where(table.content != first, 0.0))
    again = fold_agreement.condition_means(changed)
    own = found.content == first
    assert own.any() and np.allclose(found.score[own], again.score[own])
    assert not np.allclose(found.score[~own], again.score[~own])


def test_no_protocol_shows_a_scene_its_own_ratings(material):
    table, scene = material.rated, "string_quartet_medrev"
    changed = table.assign(mean=table["mean"].where(table.content != scene, 50.0))
    first, second = (
        parts_fit.predict(each, material.parts, parts_fit.START) for each in (table, changed)
    )
    own = first.content == scene
    assert first.protocol[own].nunique() == 9
    np.testing.assert_allclose(second.score[own], first.score[own], atol=1e-6)
    fitted = ~own & (first.protocol != "direct")
    assert not np.allclose(second.score[fitted], first.score[fitted], atol=1e-4)


def test_the_shipped_number_is_that_of_the_ratings(material):
    """Where the third test is at hand too, which the number is fitted to as well."""
    if "neural2024" not in set(material.rated.dataset):
        pytest.skip("the third listening test is not at hand")
    seen = _seen(material)
    fitted = parts_fit.fit_strictness(material.rated, material.parts, seen)
    assert fitted.strictness == pytest.approx(read_weights()["scale"][0], rel=2e-3)
    assert fitted.curve == read_weights()["scale"][1] == parts_fit.START.curve


def test_every_listening_test_counts_the_same():
    weight = parts_fit.balance(np.array(["a"] * 3 + ["b"] + ["c"] * 2))
    assert weight.tolist() == pytest.approx([2 / 3] * 3 + [2.0] + [1.0] * 2)


def test_fitted_units_stay_near_unless_ratings_say_so(material):
    seen = _seen(material)
    rating = material.rated["mean"].to_numpy()[seen] / 100
    values, start = material.parts[seen], parts_fit.START
    few = parts_fit.fit(values[:2], rating[:2], None, start, parts_fit.FREE)
    many = parts_fit.fit(values, rating, None, start, parts_fit.FREE)
    steps = [np.abs(np.log(model.units / start.units)).max() for model in (few, many)]
    assert steps[0] < steps[1] < 3

    def error(model):
        return np.square(model(values) - rating).mean()

    assert error(many) < error(parts_fit.fit(values, rating, None, start)) < error(start)


def test_configurations_agree_with_their_table(material):
    table = pd.read_csv(PROCESSED / "configurations.csv")
    chosen = table[table.chosen & (table.subset == "AES 2023, ambisonic")]
    assert chosen.configuration.unique().tolist() == ["seven parts"]
    one = configurations.configurations()[0]
    again = configurations.configuration_table(material.rated, material.forms, [one])
    again = again[again.subset == "AES 2023, ambisonic"]
    for measure in ("pearson", "spearman"):
        assert again[measure].item() == pytest.approx(chosen[measure].item(), abs=1e-3)
    assert table.configuration.nunique() == len(configurations.configurations())


def test_intervals_hold_their_level_on_errors_of_any_size():
    rng = np.random.default_rng(0)
    score = rng.random(400)
    rating = np.clip(score + 0.3 * rng.standard_normal(400) * interval.spread(score), 0, 1)
    quantile = calibration.calibrate(score[:200], rating[:200])
    low, high = interval.interval(score[200:], quantile)
    assert 0.85 < np.mean((rating[200:] >= low) & (rating[200:] <= high)) < 0.95


def _maps(n=8):
    rng = np.random.default_rng(1)
    rating = rng.random(n)
    return [rng.random((4, 29, 5 + i % 2)) * (1 - r) for i, r in enumerate(rating)], rating


def test_paper_network_learns_and_resumes(tmp_path):
    maps, rating = _maps()
    scene = np.arange(8) // 2
    recipe = PaperRecipe(steps=100, validation=1)
    whole, curve = train_paper(maps, rating, scene, recipe)
    assert curve.training.iloc[-1] < curve.training.iloc[0]
    file = tmp_path / "paper.pt"
    train_paper(maps, rating, scene, PaperRecipe(steps=50, validation=1), file)
    resumed, _ = train_paper(maps, rating, scene, recipe, file)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_batch_of_unequal_durations_scores_as_one_by_one():
    maps, _ = _maps()
    network = DifferenceNetwork(pooling="swap")
    together = Batch(maps)(network)
    single = torch.cat([Batch([each])(network) for each in maps])
    torch.testing.assert_close(together, single)


def _agreement():
    table = pd.read_csv(PROCESSED / "training_agreement.csv")
    table = table[(table.subset == "without_labelled_reference") & (table.signal == "ambisonic")]
    return table.set_index(["metric", "protocol", "dataset"])


@pytest.mark.parametrize(
    ("protocol", "dataset", "pearson", "rmse"),
    [
        ("loso", "aes2023", 0.80, 17),
        ("loso", "ambiqual2", 0.86, 10),
        ("pooled-loso-scaled", "pooled", 0.88, 13),
        ("pooled-loso-scaled", "aes2023", 0.80, 17),
        ("pooled-loso-scaled", "ambiqual2", 0.86, 10),
        ("lodo", "ambiqual2", 0.88, 45),
        ("lodo", "aes2023", 0.78, 30),
    ],
)
def test_agreement_out_of_fold(protocol, dataset, pearson, rmse):
    found = _agreement().loc["qastanet", protocol, dataset]
    assert found.pearson > pearson and found.rmse < rmse
    paper = _agreement().loc["qastanet-paper", protocol, dataset].pearson
    assert found.pearson > paper - 0.02  # on the codec set alone they are level


def test_predictions_are_complete():
    table = pd.read_csv(PROCESSED / "predictions.csv")
    ours = table[table.metric == "qastanet"]
    protocols = (*cross_validation.PROTOCOLS, *cross_validation.SCALED.values())
    assert ours.groupby("protocol").size().to_dict() == dict.fromkeys(protocols, 146)
    assert ours.score.between(0, 1).all() and (ours.low <= ours.score).all()
    assert (ours.score <= ours.high).all()
    assert np.allclose(ours[ours.role == "reference"].score, 1, atol=1e-3)


def test_interval_coverage_of_held_out_scenes():
    table = pd.read_csv(PROCESSED / "interval_coverage.csv")
    known = (table.protocol == "pooled-loso-scaled") | (
        (table.protocol == "pooled-loso") & ~table.dataset.isin(cross_validation.BETTER_REFERENCE)
    )
    for protocol, part in table[known].groupby("protocol"):
        assert 0.85 <= np.average(part.coverage, weights=part.n) <= 0.95, protocol
        assert part.coverage.min() >= 0.85  # on each test and kind of signal


def test_paper_predictions_do_not_depend_on_the_number_of_processes():
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"stimulus": list("abcdef"), "content": list("xxyyzz")})
    table["mean"] = np.linspace(10, 90, 6)
    maps = {n: m * rng.random((4, 29, 10)) for n, m in zip("fedcba", range(1, 7), strict=True)}
    folds = [
        cross_validation.Fold(
            "loso", (table.content != x).to_numpy(), (table.content == x).to_numpy()
        )
        for x in "xyz"
    ]
    recipe = PaperRecipe(steps=30, rate=0.05, validation=1)
    scores = [predict_paper(table, maps, folds, recipe, (0, 1), jobs) for jobs in (1, 2)]
    assert np.array_equal(*scores) and scores[0].shape == (6, 3)
    assert np.ptp(scores[0]) > DEAD


def test_a_scene_or_two_tell_the_scale_of_a_test():
    table = pd.read_csv(PROCESSED / "scale_efficiency.csv")
    median = table.groupby(["dataset", "signal", "scenes"]).rmse.median()
    for key in ((d, s) for d in ("aes2023", "ambiqual2") for s in ("ambisonic", "binaural")):
        assert median[(*key, 2)] < 0.75 * median[(*key, 0)]
