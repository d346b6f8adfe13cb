"""Tests between metrics: worked examples, false alarms by simulation, invariants."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qastanet.agreement.significance import compare_metrics, holm, meng_test, steiger_test
from qastanet.errors import InputError


def test_example_of_meng_rosenthal_rubin():
    result = meng_test(0.63, -0.03, -0.19, 15)
    assert result.z == pytest.approx(1.68, abs=0.005)
    assert result.p / 2 == pytest.approx(0.0465, abs=5e-4)


@pytest.mark.parametrize("test", [meng_test, steiger_test])
def test_false_alarms_are_as_rare_as_promised(test):
    rng = np.random.default_rng(0)
    latent = rng.standard_normal((3000, 3, 50))
    rating, first, second = np.moveaxis(latent, 1, 0)
    shared = 0.7 * rating
    metrics = [shared + 0.3 * first + 0.5 * second, shared + 0.3 * second + 0.5 * first]

    def correlation(a, b):
        return [np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)]

    r = np.array(
        [
            correlation(metrics[0], rating),
            correlation(metrics[1], rating),
            correlation(metrics[0], metrics[1]),
        ]
    )
    share = np.mean([test(*row, 50).p < 0.05 for row in r.T])
    assert share == pytest.approx(0.05, abs=0.015)


@given(
    a=st.floats(-0.9, 0.9), b=st.floats(-0.9, 0.9), c=st.floats(-0.3, 0.9), n=st.integers(5, 300)
)
def test_swapping_the_metrics_turns_the_sign(a, b, c, n):
    for test in (meng_test, steiger_test):
        one, other = test(a, b, c, n), test(b, a, c, n)
        assert one.z == pytest.approx(-other.z, abs=1e-9)
        assert 0 <= one.p <= 1


def test_the_same_metric_twice_is_no_difference():
    assert meng_test(0.8, 0.8, 1.0, 30) == (0, 1)
    assert steiger_test(0.8, 0.8, 1.0, 30) == (0, 1)
    assert np.isnan(meng_test(float("nan"), 0.8, 0.5, 30).p)


def test_tests_refuse():
    with pytest.raises(InputError, match="too few"):
        meng_test(0.1, 0.2, 0.3, 3)
    with pytest.raises(InputError, match="not a correlation"):
        steiger_test(1.2, 0.2, 0.3, 10)


def test_holm():
    np.testing.assert_allclose(holm([0.01, np.nan, 0.02, 0.5]), [0.03, np.nan, 0.04, 0.5])
    assert np.isnan(holm([np.nan])).all()


def test_compare_metrics():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"content": np.repeat(list("abcdefghij"), 5), "mean": rng.random(50)})
    for name, noise in (("good", 0.05), ("fair", 0.3), ("poor", 2.0)):
        table[name] = table["mean"] + noise * rng.standard_normal(50)
    table.loc[0, "poor"] = np.nan
    pairs = compare_metrics(table, ["good", "fair", "poor"], replicates=1000)
    assert pairs["n"].tolist() == [50, 49, 49]
    assert (pairs["difference"] > 0).all()
    assert (pairs["low"][:2] > 0).all()
    assert (pairs["p_meng_holm"][:2] < 0.01).all()
    for test in ("p", "p_meng", "p_steiger"):
        assert (pairs[f"{test}_holm"] >= pairs[test]).all()


def test_few_scenes_cannot_make_a_small_p():
    items = pd.DataFrame({"content": list("aabbcc"), "mean": [1, 5, 2, 6, 1, 7]})
    items["good"] = items["mean"] * 1.0
    items["bad"] = [5, 1, 6, 2, 7, 1]
    found = compare_metrics(items, ["good", "bad"], replicates=500)
    assert found.difference[0] > 1 and found.p[0] == 0.25
