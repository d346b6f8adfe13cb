"""From webMUSHRA results and sounds to a manifest that batch and train take."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import soundfile

from qastanet.cli import main
from qastanet.errors import InputError
from qastanet.listening_tests.rated_manifest import read_rated_manifest
from qastanet.listening_tests.webmushra_manifest import find_sound

TRIALS = {"drums room": "drums+room", "voice": "voice"}
CONDITIONS = {"reference": 97, "opus32": 40, "opus64": 70, "anchor35": 15}


@pytest.fixture
def results(tmp_path):
    """Six listeners, of whom the last does not hear the hidden reference; sounds by trial."""
    rng, rows = np.random.default_rng(0), []
    for listener in range(6):
        for trial in TRIALS:
            for condition, mean in CONDITIONS.items():
                bad = listener == 5 and condition == "reference"
                rating = 30 if bad else np.clip(mean + rng.integers(-5, 3), 0, 100)
                rows.append((f"uuid{listener}", trial, condition, rating))
    columns = ["session_uuid", "trial_id", "rating_stimulus", "rating_score"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "mushra.csv", index=False)
    for trial in TRIALS:
        (tmp_path / "sounds" / trial).mkdir(parents=True)
        for condition in CONDITIONS:
            sound = 0.1 * rng.standard_normal((4800, 2))
            soundfile.write(tmp_path / "sounds" / trial / f"{condition}.wav", sound, 48000)
    return tmp_path


def arguments(folder, *further):
    paths = ["--webmushra", str(folder / "mushra.csv"), "--sounds", str(folder / "sounds")]
    return ["manifest", *paths, "-o", str(folder / "out" / "m.csv"), *further]


def test_manifest_has_means_intervals_and_files(results, capsys):
    assert main(arguments(results, "--anchor", "anchor35")) == 0
    out, err = capsys.readouterr()
    assert "8 pairs, 5 of 6 listeners" in out
    assert "listener06 (session uuid5): left out, reference below 90 in 100.0% of trials" in err
    table = read_rated_manifest(results / "out" / "m.csv")
    raw = pd.read_csv(results / "mushra.csv")
    chosen = (raw.trial_id == "drums room") & (raw.rating_stimulus == "opus64")
    ratings = raw[chosen & (raw.session_uuid != "uuid5")].rating_score
    row = table[(table.content == "drums+room") & (table.condition == "opus64")].iloc[0]
    assert row["mean"] == pytest.approx(ratings.mean()) and row.listeners == 5
    wanted = scipy.stats.t.interval(0.95, 4, ratings.mean(), scipy.stats.sem(ratings))
    assert [row.ci95_low, row.ci95_high] == pytest.approx(wanted, abs=1e-5)
    assert row.degraded.endswith("drums room/opus64.wav")
    assert row.reference.endswith("drums room/reference.wav")
    assert table.role.value_counts().to_dict() == {"coded": 4, "reference": 2, "anchor": 2}


def test_anchors_are_told_by_their_usual_names_or_by_request(results):
    assert main(arguments(results)) == 0
    roles = read_rated_manifest(results / "out" / "m.csv").set_index("condition").role
    assert roles[["anchor35", "opus32"]].groupby(level=0).first().tolist() == ["anchor", "coded"]
    assert main(arguments(results, "--anchor", "opus64", "opus32")) == 0
    table = read_rated_manifest(results / "out" / "m.csv")
    assert set(table[table.role == "anchor"].condition) == {"anchor35", "opus32", "opus64"}


def test_manifest_can_be_scored(results):
    assert main(arguments(results)) == 0
    manifest, scores = str(results / "out" / "m.csv"), str(results / "s.csv")
    assert main(["batch", manifest, "-o", scores, "--quiet"]) == 0
    table = pd.read_csv(scores)
    assert (table.score[table.condition == "reference"] == 1).all()


def test_all_listeners_can_be_kept(results, capsys):
    assert main(arguments(results, "--all-listeners")) == 0
    assert "6 of 6 listeners" in capsys.readouterr().out
    assert set(read_rated_manifest(results / "out" / "m.csv").listeners) == {6}


@pytest.mark.parametrize(
    ("place", "pattern"),
    [
        ("{t}_{c}.flac", None),
        ("{c}/{t}.wav", None),
        ("x/{c}-of-{t}.wav", "x/{condition}-of-{trial}.wav"),
    ],
)
def test_sounds_are_found(tmp_path, place, pattern):
    file = tmp_path / place.format(t="a b", c="opus32")
    file.parent.mkdir(exist_ok=True)
    file.touch()
    assert find_sound(tmp_path, "a+b", "opus32", pattern) == file
    with pytest.raises(InputError, match=r"no sound of the trial 'a\+b' and the condition 'mp3'"):
        find_sound(tmp_path, "a+b", "mp3", pattern)


def test_names_do_not_lead_out_of_the_folder(tmp_path):
    (tmp_path / "secret.wav").touch()
    (tmp_path / "sounds").mkdir()
    with pytest.raises(InputError, match=r"secret: leads out of .*sounds"):
        find_sound(tmp_path / "sounds", "..", "secret")


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (["--reference", "hidden"], "no ratings of 'hidden'; conditions are anchor35, opus32"),
        (["--reference", "opus32"], "none of 6 listeners passes the screening"),
        (["--pattern", "{scene}.wav"], r"--pattern '\{scene\}.wav': give"),
        (["--webmushra", "none.csv"], "none.csv: no such file"),
        (["--sounds", "none"], "none: no such folder"),
        (["-o", "/proc/x/m.csv"], "cannot be written"),
    ],
)
def test_refusals(results, further, message, capsys):
    assert main(arguments(results, *further)) == 2
    with pytest.raises(InputError, match=message):
        raise InputError(capsys.readouterr().err)
    assert not (results / "out" / "m.csv").exists()


def added(folder, *rows):
    """Add rows to the results."""
    with open(folder / "mushra.csv", "a") as file:
        file.writelines(f"{row}\n" for row in rows)


def test_a_listener_who_moves_no_slider_is_left_out(results, capsys):
    rows = [f"lazy,{t},{c},100" for t in TRIALS for c in CONDITIONS]
    added(results, *rows)
    assert main(arguments(results)) == 0
    out, err = capsys.readouterr()
    assert "8 pairs, 5 of 7 listeners" in out
    assert "(session lazy): left out, all sounds rated alike in 100.0% of trials" in err
    assert main(arguments(results, "--all-listeners")) == 0
    assert "7 of 7 listeners" in capsys.readouterr().out


def test_anchors_of_the_browser_need_no_sounds(results, capsys):
    added(results, *(f"uuid{k},{t},anchor70,50" for k in range(6) for t in TRIALS))
    assert main(arguments(results, "--anchor", "anchor70")) == 0
    out, err = capsys.readouterr()
    assert "8 pairs" in out and "note: anchor70: no sounds (the browser makes them)" in err


def test_a_reference_that_was_not_rated_is_found_among_the_sounds(results, capsys):
    lines = (results / "mushra.csv").read_text().splitlines()
    kept = [line for line in lines if "reference" not in line]
    (results / "mushra.csv").write_text("\n".join(kept))
    assert main(arguments(results)) == 0
    out, err = capsys.readouterr()
    assert "6 pairs, 6 of 6 listeners" in out and "note: no ratings of 'reference'" in err
    table = read_rated_manifest(results / "out" / "m.csv")
    assert all(name.endswith("/reference.wav") for name in table.reference)


@pytest.mark.parametrize(
    "pattern",
    [
        *("{trial:>99999999999}{condition}", "{trial}{condition:>2000000000}", "{trial!r}"),
        *("{trial.__class__}{condition}", "{}", "x", "{trial"),
    ],
)
def test_patterns_hold_names_only(results, pattern, capsys):
    assert main(arguments(results, "--pattern", pattern)) == 2
    assert "give {trial} and {condition} in braces, and nothing else" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["t" * 300, "t\0x"])
def test_names_that_no_file_has(results, name, capsys):
    added(results, *(f"uuid0,{name},{c},{mean}" for c, mean in CONDITIONS.items()))
    assert main(arguments(results)) == 2
    assert "no sound of the trial 't" in capsys.readouterr().err


RATINGS = "reference,degraded,mos\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,a,6.8\na,b,4.9\n", r"no mos above 6\.8: is this a scale up to 7\?"),
        ("a,a,9.7\na,b,7\n", r"scale up to 10"),
        ("a,a,19.4\na,b,14\n", r"scale up to 20"),
        ("a,a,4.9\na,b,3\n", r"scale up to 5"),
        ("a,a,30\na,b,25\n", "pairs that do not differ are rated 30 on average"),
        ("a,b,0x50\na,c,30\n", "line 2: mos '0x50' is no number"),
        ("a,b,1e400\na,c,30\n", "line 2: mos 1e400 is not a number in 0..100"),
        ("a,b,\na,c,nan\n", "no pair has a mos"),
    ],
)
def test_ratings_are_on_0_to_100(tmp_path, content, message):
    (tmp_path / "m.csv").write_text(RATINGS + content)
    with pytest.raises(InputError, match=message):
        read_rated_manifest(tmp_path / "m.csv")


def test_a_missing_rating_costs_its_row(tmp_path):
    (tmp_path / "m.csv").write_text("Reference;Degraded;MOS\na;b;70,5\na;c;\na;d;30\n")
    table = read_rated_manifest(tmp_path / "m.csv")
    assert table["mean"].tolist() == [70.5, 30.0]
    assert "1 pairs without mos are left out (line 3)" in table.attrs["notes"]
