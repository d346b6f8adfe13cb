"""Executing one notebook with papermill, so that its results appear whole or not at all."""

import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from qastanet.compendium.progress import Progress, spoken
from qastanet.compendium.published.keeping import settle
from qastanet.errors import InputError
from qastanet.storage import replacing

KERNELS = ".jupyter"
"""Folder of the kernel, below the one that a notebook writes to."""

MADE = "made"
"""Folder below that of a profile: the results as the notebooks made them."""


def execute(
    notebook: Path,
    values: dict,
    made: tuple[str, ...],
    folder: Path,
    base: Path = Path(),
    typical: float | None = None,
) -> None:
    """Execute a notebook with papermill; results appear only if all of it succeeds.

    The executed notebook and an HTML of it are written to the folder, and the results as they were
    made to made/<name> in it (see `qastanet.compendium.published.keeping.settle`). If a cell fails,
    what was executed is kept as <name>.failed.ipynb, and no result is touched.

    Args:
        notebook: its path
        values: of its parameters
        made: beginnings of the names of parameters that are files it writes
        folder: see above
        base: folder from which the files it writes are named
        typical: seconds that it may take

    Raises:
        InputError: if a cell fails, or a file is not written
    """
    from nbconvert import HTMLExporter

    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{notebook.stem}.failed.ipynb"
    start = time.monotonic()
    safely = {"prefix": ".part-", "ignore_cleanup_errors": True}  # it has moved if all went well
    with tempfile.TemporaryDirectory(dir=folder, **safely) as name:
        staging = Path(name)
        places = {k: staging / v for k, v in values.items() if k.startswith(made) and v}
        for place in places.values():
            place.parent.mkdir(parents=True, exist_ok=True)
        values = values | {k: str(place) for k, place in places.items()}
        _run_cells(notebook, values, unfinished, staging, typical)
        missing = [str(place) for place in places.values() if not place.is_file()]
        if missing:
            raise InputError(f"{notebook}: finished without writing {', '.join(missing)}")
        page, _ = HTMLExporter().from_filename(str(unfinished))
        for file in sorted(file for file in staging.rglob("*") if file.is_file()):
            settle(file, base / file.relative_to(staging))
        kept = folder / MADE / notebook.stem
        shutil.rmtree(kept, ignore_errors=True)
        kept.parent.mkdir(exist_ok=True)
        staging.replace(kept)
    with replacing(folder / f"{notebook.stem}.html") as html:
        html.write_text(page, encoding="utf-8")
    unfinished.replace(folder / f"{notebook.stem}.ipynb")
    print(f"{notebook.stem}: done in {spoken(time.monotonic() - start)}", flush=True)


def _run_cells(
    notebook: Path, values: dict, executed: Path, staging: Path, typical: float | None
) -> None:
    """Run the cells of a notebook by a kernel that is written to the staging folder meanwhile."""
    import papermill

    try:
        with Progress(notebook, typical) as progress:
            papermill.execute_notebook(
                str(notebook),
                str(executed),
                values,
                kernel_name=_kernel_here(staging),
                language="python",
                progress_bar=False,
                on_cell_start=progress.cell,
                extra_arguments=["--log-level=50"],  # it warns about itself at every start
            )
    except papermill.PapermillExecutionError as error:
        told = f"{notebook}: a cell failed, see {executed}\n{error}"
        if error.ename == "InputError":  # says by itself what to do
            told = f"{error.evalue} (told by {executed})"
        raise InputError(told) from error
    shutil.rmtree(staging / KERNELS)


def _kernel_here(folder: Path) -> str:
    """Offer a kernel of the Python that runs this, whatever others are installed.

    Args:
        folder: under which it is written

    Returns:
        its name
    """
    name = "qastanet-here"
    place = folder / KERNELS / "kernels" / name
    place.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    facts = {"argv": command, "display_name": "Python 3", "language": "python"}
    (place / "kernel.json").write_text(json.dumps(facts), encoding="utf-8")
    paths = [str((folder / KERNELS).absolute()), os.environ.get("JUPYTER_PATH", "")]
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, paths))
    return name
