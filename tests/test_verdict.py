"""The verdict: what agrees with the published results, what does not, and what stays as it is."""

import io
import subprocess
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qastanet.compendium import verdict, workflow
from qastanet.compendium.published import keeping
from qastanet.compendium.published.comparing import compare
from qastanet.errors import InputError
from qastanet.plots import style

TABLE = b"name,n,score\na,3,0.123456\nb,4,\n"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (TABLE, "equal"),
        (TABLE.replace(b"0.123456", b"0.123457"), "within"),
        (TABLE.replace(b"0.123456", b"0.12346"), "off"),
        (TABLE.replace(b"0.123456", b""), "off"),
        (TABLE.replace(b"a,3", b"c,3"), "off"),
        (TABLE.replace(b"a,3", b"a,4"), "off"),
        (TABLE.replace(b"score", b"points"), "off"),
        (TABLE + b"c,5,0.5\n", "off"),
        (b"", "off"),
    ],
)
def test_tables(made, expected):
    assert compare("a.csv", TABLE, made).verdict == expected


def test_a_table_that_was_rounded_more_has_larger_steps():
    assert compare("a.csv", b"x,y\n1.25,3.0\n", b"x,y\n1.26,3.0\n").verdict == "within"
    assert compare("a.csv", b"x,y\n1.2513,3.0\n", b"x,y\n1.2513,3.1\n").verdict == "off"


@given(st.integers(-(10**9), 10**9), st.integers(1, 6))
def test_one_step_is_within_and_two_are_off_at_any_size(value, digits):
    texts = [f"x\n{(value + k) / 10**digits:.{digits}f}\n".encode() for k in range(3)]
    assert compare("a.csv", texts[0], texts[1]).verdict == "within"
    assert compare("a.csv", texts[0], texts[2]).verdict == "off"


def _npz(**arrays):
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


HALF = np.float16([[0.0, 1.0], [np.nan, 20.0]])


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ({"a": HALF}, "equal"),
        ({"a": np.nextafter(HALF, np.float16(40))}, "within"),
        ({"a": np.where(HALF == 1, np.float16(1.02), HALF)}, "off"),
        ({"a": np.where(HALF == 0, np.float16(7e-6), HALF)}, "within"),
        ({"a": np.nan_to_num(HALF)}, "off"),
        ({"a": HALF.astype(np.float32)}, "off"),
        ({"a": HALF[:1]}, "off"),
        ({"a": HALF, "b": HALF}, "off"),
    ],
)
def test_arrays_in_half_precision(made, expected):
    assert compare("a.npz", _npz(a=HALF), _npz(**made)).verdict == expected


def test_arrays_in_double_precision_and_of_whole_numbers():
    values = np.array([1.0, 50.0])
    assert compare("a.npz", _npz(a=values), _npz(a=values + 4e-5)).verdict == "within"
    assert compare("a.npz", _npz(a=values), _npz(a=values + 6e-5)).verdict == "off"
    assert compare("a.npz", _npz(a=np.array([1])), _npz(a=np.array([2]))).verdict == "off"


def test_texts():
    page = b"<td>0.55 [0.10, 0.75]</td>"
    assert compare("a.html", page, page.replace(b"0.10", b"0.11")).verdict == "within"
    assert compare("a.html", page, page.replace(b"0.10", b"0.12")).verdict == "off"
    assert compare("a.tex", page, page.replace(b"td", b"th")).verdict == "off"


def test_anything_else_has_to_be_the_same():
    assert compare("a.bin", b"1.25", b"1.25").verdict == "equal"
    assert compare("a.bin", b"1.25", b"1.26").verdict == "off"


def _draw(path, shift=0.0, title="title", shade=0.5):
    """Draw a line, a marker and an image."""
    style.use_style()
    figure, axes = plt.subplots(1, 2, figsize=(3, 2))
    axes[0].plot([0, 1, 2], [0, 1 + shift, 0.5], "o-")
    axes[0].set(title=title, ylim=(0, 2))
    axes[1].imshow([[0, 1], [shade, 0.25]], vmin=0, vmax=1)
    style.save(figure, path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "equal"),
        ({"shift": 1e-4}, "within"),
        ({"shift": 0.02}, "off"),
        ({"title": "tilte"}, "off"),
        ({"shade": 0.505}, "within"),
        ({"shade": 0.6}, "off"),
    ],
)
def test_figures(tmp_path, changed, expected):
    first = _draw(tmp_path / "a.svg")
    assert compare("a.svg", first, _draw(tmp_path / "b.svg", **changed)).verdict == expected


