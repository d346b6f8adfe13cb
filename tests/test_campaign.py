"""Test campaigns: order, failures, interruption, lost workers, a cluster."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from qastanet import storage
from qastanet.agreement.condition_means import summarise
from qastanet.cli import main
from qastanet.errors import InputError
from qastanet.outputs import beside, sole_writer
from qastanet.scoring import campaign, pair_scores, workers
from qastanet.scoring.manifest import pair_folders
from qastanet.scoring.progress import Progress
from qastanet.sound.options import Options

RNG = np.random.default_rng(0)


@pytest.fixture
def sounds(tmp_path):
    """Two references with three degraded versions each, and a broken file."""
    for item in ("speech", "band"):
        reference = 0.1 * RNG.standard_normal((9600, 4))
        soundfile.write(tmp_path / f"{item}_REF.wav", reference, 48000)
        for condition, noise in (("a", 0.001), ("b", 0.01), ("c", 0.1)):
            degraded = reference + noise * RNG.standard_normal((9600, 4))
            soundfile.write(tmp_path / f"{item}_{condition}.wav", degraded, 48000)
    (tmp_path / "band_d.wav").write_text("no sound")
    return tmp_path


def pairs(folder):
    return pair_folders(folder, folder)


def test_rows_come_in_the_order_of_the_manifest_with_their_labels(sounds):
    labels = {"listener": "x", "score": 7}
    manifest = [row | labels for row in RNG.permutation(pairs(sounds))]
    table = campaign.run(manifest, sounds / "out.csv", progress=False)
    kept = pd.read_csv(sounds / "out.csv", keep_default_na=False)
    assert list(kept.degraded) == [row["degraded"] for row in manifest]
    assert set(kept.listener) == {"x"}
    good = [row for row in table if not row["error"]]
    assert len(good) == 6 and len(table) == 7 and all(row["score"] < 1 for row in good)
    for row in good[:2]:
        alone = pair_scores.score_files(row["reference"], row["degraded"])
        assert row["score"] == pytest.approx(alone["score"], abs=1e-9)
    assert "band_d.wav: cannot be read as sound" in kept.set_index("condition").error["d"]
    assert not list(sounds.glob(".*qastanet*"))


def test_a_table_of_pandas_will_do(sounds):
    manifest = pd.DataFrame(pairs(sounds)).assign(bitrate=32)
    table = pd.DataFrame(campaign.run(manifest, sounds / "out.csv", progress=False))
    kept = pd.read_csv(sounds / "out.csv", keep_default_na=False)
    assert (kept.bitrate == 32).all() and list(kept.columns) == list(table.columns)


def test_command_line_ends_with_1_if_a_pair_failed(sounds, capsys):
    arguments = ["batch", "--ref", str(sounds), "--deg", str(sounds), "--quiet"]
    assert main([*arguments, "-o", str(sounds / "o.csv")]) == 1
    out, err = capsys.readouterr()
    assert "1 of 7 pairs failed" in err and "condition" in out
    summary = pd.read_csv(sounds / "o_summary.csv").set_index("condition")
    assert summary.pairs["a"] == 2 and summary.failed["d"] == 1
    assert summary.ci95_low["a"] <= summary["mean"]["a"] <= summary.ci95_high["a"]
    assert (sounds / "o_summary.svg").is_file()
    (sounds / "band_d.wav").unlink()
    assert main([*arguments, "-o", str(sounds / "o.csv")]) == 0


def test_dry_run_only_shows(sounds, capsys):
    assert main(["batch", "--ref", str(sounds), "--deg", str(sounds), "--dry-run"]) == 0
    assert capsys.readouterr().out.count("_REF.wav") == 7
    assert not (sounds / "scores.csv").exists()


def test_nothing_is_scored_twice_after_an_interruption(sounds):
    manifest, output = pairs(sounds), sounds / "out.csv"
    seen, real = [], pair_scores.score_group

    def interrupted(reference, degraded, model, options):
        if len(seen) == 1:
            raise KeyboardInterrupt
        seen.append(reference)
        return real(reference, degraded, model, options)

    with pytest.raises(KeyboardInterrupt):
        campaign.run(manifest, output, progress=False, work=interrupted)
    assert not output.exists()
    journal = beside(output, "journal")
    with open(journal, "a") as file:
        file.write('{"key": "half a li')  # as a power cut leaves it
    again = []

    def counted(reference, degraded, model, options):
        again.extend(degraded)
        return real(reference, degraded, model, options)

    table = campaign.run(manifest, output, progress=False, work=counted)
    assert sum(not row["error"] for row in table) == 6 and not journal.exists()
    done = [row["degraded"] for row in manifest if row["reference"] == seen[0]]
    good = [name for name in done if "_d" not in name]
    assert not set(again) & set(good)


def test_progress_after_an_interruption_starts_where_it_stopped(sounds, monkeypatch):
    manifest, output, shown = pairs(sounds), sounds / "out.csv", []

    def half(reference, degraded, model, options):
        if shown:
            raise KeyboardInterrupt
        shown.append("first")
        return [{"score": 0.5}] * len(degraded)

    with pytest.raises(KeyboardInterrupt):
        campaign.run(manifest, output, progress=False, work=half)
    done = len(beside(output, "journal").read_text().splitlines())
    starts = []

    class Noted(Progress):
        def __init__(self, total, done, *rest):
            starts.append((done, total))
            super().__init__(total, done, *rest)

    monkeypatch.setattr(campaign, "Progress", Noted)
    campaign.run(manifest, output, progress=False)
    assert starts == [(done, 7)] and done > 0


def test_progress_is_said_at_the_end_where_there_is_no_terminal(capsys):
    with Progress(40, 8, "pairs") as shown:
        shown.add(8)
        shown.start -= 100
        assert shown.text() == "16 of 40 pairs, 5 min left"
        assert not capsys.readouterr().err
        shown.add(24)
    assert capsys.readouterr().err == "40 of 40 pairs\n"


def test_other_options_or_changed_files_are_scored_anew(sounds):
    row = pairs(sounds)[:1]

    def key(**options):
        return campaign._keys(row, "default", Options(**options))

    first = key()
    assert first == key() != key(align=True)
    os.utime(row[0]["degraded"], (1, 1))
    assert first != key()


@pytest.mark.parametrize("after_s", [3.0, 6.0])
def test_killed_runs_go_on(sounds, after_s):
    manifest = sounds / "m.csv"
    many = pd.DataFrame(pairs(sounds))[["reference", "degraded", "condition"]]
    many.to_csv(manifest, index=False)
    command = [sys.executable, "-m", "qastanet", "batch", str(manifest), "--quiet"]
    command += ["-o", str(sounds / "k.csv"), "--jobs", "2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    time.sleep(after_s)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1, result.stderr  # the broken file
    table = pd.read_csv(sounds / "k.csv", keep_default_na=False)
    assert list(table.degraded) == list(many.degraded)
    assert (table.error == "").sum() == 6


def dying(reference, degraded, model, options):
    """Kill the worker when it meets a certain file."""
    if any("speech_b" in name for name in degraded):
        os.kill(os.getpid(), signal.SIGKILL)
    return [{"score": 0.5, "model": model} for _ in degraded]


def test_a_pair_that_kills_its_worker_becomes_a_row(sounds):
    table = campaign.run(pairs(sounds), sounds / "out.csv", jobs=2, progress=False, work=dying)
    bad = [(row["condition"], row["error"]) for row in table if row["error"]]
    assert bad == [("b", "the worker died while scoring it")]
    assert [row["score"] for row in table].count(0.5) == 6


def test_two_runs_do_not_mix(sounds):
    with sole_writer(sounds / "out.csv"):
        with pytest.raises(InputError, match=r"out\.csv: another run is writing it"):
            campaign.run(pairs(sounds), sounds / "out.csv", progress=False)
    campaign.run(pairs(sounds), sounds / "out.csv", progress=False)


def test_outputs_that_cannot_be_written_are_refused_before_the_work(sounds, capsys):
    with pytest.raises(InputError, match="is a folder"):
        campaign.run(pairs(sounds), sounds)
    assert main(["batch", "--ref", str(sounds), "--deg", str(sounds), "-o", "/proc/x/y.csv"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_disk_that_is_full_leaves_the_old_table(sounds, monkeypatch):
    output = sounds / "out.csv"
    campaign.run(pairs(sounds), output, progress=False)
    before = output.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "_cell", full)
    with pytest.raises(InputError, match="No space left"):
        campaign.run(pairs(sounds), output, progress=False)
    assert output.read_bytes() == before and not list(sounds.glob(".part-*"))


def test_wrong_arguments(sounds, capsys):
    assert main(["batch"]) == 2
    assert "either a MANIFEST.csv, or both" in capsys.readouterr().err
    assert main(["batch", "--ref", str(sounds), "--deg", str(sounds), "--jobs", "0"]) == 2


def test_summary_by_unknown_label():
    table = [{"reference": "r", "score": 0.5, "error": ""}]
    with pytest.raises(InputError, match="no column 'codec'"):
        summarise(table, ["codec"])
    assert np.isnan(summarise(table)[0]["ci95_low"])  # one reference tells nothing of the spread


def test_dask_cluster(sounds):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        table = campaign.run(
            pairs(sounds), sounds / "d.csv", scheduler=cluster.scheduler_address, progress=False
        )
    assert sum(not row["error"] for row in table) == 6


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://127.0.0.1:1", "no Dask scheduler answers"),
        ("foo://x", "no address of a Dask scheduler"),
        ("localhost:notaport", "no address of a Dask scheduler"),
    ],
)
def test_no_scheduler_answers(sounds, address, message):
    pytest.importorskip("distributed")
    with pytest.raises(InputError, match=message):
        campaign.run(pairs(sounds), sounds / "d.csv", scheduler=address)
    assert not list(sounds.glob(".*"))


def dying_once(reference, degraded, model, options):
    """Kill the worker when it meets a certain file for the first time."""
    mark = Path(reference).with_name("died")
    if any("speech_b" in name for name in degraded) and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return [{"score": 0.5, "model": model} for _ in degraded]


def dask_settings():
    """Return how Dask's schedulers are set."""
    import dask

    return dask.config.config["distributed"]["scheduler"]


