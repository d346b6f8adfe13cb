"""Are two metrics on the same items really different? Tests and their correction for number.

Correlations of two metrics with the same ratings are dependent, so a test for independent samples
is wrong. Two closed tests take the correlation between the metrics into account: Meng, Rosenthal,
Rubin (Psychological Bulletin 111:172-175, 1992) and Steiger (Psychological Bulletin 87:245-251,
1980). Both take the items as independent draws, which items of one scene are not; the bootstrap
clustered by scene (`qastanet.agreement.bootstrap.paired_difference`) does not, and is the one to
quote. Many pairs are corrected for their number as Holm does.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats
from numpy.typing import ArrayLike, NDArray
from statsmodels.stats.multitest import multipletests

from qastanet.agreement.bootstrap import paired_difference
from qastanet.agreement.resampling import REPLICATES
from qastanet.agreement.statistics import pearson
from qastanet.errors import InputError


class DependentTest(NamedTuple):
    """Test of two dependent correlations: normal deviate and two-sided p value."""

    z: float
    p: float


def meng_test(first: float, second: float, between: float, items: int) -> DependentTest:
    """Meng, Rosenthal and Rubin's test of two correlations that share the ratings (equation 1).

    Args:
        first: correlation of one metric with the ratings, -1..1.
        second: correlation of the other metric with the ratings.
        between: correlation of the two metrics with each other.
        items: number of items.

    Returns:
        z, positive if the first correlates more, and the two-sided p.

    Raises:
        InputError: with fewer than 4 items or a correlation outside -1..1.

    Example:
        >>> round(meng_test(0.63, -0.03, -0.19, 15).z, 2)  # the example of the paper
        1.68
    """
    z1, z2 = _fisher(first, second, between, items)
    square = (first**2 + second**2) / 2
    factor = min(1.0, (1 - between) / (2 * (1 - square)))
    spread = 2 * (1 - between) * (1 - factor * square) / (1 - square)
    return _normal((z1 - z2) * np.sqrt(items - 3), spread)


def steiger_test(first: float, second: float, between: float, items: int) -> DependentTest:
    """Steiger's Z2* of two correlations that share the ratings, with the pooled correlation.

    Arguments, result and errors are those of `meng_test`.

    Example:
        >>> round(steiger_test(0.63, -0.03, -0.19, 15).z, 2)
        1.7
    """
    z1, z2 = _fisher(first, second, between, items)
    square = ((first + second) / 2) ** 2
    psi = between * (1 - 2 * square) - 0.5 * square * (1 - 2 * square - between**2)
    return _normal((z1 - z2) * np.sqrt(items - 3), 2 - 2 * psi / (1 - square) ** 2)


def holm(p_values: ArrayLike) -> NDArray:
    """Holm's step-down correction; keeps the chance of any false alarm at the nominal level.

    Args:
        p_values: shape (tests,); NaN stays NaN and does not count as a test.

    Returns:
        Adjusted p values, shape (tests,).

    Example:
        >>> holm([0.01, 0.04, 0.03])
        array([0.03, 0.06, 0.06])
    """
    p_values = np.asarray(p_values, dtype=float)
    adjusted = np.full(p_values.shape, np.nan)
    valid = np.isfinite(p_values)
    if valid.any():
        adjusted[valid] = multipletests(p_values[valid], method="holm")[1]
    return adjusted


def compare_metrics(
    table: pd.DataFrame,
    metrics: Sequence[str],
    scene: str = "content",
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare the correlations (Pearson) of every pair of metrics on the same items.

    Args:
        table: one row per item, with a column per metric, ``mean`` (the mean rating) and ``scene``.
        metrics: columns to compare; turn distances round (minus) beforehand.
        scene: column of the scene.
        replicates: number of bootstrap samples.
        seed: of the random numbers, the same for all pairs.

    Returns:
        One row per pair: ``metric_a``, ``metric_b``, ``measure``, ``n``, ``scenes``,
        ``difference`` (a minus b) with ``low``, ``high`` (95 %, percentile, clustered by scene),
        ``p`` and ``p_holm`` of the bootstrap (not below 2^(1 - scenes), the least that an exact
        test by signs of whole scenes could give), and ``p_meng``, ``p_steiger``, ``p_meng_holm``,
        ``p_steiger_holm`` for Pearson's correlation. Holm counts all pairs of this call.

    Example:
        >>> items = pd.DataFrame({"content": list("aabbcc"), "mean": [1, 5, 2, 6, 1, 7]})
        >>> items["good"] = items["mean"] + [0.1, 0, 0.2, 0, 0, 0.1]
        >>> items["bad"] = [3, 3, 1, 3, 4, 1]
        >>> compare_metrics(items, ["good", "bad"], replicates=100).difference[0] > 0
        np.True_
    """
    rows = []
    for a, b in combinations(metrics, 2):
        items = table[[a, b, "mean", scene]].dropna()
        x, y, truth = (items[column].to_numpy(dtype=float) for column in (a, b, "mean"))
        estimate = paired_difference(x, y, truth, items[scene], "pearson", replicates, seed)
        known = {"metric_a": a, "metric_b": b, "measure": "pearson", "n": len(items)}
        scenes = items[scene].nunique()
        # with so few scenes chance alone can put all of them on one side
        estimate = estimate._replace(p=max(estimate.p, 2.0 ** (1 - scenes)))
        correlations = pearson(x, truth), pearson(y, truth), pearson(x, y)
        rows.append(
            known
            | {"scenes": scenes}
            | estimate._asdict()
            | {"p_meng": meng_test(*correlations, len(items)).p}
            | {"p_steiger": steiger_test(*correlations, len(items)).p}
        )
    pairs = pd.DataFrame(rows)
    for column in ("p", "p_meng", "p_steiger"):
        pairs[f"{column}_holm"] = holm(pairs[column])
    return pairs


def _fisher(first: float, second: float, between: float, items: int) -> tuple[float, float]:
    if items < 4:
        raise InputError(f"{items} items are too few to compare correlations; use at least 4")
    for value in (first, second, between):
        if abs(value) > 1 + 1e-9:
            raise InputError(f"{value} is not a correlation; it must lie in -1..1")
    limit = 1 - 1e-15  # a perfect correlation has an infinite z
    return tuple(float(np.arctanh(np.clip(r, -limit, limit))) for r in (first, second))


def _normal(deviate: float, spread: float) -> DependentTest:
    if not np.isfinite(deviate):
        return DependentTest(float("nan"), float("nan"))
    z = 0.0 if deviate == 0 else float(deviate / np.sqrt(max(spread, 1e-300)))
    return DependentTest(z, float(2 * scipy.stats.norm.sf(abs(z))))
