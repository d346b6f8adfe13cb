"""Where results come from: revision, versions, hashes, parameters, wall times."""

import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from qastanet import registry
from qastanet.storage import content_hash
from qastanet.version import CONFORMANCE, __version__

PACKAGES = (
    *("torch", "numpy", "scipy", "numba", "pandas", "librosa", "spaudiopy", "soundfile", "av"),
    *("matplotlib", "seaborn", "papermill", "nbconvert", "jupyterlab"),
)
"""Packages whose versions matter for the results."""


def revision(folder: str | Path = ".") -> str:
    """Return the git revision of a folder, marked if files differ from it.

    Example:
        >>> revision("/")
        'not under version control'
    """
    try:
        shown = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty= with changes"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "not under version control"
    return shown.stdout.strip()


def software() -> pd.DataFrame:
    """Return the versions of this package, Python and what the results rest on."""
    rows = [("qastanet", f"{__version__}, conformance {CONFORMANCE}")]
    rows += [("Python", platform.python_version()), ("platform", platform.platform())]
    rows += [("CPU cores", str(os.cpu_count()))]
    for name in PACKAGES:
        try:
            rows.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            rows.append((name, "not installed"))
    return pd.DataFrame(rows, columns=["software", "version"])


def kept_files(folder: str | Path, pattern: str = "*") -> pd.DataFrame:
    """List files with their size and hash."""
    files = sorted(file for file in Path(folder).glob(pattern) if file.is_file())
    rows = [(file.name, file.stat().st_size, content_hash(file)) for file in files]
    return pd.DataFrame(rows, columns=["file", "bytes", "sha256"])


def public_files() -> pd.DataFrame:
    """List the public files that results can be made from, with their known hashes."""
    rows = [
        (entry.repository, entry.path, entry.sha256 or f"git blob {entry.git_blob_sha1}")
        for entry in registry.entries()
    ]
    return pd.DataFrame(rows, columns=["repository", "file", "hash"])


def steps(files: Iterable[Path]) -> pd.DataFrame:
    """List executed notebooks with their wall time and parameters.

    Args:
        files: executed notebooks.

    Returns:
        ``notebook``, ``finished`` (UTC), ``wall_s`` and ``parameters`` that were injected.
    """
    rows = []
    for file in files:
        facts = json.loads(file.read_text(encoding="utf-8"))["metadata"]["papermill"]
        given = facts["parameters"].items()
        plain = {k: v for k, v in given if not k.startswith(("in_", "out_", "from_audio_"))}
        finished = str(facts["end_time"])[:19].replace("T", " ")
        rows.append((file.stem, finished, round(facts["duration"], 1), json.dumps(plain)))
    return pd.DataFrame(rows, columns=["notebook", "finished", "wall_s", "parameters"])
