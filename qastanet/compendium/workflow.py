"""Which notebook depends on which files: the graph of the compendium, and running its nodes.

`python -m qastanet.compendium.workflow rules` prints a makefile that knows, for every notebook, its
inputs, its outputs, its parameter file and the modules it uses. `python -m
qastanet.compendium.workflow run` executes one notebook. Parameters whose names start with `in_` are
files a notebook reads, with `out_` files it writes; `from_audio_` files are written when the public
sounds are at hand and otherwise read as they were committed.
"""

import argparse
import ast
import json
import os
import re
import sys
from pathlib import Path

from qastanet.compendium.progress import expected
from qastanet.compendium.published.keeping import BUILD
from qastanet.compendium.running import execute
from qastanet.errors import InputError, exit_code
from qastanet.outputs import Output, claim

PACKAGE = Path(__file__).parents[1]
NOTEBOOKS = Path("notebooks")
OWN = NOTEBOOKS / "own_listening_test.ipynb"
"""Not a node of the graph: it is run on a manifest of the user's."""


def cells(notebook: Path) -> list[dict]:
    """Return the code cells of a notebook."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    return [cell for cell in content["cells"] if cell["cell_type"] == "code"]


def default_parameters(notebook: Path) -> dict:
    """Return the literals that the cell tagged `parameters` assigns.

    Raises:
        InputError: if there is no such cell
    """
    for cell in cells(notebook):
        if "parameters" in cell["metadata"].get("tags", []):
            tree = ast.parse("".join(cell["source"]))
            return {
                node.targets[0].id: ast.literal_eval(node.value)
                for node in tree.body
                if isinstance(node, ast.Assign)
            }
    raise InputError(f"{notebook}: no cell is tagged 'parameters'")


def parameters(notebook: Path, profile: str) -> dict:
    """Return the parameters of a notebook under a profile.

    Args:
        notebook: its path
        profile: folder under notebooks/parameters with one YAML file per notebook

    Raises:
        InputError: if the parameter file sets something that the notebook does not have
    """
    import yaml

    values = default_parameters(notebook)
    file = _parameter_file(notebook, profile)
    if not file.is_file():
        raise InputError(f"{file}: no such file; every notebook of a profile has one")
    given = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    unknown = sorted(set(given) - set(values))
    if unknown:
        raise InputError(f"{file}: {notebook.name} has no parameter {', '.join(unknown)}")
    return values | given


def _parameter_file(notebook: Path, profile: str) -> Path:
    """Return the file of parameters of a notebook under a profile."""
    return NOTEBOOKS / "parameters" / profile / f"{notebook.stem}.yaml"


def _imports(source: str) -> set[str]:
    """Return the modules of the package that a piece of code imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qastanet"):
            module = node.module.partition(".")[2]
            found.add(module)
            found |= {f"{module}.{alias.name}".strip(".") for alias in node.names}
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("qastanet")]
            found |= {name.partition(".")[2] for name in names}
    return found


def modules(notebook: Path) -> list[Path]:
    """Return the files of the package that a notebook depends on, directly or not."""
    source = "\n".join("".join(cell["source"]) for cell in cells(notebook))
    waiting, seen, files = _imports(source) | {""}, set(), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        place = PACKAGE / name.replace(".", "/")
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if file.is_file():  # else a name within a module
            files.add(file)
            waiting |= _imports(file.read_text(encoding="utf-8")) | {name.rpartition(".")[0]}
    data = [PACKAGE / "registry.csv"] if "registry" in seen else []
    return sorted(files) + data


def rules(profile: str, audio: bool) -> str:
    """Return a makefile for all notebooks of a profile.

    Args:
        profile: see `parameters`
        audio: whether the public sounds are at hand, so that `from_audio_` files are made anew
    """
    lines, everything = [], []
    for notebook in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        values = parameters(notebook, profile)
        audio_here = audio and values.get("audio") is not None
        wanted = {kind: _files(values, kind) for kind in ("in_", "out_", "from_audio_")}
        made = wanted["out_"] + (wanted["from_audio_"] if audio_here else [])
        read = wanted["in_"] + ([] if audio_here else wanted["from_audio_"])
        made += [str(BUILD / profile / f"{notebook.stem}{end}") for end in (".ipynb", ".html")]
        read += [str(notebook), str(_parameter_file(notebook, profile))]
        read += [os.path.relpath(module) for module in modules(notebook)]
        flag = " --audio" if audio_here else ""
        stamp = str(BUILD / profile / f"{notebook.stem}.stamp")
        lines += [
            f"{stamp}: {' '.join(read)}",
            "\t@mkdir -p $(@D) && touch $@.part",
            "\t@$(PYTHON) -m qastanet.compendium.workflow run "
            f"{notebook.stem} --profile {profile}{flag}",
            "\t@mv $@.part $@",  # of the time of the start: what was made is newer
            f"{' '.join(made)}: {stamp}",
            "\t@test -f $@ || { rm -f $<; $(REMAKE) -f $(firstword $(MAKEFILE_LIST)) $<; }",
            "",
        ]
        everything += made
    head = ["PYTHON ?= python", "REMAKE := $(MAKE)", f"all: {' '.join(everything)}", ".PHONY: all"]
    head += [f".PRECIOUS: {' '.join(everything)}", ""]  # an interrupted make would delete results
    return "\n".join(head + lines)


