"""The scale of a listening test: one exponent that changes points and nothing else."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qastanet.evidence.fold_agreement import agreement
from qastanet.evidence.our_model import few_ratings
from qastanet.training.folds import SCALED, Fold, collect, folds
from qastanet.training.rating_scale import LIMIT, CurveScale, RatingScale, fit_curve, fit_scale

SCORES = arrays(float, st.integers(3, 12), elements=st.floats(0.02, 0.98))


@given(SCORES, st.floats(0.2, 5))
def test_a_known_scale_is_found(score, scale):
    assume(np.ptp(score) > 0.05)
    found = fit_scale(score, score**scale)
    assert found.exponent == pytest.approx(scale, rel=0.02) and found.ceiling == 1


@given(SCORES, st.floats(0.3, 3), st.floats(0.3, 1))
def test_a_known_ceiling_is_found(score, exponent, ceiling):
    assume(np.ptp(score) > 0.05)
    known = RatingScale(exponent, ceiling)
    found = fit_scale(score, known(score), better_reference=True)
    np.testing.assert_allclose(found(score), known(score), atol=2e-3)


@given(SCORES, st.floats(0.2, 5), st.floats(0.3, 1))
def test_a_scale_keeps_the_order_and_the_reference(score, exponent, ceiling):
    scaled = RatingScale(exponent, ceiling)([*np.sort(score), 1.0])
    assert (np.diff(scaled) >= 0).all() and scaled[-1] == 1


@given(SCORES, st.data())
def test_the_fit_is_the_best_of_a_grid(score, data):
    rating = data.draw(arrays(float, len(score), elements=st.floats(0, 1)))
    errors = [((score**s - rating) ** 2).mean() for s in np.exp(np.linspace(-LIMIT, LIMIT, 61))]
    best = fit_scale(score, rating)
    assert ((best(score) - rating) ** 2).mean() <= min(errors) + 1e-12


def test_nothing_to_tell_it_leaves_the_score():
    assert fit_scale([], []) == RatingScale(1, 1)
    assert fit_scale([1.0, 1.0], [0.9, 1.0], better_reference=True) == RatingScale(1, 1)


@pytest.fixture
def rated():
    """Three scenes of each of two tests; the second rates as the square of the scores."""
    rows = [
        {"dataset": d, "content": f"{d}{k}", "stimulus": f"{d}{k}{c}", "condition": c}
        for d in "ab"
        for k in range(3)
        for c in "xyz"
    ]
    table = pd.DataFrame(rows).assign(signal="ambisonic", role="coded")
    score = np.random.default_rng(0).uniform(0.1, 0.9, len(table))
    strict = (table.dataset == "b").to_numpy()
    table["mean"] = 100 * np.where(strict, score**2, score)
    return table, score


@pytest.mark.parametrize("protocol", SCALED)
def test_scaled_predictions_fit_each_test(rated, protocol):
    table, score = rated
    trainings = folds(table, [protocol])
    found = collect(table, trainings, np.tile(score[:, None], len(trainings)), "m")
    plain, scaled = (found[found.protocol == p] for p in (protocol, f"{protocol}-scaled"))
    assert len(plain) == len(scaled) == len(table)
    assert np.abs(100 * scaled.score - scaled["mean"]).max() < 0.1
    strict = plain[plain.dataset == "b"]
    assert np.abs(100 * strict.score - strict["mean"]).max() > 10


def test_a_better_reference_has_a_ceiling(rated, monkeypatch):
    monkeypatch.setattr("qastanet.training.folds.BETTER_REFERENCE", ("b",))
    table, score = rated
    table["mean"] = np.where(table.dataset == "b", 70 * score**2, table["mean"])
    trainings = folds(table, ["loso", "pooled-loso"])
    found = collect(table, trainings, np.tile(score[:, None], len(trainings)), "m")
    for protocol in ("loso", "pooled-loso-scaled"):
        part = found[found.protocol == protocol]
        assert np.abs(100 * part.score - part["mean"]).max() < 0.1


@pytest.mark.parametrize("protocol", SCALED)
def test_ratings_of_a_scene_do_not_change_its_own_scaled_predictions(rated, protocol):
    table, score = rated
    changed = table.assign(mean=table["mean"].where(table.content != "b1", 3.0))
    trainings = folds(table, [protocol])
    many = np.tile(score[:, None], len(trainings))
    first, second = (collect(t, trainings, many, "m") for t in (table, changed))
    own = first.content == "b1"
    assert np.array_equal(first.score[own], second.score[own])
    others = (first.dataset == "b") & ~own & first.protocol.str.endswith("-scaled")
    assert not np.allclose(first.score[others], second.score[others])


def test_a_test_without_training_scenes_has_no_scale(rated):
    table, score = rated
    train = (table.dataset == "a").to_numpy()
    found = collect(table, [Fold("pooled-loso", train, ~train)], score[:, None], "m")
    plain, scaled = (part.score.to_numpy() for _, part in found.groupby("protocol"))
    assert np.array_equal(plain, scaled)


def test_a_few_scenes_tell_the_scale(rated):
    table, score = rated
    trainings = folds(table, ["lodo"])
    found = collect(table, trainings, np.tile(score[:, None], 2), "m")
    errors = few_ratings.scale_efficiency(found).groupby(["dataset", "scenes"]).rmse.max()
    assert errors["b", 0] > 2 * errors["b", 1]
    free = few_ratings.scale_efficiency(found, [1], (100.0, 0.5))
    assert free[free.dataset == "b"].rmse.max() < 0.1  # exact ratings, nothing held back
    assert errors["a"].max() < 0.1


def test_what_is_no_number_is_never_perfect():
    assert np.isnan(RatingScale(2.0, 0.8)([np.nan, 0.5])).tolist() == [True, False]
    assert np.isnan(CurveScale(2.0, 0.8)([np.nan, 0.5])).tolist() == [True, False]


@given(SCORES, st.floats(0.3, 3), st.floats(0.7, 1.5))
def test_a_known_curve_is_nearly_found(score, exponent, curve):
    assume(np.ptp(score) > 0.4)
    known = CurveScale(exponent, curve)
    found = fit_curve(score, known(score))
    free = fit_curve(score, known(score), (100.0, 0.5))
    assert np.abs(free(score) - known(score)).max() < 0.06
    off, untold = (np.square(f(score) - known(score)).mean() for f in (found, CurveScale()))
    assert off <= untold + 1e-12  # told something, and held near the model
    assert found([1.0])[0] == 1 and (np.diff(found(np.sort(score))) >= 0).all()
    assert fit_curve([], []) == CurveScale(1, 1)


def test_a_single_item_tells_the_scale():
    assert fit_scale([0.5], [0.25]).exponent == pytest.approx(2, rel=1e-3)
    assert fit_scale([0.5, 1.0], [0.25, 1.0]).exponent == pytest.approx(2, rel=1e-3)


def test_a_scene_that_is_alone_is_not_left_out():
    table = pd.DataFrame({"dataset": "a", "content": "x", "role": "coded"}, index=range(3))
    assert folds(table) == []


def test_offsets_between_tests_do_not_count_within(rated):
    table, score = rated
    flat = np.where(table.dataset == "a", 0.8, 0.4) + 0.001 * np.arange(len(table)) % 0.01
    table["mean"] = np.where(table.dataset == "a", 80, 40) + 10 * score
    trainings = folds(table, ["pooled-loso"])
    found = collect(table, trainings, np.tile(flat[:, None], len(trainings)), "m")
    row = agreement(found).set_index(["protocol", "dataset"])
    assert row.pearson["pooled-loso", "pooled"] > 0.9
    assert abs(row.pearson_within["pooled-loso", "pooled"]) < 0.6
