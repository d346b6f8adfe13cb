"""House rules of the notebooks."""

import ast
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 5


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def _code(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_is_valid_and_has_the_kernel_that_everyone_has(notebook):
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


def test_only_calls_the_library(notebook):
    tree = ast.parse("\n".join(_code(notebook)))
    defined = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    assert not [node for node in ast.walk(tree) if isinstance(node, defined)]


def test_works_from_its_own_folder_too(notebook):
    assert "storage.enter_root()" in "\n".join(_code(notebook))


def test_is_short(notebook):
    lines = [line for source in _code(notebook) for line in source.splitlines() if line.strip()]
    assert len(lines) <= 80


def test_opens_with_a_title_and_says_what_to_look_for(notebook):
    first = notebook.cells[0]
    assert first.cell_type == "markdown" and first.source.startswith("# ")
    assert "**What to look for.**" in first.source


def test_has_one_cell_of_parameters_first(notebook):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    tagged = [cell for cell in code if "parameters" in cell.metadata.get("tags", [])]
    assert tagged == code[:1]


def test_carries_no_outputs():
    tool = Path(sys.executable).with_name("nbstripout")
    files = [str(path) for path in NOTEBOOKS]
    subprocess.run([str(tool), "--verify", *files], check=True, capture_output=True)
