"""Rating a listening test in the notebook: the session, the page without a browser, the outcome."""

import json
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import papermill
import pytest
import soundfile

from qastanet.errors import InputError
from qastanet.explore import rating_page
from qastanet.explore.rating_outcome import consistency, outcome
from qastanet.explore.rating_session import BUILT_IN, Session, built_in_test
from qastanet.listening_design.results import COLUMNS
from qastanet.listening_tests.webmushra import read_webmushra

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "explore_listening.ipynb"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return built_in_test(tmp_path_factory.mktemp("home") / "three")


@pytest.fixture
def folder(built, tmp_path):
    return shutil.copytree(built, tmp_path / "three")


def rate(session, value=50.0):
    """Rate the trial that is shown: the hidden reference 100, all others alike."""
    trial = session.trial()
    values = [100 if name == "reference" else value for name in trial.sounds]
    session.rate(values, [True] * len(trial.files), 1234)


def test_the_built_in_test_has_three_pages(built):
    table = pd.read_csv(built / "design.csv")
    assert table.groupby("trial").size().tolist() == [6, 6, 6]
    assert built_in_test(built) == built  # it is made once


def test_a_session_is_blind_and_in_an_order_of_its_own(folder):
    first, again, other = (Session(folder, session=name) for name in ("a", "a", "b"))
    assert first.order == again.order != other.order
    for name, sounds in first.order:
        assert sorted(sounds) == sorted(first.design.stimulus[first.design.trial == name])
    trial = first.trial()
    assert trial.files[0].name == "reference.wav"
    assert [file.stem for file in trial.files[1:]] == list(trial.sounds)
    orders = {Session(folder, session=str(n)).trial().sounds for n in range(12)}
    assert len(orders) > 6


def test_nothing_is_submitted_before_all_were_heard(folder):
    session = Session(folder)
    for values, heard, message in (
        ([50] * 6, [True] * 6 + [False], "listen to all sounds"),
        ([50] * 6, [True] * 6, "listen to all sounds"),
        ([50] * 5, [True] * 7, "rate each sound from 0 to 100"),
        ([50] * 5 + [101], [True] * 7, "rate each sound from 0 to 100"),
        ([50] * 5 + [float("nan")], [True] * 7, "rate each sound from 0 to 100"),
    ):
        with pytest.raises(InputError, match=message):
            session.rate(values, heard)
    assert not session.rated and not session.results.parent.exists()


def test_a_session_goes_on_where_it_stopped_and_ends_as_webmushra_does(folder):
    session = Session(folder, "Ann B.")
    rate(session, 40)
    assert Session(folder, "Carl").session != session.session
    session = Session(folder, "Ann B.")
    assert len(session.rated) == 1 and session.trial().number == 2
    assert not session.results.exists()
    rate(session, 50)
    rate(session, 60)
    assert session.done and session.trial() is None and not session.kept.exists()
    with pytest.raises(InputError, match="all trials are rated"):
        session.rate([], [])
    table = pd.read_csv(session.results)
    assert tuple(table.columns) == COLUMNS and set(table.listener) == {"Ann B."}
    ratings = read_webmushra(session.results)
    assert len(ratings) == 18 and {row.rating for row in ratings} == {40, 50, 60, 100}
    assert Session(folder, "Ann B.").session != session.session  # another sitting


def test_the_page_turns_and_shows_the_outcome(folder):
    box = rating_page.listening_test(folder)
    (page,) = box.children
    names = [page.session.order[0][0]]
    for number in range(1, 4):
        assert page.page["title"].startswith(f"Page {number} of 3")
        assert "opus" not in json.dumps(page.page) and len(page.sounds) == 7
        trial = page.session.trial()
        names.append(trial.name)
        page.submit([50] * 6)  # nothing was heard
        assert page.page["title"].startswith("listen to all sounds") and len(page.sounds) == 7
        page.heard = [True] * 7
        values = [100 if name == "reference" else 50 - number for name in trial.sounds]
        page._told(None, {"kind": "submit", "values": values, "milliseconds": 5}, [])
    assert len(set(names)) == 3 and "Thank you" in page.page["title"] and not page.sounds
    text, players, picture = box.children[1].children
    assert "mean <b>100</b>, below 90 in <b>0 of 3" in text.value and "eMoBi-Q" in text.value
    assert len(players.children) in (3, 4) and bytes(picture.value).startswith(b"\x89PNG")


def test_a_page_that_was_left_comes_back_as_it_was(folder):
    page = rating_page.RatingPage(Session(folder))
    page.heard = [True, True] + [False] * 5
    page.values = [7, 100, 100, 100, 100, 30]
    again = rating_page.RatingPage(Session(folder))
    assert (again.heard, again.values, again.page) == (page.heard, page.values, page.page)
    again.heard = [True] * 7
    again.submit(again.values)
    assert again.values == [100] * 6 and not any(again.heard)
    assert json.loads(again.session.kept.read_text())["draft"] == {}


def test_the_outcome_names_where_you_and_the_metrics_disagree(folder):
    session = Session(folder)
    while not session.done:
        trial = session.trial()
        points = session.design[session.design.trial == trial.name].set_index("stimulus")
        odd = {"opus96": -60} if session.trial().number == 2 else {}
        values = [max(0, points.predicted.get(n, 0) + odd.get(n, 0)) for n in trial.sounds]
        values = [
            80 if n == "reference" else v if v == v else 30
            for n, v in zip(trial.sounds, values, strict=True)
        ]
        session.rate(values, [True] * 7)
    mean, below, pages = consistency(session.table())
    assert (mean, below, pages) == (80, 3, 3)
    shown = outcome(session)
    assert "below 90 in <b>3 of 3" in shown.text
    assert next(name for name in shown.sounds if "opus96" in name or "narrow" in name)
    rate, length = 48000, soundfile.info(session.folder / session.design.file[0]).frames
    assert all(sound.shape == (2, length) for sound in shown.sounds.values()) and rate == 48000


def test_what_is_no_test_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match=r"none/design.csv: no such file; name a folder that"):
        Session(tmp_path / "none")
    table = pd.read_csv(folder / "design.csv")
    (folder / table.file[3]).unlink()
    with pytest.raises(InputError, match=r"wav: no such file; the test is not complete"):
        Session(folder)
    table.drop(columns="role").to_csv(folder / "design.csv", index=False)
    with pytest.raises(InputError, match=r"design.csv: no column role; is it of"):
        Session(folder)


def test_a_damaged_session_is_told(folder):
    session = Session(folder)
    rate(session)
    session.kept.write_text("{half")
    with pytest.raises(InputError, match=r"\.unfinished-me\.json: cannot be read .* remove it"):
        Session(folder)


def test_the_notebook_runs_without_a_browser(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(folder, BUILT_IN)
    out = "out.ipynb"
    papermill.execute_notebook(str(NOTEBOOK), out, kernel_name="python3", progress_bar=False)
    executed = nbformat.read(out, as_version=4)
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    assert [o.output_type for o in outputs] == ["execute_result"]
    (state,) = executed.metadata.widgets.values()
    (page,) = [x for x in state["state"].values() if x["model_name"] == "AnyModel"]
    assert page["state"]["page"]["title"].startswith("Page 1 of 3")
