"""The next listening test: chosen, written, rated by simulated listeners, and learnt from."""

import csv
import shutil

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyloudnorm
import pytest
import scipy.signal
import soundfile
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from qastanet.cli import main
from qastanet.errors import InputError
from qastanet.listening_design import plan_tables, planning
from qastanet.listening_design.choosing import GROSS, choose
from qastanet.listening_design.conditions import ANCHORS, condition, conditions
from qastanet.listening_design.design import write_design
from qastanet.listening_design.excerpts import LOUDNESS, PEAK, SHORTER, quiet_cut
from qastanet.listening_design.materials import Material, of_files
from qastanet.listening_design.predicted_points import ITEMS, METRIC_NAMES, rated_items
from qastanet.listening_design.results import Rated, add_results
from qastanet.models.parts_model import read_weights
from qastanet.plots.planning import separated
from qastanet.scene.synthetic_scenes import Scene, Source, render
from qastanet.training.rating_scale import CurveScale

CODINGS = ["opus:48", "opus:96", "lowpass:9000"]
QUICK = ["--metrics", "parts", "binaqual", "--quiet"]


def write_scenes(folder, count=3, seconds=3.0):
    """Write ambisonic files of first order; returns their names."""
    names = []
    for number, kind in enumerate(("talker", "plucked", "drums", "bowed")[:count]):
        scene = Scene((Source(kind, (number, number), (0, 0)),), duration=seconds, seed=number)
        names.append(str(folder / f"{kind}.wav"))
        soundfile.write(names[-1], render(scene, 1).T, 48000, subtype="FLOAT")
    return names


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three files and three codings, and the folder of their test."""
    home = tmp_path_factory.mktemp("design")
    files = write_scenes(home)
    wishes = ["--seconds", "2", *QUICK]
    arguments = ["design", *files, "--conditions", *CODINGS, *wishes]
    assert main([*arguments, "-o", str(home / "mine")]) == 0
    return home / "mine", arguments


@pytest.fixture(scope="module")
def truth(made):
    return pd.read_csv(made[0] / "design.csv")


def test_sounds_are_as_a_mushra_needs_them(made, truth):
    for _, rows in truth.groupby("trial"):
        facts = [soundfile.info(made[0] / file) for file in rows.file]
        assert {(f.samplerate, f.channels, f.subtype) for f in facts} == {(48000, 2, "PCM_24")}
        assert len({f.frames for f in facts}) == 1 and facts[0].duration <= 2
        assert rows.role.tolist() == ["reference", "anchor", "anchor", "coded", "coded"]
    meter = pyloudnorm.Meter(48000, filter_class="DeMan")  # another form of the filter
    for file in truth.file:
        sound, _ = soundfile.read(made[0] / file)
        assert meter.integrated_loudness(sound) == pytest.approx(LOUDNESS, abs=0.3)
        assert 20 * np.log10(np.abs(sound).max()) <= PEAK + 0.01
        assert np.abs(sound[[0, -1]]).max() < 1e-5


def test_anchors_are_those_of_the_recommendation(made, truth):
    """ITU-R BS.1534-3, 5.1: 0.1 dB in the passband, 25 dB at 4 kHz and 50 dB at 4.5 kHz."""
    rows = truth[truth.trial == "drums"].set_index("stimulus")
    sounds = {name: soundfile.read(made[0] / file)[0][:, 0] for name, file in rows.file.items()}
    spectra = {n: scipy.signal.welch(x, 48000, nperseg=8192) for n, x in sounds.items()}
    frequency, reference = spectra["reference"]
    for name, cutoff in ANCHORS.items():
        gain = rows.gain_db["reference"] - rows.gain_db[name]
        loss = 10 * np.log10(reference / spectra[name][1]) - gain
        below = (frequency > 200) & (frequency < 0.9 * cutoff)
        assert np.abs(loss[below]).max() < 0.25
        wide = 500 if name == "anchor35" else 1000
        assert loss[np.searchsorted(frequency, cutoff + wide)] > 25
        assert loss[np.searchsorted(frequency, cutoff + 2 * wide)] > 50


def test_the_configuration_is_that_of_webmushra(made, truth):
    config = yaml.safe_load((made[0] / "configs" / "mine.yaml").read_text())
    assert set(config) == {
        *("testname", "testId", "bufferSize", "stopOnErrors", "showButtonPreviousPage"),
        *("remoteService", "pages"),
    }
    assert config["testId"] == "mine" and 256 <= config["bufferSize"] <= 16384
    welcome, volume, trials, finish = config["pages"]
    assert [page["type"] for page in (welcome, volume, finish)] == ["generic", "volume", "finish"]
    assert finish["writeResults"] and finish["questionnaire"][0]["type"] == "text"
    assert (made[0] / volume["stimulus"]).is_file() and 0 <= volume["defaultVolume"] <= 1
    assert trials[0] == "random" and len(trials) == 4
    for page in trials[1:]:
        assert page["type"] == "mushra" and page["createAnchor35"] is False
        assert page["createAnchor70"] is False and page["enableLooping"] is True
        assert page["randomize"] is True and page["showConditionNames"] is False
        assert {"anchor35", "anchor70"} < set(page["stimuli"]) and len(page["stimuli"]) == 4
        assert "reference" not in page["stimuli"]  # webMUSHRA adds the hidden one
        places = [page["reference"], *page["stimuli"].values()]
        assert set(places) == set(truth.file[truth.trial == page["id"]])


def test_the_same_seed_gives_the_same_bytes_and_nothing_is_written_over(made, tmp_path, capsys):
    folder, arguments = made
    again = tmp_path / "mine"
    assert main([*arguments, "-o", str(again)]) == 0
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(files) == 3 + 15
    for file in files:
        assert (again / file).read_bytes() == (folder / file).read_bytes(), file
    assert main([*arguments, "-o", str(again)]) == 2
    assert "mine: is there already, and nothing is written over" in capsys.readouterr().err
    assert [x.name for x in tmp_path.iterdir()] == ["mine"]


def test_sounds_that_would_clip_are_turned_down_all_alike(tmp_path):
    noise = np.random.default_rng(0).standard_normal((2, 96000))
    clicks = np.where(np.arange(96000) % 9600 < 4, noise, 1e-3 * noise)
    signals = {"clicks": clicks, "noise": 0.05 * noise}
    materials = [
        Material(
            name,
            name,
            "made",
            lambda x=x: ({"reference": x, "dull": 0.9 * x + 0.1 * np.roll(x, 1)}, 0.0),
        )
        for name, x in signals.items()
    ]
    table = write_design(tmp_path / "t", materials, metrics=["parts", "binaqual"])
    assert table.peak_dbfs.max() == pytest.approx(PEAK) and table.loudness_lufs.nunique() == 1
    down = table.loudness_lufs[0] - LOUDNESS
    assert down < -3
    for row in table.itertuples():
        sound, _ = soundfile.read(tmp_path / "t" / row.file)
        assert 20 * np.log10(np.abs(sound).max()) == pytest.approx(row.peak_dbfs, abs=0.01)


def test_files_that_were_coded_elsewhere(tmp_path):
    """Late by 5 ms, they are aligned, and cut at the same place; silence at the start is none."""
    (file,) = write_scenes(tmp_path, 1)
    signal, _ = soundfile.read(file)
    signal[:14400] = 0
    soundfile.write(file, signal, 48000, subtype="FLOAT")
    rows = []
    for name, scale, late in (("near", 0.5, 240), ("far", 0.2, 0)):
        sound = np.roll(signal, late, axis=0) * [1, scale, scale, scale]
        soundfile.write(tmp_path / f"{name}.wav", sound, 48000, subtype="FLOAT")
        rows.append({"reference": file, "degraded": f"{name}.wav", "condition": f"{name} one"})
    pd.DataFrame(rows).to_csv(tmp_path / "coded.csv", index=False)
    wishes = ["--trials", "1", "--per-trial", "2", "--seconds", "2", "--align", *QUICK]
    out = tmp_path / "test"
    assert main(["design", "--coded", str(tmp_path / "coded.csv"), *wishes, "-o", str(out)]) == 0
    table = pd.read_csv(out / "design.csv").set_index("stimulus")
    sounds = {n: soundfile.read(out / f)[0].sum(1) for n, f in table.file.items()}
    for name in ("near_one", "far_one"):
        cross = scipy.signal.correlate(sounds[name], sounds["reference"])
        assert np.argmax(cross) == len(sounds["reference"]) - 1
    assert table.predicted["near_one"] > table.predicted["far_one"]


def candidates(seed=0, recordings=6, codings=6):
    """Two metrics that agree, but on some sounds."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(recordings):
        for take in range(1 + number % 2):
            for coding in range(codings):
                mean = 20 + 70 * (coding + rng.random()) / codings
                split = rng.normal(0, 12)
                name = f"r{number}__{take}"
                rows.append((name, f"r{number}", f"c{coding}", mean + split, mean - split + 5))
    return pd.DataFrame(rows, columns=["trial", "recording", "condition", "a", "b"])


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(2, 8), st.integers(1, 5))
def test_chosen_are_those_of_disagreement_and_recordings_have_equal_shares(seed, trials, many):
    table = candidates(seed)
    chosen = choose(table, ["a", "b"], trials, many, None)
    drawn = choose(table, ["a", "b"], trials, many, seed)
    for found in (chosen, drawn):
        assert found.groupby("trial").size().tolist() == [many] * trials
        assert not found.duplicated(["trial", "condition"]).any()
        per_recording = found.groupby("recording").trial.nunique()
        assert per_recording.max() - (per_recording.min() if trials >= 6 else 1) <= 1
    assert chosen.disagreement.mean() > drawn.disagreement.mean() - 2
    if many < 4:
        assert (chosen.predicted >= GROSS).all()
    assert drawn.equals(choose(table, ["a", "b"], trials, many, seed))


