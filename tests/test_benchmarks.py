"""The yardstick of the benchmarks computes what the library does; kept times are as claimed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import textbook
from test_fast import FILTERS, exact, noise
from tolerances import SCORE

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("channels", [2, 4])
def test_textbook(channels):
    signal = noise(channels, 20001)
    found = textbook.features(signal.astype(float), FILTERS[:1])
    for name, array in exact(signal)._asdict().items():
        if array is not None:
            np.testing.assert_allclose(getattr(found, name), array, rtol=1e-7, atol=1e-9)


def _kept(method, duration_s, cores=1, pairs=1, model="released", order=1):
    """Return the row of the kept measurements."""
    table = pd.read_csv(ROOT / "benchmarks" / "results.csv")
    keys = (table.method == method) & (table.duration_s == duration_s) & (table.order == order)
    keys &= (table.cores == cores) & (table.pairs == pairs) & (table.model == model)
    return table[keys].squeeze(axis=0)


def _ratios(method):
    """Return how long a method takes on 10 s, in times of the fast one, by model and order."""
    kinds = (("released", 1), ("default", 1), ("default", 0))
    return [
        _kept(method, 10, model=model, order=order).wall_s
        / _kept("fast", 10, model=model, order=order).wall_s
        for model, order in kinds
    ]


def test_kept_waiting_is_as_claimed():
    table = pd.read_csv(ROOT / "benchmarks" / "waiting.csv", index_col="what")
    assert table.imports["qastanet score, of a pair of 2 s"] <= 3.5
    assert table.seconds["qastanet --help"] < 0.2
    moves = table[table.index.str.startswith("move: ")]
    assert len(moves) == 10 and moves.seconds.max() < 1.5


def test_kept_measurements_hold_what_is_claimed():
    slow, fast = _kept("textbook", 10), _kept("fast", 10)
    assert slow.wall_s / fast.wall_s >= 60
    assert slow.peak_mb / fast.peak_mb >= 10
    growth = [(_kept(m, 20).peak_mb - _kept(m, 5).peak_mb) / 15 for m in ("textbook", "fast")]
    assert growth[0] / growth[1] >= 40
    assert (_kept("fast", 1800).peak_mb - _kept("fast", 160).peak_mb) / 1640 <= 0.5
    assert _kept("fast", 160).wall_s / 16 <= 1.2 * fast.wall_s
    assert _kept("fast", 1800).wall_s / 180 <= 1.2 * fast.wall_s
    assert _kept("fast", 10, 1, 8).wall_s / _kept("fast", 10, 2, 8).wall_s >= 1.7
    assert max(_ratios("torch")) <= 4
    assert max(_ratios("gradient")) <= 12
    for other in ("textbook", "torch"):
        assert _kept(other, 10).score == pytest.approx(fast.score, abs=SCORE)
