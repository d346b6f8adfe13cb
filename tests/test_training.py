"""Training: reproducible, resumable, and honest about what it may see."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from qastanet.errors import InputError
from qastanet.evidence import fold_agreement
from qastanet.listening_tests import contents
from qastanet.models import interval
from qastanet.models.network import DifferenceNetwork
from qastanet.training import calibration, cross_validation, pretraining, training_sets
from qastanet.training.paper_training import DEAD, Batch, PaperRecipe, predict_paper, train_paper
from qastanet.training.recipe import Recipe, optimise, shares

PROCESSED = Path(__file__).parents[1] / "data" / "processed"
SHORT = Recipe(first_steps=6, steps=6)


@pytest.fixture(scope="module")
def material():
    names = ("rated", "synthetic", "common")
    files = [(PROCESSED / f"{n}_pairs.csv", PROCESSED / f"{n}_statistics.npz") for n in names]
    tests = [PROCESSED / f"{name}_listening_test.csv" for name in ("aes2023", "ambiqual2")]
    return training_sets.load(*files, tests)


def _seen(material):
    return (material.rated.role != "reference").to_numpy()


def test_same_seed_same_weights(material):
    first, second = (
        cross_validation.train_runs(material, [_seen(material)], SHORT)[0] for _ in range(2)
    )
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_resumed_training_equals_an_uninterrupted_one(material, tmp_path):
    masks = [_seen(material)]
    whole, _ = cross_validation.train_runs(material, masks, SHORT)
    stem = str(tmp_path / "run")
    part = replace(SHORT, steps=3)
    cross_validation.train_runs(material, masks, part, checkpoint=stem)
    resumed, curves = cross_validation.train_runs(material, masks, SHORT, checkpoint=stem)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
    assert len(curves) == 12


def test_checkpoint_of_something_else_is_refused(tmp_path):
    file = tmp_path / "state.pt"
    small, large = torch.nn.Linear(1, 1), torch.nn.Linear(2, 1)
    optimise(small, lambda: small.weight.square().sum(), 1, 0.1, file)
    with pytest.raises(InputError, match="of another training"):
        optimise(large, lambda: large.weight.square().sum(), 2, 0.1, file)


def test_runs_side_by_side_equal_single_runs(material):
    masks = [fold.train for fold in cross_validation.folds(material.rated, ["lodo"])]
    both, _ = cross_validation.train_runs(material, masks, SHORT)
    one, _ = cross_validation.train_runs(material, masks[1:], SHORT)
    for a, b in zip(both.parameters(), one.parameters(), strict=True):
        torch.testing.assert_close(a[1:], b, rtol=1e-3, atol=1e-4)


def test_every_listening_test_counts_the_same():
    test = torch.tensor([0, 0, 0, 1, 2, 2])
    chosen = torch.tensor([[True] * 6, [True, True, False, True, False, False]])
    weight = shares(chosen, test, 1)
    assert weight[:, 0].tolist() == pytest.approx([1 / 9] * 3 + [1 / 3] + [1 / 6] * 2)
    assert weight[:, 1].tolist() == pytest.approx([0.25, 0.25, 0, 0.5, 0, 0])


def test_one_listening_test_alone_has_no_scale(material):
    masks = [fold.train for fold in cross_validation.folds(material.rated, ["lodo"])]
    with_scales, without = (
        cross_validation.train_runs(material, masks, replace(SHORT, test_scales=each))[0]
        for each in (True, False)
    )
    for a, b in zip(with_scales.parameters(), without.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_ceiling_is_for_tests_with_a_better_reference_only(material):
    masks = [fold.train for fold in cross_validation.folds(material.rated, ["lodo"])]
    with_ceiling, without = (
        cross_validation.train_runs(material, masks, replace(SHORT, ceilings=each))[0].log_weight
        for each in (True, False)
    )
    # the first run is trained on the codec set, the second on AES 2023
    assert not torch.equal(with_ceiling[0], without[0])
    assert torch.equal(with_ceiling[1], without[1])


def test_scales_and_ceiling_let_one_model_serve_both_tests():
    table = pd.read_csv(PROCESSED / "ablations.csv")
    table = table[(table.protocol == "pooled-loso-scaled") & (table.signal == "ambisonic")]
    table = table[(table.dataset == "ambiqual2") & (table.seed == 0)].set_index("variant").pearson
    assert table["shipped"] > table["without ceiling"] > table["one scale for all tests"] + 0.05


def test_folds_never_train_on_what_they_test(material):
    table = material.rated
    found = cross_validation.folds(table)
    assert [f.protocol for f in found].count("loso") == 13 and len(found) == 42
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
    assert len(found) == 7
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


def test_held_out_ratings_change_nothing(material):
    fold = cross_validation.folds(material.rated, ["pooled-loso"])[0]
    other = material.rated.copy()
    other.loc[fold.test, "mean"] = 50.0
    first, second = (
        cross_validation.train_runs(m, [fold.train], SHORT)[0]
        for m in (material, material._replace(rated=other))
    )
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_no_protocol_shows_a_scene_its_own_ratings(material):
    table, scene = material.rated, "string_quartet_medrev"
    changed = table.assign(mean=table["mean"].where(table.content != scene, 50.0))
    first, second = (
        cross_validation.predict(m, SHORT) for m in (material, material._replace(rated=changed))
    )
    own = first.content == scene
    assert first.protocol[own].nunique() == 8
    np.testing.assert_allclose(second.score[own], first.score[own], atol=1e-6)
    assert not np.allclose(second.score[~own], first.score[~own], atol=1e-4)


def test_targets_use_only_what_a_run_may_see(material):
    mask = np.zeros(len(material.rated), dtype=bool)
    mask[:20] = True
    changed = material.rated.assign(mean=material.rated["mean"].where(mask, 1.0))
    first, second = (
        pretraining.targets(t, [mask], material.drawn) for t in (material.rated, changed)
    )
    np.testing.assert_array_equal(first, second)


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


def test_ablations_hold_the_shipped_recipe_and_ten_seeds():
    table = pd.read_csv(PROCESSED / "ablations.csv")
    shipped = table[(table.variant == "shipped") & (table.signal == "ambisonic")]
    assert shipped.seed.nunique() >= 10
    spread = shipped.groupby(["protocol", "dataset"]).pearson.std()
    assert spread.loc["loso"].max() < 0.05 and spread.loc["pooled-loso-scaled", "pooled"] < 0.05
    first = shipped[(shipped.seed == 0) & (shipped.dataset == "pooled")]
    first = first[first.protocol == "pooled-loso-scaled"].pearson.item()
    kept = pd.read_csv(PROCESSED / "training_agreement.csv")
    kept = kept[(kept.metric == "qastanet") & (kept.subset == "without_reference")]
    kept = kept[(kept.dataset == "pooled") & (kept.signal == "ambisonic")]
    kept = kept[kept.protocol == "pooled-loso-scaled"]
    assert first == pytest.approx(kept.pearson.item(), abs=2e-3)


def test_more_scenes_do_not_make_it_worse():
    table = pd.read_csv(PROCESSED / "data_efficiency.csv")
    table = table[(table.variant == "shipped") & (table.signal == "ambisonic")]
    table = table[table.protocol == "pooled-loso-scaled"]
    median = table.groupby("scenes").rmse.median()
    assert median.iloc[-1] < median.iloc[0]


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
