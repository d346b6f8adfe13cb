"""Commands start at once: what they import (`benchmarks/waiting.py` measures the time)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import qastanet
from qastanet.scoring.pair_scores import score_files


@pytest.fixture
def pair(tmp_path):
    rng = np.random.default_rng(0)
    reference = 0.1 * rng.standard_normal((96000, 2))
    files = [str(tmp_path / name) for name in ("a.wav", "b.wav")]
    soundfile.write(files[0], reference, 48000)
    soundfile.write(files[1], reference + 0.01 * rng.standard_normal(reference.shape), 48000)
    return files


LATE = ("torch", "pandas", "matplotlib", "h5py", "joblib", "tqdm", "scipy.signal", "scipy.stats")


def imported(*arguments):
    """Return the modules that a command imports."""
    code = (
        "import sys; from qastanet.cli import main\n"
        "try: sys.exit(main(sys.argv[1:]))\n"
        "finally: print(*sorted(sys.modules), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_needs_no_numbers(option):
    assert not {"numpy", "numba", "scipy", *LATE} & imported(option)


def test_a_score_imports_nothing_that_it_does_not_need(pair):
    found = imported("score", *pair)
    assert "numba" in found and not set(LATE) & found


@pytest.mark.long  # each process compiles anew
def test_a_package_and_a_home_that_cannot_be_written_will_do(pair, tmp_path):
    package = Path(qastanet.__file__).parent
    copy = tmp_path / "site" / "qastanet"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in (copy, *[place for place in copy.rglob("*") if place.is_dir()]):
        (folder / "__pycache__").touch()  # no folder of that name can be made
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= dict.fromkeys(("HOME", "XDG_CACHE_HOME"), "/dev/null/x")
    environment["PYTHONPATH"] = str(copy.parent)
    command = [sys.executable, "-B", "-m", "qastanet", "score", *pair]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(score_files(*pair)["score"], abs=1e-4)
