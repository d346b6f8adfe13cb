"""Ratings of the AES 2023 test, roles of its items, the metrics its authors report."""

import mirror
import pandas as pd
import pytest

from qastanet.agreement.statistics import pearson, spearman
from qastanet.errors import InputError
from qastanet.listening_tests.aes2023 import LOSSLESS, describe, mean_ratings, reported_metrics
from qastanet.scene.parametric_coding import CONDITIONS
from qastanet.scene.parametric_scenes import SCENES


@pytest.fixture(scope="module")
def files():
    root = mirror.upstream(mirror.AES2023)
    return lambda name: root / name


def test_ratings(files):
    raw, screened = mean_ratings(files), mean_ratings(files, screened=True)
    assert len(raw) == len(screened) == 104
    assert raw["listeners"].unique().tolist() == [22]
    assert screened["listeners"].unique().tolist() == [14]
    assert raw["role"].value_counts().to_dict() == {"coded": 72, "reference": 19, "anchor": 13}
    assert raw.query("role == 'reference'")["mean"].min() > 75
    assert raw.query("role == 'anchor'")["mean"].max() < 60


def test_reported_metrics_are_of_the_same_items(files):
    reported = reported_metrics(files)
    assert len(reported) == 15 * 8
    keys = set(map(tuple, reported[["content", "condition"]].to_numpy()))
    rated = mean_ratings(files)
    assert set(map(tuple, rated[["content", "condition"]].to_numpy())) <= keys
    lossless = reported.set_index(["content", "condition"]).loc[LOSSLESS]
    assert (lossless["pemo-q"] == 0).all()
    assert (lossless["bam-q"] == 100).all()


@pytest.mark.parametrize(
    ("metric", "coded", "every"),
    [("pemo-q", (0.55, 0.62), (0.61, 0.70)), ("bam-q", (0.75, 0.59), (0.78, 0.67))],
)
def test_reported_metrics_on_the_49_items(files, metric, coded, every):
    table = mean_ratings(files).merge(reported_metrics(files))
    table = table[table["content"].isin(SCENES) & table["condition"].isin(CONDITIONS)]
    for items, expected in ((table[table["condition"] != "reference"], coded), (table, every)):
        found = [measure(items[metric], items["mean"]) for measure in (pearson, spearman)]
        assert found == pytest.approx(expected, abs=0.03)


def test_roles_groups_rooms():
    rows = [
        ("two_speakers_anech", "FOA-Amb-Param2"),
        ("two_speakers_medrev", "FOA-Amb-Param2"),
        ("pink_noise_anech", "reference"),
        ("string_quartet_strongrev", "Mono"),
    ]
    table = describe(pd.DataFrame(rows, columns=["content", "condition"]))
    assert table["role"].tolist() == ["reference", "coded", "reference", "anchor"]
    assert table["group"].tolist() == ["speech", "speech", "noise", "music"]
    assert table["room"].tolist() == ["anechoic", "reverberant", "anechoic", "reverberant"]
    with pytest.raises(InputError, match="unknown content 'applause'"):
        describe(pd.DataFrame({"content": ["applause_anech"], "condition": ["FOA"]}))