def _files(values: dict, prefix: str) -> list[str]:
    """Return the file names among the parameters that start with a prefix."""
    return [str(v) for k, v in values.items() if k.startswith(prefix) and v is not None]


def run(notebook: Path, profile: str, audio: bool) -> None:
    """Execute a notebook of a profile; see `execute`.

    Args:
        notebook: its path
        profile: see `parameters`
        audio: passed on to the notebook's parameter of that name, if it has one
    """
    values = parameters(notebook, profile)
    if audio and values.get("audio") is not None:
        values["audio"] = True
    audio = bool(values.get("audio"))
    made = ("out_", "from_audio_") if audio else ("out_",)
    execute(notebook, values, made, BUILD / profile, typical=expected(notebook, profile, audio))


def run_own(manifest: Path) -> Path:
    """Evaluate all metrics on a listening test of one's own, in a folder of its own.

    Args:
        manifest: see `qastanet.listening_tests.rated_manifest.read_rated_manifest`

    Returns:
        the folder with tables, figures and the executed notebook: build/<name of the manifest>

    Raises:
        InputError: if there is no manifest, its name is that of a profile, or a pair cannot be used
    """
    from qastanet.listening_tests.rated_manifest import read_rated_manifest

    rated = read_rated_manifest(manifest)  # before anything else is started
    folder = folder_for(manifest)
    values = default_parameters(OWN) | {"in_manifest": str(manifest.absolute())}
    values |= {k: Path(v).name for k, v in values.items() if k.startswith("out_")}
    made = [folder / v for k, v in values.items() if k.startswith("out_") and v]
    made += [folder / f"{OWN.stem}{end}" for end in (".ipynb", ".html", ".failed.ipynb")]
    # where the executed notebook lies, the rest was written by an earlier run
    ours = any((folder / f"{OWN.stem}{end}").is_file() for end in (".ipynb", ".failed.ipynb"))
    inputs = [manifest, *rated.reference, *rated.degraded]
    claim([Output(path, lambda _: ours) for path in made], inputs)
    execute(OWN, values, ("out_",), folder, folder)
    return folder


def folder_for(file: Path) -> Path:
    """Return the folder that holds the results of a file of the reader's: build/<its name>.

    Raises:
        InputError: if the name is that of a profile
    """
    name = re.sub(r"[^\w.-]", "_", file.stem).strip(".")
    if not name or (NOTEBOOKS / "parameters" / name).is_dir():
        raise InputError(f"{file}: rename it; build/{name} holds other results")
    return BUILD / name


def main() -> int:
    """Run the command line of the workflow."""
    parser = argparse.ArgumentParser(
        prog="python -m qastanet.compendium.workflow", description=__doc__
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("rules", "run"):
        command = commands.add_parser(name)
        command.add_argument("--profile", default="default")
        command.add_argument("--audio", action="store_true")
        if name == "run":
            command.add_argument("notebook", help="its number and name, without .ipynb")
    own = commands.add_parser("own", help="evaluate all metrics on a test of your own")
    own.add_argument("manifest", type=Path, help="CSV file: reference,degraded,mos,...")
    options = parser.parse_args()

    def chosen() -> None:
        """Do what was asked for."""
        if options.command == "rules":
            print(rules(options.profile, options.audio))
        elif options.command == "own":
            print(f"results: {run_own(options.manifest)}")
        else:
            run(NOTEBOOKS / f"{options.notebook}.ipynb", options.profile, options.audio)

    return exit_code(chosen)


if __name__ == "__main__":
    sys.exit(main())
