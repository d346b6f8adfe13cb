"""The comparison: subsets, mappings that do not see their own items, predictions, views."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qastanet.compendium.pages import printed
from qastanet.compendium.pages.parts import summary
from qastanet.evidence.all_scores import KEY, rated_scores
from qastanet.evidence.comparison import metrics, protocols, tables, views
from qastanet.listening_tests.contents import RATED
from qastanet.plots import names


def toy(dataset, scenes="abcd", signal="ambisonic", seed=0):
    rng = np.random.default_rng(seed)
    conditions = ["REF", "good", "fair", "poor", "anchor"]
    quality = np.array([1, 0.8, 0.6, 0.3, 0.1])
    rows = []
    for scene in scenes:
        for condition, q in zip(conditions, quality, strict=True):
            q = np.clip(q + 0.05 * rng.standard_normal(), 0, 1)
            rows.append((f"{dataset}-{scene}", condition, 100 * q, q**2, 5 - 4 * q))
    table = pd.DataFrame(rows, columns=["content", "condition", "mean", "emobiq", "lsd"])
    role = table.condition.map({"REF": "reference", "anchor": "anchor"}).fillna("coded")
    table = table.assign(dataset=dataset, role=role, order=1, signal=signal, sd=10.0, listeners=20)
    table["group"] = np.where(table.content.str.endswith(("a", "b")), "music", "speech")
    table["room"] = "anechoic"
    table["stimulus"] = table.content + "_" + table.condition
    table["ci95_low"], table["ci95_high"] = table["mean"] - 4, table["mean"] + 4
    return table


@pytest.fixture
def two():
    return pd.concat([toy("one"), toy("two", seed=1)], ignore_index=True)


METRICS = {"emobiq": 100.0, "lsd": -1.0}


def test_subsets(two):
    main = protocols.main_subsets(two)
    assert [int(mask.sum()) for mask in main.values()] == [40, 32, 24, 32]
    groups = protocols.group_subsets(two)
    assert {"group_music", "group_speech", "room_anechoic", "order_1", "condition_good"} <= set(
        groups
    )
    assert int(groups["group_music"].sum()) == 16
    assert not (groups["room_anechoic"] & (two.role == "reference")).any()


def test_scene_mapping_does_not_see_the_scene(two):
    mapped = protocols.map_scenes(two, METRICS)
    changed = two.copy()
    own = changed.content == "one-a"
    changed.loc[own, "mean"] = 100 - changed.loc[own, "mean"]
    again = protocols.map_scenes(changed, METRICS)
    pd.testing.assert_frame_equal(mapped.loc[own, list(METRICS)], again.loc[own, list(METRICS)])
    assert mapped.emobiq.between(0, 105).all()
    assert mapped["lsd"].corr(mapped["mean"]) > 0.9  # a distance comes out as points


def test_dataset_mapping_does_not_see_the_dataset(two):
    mapped = protocols.map_datasets(two, METRICS)
    changed = two.copy()
    own = changed.dataset == "one"
    changed.loc[own, "mean"] = 100 - changed.loc[own, "mean"]
    again = protocols.map_datasets(changed, METRICS)
    pd.testing.assert_series_equal(mapped.emobiq[own], again.emobiq[own])
    assert not np.allclose(mapped.emobiq[~own], again.emobiq[~own])


def test_dataset_mapping_needs_another_dataset():
    mapped = protocols.map_datasets(toy("one"), METRICS)
    assert mapped[list(METRICS)].isna().all().all()


def test_table(two):
    rows = protocols.correlation_table(two, ["emobiq", "lsd"], "loso", replicates=50)
    assert set(rows.dataset) == {"one", "two", "pooled"}
    row = rows.query("dataset == 'one' and metric == 'lsd' and subset == 'with_reference'").iloc[0]
    assert row.pearson > 0.9
    assert row.rmse == pytest.approx(row.rmse_mapped)
    assert np.isnan(row.rmse_in_sample)
    direct = protocols.correlation_table(two, ["lsd"], "direct", replicates=50, groups=True)
    assert (direct[direct.subset == "with_reference"].pearson < -0.9).all()
    assert "group_speech" in set(direct.subset)


def test_predictions_take_part(two):
    predictions = two[["dataset", "stimulus", "content", "condition"]].assign(
        metric="qastanet", protocol="loso", score=two["mean"] / 100
    )
    predictions = pd.concat([predictions, predictions.assign(protocol="lodo", metric="other")])
    joined = protocols.add_predictions(two, predictions)
    assert set(joined) == {"loso", "lodo"}
    screened = two[two.dataset == "one"].assign(dataset="one-screened")
    full = tables.full_table(two, screened, predictions, replicates=20)
    rows = full[full.metric == "qastanet"]
    assert set(rows.protocol) == {"loso"}
    assert rows.pearson.dropna().to_numpy() == pytest.approx(1)
    assert rows.rmse.dropna().to_numpy() == pytest.approx(0, abs=1e-9)
    assert full[full.dataset == "paper-private"].n.isna().all()


def test_one_form_of_each_stimulus_is_compared(two):
    heard = two.copy().assign(signal="binaural", emobiq=0.5, lsd=3.0)
    both = pd.concat([heard, two.assign(lsd=np.nan)], ignore_index=True)
    predictions = heard.assign(metric="ours", protocol="pooled-source-out", score=0.25)
    view = views.as_heard(both, ["emobiq", "lsd"], predictions)
    assert len(view) == len(two)
    assert view.emobiq.to_numpy() == pytest.approx(two.emobiq.to_numpy())
    assert (view["lsd"] == -3).all() and (view.ours == 0.25).all()  # what only the ears have


def test_distances_are_turned_round_once():
    row = {"metric": "lsd", "protocol": "direct"}
    for name in ("pearson", "spearman", "kendall"):
        row |= {name: -0.5, f"{name}_lo": -0.8, f"{name}_hi": -0.1}
    rows = pd.DataFrame([row, row | {"protocol": "loso"}, row | {"metric": "emobiq"}])
    turned = views.turn_distances(rows)
    assert turned.pearson.tolist() == [0.5, -0.5, -0.5]
    assert turned.loc[0, ["pearson_lo", "pearson_hi"]].tolist() == [0.1, 0.8]


def test_summary_has_the_tests_that_a_metric_was_evaluated_on():
    row = {"subset": "all", "unseen": "as it is", "items": 9, "spearman": 0.4}
    row |= {"pearson": 0.5, "pearson_low": -0.1, "pearson_high": 0.8}
    rows = [
        row | {"metric": "emobiq", "dataset": "aes2023"},
        row | {"metric": "emobiq", "dataset": "neural2024"},
        row | {"metric": "parts", "dataset": "neural2024", "unseen": "test left out"},
        row | {"metric": "unheard of", "dataset": "aes2023"},
    ]
    found = summary(pd.DataFrame(rows)).set_index("metric")
    assert found.index.tolist() == ["Parts (ours), test unseen", "eMoBi-Q"]
    assert (found["Neural codecs 2024, all (9)"] == ".50 [−.10, .80]").all()
    assert found["AES 2023, all (9)"].isna().tolist() == [True, False]


def test_within_scenes_and_ceilings(two):
    within = tables.within_scenes(two, ["emobiq"])
    assert within.spearman.min() > 0.9
    assert within.groupby("dataset").content.nunique().tolist() == [4, 4]
    limits = tables.ceilings(two)
    assert limits.pearson.between(0.9, 1).all()


def test_pooled_rows_are_of_metrics_that_several_tests_have(two):
    scored = two.assign(visqol=two.emobiq.where(two.dataset == "one"))
    rows = protocols.correlation_table(scored, ["emobiq", "visqol"], "direct", replicates=20)
    pooled = rows[rows.dataset == "pooled"]
    assert set(pooled.metric) == {"emobiq"}
    assert "visqol" in set(rows[rows.dataset == "one"].metric)


def test_differences_leave_out_constant_metrics(two):
    view = views.as_heard(two.assign(visqol=1.0), ["emobiq", "lsd", "visqol"])
    pairs = tables.difference_table(view, ["emobiq", "lsd", "visqol"], replicates=50)
    assert pairs[["dataset", "metric_a", "metric_b"]].to_numpy().tolist() == [
        ["one", "emobiq", "lsd"],
        ["two", "emobiq", "lsd"],
    ]


def test_realisations(two):
    one = two[two.dataset == "one"]
    again = one[["stimulus"]].assign(seed=3, emobiq=one["mean"]).iloc[:5]
    rows = tables.realisation_table(one, again, "emobiq")
    assert rows.n.tolist() == [20, 16]


def test_missing_columns_are_kept(tmp_path, two):
    rated = two[RATED]
    reported = pd.DataFrame({"content": ["x"], "condition": ["y"], "pemo-q": [0.0], "bam-q": [1.0]})
    full = rated_scores(rated, two[[*KEY, "emobiq"]].assign(visqol=4.0), reported)
    full.to_csv(tmp_path / "scores.csv", index=False)
    without = rated_scores(rated, two[[*KEY, "emobiq"]], reported, tmp_path / "scores.csv")
    assert (without.visqol == 4).all()
    assert list(without) == list(full)
    assert "visqol" not in rated_scores(rated, two[[*KEY, "emobiq"]], reported, tmp_path / "no.csv")


def test_printable_tables(tmp_path, two):
    rows = protocols.correlation_table(two, ["emobiq"], "direct", replicates=20)
    table = printed.printable(rows[rows.subset == "with_reference"], ["emobiq"])
    assert table.dataset.tolist() == ["one", "Pooled, ambisonic", "two"]
    assert set(table.metric) == {"eMoBi-Q"} and set(table.protocol) == {"taken as it is"}
    printed.write_html(table, tmp_path / "t.html", "95 % intervals")
    hostile = table.replace("one", r"\input{x} <5")
    printed.write_latex(hostile, tmp_path / "t.tex", "95 % intervals_of")
    assert "<caption>95 % intervals</caption>" in (tmp_path / "t.html").read_text()
    text = (tmp_path / "t.tex").read_text()
    assert r"\toprule" in text
    assert r"95 \% intervals\_of" in text
    assert text.count(r"\\") == 6 and text.count(r"\begin{longtable}") == 1
    assert text.count(r"Pearson & Spearman") == 2  # on the first page, and on all others
    assert r"\textbackslash{}input\{x\} $<$5 &" in text and r"\input" not in text


def test_everything_in_the_tables_has_a_name_for_readers():
    folder = Path(__file__).parents[1] / "data" / "processed"
    rows = pd.read_csv(folder / "correlations.csv")
    assert set(rows.protocol) <= set(names.PROTOCOLS)
    assert set(rows.dataset) <= set(names.DATASETS)
    main = rows[rows.protocol != "direct"].metric
    assert set(main) | set(metrics.HEADLINE) <= set(names.LABELS)
