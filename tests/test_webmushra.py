"""Reading, screening and averaging of ratings, and the models of them."""

from itertools import product

import mirror
import numpy as np
import pandas as pd
import pytest
import scipy.stats

from qastanet.errors import InputError
from qastanet.listening_tests.rating_models import mixed_model, repeated_measures_anova
from qastanet.listening_tests.webmushra import (
    keep_screened,
    rating_means,
    read_webmushra,
    screen_listeners,
)

HEADER = "session_uuid,trial_id,rating_stimulus,rating_score\n"


@pytest.fixture(scope="module")
def aes():
    folder = mirror.upstream(mirror.AES2023) / "evaluate_listening_experiment_results"
    return read_webmushra(folder / "webmushra_results.csv")


def means_of(ratings, *args):
    return pd.DataFrame(rating_means(ratings, *args))


def made_up(listeners=12, seed=0):
    """Conditions 0, 20, 40 points apart, contents 10, listeners' sd 8, residual sd 5."""
    rng = np.random.default_rng(seed)
    offset = 8 * rng.standard_normal(listeners)
    rows = [
        (f"l{k:02d}", f"t{t}", f"c{c}", 30 + 20 * c + 10 * t + offset[k] + 5 * rng.normal())
        for k, t, c in product(range(listeners), range(3), range(3))
    ]
    return pd.DataFrame(rows, columns=["listener", "trial", "condition", "rating"])


def test_all_of_the_aes_ratings(aes):
    assert len(aes) == 22 * 13 * 8
    assert len({row.listener for row in aes}) == len({row.session for row in aes}) == 22
    assert "drums+saw_anech" in {row.trial for row in aes}
    assert len(rating_means(aes, "aes2023")) == 13 * 8


def test_eight_of_the_aes_listeners_fail_screening(aes):
    screening = screen_listeners(aes)
    reasons = [row.reason for row in screening if not row.kept]
    assert len(reasons) == 8 and all("below 90" in reason for reason in reasons)
    kept = rating_means(keep_screened(aes, screening), "aes2023")
    assert {row.listeners for row in kept} == {14}


def test_means_by_hand():
    table = made_up()
    means = means_of(table, "set")
    one = table.query("trial == 't1' and condition == 'c2'")["rating"]
    row = means.query("content == 't1' and condition == 'c2'").iloc[0]
    low, high = scipy.stats.t.interval(0.95, 11, one.mean(), scipy.stats.sem(one))
    assert row["dataset"] == "set"
    assert row["listeners"] == 12
    assert row[["mean", "sd"]].tolist() == pytest.approx([one.mean(), one.std()])
    assert row[["ci95_low", "ci95_high"]].tolist() == pytest.approx([low, high])


def test_one_rating_has_no_interval_and_an_empty_one_does_not_count():
    rows = [("a", "t", "x", 40.0), ("b", "t", "x", np.nan)]
    columns = ["listener", "trial", "condition", "rating"]
    row = means_of(pd.DataFrame(rows, columns=columns), "set").iloc[0]
    assert row["listeners"] == 1
    assert np.isnan(row["ci95_low"])


def test_screening_by_the_anchor():
    rows = []
    for name, anchor in (("a", 50), ("b", 95)):
        rows += [(name, f"t{i}", "reference", 100) for i in range(10)]
        rows += [(name, f"t{i}", "anchor", anchor) for i in range(10)]
    table = pd.DataFrame(rows, columns=["listener", "trial", "condition", "rating"])
    screening = screen_listeners(table, anchor="anchor")
    assert [row.kept for row in screening] == [True, False]
    assert screening[1].reason == "anchor above 90 in 100.0% of trials"
    assert all(row.kept for row in screen_listeners(table))


def test_exactly_fifteen_per_cent_is_allowed():
    ratings = [89] * 3 + [90] * 17
    rows = [("a", f"t{i}", "reference", r) for i, r in enumerate(ratings)]
    table = pd.DataFrame(rows, columns=["listener", "trial", "condition", "rating"])
    assert screen_listeners(table)[0].kept


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no column session_uuid"),
        (HEADER + "x,t,FOA,101\n", "outside 0..100"),
        (HEADER + "x,t,FOA,\n", "holds no rating"),
        (HEADER + "x,t,FOA,loud\n", "line 2: the rating 'loud' is no number"),
        (HEADER + "x,t,FOA,True\n", "line 2: the rating 'True' is no number"),
        (HEADER + "x,t,FOA,10\n,t,FOA,10\n", "line 3: session_uuid is empty"),
        (HEADER + "x,,FOA,10\n", "line 2: trial_id is empty"),
        (HEADER + "x,t, ,10\n", "line 2: rating_stimulus is empty"),
        (HEADER + "x,t,FOA,70\nx,t ,FOA,10\n", "rated twice, the second time in line 3"),
        (HEADER + "x,t 1,FOA,70\nx,t+1,FOA,70\n", r"'t 1' and 't\+1' cannot be told apart"),
        (HEADER + "x,t,FOA,7,5\n", "line 2: 5 cells, but 4 columns"),
        (HEADER + "y,x,t,FOA,7\n", "line 2: 5 cells, but 4 columns"),
        (HEADER, "lists no ratings"),
        (
            "trial_id,rating_reference,rating_non_reference,rating_non_reference_score\n",
            "a test after BS.1116",
        ),
        ("", "cannot be read as a CSV file"),
        (HEADER + "x,t,FOA,10\nx,t,FOA,20\n", "rated twice, the second time in line 3: x t FOA"),
    ],
)
def test_refuses_bad_files(tmp_path, text, message):
    path = tmp_path / "ratings.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_webmushra(path)