@pytest.mark.parametrize(("work", "failed"), [(dying_once, 0), (dying, 1)])
def test_a_worker_of_a_cluster_that_comes_back_goes_on(sounds, monkeypatch, work, failed):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setitem(dask_settings(), "allowed-failures", 1 - failed)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        address = cluster.scheduler_address
        table = campaign.run(
            pairs(sounds), sounds / "d.csv", scheduler=address, progress=False, work=work
        )
    bad = [(row["condition"], row["error"]) for row in table if row["error"]]
    assert bad == [("b", "the worker died while scoring it")][:failed]
    assert [row["score"] for row in table].count(0.5) == 7 - failed


def test_a_cluster_without_workers_is_called_so(sounds, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(workers, "STEP_S", 0.1)
    monkeypatch.setattr(workers, "PATIENCE_S", 0.5)
    with distributed.LocalCluster(n_workers=0, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        with pytest.raises(InputError, match=r"lost after 0 of 7 pairs \(no worker for"):
            campaign.run(pairs(sounds), sounds / "d.csv", scheduler=address, progress=False)
    assert not list(sounds.glob(".*"))


def slow(reference, degraded, model, options):
    """Score one reference at once, the other much later."""
    time.sleep(20 if "speech" in reference else 0)
    return [{"score": 0.5, "model": model} for _ in degraded]


@pytest.mark.long  # Dask tries to find it again for a minute
def test_a_scheduler_that_is_lost_is_called_so(sounds):
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    )
    journal = beside(sounds / "d.csv", "journal")

    def lose():
        while not (journal.is_file() and journal.stat().st_size):
            time.sleep(0.1)
        with contextlib.suppress(TimeoutError):
            cluster.close(timeout=1)

    threading.Thread(target=lose, daemon=True).start()
    with pytest.raises(InputError, match="the Dask cluster was lost after 4 of 7 pairs"):
        campaign.run(
            pairs(sounds),
            sounds / "d.csv",
            scheduler=cluster.scheduler_address,
            progress=False,
            work=slow,
        )
    assert len(journal.read_text().splitlines()) == 4  # to go on with


def test_an_unknown_label_is_refused_before_the_work(tmp_path, capsys):
    (tmp_path / "m.csv").write_text("reference,degraded,codec\na.wav,b.wav,x\n")
    output = tmp_path / "scores.csv"
    assert main(["batch", str(tmp_path / "m.csv"), "-o", str(output), "--by", "nolabel"]) == 2
    assert "--by nolabel: no such column" in capsys.readouterr().err
    assert not output.exists()