def test_a_gross_condition_is_left_to_the_anchors():
    """Mono: far below all others, and metrics disagree on it more than on anything else."""
    table = candidates(codings=5)
    table[["a", "b"]] = 70 + (table[["a", "b"]] - 70) / 4
    mono = table[table.condition == "c0"].assign(condition="mono", a=20, b=70 + 5)
    chosen = choose(pd.concat([table, mono], ignore_index=True), ["a", "b"], 6, 3, None)
    assert len(chosen) == 18 and "mono" not in set(chosen.condition)


def test_a_metric_that_says_nothing_does_not_count():
    table = candidates().assign(silent=np.nan)
    found = [choose(table, names, 4, 2, None) for names in (["a", "b"], ["a", "b", "silent"])]
    assert found[0].equals(found[1])


def test_the_scale_is_covered():
    chosen = choose(candidates(3), ["a", "b"], 8, 3, None)
    assert np.ptp(chosen.predicted) > 30
    drawn = [choose(candidates(3), ["a", "b"], 8, 3, seed) for seed in range(20)]
    assert chosen.disagreement.mean() > 1.2 * np.mean([x.disagreement.mean() for x in drawn])


@given(st.integers(0, 100), st.floats(1.5, 6))
def test_an_excerpt_is_as_long_as_wanted_and_its_ends_are_quiet(seed, seconds):
    rng = np.random.default_rng(seed)
    gate = np.repeat(rng.random(40) < 0.8, 9600)
    noise = rng.standard_normal((1, len(gate))) * (gate + 0.01)
    start, stop = quiet_cut(noise, seconds)
    assert SHORTER * seconds - 0.03 <= (stop - start) / 48000 <= seconds
    ends = noise[0, [*range(max(start - 480, 0), start + 480), *range(stop - 480, stop)]]
    assert np.mean(ends**2) < np.mean(noise[0, start:stop] ** 2)