def test_a_figure_is_the_same_whenever_it_is_drawn(tmp_path):
    for name in ("a.svg", "b.svg"):
        _draw(tmp_path / name)
    for end in (".svg", ".pdf"):
        first, second = ((tmp_path / name).with_suffix(end) for name in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()


@pytest.fixture(params=["git", "no git"])
def compendium(request, tmp_path, monkeypatch):
    """A compendium whose one notebook writes a table (a value is a parameter) and a figure."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keeping, "committed", keeping.committed.__wrapped__)
    cells = [
        nbformat.v4.new_code_cell(
            'out_table = "data/a.csv"\nout_figure = "figures/a.svg"',
            metadata={"tags": ["parameters"]},
        ),
        nbformat.v4.new_code_cell(
            "from pathlib import Path\n"
            'value = Path("value.txt").read_text()\n'
            'Path(out_table).write_text(f"x\\n{value}\\n")\n'
            "Path(out_figure).write_text(f'<svg><path d=\"M 0 {value}\"/></svg>')\n"
            'Path(out_figure).with_suffix(".pdf").write_text("pdf" + value)'
        ),
    ]
    for profile in ("default", "smoke"):
        folder = tmp_path / "notebooks" / "parameters" / profile
        folder.mkdir(parents=True)
        (folder / "1.yaml").write_text("")
    (folder / "1.yaml").write_text("out_table: build/smoke/a.csv\nout_figure: build/smoke/a.svg")
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "1.ipynb")

    def run(value, profile="default"):
        Path("value.txt").write_text(value)
        workflow.run(Path("notebooks/1.ipynb"), profile, audio=False)
        return verdict.main(["--profile", profile])

    assert run("0.25") == 0
    Path(".gitignore").write_text("build/\nvalue.txt\n")
    if request.param == "git":
        for command in ("init -q", "add .", "commit -q -m published"):
            name = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
            subprocess.run(["git", *name, *command.split()], check=True)
    run.git = request.param == "git"
    return run


FILES = [Path("data/a.csv"), Path("figures/a.svg"), Path("figures/a.pdf")]


def _contents():
    return [file.read_text() for file in FILES]


def test_what_is_as_published_stays_and_is_up_to_date(compendium, capsys):
    before = _contents()
    times = [file.stat().st_mtime for file in FILES]
    capsys.readouterr()
    assert compendium("0.26") == 0
    assert _contents() == before and "0.26" not in before[0]
    assert all(f.stat().st_mtime > t for f, t in zip(FILES, times, strict=True))
    assert "1 of 1 tables and 1 of 1 figures as published (3 files" in capsys.readouterr().out
    table = pd.read_csv("build/default/verdict.csv").set_index("file")
    assert set(table.verdict) == {"within"}
    row = table.loc["data/a.csv"]
    assert (row["rows"], row.cells, round(row.largest, 6), row.tolerance) == (1, 1, 0.01, 0.01)
    if compendium.git:
        shown = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True)
        assert shown.stdout == ""


def test_what_is_off_is_replaced_named_and_shown(compendium, capsys):
    assert compendium("0.75") == 1
    assert "0.75" in FILES[0].read_text() and FILES[2].read_text() == "pdf0.75"
    told = capsys.readouterr()
    assert "0 of 1 tables and 0 of 1 figures as published" in told.out
    assert "off: data/a.csv (of 1, largest deviation 0.5, tolerance 0.01" in told.err
    assert ("git diff" in told.err) == compendium.git
    assert verdict.main(["--show", "data/a.csv"]) == 0
    assert "row 1, x: published 0.25, made 0.75" in capsys.readouterr().out
    assert compendium("0.75") == 1  # still off, though it lies there now
    assert compendium("0.25") == 0  # and as it was when it is as published again
    assert "0.25" in FILES[0].read_text()


def test_a_result_that_was_not_made_is_missing(compendium, capsys):
    Path("build/default/made/1/data/a.csv").unlink()
    assert verdict.main([]) == 1
    assert "missing: data/a.csv" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"a\.csv: was not made; run `make reproduce`"):
        verdict.show("default", "data/a.csv")
    with pytest.raises(InputError, match=r"b\.csv: is no result of this run; choose one of data/a"):
        verdict.show("default", "data/b.csv")


def test_a_removed_file_is_had_anew(compendium):
    FILES[0].unlink()
    compendium("0.26")
    assert "0.26" in FILES[0].read_text()


def test_a_trial_run_is_compared_where_its_parameters_are_the_same(compendium, capsys):
    assert compendium("0.26", "smoke") == 0
    told = capsys.readouterr().out
    assert "Trial run (smoke): 1 of 1 tables and 1 of 1 figures" in told
    assert Path("build/smoke/a.csv").read_text() == "x\n0.26\n"
    assert Path("data/a.csv").read_text() == "x\n0.25\n"


def test_a_new_result_is_not_published(compendium):
    if not compendium.git:
        pytest.skip("what lies there is taken as published")
    subprocess.run(["git", "rm", "-q", "--cached", "data/a.csv"], check=True)
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "-m", "less"],
        check=True,
    )
    assert compendium("0.25") == 1
    assert pd.read_csv("build/default/verdict.csv").verdict.tolist() == ["new", "equal", "equal"]
