"""Measures of agreement, the monotone mapping, the bootstrap: analytic cases and invariants."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from qastanet.agreement import statistics
from qastanet.agreement.bootstrap import cluster_interval, paired_difference, percentile_interval
from qastanet.agreement.mapping import fit_monotone_cubic, map_out_of_fold
from qastanet.agreement.resampling import (
    MEASURES,
    replicate,
    samples_of_scenes,
)
from qastanet.errors import InputError

RNG = np.random.default_rng(3)


def toy(items=40, noise=0.2, scenes=8, seed=0):
    rng = np.random.default_rng(seed)
    score = rng.random(items)
    rating = 100 * (score + noise * rng.standard_normal(items))
    return score, rating, np.arange(items) % scenes


def test_measures_equal_scipy_also_with_ties():
    x, y = RNG.integers(0, 6, (2, 50)).astype(float)
    assert statistics.pearson(x, y) == pytest.approx(scipy.stats.pearsonr(x, y).statistic)
    assert statistics.spearman(x, y) == pytest.approx(scipy.stats.spearmanr(x, y).statistic)
    assert statistics.kendall(x, y) == pytest.approx(scipy.stats.kendalltau(x, y).statistic)


def test_constant_scores_have_no_correlation():
    x = np.arange(5.0)
    for measure in (statistics.pearson, statistics.spearman, statistics.kendall):
        assert np.isnan(measure(np.ones(5), x))


def test_errors_by_hand():
    assert statistics.rmse([0, 0, 0, 0, 0], [1, 1, 1, 1, 2], freedom=4) == pytest.approx(8**0.5)
    assert statistics.rmse_epsilon([0, 0], [3, 5], [3, 1]) == pytest.approx(8**0.5)
    assert statistics.rmse_epsilon([0, 0], [3, 5], [0, 0]) == statistics.rmse([0, 0], [3, 5])
    assert statistics.outlier_ratio([0, 0, 0, 0], [1, -2, 3, 4], [1, 1, 5, 1]) == 0.5


def test_errors_are_refused():
    with pytest.raises(InputError, match="at least 2 items"):
        statistics.pearson([1], [2])
    with pytest.raises(InputError, match="NaN"):
        statistics.rmse([1, np.nan], [1, 2])
    with pytest.raises(InputError, match="too few for 4"):
        statistics.rmse([1, 2], [1, 2], freedom=4)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), increasing=st.booleans())
def test_mapping_is_monotone_everywhere(seed, increasing):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((2, 12)) * [[3], [30]]
    mapped = fit_monotone_cubic(x, y, increasing)(np.linspace(-10, 10, 20_001))
    steps = np.diff(mapped) * (1 if increasing else -1)
    assert steps.min() >= -1e-9
    assert statistics.rmse(fit_monotone_cubic(x, y, increasing)(x), y) <= np.std(y) + 1e-9


def test_mapping_equals_the_free_cubic_where_that_is_monotone():
    x = np.linspace(0, 1, 30)
    y = 10 + 50 * x + 30 * x**3 + RNG.standard_normal(30)
    free = np.polynomial.Polynomial.fit(x, y, 3)
    assert np.all(np.diff(free(np.linspace(0, 1, 1000))) > 0)
    np.testing.assert_allclose(fit_monotone_cubic(x, y)(x), free(x), atol=1e-3)


def test_mapping_is_the_best_monotone_one():
    """Against a second solver: slopes held non-negative on a fine grid."""
    x = np.linspace(-1, 1, 25)
    y = 100 * (x > 0.3) + 10 * RNG.standard_normal(25)
    grid = np.linspace(-1, 1, 401)
    slope = {"type": "ineq", "fun": lambda c: c[1] + 2 * c[2] * grid + 3 * c[3] * grid**2}

    def loss(c):
        return np.mean((np.polynomial.polynomial.polyval(x, c) - y) ** 2)

    start = np.array([50.0, 50.0, 0.0, 0.0])
    other = scipy.optimize.minimize(
        loss, start, method="SLSQP", constraints=slope, options={"maxiter": 500, "ftol": 1e-12}
    )
    assert np.mean((fit_monotone_cubic(x, y)(x) - y) ** 2) == pytest.approx(other.fun, rel=1e-4)


def test_mapping_of_equal_scores_is_their_mean():
    assert fit_monotone_cubic([2, 2, 2], [10, 20, 60])(2.0) == pytest.approx(30)


def test_out_of_fold_mapping_does_not_see_its_own_scene():
    score, rating, scene = toy()
    mapped = map_out_of_fold(score, rating, scene)
    changed = np.where(scene == 3, 1000.0, rating)
    np.testing.assert_array_equal(
        mapped[scene == 3], map_out_of_fold(score, changed, scene)[scene == 3]
    )
    own = fit_monotone_cubic(score, rating)(score)
    assert statistics.rmse(own, rating) < statistics.rmse(mapped, rating)
    assert np.isnan(map_out_of_fold(score, rating, np.zeros(40))).all()


@pytest.mark.parametrize("measure", MEASURES)
def test_weighted_measures_equal_plain_ones_on_repeated_items(measure):
    x, y = RNG.integers(0, 8, (2, 20)).astype(float)
    scene = np.arange(20) // 4
    samples = samples_of_scenes(scene, 20, seed=5)
    values = replicate(x, y, samples, measure)
    for value, count in zip(values, samples.counts.astype(int), strict=True):
        plain = getattr(statistics, measure)(np.repeat(x, count), np.repeat(y, count))
        assert value == pytest.approx(plain, nan_ok=True)


def test_samples_hold_whole_scenes():
    scene = np.array(list("aaabbc"))
    counts = samples_of_scenes(scene, 50, seed=1).counts
    assert np.ptp(counts[:, :3], axis=1).max() == 0
    assert np.all(counts[:, 0] + counts[:, 3] + counts[:, 5] == 3)


def test_clustering_widens_the_interval_when_scenes_differ():
    rng = np.random.default_rng(1)
    scene = np.repeat(np.arange(10), 6)
    level = rng.standard_normal((3, 10))[:, scene]  # the items of a scene are alike
    score = level[0] + level[1] + 0.1 * rng.standard_normal(60)
    rating = level[0] + level[2] + 0.1 * rng.standard_normal(60)
    clustered = cluster_interval(score, rating, scene, seed=2)
    single = cluster_interval(score, rating, np.arange(60), seed=2)
    assert clustered.low < statistics.pearson(score, rating) < clustered.high
    assert clustered.high - clustered.low > single.high - single.low


def test_interval_covers_about_as_often_as_it_says():
    rng = np.random.default_rng(7)
    hits = 0
    for trial in range(200):
        x = rng.standard_normal(60)
        y = 0.6 * x + 0.8 * rng.standard_normal(60)
        low, high = cluster_interval(x, y, np.arange(60), replicates=500, seed=trial)
        hits += low <= 0.6 <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_paired_difference():
    score, rating, scene = toy()
    worse = score + 0.5 * np.random.default_rng(1).standard_normal(40)
    result = paired_difference(score, worse, rating, scene)
    assert result.low > 0
    assert result.p < 0.05
    assert result.low < result.difference < result.high
    turned = paired_difference(worse, score, rating, scene)
    assert turned.difference == pytest.approx(-result.difference)
    assert (turned.low, turned.high) == pytest.approx((-result.high, -result.low))
    same = paired_difference(score, score, rating, scene)
    assert (same.difference, same.p) == (0, 1)


def test_a_single_scene_has_no_interval():
    score, rating, _ = toy()
    assert np.isnan(cluster_interval(score, rating, np.zeros(40)).low)
    assert np.isnan(paired_difference(score, score, rating, np.zeros(40)).p)
    assert np.isnan(percentile_interval([]).low)


def test_bootstrap_refuses():
    with pytest.raises(InputError, match="unknown measure 'r2'"):
        replicate([1, 2], [1, 2], samples_of_scenes([0, 1]), "r2")
    with pytest.raises(InputError, match="do not fit 2 items"):
        replicate([1, 2], [1, 2], samples_of_scenes([0, 1, 2]))
