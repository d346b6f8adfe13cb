"""Tests that take minutes: run by `make test-long`."""

import gc

import numpy as np
import psutil
import pytest
import soundfile

from qastanet.scoring.pair_scores import score_files

pytestmark = pytest.mark.long


def test_two_thousand_pairs_in_one_process_do_not_grow_the_memory(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, 0.1 * rng.standard_normal((24000, 4)), 48000)
    process, sizes = psutil.Process(), []
    for pair in range(2000):
        score_files(tmp_path / "a.wav", tmp_path / "b.wav")
        if pair % 100 == 99:
            gc.collect()
            sizes.append(process.memory_info().rss)
    assert max(sizes[5:]) < 1.05 * sizes[4]
