"""The yardstick of the benchmarks computes what the library does."""

import sys
from pathlib import Path

import numpy as np
import pytest
from test_fast import FILTERS, exact, noise

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
textbook = pytest.importorskip("textbook")


@pytest.mark.parametrize("channels", [2, 4])
def test_textbook(channels):
    signal = noise(channels, 20001)
    found = textbook.features(signal.astype(float), FILTERS[:1])
    for name, array in exact(signal)._asdict().items():
        if array is not None:
            np.testing.assert_allclose(getattr(found, name), array, rtol=1e-7, atol=1e-9)
