"""Nothing of the user's is lost: what lies in the place of an output, and what it may be."""

import hashlib
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from qastanet import registry
from qastanet.cli import main
from qastanet.compendium import report, workflow
from qastanet.errors import InputError
from qastanet.models.parts_model import WEIGHTS
from qastanet.outputs import Output, claim, sole_writer, table_with
from qastanet.storage import replacing

RNG = np.random.default_rng(0)
PAIR = "reference,degraded\na.wav,b.wav\n"
RATED = "reference,degraded,mos,scene\na.wav,b.wav,80,s1\na.wav,c.wav,40,s2\n"
MUSHRA = "session_uuid,trial_id,rating_stimulus,rating_score\ns,t,a,100\ns,t,b,70\ns,t,c,40\n"
MANIFEST = ["manifest", "--webmushra", "r.csv", "--sounds", ".", "--pattern", "{condition}.wav"]
MANIFEST += ["--reference", "a", "-o"]
TRAIN = ["train", "--scale-only", "--quiet", "-o", "mine.safetensors"]


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Work in a folder with three sounds of 42 ms and a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(tmp_path / ".cache"))
    first = 0.1 * RNG.standard_normal((2000, 2))
    for worse, name in enumerate("abc"):
        noise = 0.02 * worse * RNG.standard_normal(first.shape)
        soundfile.write(f"{name}.wav", first + noise, 48000)
    return tmp_path


def write(**files):
    for name, content in files.items():
        Path(name.replace("__", ".")).write_text(content)


def link(name, target):
    os.symlink(target, name)


def state():
    """Return name -> kind, permissions and content of all that lies here."""
    found = {}
    for path in sorted(Path().rglob("*")):
        content = os.readlink(path) if path.is_symlink() else b""
        if path.is_file() and not path.is_symlink():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path)] = (stat.S_IFMT(path.lstat().st_mode), content)
    return found


