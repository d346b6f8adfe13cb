"""What the model reaches on a test when its choices are made again without that test.

The units and the norm of the shipped model were chosen with all public tests in sight. Here three
of the choices are made again from a grid: whatever agrees best with the other tests is taken.
"""

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qastanet.agreement.statistics import pearson, spearman
from qastanet.evidence.our_model.configurations import CURVE, OFF, Configuration, distances, subsets
from qastanet.models.parts_model import rated
from qastanet.training.parts_fit import START, UNITS

NORMS = (1.0, 2.0, 4.0, START.norm, 12.0)
WIDTHS = (0.1, UNITS["width"], 0.4)
MOVEMENTS = (4.0, UNITS["movement"], 16.0, OFF)
"""Exponents over the parts, units of width (coherence) and of movement (dB; infinite: without)."""

TESTS = {"AES 2023": "ambisonic", "codec set": "ambisonic", "neural 2024": "binaural"}
"""Tests -> form that they are looked at in."""


def chosen_again(table: pd.DataFrame, values: Mapping[str, NDArray]) -> pd.DataFrame:
    """Choose norm and units without a test, and see what they reach on it.

    The choice goes by the mean over the other tests of Pearson's and Spearman's correlation, of all
    items and (where there is one) without the extreme condition.

    Args:
        table: rated pairs, see `qastanet.training.rated_parts.add_ratings`.
        values: their parts by form.

    Returns:
        ``test`` (left out), ``norm``, ``width`` and ``movement`` as chosen without it, ``subset``,
        ``items``, ``pearson`` and ``spearman`` of these, and of the shipped numbers
        ``pearson_shipped`` and ``spearman_shipped``.
    """
    masks = {k: v for k, v in subsets(table).items() if k.endswith(_ends(k))}
    rating = table["mean"].to_numpy()
    grid = list(itertools.product(NORMS, WIDTHS, MOVEMENTS))
    found = {}
    coded = (table.role != "reference").to_numpy()
    usual = np.median(distances(Configuration("", ""), values)[coded])
    for norm, width, movement in grid:
        units = {"width": width, "movement": movement}
        far = distances(Configuration("", "", units=units, norm=norm), values)
        score = rated(far * usual / np.median(far[coded]), *CURVE)  # D as large as that shipped
        found[norm, width, movement] = {
            name: (pearson(score[mask], rating[mask]), spearman(score[mask], rating[mask]))
            for name, mask in masks.items()
        }
    shipped = found[START.norm, UNITS["width"], UNITS["movement"]]
    rows = []
    for test in TESTS:
        means = [_mean(found[key], test) for key in grid]
        best = grid[int(np.argmax(np.round(means, 6)))]
        for name, mask in masks.items():
            if name.startswith(test):
                labels = dict(zip(("norm", "width", "movement"), best, strict=True))
                row = {"test": test} | labels | {"subset": name, "items": int(mask.sum())}
                for end, values_ in (("", found[best][name]), ("_shipped", shipped[name])):
                    row |= {f"pearson{end}": values_[0], f"spearman{end}": values_[1]}
                rows.append(row)
    return pd.DataFrame(rows)


def _ends(name: str) -> str:
    """Form in which a subset is looked at."""
    return next(form for test, form in TESTS.items() if name.startswith(test))


def _mean(agreement: Mapping[str, tuple[float, float]], test: str) -> float:
    """Mean agreement with the tests but one, each test counting alike."""
    others = [
        np.mean([both for name, both in agreement.items() if name.startswith(other)])
        for other in TESTS
        if other != test
    ]
    return float(np.mean(others))
