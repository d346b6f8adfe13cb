"""The notebooks as nodes of a graph: what reruns when, and that a failure leaves nothing behind."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from qastanet.compendium import workflow
from qastanet.errors import InputError

ROOT = Path(__file__).parents[1]
MODULE = Path("qastanet/plots/style.py")


@pytest.fixture
def compendium(tmp_path, monkeypatch):
    """A folder with one notebook of two cells that reads a file and writes another."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.txt").write_text("1")

    def write(*code, given="factor: 3\n"):
        cells = [
            nbformat.v4.new_code_cell(
                'in_a = "in.txt"\nout_b = "results/b.txt"\nfactor = 2',
                metadata={"tags": ["parameters"]},
            ),
            *map(nbformat.v4.new_code_cell, code),
        ]
        notebook = nbformat.v4.new_notebook(cells=cells)
        (tmp_path / "notebooks" / "parameters" / "default").mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, tmp_path / "notebooks" / "1.ipynb")
        (tmp_path / "notebooks" / "parameters" / "default" / "1.yaml").write_text(given)
        return Path("notebooks/1.ipynb")

    return write


COPY = "from pathlib import Path\nPath(out_b).write_text(str(factor * int(Path(in_a).read_text())))"


def test_results_appear_where_the_parameters_say(compendium):
    workflow.run(compendium(COPY), "default", audio=False)
    assert Path("results/b.txt").read_text() == "3"
    assert Path("build/default/1.ipynb").is_file() and Path("build/default/1.html").is_file()
    assert not list(Path("build/default").glob(".part-*"))


def test_a_failing_cell_keeps_the_notebook_and_touches_no_result(compendium):
    workflow.run(compendium(COPY), "default", audio=False)
    executed = Path("build/default/1.ipynb").read_bytes()
    broken = compendium(COPY.replace("factor", "7"), "1 / 0")
    with pytest.raises(InputError, match=r"1\.failed\.ipynb"):
        workflow.run(broken, "default", audio=False)
    assert Path("results/b.txt").read_text() == "3"
    assert Path("build/default/1.ipynb").read_bytes() == executed
    assert "ZeroDivisionError" in Path("build/default/1.failed.ipynb").read_text()


def test_what_the_input_lacks_is_told_in_one_line(compendium):
    notebook = compendium(
        "from qastanet.errors import InputError\nraise InputError('a.wav: no such file')"
    )
    with pytest.raises(InputError, match=r"^a\.wav: no such file \(told by .*failed\.ipynb\)$"):
        workflow.run(notebook, "default", audio=False)


def test_a_notebook_that_forgets_an_output_fails(compendium):
    with pytest.raises(InputError, match=r"without writing .*b\.txt"):
        workflow.run(compendium("1 + 1"), "default", audio=False)
    assert not Path("build/default/1.ipynb").exists()


def test_unknown_parameters_are_refused(compendium):
    with pytest.raises(InputError, match=r"1\.yaml: 1\.ipynb has no parameter factr"):
        workflow.run(compendium(COPY, given="factr: 3\n"), "default", audio=False)


def test_missing_parameter_file(compendium):
    with pytest.raises(InputError, match=r"smoke/1\.yaml: no such file"):
        workflow.parameters(compendium(COPY), "smoke")


def make(*arguments):
    environment = os.environ | {"PYTHON": sys.executable}
    return subprocess.run(
        ["make", "-f", "rules.mk", *arguments], capture_output=True, text=True, env=environment
    )


def test_make_runs_once_and_again_when_an_input_changes(compendium):
    compendium(COPY)
    Path("rules.mk").write_text(workflow.rules("default", audio=False))
    first = make("all")
    assert first.returncode == 0, first.stderr
    assert make("-q", "all").returncode == 0
    for changed in ("in.txt", "notebooks/1.ipynb", "notebooks/parameters/default/1.yaml"):
        later = Path("results/b.txt").stat().st_mtime + 10
        os.utime(changed, (later, later))
        assert make("-q", "all").returncode == 1, changed
        os.utime(changed, (0, 0))
    Path("results/b.txt").unlink()
    assert make("-q", "all").returncode == 1


