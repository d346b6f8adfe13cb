"""What carries a correlation: conditions, scenes, the rest; the table that says it of all."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qastanet.agreement.splitting import (
    correlation_of_parts,
    extreme_condition,
    shuffled,
    split,
)
from qastanet.agreement.statistics import pearson
from qastanet.evidence.comparison.overview import ALL, WITHOUT, best, overview, with_yardsticks

PROCESSED = Path(__file__).parents[1] / "data" / "processed"


@given(st.integers(0, 1000), st.integers(2, 5), st.integers(2, 5))
def test_parts_add_up_and_the_rest_knows_neither(seed, conditions, scenes):
    rng = np.random.default_rng(seed)
    condition, scene = (each.ravel() for each in np.indices((conditions, scenes)))
    kept = rng.random(len(scene)) < 0.9  # the table need not be full
    kept[[0, -1]] = True
    condition, scene = condition[kept], scene[kept]
    values = rng.normal(size=kept.sum())
    parts = split(values, condition, scene)
    np.testing.assert_allclose(sum(parts) + values.mean(), values, atol=1e-9)
    for names in (condition, scene):
        for name in np.unique(names):
            assert abs(parts.rest[names == name].sum()) < 1e-9


def test_an_additive_table_is_split_exactly():
    rng = np.random.default_rng(0)
    condition, scene = (each.ravel() for each in np.indices((4, 5)))
    first, second = rng.normal(size=4), rng.normal(size=5)
    found = split(first[condition] + second[scene], condition, scene)
    np.testing.assert_allclose(found.conditions, (first - first.mean())[condition], atol=1e-12)
    np.testing.assert_allclose(found.scenes, (second - second.mean())[scene], atol=1e-12)
    np.testing.assert_allclose(found.rest, 0, atol=1e-12)


def test_a_metric_that_knows_only_the_coding_is_seen_through():
    rng = np.random.default_rng(1)
    condition, scene = (each.ravel() for each in np.indices((5, 6)))
    coding = np.linspace(0, 60, 5)
    rating = coding[condition] + 10 * rng.normal(size=6)[scene]
    score = coding[condition] - 5 * rng.normal(size=6)[scene]
    found = correlation_of_parts(score, rating, condition, scene)
    assert found["conditions"] > 0.999 and found["scenes"] < 0.9
    null = shuffled(score, rating, condition, 500)
    assert pearson(score, rating) - null.mean() < 0.1  # nearly all of it is the condition


def test_shuffling_keeps_what_conditions_say_and_depends_on_the_seed_alone():
    x = np.repeat([1.0, 5.0], 4)
    np.testing.assert_allclose(shuffled(x, x, x, 10), 1)
    rng = np.random.default_rng(0)
    y, z = rng.random(8), rng.random(8)
    np.testing.assert_array_equal(shuffled(y, z, x, 20, 3), shuffled(y, z, x, 20, 3))
    assert (shuffled(y, z, x, 20, 3) != shuffled(y, z, x, 20, 4)).any()


def test_the_extreme_condition_lies_far_below_the_next():
    rating = [10, 12, 40, 44, 55, 57]
    assert extreme_condition(rating, list("aabbcc")) == "a"
    assert extreme_condition(rating[2:], list("bbcc")) is None  # 14 points are not 15


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(0)
    rows = []
    for scene in range(6):
        for condition, level in {"x": 5.0, "y": 50.0, "z": 60.0, "v": 75.0}.items():
            mean = level + 4 * rng.normal()
            rows.append(
                {"dataset": "a", "stimulus": f"{scene}{condition}", "content": f"s{scene}"}
                | {"condition": condition, "role": "coded", "signal": "ambisonic"}
                | {"mean": mean, "sd": 10.0, "listeners": 12, "good": mean, "bad": -mean}
            )
    table = pd.DataFrame(rows)
    told = [
        table[["dataset", "stimulus", "role", "signal"]].assign(
            metric="model", protocol=protocol, score=table["mean"] / 100
        )
        for protocol in ("pooled-source-out", "pooled-source-out-scaled")
    ]
    return table, pd.concat(told)


def test_overview_of_a_made_test(made):
    found = overview(*made, ["good", "bad"], replicates=50).set_index(["subset", "metric"])
    assert found.loc[(ALL, "good"), "pearson"] == pytest.approx(1)
    assert found.loc[(ALL, "bad"), "pearson"] == pytest.approx(-1)
    assert found.loc[(ALL, "model"), "points"] == pytest.approx(0)
    assert found.loc[(ALL, "model"), "unseen"] == "recording left out"
    assert found.loc[(WITHOUT, "good"), "items"] == 18  # x is the extreme one
    assert 0.9 < found.loc[(ALL, "listeners"), "pearson"] < 1
    low, high = found.loc[(ALL, "condition-mean"), ["pearson_low", "pearson_high"]]
    assert low < found.loc[(ALL, "condition-mean"), "pearson"] < high
    first = best(found.reset_index())
    assert set(first.best) <= {"good", "model"} and (first.level >= 1).all()


def test_the_mean_of_the_condition_has_not_seen_the_recording(made):
    table = with_yardsticks(made[0])
    own = (table.condition == "x") & (table.content == "s0")
    others = (table.condition == "x") & (table.content != "s0")
    expected = table.loc[others, "mean"].mean()
    assert table.loc[own, "condition-mean"].item() == pytest.approx(expected)
