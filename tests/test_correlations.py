"""The table of the comparison: columns, honesty of the mapped errors, subsets."""

import numpy as np
import pandas as pd
import pytest

from qastanet.agreement import statistics
from qastanet.agreement.correlations import correlations

LABELS = {"dataset": "toy", "signal": "binaural", "protocol": "direct"}


@pytest.fixture
def items():
    rng = np.random.default_rng(0)
    quality = rng.random(48)
    table = pd.DataFrame({"content": np.repeat(list("abcdefgh"), 6)})
    table["mean"] = 100 * quality**2
    table["ci95_low"], table["ci95_high"] = table["mean"] - 5, table["mean"] + 5
    table["good"] = quality + 0.05 * rng.standard_normal(48)
    table["distance"] = 10 - 8 * table["good"]
    return table


def test_columns(items):
    rows = correlations(items, {"good": 100, "distance": -1}, labels=LABELS, replicates=200)
    assert rows.columns[:8].tolist() == [
        *("dataset", "subset", "signal", "metric", "protocol", "n", "scenes", "recordings")
    ]
    wanted = {"pearson_lo", "spearman_hi", "kendall", "rmse", "rmse_mapped"}
    assert wanted <= set(rows.columns)
    assert rows["dataset"].unique().tolist() == ["toy"]


def test_values(items):
    row = correlations(items, {"good": 100}, labels=LABELS, replicates=500).loc[0]
    assert row["pearson"] == statistics.pearson(items["good"], items["mean"])
    assert row["pearson_lo"] < row["pearson"] < row["pearson_hi"]
    assert row["rmse"] == pytest.approx(statistics.rmse(100 * items["good"], items["mean"]))
    assert row["rmse_in_sample"] < row["rmse"]
    assert row["rmse_epsilon_mapped"] < row["rmse_mapped"]
    assert 0 < row["outlier_ratio_mapped"] < 1


def test_a_distance_is_the_same_metric_turned_round(items):
    rows = correlations(items, {"good": 100, "distance": -1}, replicates=100)
    good, distance = rows.loc[0], rows.loc[1]
    assert distance["spearman"] == pytest.approx(-good["spearman"])
    assert distance["rmse_mapped"] == pytest.approx(good["rmse_mapped"], rel=1e-6)
    assert np.isnan(distance["rmse"])


def test_subsets(items):
    subsets = {"half": items["content"] < "e", "few": items.index < 2, "scene": items.index < 6}
    rows = correlations(items, {"good": 100}, subsets, replicates=50).set_index("subset")
    assert rows["n"].to_dict() == {"half": 24, "scene": 6}
    alone = rows.loc["scene"]
    assert np.isnan([alone["pearson_lo"], alone["rmse_mapped"]]).all()
    assert np.isfinite(alone["pearson"])


def test_without_intervals_of_the_ratings(items):
    row = correlations(items.drop(columns="ci95_low"), {"good": None}, replicates=50).loc[0]
    assert np.isnan(row["outlier_ratio_mapped"])
    assert np.isfinite(row["rmse_mapped"])


def test_unscored_items_are_left_out(items):
    items.loc[3, "good"] = np.nan
    assert correlations(items, {"good": 100}, replicates=10).loc[0, "n"] == 47