KEPT = {
    # what is asked for: how it is made, the command, what the message says
    "results": (
        lambda: write(r__csv=MUSHRA),
        [*MANIFEST, "r.csv"],
        r"r\.csv: is an input; name another output",
    ),
    "a sound of a test": (lambda: write(r__csv=MUSHRA), [*MANIFEST, "b.wav"], r"b\.wav: the name"),
    "manifest": (lambda: write(m__csv=PAIR), ["batch", "m.csv", "-o", "m.csv"], "is an input"),
    "a sound": (lambda: write(m__csv=PAIR), ["batch", "m.csv", "-o", "a.wav"], "must end in .csv"),
    "a sound called as a table": (
        lambda: (write(m__csv=PAIR), os.rename("c.wav", "c.csv")),
        ["batch", "m.csv", "-o", "c.csv", "--force"],
        r"c\.csv: is a sound",
    ),
    "summary": (
        lambda: write(scores_summary__csv=PAIR),
        ["batch", "scores_summary.csv"],
        r"scores_summary\.csv: is an input",
    ),
    "plot": (
        lambda: (
            write(m__csv=PAIR.replace("a.wav", "scores_summary.svg")),
            os.rename("a.wav", "scores_summary.svg"),
        ),
        ["batch", "m.csv"],
        r"scores_summary\.svg: is a sound",
    ),
    "predictions": (
        lambda: write(mine_predictions__csv=RATED),
        [*TRAIN, "mine_predictions.csv"],
        r"mine_predictions\.csv: is an input",
    ),
    "agreement": (
        lambda: write(mine_agreement__csv=RATED),
        [*TRAIN, "mine_agreement.csv"],
        r"mine_agreement\.csv: is an input",
    ),
    "a degraded sound": (
        lambda: [os.rename(f"{x}.wav", f"{x}.png") for x in "ab"],
        ["explain", "a.png", "b.png", "-o", "b.png", "--force"],
        r"b\.png: is a sound",
    ),
    "weights": (
        lambda: (write(m__csv=PAIR), Path("w.safetensors").write_bytes(WEIGHTS.read_bytes())),
        ["batch", "m.csv", "--model", "w.safetensors", "-o", "w.safetensors"],
        "must end in .csv",
    ),
    "weights called as a page": (
        lambda: (
            Path("w.safetensors").write_bytes(WEIGHTS.read_bytes())
            and link("p.html", "w.safetensors")
        ),
        ["explain", "a.wav", "b.wav", "--model", "w.safetensors", "-o", "p.html", "--force"],
        r"p\.html: is an input",
    ),
    "input through a link": (
        lambda: (write(real__csv=PAIR), link("link.csv", "real.csv")),
        ["batch", "link.csv", "-o", "real.csv", "--force"],
        r"real\.csv: is an input",
    ),
    "input through a folder": (
        lambda: (write(real__csv=PAIR), link("here", ".")),
        ["batch", "real.csv", "-o", "here/real.csv", "--force"],
        r"here/real\.csv: is an input",
    ),
    "twin": (
        lambda: (write(m__csv=PAIR), os.link("m.csv", "twin.csv")),
        ["batch", "m.csv", "-o", "twin.csv", "--force"],
        r"twin\.csv: is an input",
    ),
    "another file through a link": (
        lambda: (write(m__csv=PAIR, kept__csv="a result\n"), link("link.csv", "kept.csv")),
        ["batch", "m.csv", "-o", "link.csv"],
        r"link\.csv: is there already, .*--force",
    ),
    "another table": (
        lambda: write(m__csv=PAIR, scores__csv="name,score\nx,1\n"),
        ["batch", "m.csv"],
        r"scores\.csv: is there already",
    ),
    "another page": (
        lambda: write(p__html="<p>mine"),
        ["explain", "a.wav", "b.wav", "-o", "p.html"],
        r"p\.html: is there already",
    ),
    "pipe": (
        lambda: (write(m__csv=PAIR), os.mkfifo("out.csv")),
        ["batch", "m.csv", "-o", "out.csv", "--force"],
        r"out\.csv: is no regular file",
    ),
    "pipe as a page": (
        lambda: os.mkfifo("p.html"),
        ["explain", "a.wav", "b.wav", "-o", "p.html", "--force"],
        r"p\.html: is no regular file",
    ),
    "folder": (
        lambda: (write(m__csv=PAIR), os.mkdir("scores_summary.csv")),
        ["batch", "m.csv"],
        r"scores_summary\.csv: is a folder",
    ),
    "no name": (lambda: write(m__csv=PAIR), ["batch", "m.csv", "-o", ""], "-o is empty"),
    "folder above": (lambda: write(m__csv=PAIR), ["batch", "m.csv", "-o", ".."], "is a folder"),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_lies_there_is_kept(case, work, capsys):
    build, arguments, message = KEPT[case]
    build()
    before = state()
    assert main(arguments) == 2
    with pytest.raises(InputError, match=message):
        raise InputError(capsys.readouterr().err)
    assert state() == before


@pytest.mark.parametrize("name", ["scores.csv.journal", "scores.csv.journal.lock"])
def test_files_beside_the_output_are_kept(name, work):
    write(m__csv=PAIR)
    Path(name).write_text("my diary\n")
    assert main(["batch", "m.csv", "--quiet"]) == 0
    assert Path(name).read_text() == "my diary\n"
    os.remove("scores.csv")
    os.rename("m.csv", "scores.csv.journal")
    assert main(["batch", "scores.csv.journal", "--quiet"]) == 0
    assert Path("scores.csv.journal").read_text() == PAIR


def test_former_outputs_are_replaced_and_others_with_force(work):
    write(m__csv=PAIR, r__csv=MUSHRA)
    for arguments in (
        ["batch", "m.csv", "--quiet"],
        [*MANIFEST, "made.csv"],
        *(
            ["explain", "a.wav", "b.wav", "-o", f"p{end}"]
            for end in (".html", ".png", ".svg", ".pdf")
        ),
        [*TRAIN, "rated.csv"],
    ):
        write(rated__csv=RATED)
        assert main(arguments) == 0
        assert main(arguments) == 0
    Path("scores.csv").write_text("mine\n")
    assert main(["batch", "m.csv", "--quiet"]) == 2
    assert main(["batch", "m.csv", "--quiet", "--force"]) == 0
    assert Path("scores.csv").read_text().startswith("reference,degraded,score")


def test_a_link_is_written_through_and_permissions_stay(tmp_path):
    old = os.umask(0o077)
    try:
        with replacing(tmp_path / "new.csv") as file:
            file.write_text("x")
        assert stat.S_IMODE((tmp_path / "new.csv").stat().st_mode) == 0o600
        (tmp_path / "kept.csv").write_text("old")
        (tmp_path / "kept.csv").chmod(0o640)
        (tmp_path / "link.csv").symlink_to("kept.csv")
        with replacing(tmp_path / "link.csv") as file:
            file.write_text("new")
    finally:
        os.umask(old)
    assert (tmp_path / "link.csv").is_symlink() and (tmp_path / "kept.csv").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "kept.csv").stat().st_mode) == 0o640


def test_no_writer_replaces_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "p.csv")
    with pytest.raises(InputError, match="is no regular file"), replacing(tmp_path / "p.csv"):
        pass
    assert stat.S_ISFIFO((tmp_path / "p.csv").stat().st_mode)


def test_patterns_stand_for_all_their_files(tmp_path):
    (tmp_path / "set_1.csv").write_text("x")
    with pytest.raises(InputError, match="is an input"):
        claim([Output(tmp_path / "set_1.csv", table_with())], [tmp_path / "set_*.csv"], force=True)


def test_the_second_run_to_one_output_says_so(work, capsys):
    write(rated__csv=RATED, m__csv=PAIR, r__csv=MUSHRA)
    for arguments, name in (
        ([*MANIFEST, "own.csv"], "own.csv"),
        (["explain", "a.wav", "b.wav", "-o", "page.html"], "page.html"),
        ([*TRAIN, "rated.csv"], "mine.safetensors"),
        (["batch", "m.csv"], "scores.csv"),
    ):
        with sole_writer(Path(name)):
            code = "import sys; from qastanet.cli import main; sys.exit(main(sys.argv[1:]))"
            other = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True)
        assert other.returncode == 2 and b"another run is writing it" in other.stderr
    assert not list(Path().glob(".*qastanet*"))


