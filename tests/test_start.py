"""Commands start at once: what a start may cost, in time of the processor beside a bare import."""

import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

RESOURCE = pytest.importorskip("resource", reason="Windows does not tell the time of children")


def cost(*arguments, tries=5):
    """Least time of the processor (s) that a run of Python takes."""
    found = []
    for _ in range(tries):
        before = RESOURCE.getrusage(RESOURCE.RUSAGE_CHILDREN)
        one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, *arguments], env=one_thread, capture_output=True, text=True
        )
        after = RESOURCE.getrusage(RESOURCE.RUSAGE_CHILDREN)
        assert done.returncode == 0, done.stderr
        spent = (after.ru_utime, -before.ru_utime, after.ru_stime, -before.ru_stime)
        found.append(sum(spent))
    return min(found)


@pytest.fixture
def pair(tmp_path):
    rng = np.random.default_rng(0)
    reference = 0.1 * rng.standard_normal((96000, 2))
    files = [str(tmp_path / name) for name in ("a.wav", "b.wav")]
    soundfile.write(files[0], reference, 48000)
    soundfile.write(files[1], reference + 0.01 * rng.standard_normal(reference.shape), 48000)
    return files


def test_a_score_starts_in_three_times_what_numba_and_numpy_take(pair):
    command = ["-m", "qastanet", "score", *pair]
    cost(*command, tries=1)  # compiles, if that was never done here
    assert cost(*command) <= 3 * cost("-c", "import numba, numpy")


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_starts_at_once(option):
    assert cost("-m", "qastanet", option) - cost("-c", "pass") < 0.2


LATE = ("torch", "pandas", "matplotlib", "h5py", "joblib", "tqdm", "scipy.signal", "scipy.stats")


def test_a_score_imports_nothing_that_it_does_not_need(pair):
    code = (
        "import sys; from qastanet.cli import main; main(['score', *sys.argv[1:]]); "
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *pair], capture_output=True, text=True)
    assert done.returncode == 0 and "numba" in done.stderr.split()
    assert not set(LATE) & set(done.stderr.split())