@pytest.mark.parametrize("trials", [["1", "2"], ["01", "02"], ["NA", "EU"], ["None", "true"]])
def test_names_are_text(tmp_path, trials):
    rows = [f"7,{t},{c},50" for t in trials for c in ("None", "1", "nan")]
    (tmp_path / "r.csv").write_text(HEADER + "\n".join(rows))
    table = read_webmushra(tmp_path / "r.csv")
    assert list(dict.fromkeys(row.trial for row in table)) == trials and len(table) == 6
    assert [row.condition for row in table[:3]] == ["None", "1", "nan"]
    assert {(row.listener, row.session) for row in table} == {("listener01", "7")}


def test_what_is_there_twice_counts_once_and_what_is_missing_not_at_all(tmp_path):
    rows = "x,t,a,10\nx,t,b,99.5\nx,t,a,10\ny,t,a,NA\ny,t,b,60\n"
    (tmp_path / "r.csv").write_text(HEADER + rows)
    table = read_webmushra(tmp_path / "r.csv")
    assert [row.rating for row in table] == [10, 99.5, 60]
    assert "1 rows without a rating are left out (line 5)" in table.notes
    assert any("1 ratings are there twice" in note for note in table.notes)


def test_results_of_other_versions(tmp_path):
    rows = [("x@y", "a", 10), ("x@y", "b", 20), ("z@y", "a", 30), ("z@y", "b", 40)]
    old = "session_test_id,email,age,trial_id,rating_stimulus,rating_score,rating_time\n"
    old += "".join(f"t,{who},30,t1,{name},{score},9\n" for who, name, score in rows)
    (tmp_path / "old.csv").write_text(old)
    new = "wm_testId;wm_id;wm_type;questionaire_uuid;responses_stimulus;responses_score\n"
    new += "".join(f"t;t1;mushra;{who};{name};{score},0\n" for who, name, score in rows)
    (tmp_path / "py.csv").write_text(new)
    for name in ("old.csv", "py.csv"):
        table = read_webmushra(tmp_path / name)
        assert [row.listener for row in table] == ["listener01"] * 2 + ["listener02"] * 2
        assert [row.rating for row in table] == [10, 20, 30, 40]
        assert {row.trial for row in table} == {"t1"}
    (tmp_path / "old.csv").write_text(old + "t,x@y,30,t1,a,11,9\n")
    with pytest.raises(InputError, match="rated twice"):
        read_webmushra(tmp_path / "old.csv")


def test_screening_needs_the_reference():
    with pytest.raises(InputError, match="no ratings of 'reference'; conditions are c0"):
        screen_listeners(made_up())


def test_mixed_model_finds_what_was_put_in():
    table = mixed_model(made_up(40))
    assert table.loc["condition", "p"] < 1e-10
    assert table.loc["content", "p"] < 1e-10
    assert table.loc["condition:content", "p"] > 0.01
    assert table["df"].iloc[:3].tolist() == [2, 2, 4]
    assert table.loc["sd listener", "sd"] == pytest.approx(8, rel=0.3)
    assert table.loc["sd residual", "sd"] == pytest.approx(5, rel=0.1)


def test_the_two_models_agree_when_the_residuals_are_alike():
    ratings = made_up(30)
    mixed, anova = mixed_model(ratings), repeated_measures_anova(ratings)
    f_of_mixed = mixed.loc["condition", "chi2"] / mixed.loc["condition", "df"]
    assert f_of_mixed == pytest.approx(anova.loc["condition", "F"], rel=0.3)
    assert anova.loc["condition:content", "p"] > 0.01


def test_models_refuse():
    ratings = made_up()
    with pytest.raises(InputError, match="l00 has 8 ratings of 9"):
        repeated_measures_anova(ratings.iloc[1:])
    with pytest.raises(InputError, match="2 values of condition"):
        mixed_model(ratings.query("condition == 'c0'"))
    with pytest.raises(InputError, match="no column trial"):
        mixed_model(ratings.drop(columns="trial"))
    with pytest.raises(InputError, match="not rated under some condition"):
        mixed_model(ratings.query("condition != 'c0' or trial != 't0'"))
