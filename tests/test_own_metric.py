"""A metric of the reader's own beside all others: what is taken, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qastanet.compendium import own_metric
from qastanet.errors import InputError
from qastanet.evidence.comparison import metrics, overview
from qastanet.evidence.comparison.own_metric import with_own_metrics

SCORES = Path("data/processed/scores.csv")


@pytest.fixture(scope="module")
def scores():
    return pd.read_csv(SCORES)


def _file(folder, table, name="mine.csv"):
    path = folder / name
    table.to_csv(path, index=False)
    return path


def _codec(scores, **columns):
    items = scores[(scores.dataset == "ambiqual2") & (scores.signal == "ambisonic")]
    return items[["stimulus", "signal"]].assign(**columns).reset_index(drop=True)


def test_a_metric_joins_the_others_and_a_distance_is_turned_round(scores, tmp_path):
    table = _codec(scores)
    table["mine"] = np.arange(len(table)) / 10
    table["-far"] = np.arange(len(table))[::-1]
    found = with_own_metrics(scores, _file(tmp_path, table))
    assert metrics.own_metrics(found) == ["mine", "far"]
    assert metrics.headline(found)[-2:] == ["mine", "far"]
    own = found.set_index(["stimulus", "signal"]).loc[list(map(tuple, table.values[:, :2]))]
    assert own.mine.tolist() == pytest.approx(table.mine.tolist())
    assert own.far.tolist() == [-x for x in table["-far"]]
    others = found[(found.dataset != "ambiqual2")]
    assert others.mine.isna().all() and len(found) == len(scores)


def test_a_copy_of_a_metric_agrees_as_it_does(scores, tmp_path):
    table = _codec(scores)
    own = scores[scores.dataset == "ambiqual2"].set_index("stimulus")
    table["mine"] = own.loc[table.stimulus, "emobiq"].to_numpy()
    found = with_own_metrics(scores, _file(tmp_path, table))
    codec = found[found.dataset == "ambiqual2"]
    rows = overview.overview(
        codec, pd.read_csv("data/processed/predictions.csv"), ["emobiq", "mine"], 20
    ).set_index(["metric", "subset"])
    shared = ["pearson", "spearman", "pearson_low", "points"]
    for subset in (overview.ALL, overview.WITHOUT):
        one, other = rows.loc[("emobiq", subset), shared], rows.loc[("mine", subset), shared]
        assert one.tolist() == pytest.approx(other.tolist(), abs=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="signal"), "no column signal"),
        (lambda t: t[["stimulus", "signal"]], "no column with scores"),
        (lambda t: t.rename(columns={"mine": "emobiq"}), "'emobiq': choose a name"),
        (lambda t: t.rename(columns={"mine": "bitrate"}), "'bitrate': choose a name"),
        (lambda t: t.assign(**{"-mine": 1.0}), "choose a name that is free"),
        (lambda t: t.drop(index=3), "castFpinkEl_.*, ambisonic is missing|is missing"),
        (lambda t: pd.concat([t, t[:1]]), "is there twice"),
        (lambda t: t.assign(stimulus=["nobody", *t.stimulus[1:]]), "nobody, ambisonic is no rated"),
        (lambda t: t.assign(mine=["", *t.mine[1:]]), "line 2: mine is ''"),
        (lambda t: t.assign(mine=["inf", *t.mine[1:]]), "line 2: mine is 'inf'"),
        (lambda t: t.assign(mine=["loud", *t.mine[1:]]), "line 2: mine is 'loud'"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(scores, tmp_path, change, message):
    path = _file(tmp_path, change(_codec(scores, mine=1.0)))
    with pytest.raises(InputError, match=message) as error:
        with_own_metrics(scores, path)
    assert str(path) in str(error.value)


def test_the_folder_of_a_profile_is_not_written_to(scores, tmp_path):
    with pytest.raises(InputError, match="rename it"):
        own_metric.run_own_metrics(_file(tmp_path, _codec(scores, mine=1.0), "smoke.csv"))
