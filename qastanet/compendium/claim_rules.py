"""When a claim that one thing is better than another holds, does not, or cannot be told.

A claim is said to hold, or not to, only if the interval of the difference excludes 0, there are at
least `ENOUGH` recordings (of fewer no exact test by signs gives a p below .05, however well they
agree), and all of them but one at most agree.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from qastanet.agreement.bootstrap import percentile_interval
from qastanet.agreement.resampling import replicate, samples_of_scenes
from qastanet.agreement.statistics import ahead, pearson
from qastanet.listening_tests.contents import recording

ENOUGH = 6
"""Recordings from which a test by the signs of whole recordings can give p < .05, if all agree
(2^-5); with one that does not, seven give .06."""

HOLDS, FAILS, OPEN = "holds", "does not hold", "cannot be told with these data"


class Difference(NamedTuple):
    """Pearson's correlation of one metric minus that of another on the same items.

    Attributes:
        value: of the first; the mean over tests where there are several.
        against: of the second.
        difference: first minus second.
        low: lower end of the 95 % interval over recordings, drawn within each test.
        high: upper end.
        ahead: in how many recordings the first agrees better with the ratings.
        recordings: how many there are.
    """

    value: float
    against: float
    difference: float
    low: float
    high: float
    ahead: int
    recordings: int


def difference(items: pd.DataFrame, first: str, second: str, replicates: int = 2000) -> Difference:
    """Compare two metrics on the same items.

    Args:
        items: ``dataset``, ``content``, ``mean`` and a column for each metric, larger being better.
        first: column.
        second: column.
        replicates: bootstrap samples of recordings.

    Example:
        >>> rows = {"dataset": "d", "content": list("aabb"), "mean": [1.0, 2, 3, 4]}
        >>> table = pd.DataFrame(rows | {"x": [1, 2, 3, 4], "y": [2, 1, 4, 3]})
        >>> found = difference(table, "x", "y", 100)
        >>> round(found.difference, 2), found.ahead, found.recordings
        (0.4, 2, 2)
    """
    at, drawn, leads, recordings = [], [], 0, 0
    for number, (_, part) in enumerate(items.groupby("dataset", sort=False)):
        rating, unit = part["mean"].to_numpy(), part.content.astype(str).map(recording).to_numpy()
        samples = samples_of_scenes(unit, replicates, seed=number)
        pair = [part[name].to_numpy(dtype=float) for name in (first, second)]
        at.append([pearson(each, rating) for each in pair])
        one, other = (replicate(each, rating, samples) for each in pair)
        drawn.append(one - other)
        leads += ahead(*pair, rating, unit)
        recordings += len(np.unique(unit))
    value, against = np.mean(at, axis=0).tolist()
    low, high = percentile_interval(np.mean(drawn, axis=0))
    return Difference(value, against, value - against, low, high, leads, recordings)


def verdict(low: float, high: float, ahead: int, recordings: int) -> str:
    """Say whether a first thing is better than a second.

    Args:
        low: lower end of the interval of the difference.
        high: upper end.
        ahead: in how many recordings the first is better.
        recordings: how many there are.

    Example:
        >>> verdict(0.1, 0.4, 6, 7), verdict(0.1, 0.4, 4, 7), verdict(-0.4, -0.1, 0, 7)
        ('holds', 'cannot be told with these data', 'does not hold')
    """
    if recordings >= ENOUGH and low > 0 and ahead >= recordings - 1:
        return HOLDS
    return FAILS if recordings >= ENOUGH and high < 0 and ahead <= 1 else OPEN
