"""Lines that say what a notebook is doing."""

import csv
import json
from pathlib import Path

import nbformat
import pytest

from qastanet.compendium import progress, workflow

ROOT = Path(__file__).parents[1]


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """A notebook with one heading and a cell that takes a second."""
    monkeypatch.chdir(tmp_path)
    cells = [
        nbformat.v4.new_code_cell("wait = 0.0", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_markdown_cell("## Waiting\n\nfor long"),
        nbformat.v4.new_code_cell("import time\ntime.sleep(wait)"),
    ]
    folder = tmp_path / "notebooks" / "parameters" / "default"
    folder.mkdir(parents=True)
    (folder / "1.yaml").write_text("wait: 1.0\n")
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "1.ipynb")
    return Path("notebooks/1.ipynb")


def test_lines_name_the_cell_its_heading_and_the_time(notebook, monkeypatch, capsys):
    monkeypatch.setattr(progress.Progress.__init__, "__defaults__", (None, 0.1))
    progress.DURATIONS.write_text("notebook,profile,audio,seconds\n1,default,0,42\n")
    workflow.run(notebook, "default", audio=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1: starting (0 s of about 42 s)"
    assert sum("cell 2 of 2, Waiting (" in line for line in lines) >= 3
    assert lines[-1].startswith("1: done in ")


def test_what_it_took_last_is_what_it_may_take(notebook):
    assert progress.expected(notebook, "default", audio=False) is None
    workflow.run(notebook, "default", audio=False)
    assert 1 < progress.expected(notebook, "default", audio=False) < 60
    progress.main()
    with open(progress.DURATIONS, newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["notebook"], row["profile"], row["audio"]) == ("1", "default", "0")
    assert 1 <= float(row["seconds"]) < 60


def test_every_code_cell_stands_below_a_heading():
    for notebook in (ROOT / "notebooks").glob("[0-9]*.ipynb"):
        cells = json.loads(notebook.read_text())["cells"]
        found = progress.headings(notebook)
        assert len(found) == sum(cell["cell_type"] == "code" for cell in cells)
        assert all(heading for _, heading in found.values())
