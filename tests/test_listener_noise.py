"""Ceiling by listener noise: cases with a known answer."""

import numpy as np
import pytest

from qastanet.agreement.listener_noise import simulated_ceiling, split_half
from qastanet.agreement.statistics import pearson
from qastanet.errors import InputError


def panel(listeners=20, items=300, noise=20.0, seed=0):
    rng = np.random.default_rng(seed)
    truth = 50 + 10 * rng.standard_normal(items)
    return truth, truth + noise * rng.standard_normal((listeners, items))


def test_split_half_finds_the_reliability():
    truth, ratings = panel()
    result = split_half(ratings, splits=200)
    expected = 10**2 / (10**2 + 20**2 / 20)  # true variance over that of the means
    assert result.reliability == pytest.approx(expected, abs=0.03)
    assert result.ceiling == pytest.approx(pearson(truth, ratings.mean(axis=0)), abs=0.02)
    assert result.reliability == pytest.approx(1 / (0.5 + 0.5 / result.halves))


def test_simulation_agrees_with_split_half():
    _, ratings = panel()
    result = simulated_ceiling(ratings.mean(axis=0), ratings.std(axis=0, ddof=1), 20)
    assert result.pearson == pytest.approx(split_half(ratings).ceiling, abs=0.01)
    assert result.rmse == pytest.approx(20 / np.sqrt(20), rel=0.03)
    assert result.spearman < result.pearson


def test_offsets_of_listeners_do_not_matter_to_split_half():
    _, ratings = panel(10, 40)
    shifted = ratings + 15 * np.random.default_rng(1).standard_normal((10, 1))
    assert split_half(shifted).halves == pytest.approx(split_half(ratings).halves, abs=1e-9)


def test_more_listeners_raise_the_ceiling():
    mean = np.linspace(20, 80, 30)
    ceilings = [simulated_ceiling(mean, 25.0, n).pearson for n in (3, 10, 30, 100)]
    assert np.all(np.diff(ceilings) > 0)


def test_missing_ratings_are_left_out():
    _, ratings = panel(12, 60, noise=5)
    full = split_half(ratings, splits=100)
    ratings[::3, ::7] = np.nan
    assert split_half(ratings, splits=100).halves == pytest.approx(full.halves, abs=0.05)


def test_repeatable_and_odd_panels():
    _, ratings = panel(7, 20)
    assert split_half(ratings, 50, seed=4) == split_half(ratings, 50, seed=4)


def test_refuses():
    with pytest.raises(InputError, match="at least 4 listeners"):
        split_half(np.zeros((3, 10)))
    with pytest.raises(InputError, match="must not be negative"):
        simulated_ceiling([1, 2, 3], -1.0, 10)