def test_rules_are_those_of_every_make(compendium):
    compendium(COPY)
    rules = workflow.rules("default", audio=False)
    assert "&" not in rules.replace("&&", "") and "::" not in rules
    Path("rules.mk").write_text(rules)
    assert make("-n", "-B", "all").stdout.count("workflow run") == 1


def test_results_that_are_gone_are_made_anew(compendium):
    compendium(COPY)
    Path("rules.mk").write_text(workflow.rules("default", audio=False))
    assert make("all").returncode == 0
    Path("results/b.txt").unlink()
    result = make("all")
    assert result.returncode == 0 and Path("results/b.txt").read_text() == "3", result.stderr
    assert make("-q", "all").returncode == 0


def test_notebooks_run_in_this_python(compendium, tmp_path, monkeypatch):
    kernel = tmp_path / "other" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    facts = {"argv": ["false", "{connection_file}"], "display_name": "x", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(facts))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "other"))
    code = "import sys\nfrom pathlib import Path\nPath(out_b).write_text(sys.executable)"
    workflow.run(compendium(code), "default", audio=False)
    assert Path("results/b.txt").read_text() == sys.executable


NAMES = [
    "x; touch pwned",
    'x" || touch pwned; "',
    "$$(touch pwned)",
    "$(shell touch pwned)",
    "`touch pwned`",
    "my $test (1).csv",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("variable", ["MANIFEST", "SCORES", "PROFILE", "JOBS"])
def test_names_given_to_make_are_data(tmp_path, variable, name):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / "requirements.lock").touch()
    (tmp_path / "pyproject.toml").touch()
    shown = tmp_path / ".venv" / "bin" / "python"
    shown.write_text('#!/bin/sh\nfor word; do echo "[$word]"; done\n')
    shown.chmod(0o755)
    (tmp_path / ".venv" / "installed").touch()
    result = subprocess.run(
        ["make", "reproduce", f"{variable}={name}"], cwd=tmp_path, capture_output=True, text=True
    )
    assert not (tmp_path / "pwned").exists()
    if variable in ("MANIFEST", "SCORES"):
        assert f"[{name}]" in result.stdout and result.returncode == 0
    else:
        assert result.returncode == 2 and f"{variable} '{name}': give" in result.stderr


def test_make_fails_when_a_cell_fails(compendium):
    compendium("1 / 0")
    Path("rules.mk").write_text(workflow.rules("default", audio=False))
    result = make("all")
    assert result.returncode != 0 and "a cell failed" in result.stderr


def test_a_notebook_depends_on_the_modules_it_reaches(monkeypatch):
    monkeypatch.chdir(ROOT)
    used = {file.name for file in workflow.modules(Path("notebooks/01_listening_test.ipynb"))}
    assert {"__init__.py", "style.py", "storage.py", "registry.py", "registry.csv"} <= used
    assert "network.py" not in used


@pytest.mark.parametrize("profile", ["default", "smoke"])
@pytest.mark.parametrize("audio", [True, False])
def test_every_input_is_committed_or_made_by_another_notebook(monkeypatch, profile, audio):
    monkeypatch.chdir(ROOT)
    made, read = set(), set()
    for line in workflow.rules(profile, audio).splitlines():
        targets, colon, sources = line.partition(": ")
        if colon and not line.startswith(("\t", ".", "all")):
            made |= set(targets.split())
            read |= set(sources.split())
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True)
    missing = read - made - set(tracked.stdout.split("\n"))
    assert not missing
    if profile == "smoke":
        assert all(target.startswith("build/smoke/") for target in made)


def test_notebook_parameters_are_literals(monkeypatch):
    monkeypatch.chdir(ROOT)
    for notebook in Path("notebooks").glob("*.ipynb"):
        assert json.dumps(workflow.default_parameters(notebook))