def test_built_in_scenes_need_no_files(tmp_path, capsys):
    wishes = ["--scenes", "2", "--trials", "2", "--per-trial", "1", "--seconds", "1", "--random"]
    wishes += ["--conditions", "narrow:0.5", "tilt:3", *QUICK]
    assert main(["design", *wishes, "-o", str(tmp_path / "own")]) == 0
    assert "2 trials of 2 recordings, 2 coded sounds" in capsys.readouterr().out
    told = (tmp_path / "own" / "README.md").read_text()
    assert "trials and conditions were drawn" in told
    assert "`pymushra -w PATH_OF_WEBMUSHRA server`" in told and "/admin/download/own.csv" in told


def test_a_condition_that_changes_nothing_is_left_out(tmp_path, capsys):
    files = write_scenes(tmp_path, 1, 1.2)
    (material,) = of_files(files, conditions(["order:1", "tilt:3"]), 1.0)
    assert [*material.signals()[0]] == ["reference", "order1", "tilt3"]
    wishes = ["--conditions", "order:1", "tilt:3", "--trials", "1", "--seconds", "1", *QUICK]
    arguments = ["design", *files, *wishes, "-o", str(tmp_path / "t")]
    assert main([*arguments, "--per-trial", "2"]) == 2
    same = ["design", *files, "--conditions", "order:1", "--seconds", "1", *QUICK]
    assert main([*same, "-o", str(tmp_path / "t")]) == 2
    assert "none of the conditions changes any of the references" in capsys.readouterr().err
    assert main([*arguments, "--per-trial", "1"]) == 0
    assert "talker: order1 changes nothing, left out" in capsys.readouterr().err
    names = pd.read_csv(tmp_path / "t" / "design.csv").stimulus
    assert set(names) == {"reference", *ANCHORS, "tilt3"}