def test_a_run_that_is_told_to_end_leaves_nothing_half(work):
    first = 0.1 * RNG.standard_normal((48000, 2))
    rows = []
    for k in range(20):
        for name in (f"r{k}.wav", f"d{k}.wav"):
            soundfile.write(name, first + 0.01 * RNG.standard_normal(first.shape), 48000)
        rows.append(f"r{k}.wav,d{k}.wav\n")
    write(m__csv="reference,degraded\n" + "".join(rows))
    journal = Path(".scores.csv.qastanet-journal")
    command = [sys.executable, "-m", "qastanet", "batch", "m.csv", "--jobs", "2", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        while not (journal.is_file() and journal.stat().st_size):
            time.sleep(0.05)
            assert run.poll() is None
        run.send_signal(signal.SIGTERM)
        told = run.communicate()
    assert run.returncode == 143 and told == (b"", b"")
    assert [path.name for path in Path().glob(".*") if path.is_file()] == [journal.name]
    assert not Path("scores.csv").exists()


def test_a_summary_of_many_conditions_is_no_flood(work, capsys):
    rows = "".join(f"a.wav,gone.wav,c{k}\n" for k in range(100))
    write(m__csv="reference,degraded,condition\n" + rows)
    assert main(["batch", "m.csv", "--quiet"]) == 1
    captured = capsys.readouterr()
    assert captured.out.endswith("... and 40 more: see scores_summary.csv\n")
    assert len(captured.out.splitlines()) == 62 and len(captured.err.splitlines()) == 12
    assert len(Path("scores_summary.csv").read_text().splitlines()) == 101


def test_rows_that_are_there_twice_are_told(work, capsys):
    write(m__csv=PAIR + "a.wav,b.wav\na.wav,c.wav\n")
    assert main(["batch", "m.csv", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert "note: 1 rows name a pair that is there already" in captured.err
    assert captured.out.splitlines()[1].split()[0] == "3"


def test_a_lock_that_is_none_is_left_alone(work, capsys):
    write(m__csv=PAIR)
    Path(".scores.csv.qastanet-lock").write_text("mine")
    assert main(["batch", "m.csv"]) == 2
    assert "is in the way" in capsys.readouterr().err
    assert Path(".scores.csv.qastanet-lock").read_text() == "mine"


DAMAGED = ['"text"', "[1, 2]", "{}", "7", '{"score": 1}', "[" * 20000, '{"key": "k"}']


@pytest.mark.parametrize("line", DAMAGED)
def test_damaged_lines_of_a_journal_are_left_out(line, work):
    write(m__csv=PAIR)
    Path(".scores.csv.qastanet-journal").write_bytes(line.encode() + b"\n\xff\xfe\n")
    assert main(["batch", "m.csv", "--quiet"]) == 0
    assert not Path(".scores.csv.qastanet-journal").exists()


def test_a_journal_that_is_a_pipe_is_refused(work, capsys):
    write(m__csv=PAIR)
    os.mkfifo(".scores.csv.qastanet-journal")
    assert main(["batch", "m.csv"]) == 2
    assert "qastanet-journal: is no file" in capsys.readouterr().err


def test_a_report_deletes_no_folder_of_the_users(tmp_path, monkeypatch):
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter.txt").write_text("three years of work\n")
    maker = object.__new__(report.Report)
    maker.target = thesis
    with pytest.raises(InputError, match="thesis: holds other files; name a new folder"):
        maker.write()
    assert (thesis / "chapter.txt").is_file()
    former = tmp_path / "former"
    former.mkdir()
    for name in ("report.css", "report.js", "index.html"):
        (former / name).write_text("old")
    maker.target = former

    def fails():
        raise RuntimeError

    maker._write_pages = fails
    with pytest.raises(RuntimeError):
        maker.write()
    assert (former / "index.html").read_text() == "old" and len(list(tmp_path.iterdir())) == 2
    maker._write_pages = lambda: (maker.target / "report.css").write_text("new")
    maker.write()
    assert [file.name for file in former.iterdir()] == ["report.css"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["former", "thesis"]


def test_a_test_of_ones_own_is_not_written_over(work, monkeypatch):
    root = Path(__file__).parents[1]
    monkeypatch.setattr(workflow, "NOTEBOOKS", root / "notebooks")
    monkeypatch.setattr(workflow, "OWN", root / "notebooks" / "own_listening_test.ipynb")
    os.makedirs("build/scores")
    rated = RATED.replace("a.wav", "../../a.wav").replace("b.wav", "../../b.wav")
    Path("build/scores/scores.csv").write_text(rated.replace("c.wav", "../../c.wav"))
    with pytest.raises(InputError, match=r"scores\.csv: is an input"):
        workflow.run_own(Path("build/scores/scores.csv"))
    os.makedirs("build/mine")
    Path("mine.csv").write_text(RATED)
    Path("build/mine/scores.csv").write_text("mine\n")
    with pytest.raises(InputError, match=r"build/mine/scores\.csv: is there already"):
        workflow.run_own(Path("mine.csv"))
