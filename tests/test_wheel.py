"""The package as a user gets it: a wheel in a fresh environment with nothing else."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tolerances import GOLDEN

from qastanet.scoring.pair_scores import score_files

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.11", "3.12", "3.13")
LARGEST = 600e6
"""Bytes that the installed packages may take."""


def interpreter(version):
    """Find a Python that runs: this one, one of pyenv, or one on the path."""
    places = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"), reverse=True)
    if sys.version.startswith(f"{version}."):
        places.insert(0, Path(sys.executable))
    if on_path := shutil.which(f"python{version}"):
        places.append(Path(on_path))
    for place in places:
        if subprocess.run([place, "-c", "import venv"], capture_output=True).returncode == 0:
            return place
    pytest.skip(f"there is no Python {version}")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy, so that nothing of an earlier build gets into it."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "qastanet", folder / "qastanet", ignore=unwanted)
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", folder / "dist", folder], check=True)
    return next((folder / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Two references with a coded version each, one of them at another rate; ratings of a test."""
    folder, rng = tmp_path_factory.mktemp("sounds"), np.random.default_rng(0)
    lines = ["session_uuid,trial_id,rating_stimulus,rating_score"]
    for name, channels, rate in (("ears", 2, 48000), ("field", 4, 44100)):
        reference = 0.1 * rng.standard_normal((2 * rate, channels))
        coded = reference + 0.02 * rng.standard_normal(reference.shape)
        for condition, samples in (("reference", reference), ("coded", coded)):
            soundfile.write(folder / f"{name}_{condition}.wav", samples, rate, subtype="FLOAT")
        lines += [f"a,{name},reference,100", f"a,{name},coded,60"]
    (folder / "ratings.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("version", VERSIONS)
def test_a_wheel_alone_scores(tmp_path, wheel, sounds, version):
    subprocess.run([interpreter(version), "-m", "venv", tmp_path / "env"], check=True)
    binaries = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    python = binaries / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
    subprocess.run(install, check=True)
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    clean["NUMBA_CACHE_DIR"] = str(tmp_path / "numba")

    def run(*command, code=0):
        done = subprocess.run(
            [binaries / "qastanet", *map(str, command)],
            **{"env": clean, "cwd": sounds, "capture_output": True, "text": True},
        )
        assert done.returncode == code, done.stderr
        return done

    for name in ("ears", "field"):
        pair = [sounds / f"{name}_{condition}.wav" for condition in ("reference", "coded")]
        found = json.loads(run("score", *pair, "--json").stdout)
        assert found["score"] == pytest.approx(score_files(*pair)["score"], abs=GOLDEN)
    run("manifest", "--webmushra", "ratings.csv", "--sounds", ".", "-o", tmp_path / "m.csv")
    done = run("batch", tmp_path / "m.csv", "-o", tmp_path / "s.csv", "--jobs", "2")
    assert "matplotlib is not installed: pip install 'qastanet[compendium]'" in done.stderr
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 5
    for command, extra in (
        (("explain", *pair, "-o", tmp_path / "page.html"), "compendium"),
        (("train", tmp_path / "m.csv", "--scale-only"), "train"),
        (("score", *pair, "--model", "released"), "torch"),
        (("batch", tmp_path / "m.csv", "-o", tmp_path / "c.csv", "--scheduler", "x:1"), "cluster"),
    ):
        message = run(*command, code=2).stderr.splitlines()[-1]
        assert message.endswith(f"pip install 'qastanet[{extra}]'"), message

    where = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    place = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True)
    packages = Path(place.stdout.strip())
    assert (packages / "numba").is_dir() and not (packages / "torch").exists()
    files = [file for file in packages.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < LARGEST
    code = "import qastanet; qastanet.load_model()"
    done = subprocess.run([python, "-c", code], env=clean, capture_output=True, text=True)
    assert "pip install 'qastanet[torch]'" in done.stderr.splitlines()[-1]