WRONG = {
    "unknown kind": (
        ["--conditions", "mp9:64"],
        "condition 'mp9:64': unknown kind; use one of opus",
    ),
    "no number": (["--conditions", "opus:loud"], "condition 'opus:loud': give a positive number"),
    "order": (["--conditions", "order:7"], "the order that is left is 0, 1 or 2"),
    "twice": (["--conditions", "opus:64", "opus:64.0"], "two conditions are called 'opus64'"),
    "long": (["--seconds", "20"], "20 s: an excerpt lasts 1 to 12 s"),
    "crowded": (["--per-trial", "10"], "10 conditions in a trial: give 1 to 9"),
    "none": (["--trials", "0"], "0 trials: give at least 1"),
    "too many": (["--trials", "9"], r"9 trials of 1 conditions: only 1 references have as many"),
    "one metric": (["--metrics", "parts"], "one metric cannot disagree"),
    "metric": (["--metrics", "parts", "ears"], "metric 'ears': unknown; use one of parts, emobiq"),
    "name": (["-o", "my test"], "use letters, digits.* such as 'my_test'"),
    "two ways": (["--scenes", "3"], "give reference files, --coded or --scenes, one of them"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_refused(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    files = write_scenes(tmp_path, 1, 1.2)
    usual = ["--conditions", "tilt:3", "--seconds", "1", "--per-trial", "1", "--trials", "1"]
    options, message = WRONG[case]
    before = sorted(tmp_path.iterdir())
    assert main(["design", *files, *usual, *QUICK, *options]) == 2
    with pytest.raises(InputError, match=message):
        raise InputError(capsys.readouterr().err)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("reference,degraded\nplain.wav,plain.wav\n", "no column condition"),
        ("reference,degraded,condition\ntalker.wav,talker.wav, \n", "line 2: condition is empty"),
        (
            "reference,degraded,condition\ntalker.wav,a.wav,x\ntalker.wav,b.wav,x\n",
            "line 3: condition 'x' is there twice",
        ),
        (
            "reference,degraded,condition\ntalker.wav,a.wav,anchor35\n",
            "'anchor35' cannot be the name",
        ),
        ("reference,degraded,condition\ntalker.wav,a.wav,x\n", "a.wav: no such file"),
    ],
)
def test_lists_of_coded_files_that_are_refused(content, message, tmp_path, capsys):
    write_scenes(tmp_path, 1, 1.2)
    (tmp_path / "coded.csv").write_text(content)
    wishes = ["--trials", "1", "--per-trial", "1", "-o", str(tmp_path / "t"), *QUICK]
    assert main(["design", "--coded", str(tmp_path / "coded.csv"), *wishes]) == 2
    assert message in capsys.readouterr().err


def test_binaural_references_have_no_order(tmp_path):
    with pytest.raises(InputError, match="takes ambisonic references, not binaural"):
        condition("order:1").apply(np.ones((2, 4800)), 0)


def test_the_ratings_that_the_package_carries_are_those_of_the_results():
    root = ITEMS.parents[1] / "data" / "processed"
    made = rated_items(pd.read_csv(root / "scores.csv"), pd.read_csv(root / "predictions.csv"))
    kept = pd.read_csv(ITEMS)
    pd.testing.assert_frame_equal(kept, made, check_dtype=False, atol=1e-3, rtol=0)


def simulated_listeners(folder, listeners, scale, seed=0):
    """Write results of listeners that never were: our model on a scale of theirs, and noise."""
    truth = pd.read_csv(folder / "design.csv")
    file = folder / "results" / folder.name / "mushra.csv"
    rng = np.random.default_rng(seed)
    for number in range(listeners):
        strict, trials = rng.normal(0, 4), []
        for trial, rows in truth.groupby("trial", sort=False):
            points = 100 * scale(rows.parts.clip(upper=99.9) / 100) + strict
            given = (points + rng.normal(0, 6, len(rows))).clip(0, 100).round()
            given[rows.role == "reference"] = rng.integers(94, 101)
            trials.append(Rated(trial, dict(zip(rows.stimulus, given, strict=True)), 60000))
        add_results(file, folder.name, f"simulated-{number}", trials, f"s{number}")
    return file


@pytest.fixture
def rated(made, tmp_path):
    """A copy of the test with the ratings of eight simulated listeners."""
    shutil.copytree(made[0], tmp_path / "mine")
    return tmp_path, simulated_listeners(tmp_path / "mine", 8, CurveScale(1.6, 1.0))


def test_the_whole_circle_with_simulated_listeners(rated, capsys):
    home, results = rated
    sounds = home / "mine" / "configs" / "resources" / "mine"
    manifest, weights = str(home / "mine.csv"), str(home / "mine.safetensors")
    inputs = ["--webmushra", str(results), "--sounds", str(sounds), "--anchor", "anchor70"]
    assert main(["manifest", *inputs, "-o", manifest]) == 0
    assert "15 pairs, 8 of 8 listeners" in capsys.readouterr().out
    assert main(["train", manifest, "--scale-only", "-o", weights, "--quiet"]) == 0
    assert "scale of the test" in capsys.readouterr().out
    table = pd.read_csv(manifest)
    coded = table[table.role != "reference"]
    errors = []
    for model in ("default", weights):
        arguments = ["batch", manifest, "-o", str(home / "s.csv"), "--model", model, "--quiet"]
        assert main([*arguments, "--force"]) == 0
        scores = pd.read_csv(home / "s.csv")[table.role != "reference"].score
        errors.append(np.abs(100 * scores - coded.mos).mean())
    assert errors[1] < errors[0] and errors[1] < 10
    assert main(["train", manifest, "-o", str(home / "own.safetensors"), "--quiet"]) == 0
    first, own = read_weights(), read_weights(home / "own.safetensors")
    assert any(not np.array_equal(first[name], own[name]) for name in first)


@pytest.mark.long
def test_the_whole_circle_ends_in_tables_of_all_metrics(rated, monkeypatch):
    from qastanet.compendium import workflow

    home, results = rated
    sounds = home / "mine" / "configs" / "resources" / "mine"
    inputs = ["--webmushra", str(results), "--sounds", str(sounds), "--anchor", "anchor70"]
    assert main(["manifest", *inputs, "-o", str(home / "mine.csv")]) == 0
    monkeypatch.chdir(ITEMS.parents[1])
    monkeypatch.setattr(workflow, "BUILD", home / "build")
    folder = workflow.run_own(home / "mine.csv")
    assert {"own_listening_test.html"} <= {file.name for file in folder.iterdir()}


def test_results_are_added_and_never_lost(tmp_path):
    file = tmp_path / "results" / "mine" / "mushra.csv"
    for session in "ab":
        add_results(file, "mine", session, [Rated("t", {"reference": 99, "x": 41.25}, 7)], "mó, x")
    with open(file, newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["session_uuid"] for row in rows] == ["a", "a", "b", "b"]
    assert rows[1]["rating_score"] == "41.25" and rows[3]["listener"] == "mó, x"
    file.write_text("other,columns\n1,2\n")
    with pytest.raises(InputError, match=r"mushra.csv: has other columns \(other, columns\)"):
        add_results(file, "mine", "c", [Rated("t", {"reference": 99})])
    assert file.read_text() == "other,columns\n1,2\n"


def test_an_interrupted_run_leaves_nothing(made, tmp_path, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("qastanet.listening_design.design.write_table", fail)
    assert main([*made[1], "-o", str(tmp_path / "t")]) == 130
    assert not list(tmp_path.iterdir())


def test_more_recordings_and_chosen_sounds_tell_metrics_apart():
    sizes = (2, 6, 12, 24)
    chosen, drawn = (
        [planning.told_apart("parts", "emobiq", 12, n, 4, way, 400) for n in sizes]
        for way in (True, False)
    )
    assert chosen == sorted(chosen) and chosen[0] < 0.15 and chosen[-1] > 0.85
    assert all(a > b for a, b in zip(chosen[1:], drawn[1:], strict=True))
    wide, deep = (planning.told_apart("parts", "emobiq", 12, n, 32 // n, True) for n in (16, 4))
    assert wide > 2 * deep


def test_metrics_that_are_equally_good_are_hardly_ever_told_apart(monkeypatch):
    known, swap = planning.population("parts", "emobiq"), [0, 2, 1]
    alike = [(level + level[swap][:, swap]) / 2 for level in known[:3]]
    monkeypatch.setattr(planning, "population", lambda *_: planning.Population(*alike, known.noise))
    for size in (2, 4, 8, 24):
        for chosen in (True, False):
            assert planning.told_apart("parts", "emobiq", 12, size, 4, chosen) < 0.08


def test_what_each_question_needs():
    """Closed forms: Fisher's z without any blur, and a t test whose spread is nearly known."""
    assert planning.recordings_for_sounds(10**6, 10**6) == 25
    few, many = planning.recordings_for_codings(4), planning.recordings_for_codings(40)
    assert few > many > 10
    known = planning.population("parts", "emobiq")
    spread = np.sqrt(2 * (known.rest[0, 0] + known.noise**2 / 12))
    normal = ((1.95996 + 1.28155) * spread / planning.GAP) ** 2
    assert normal < planning.recordings_for_codings(12) < normal + 4


def test_the_plan_is_told(capsys):
    assert main(["design", "--plan", "--listeners", "12", "--trials", "8"]) == 0
    text = capsys.readouterr().out
    assert "12 listeners x 8 recordings x 2 close conditions, simulated" in text
    assert "this separates eMoBi-Q from ours in" in text and "three or four prove nothing" in text
    assert main(["design", "--plan", "--listeners", "0"]) == 2
    assert "give at least 1 listener, 2 recordings" in capsys.readouterr().err


def test_the_plan_is_drawn_and_tabled(monkeypatch):
    table = plan_tables.plan_table([6, 12], [2, 8], [4], replicates=40)
    assert len(table) == 4 * 2 * 2 * 2 and table.share.between(0, 1).all()
    figure = separated(table, METRIC_NAMES)
    assert [axis.get_title() for axis in figure.axes] == [*METRIC_NAMES.values()][1:]
    assert all(len(axis.lines) == 5 for axis in figure.axes)
    plt.close(figure)
    monkeypatch.setattr(plan_tables, "recordings_for_metrics", lambda *_: None)
    needs = plan_tables.needs_table([12])
    assert needs.recordings.tolist()[:8] == ["more than 60"] * 8 and len(needs) == 10
