"""Which metrics are compared, the reader's own among them: columns of a table of scores.

A *table of scores* has one row per stimulus and signal, with what is known of the stimulus
(`qastanet.listening_tests.contents.RATED`), ``signal`` (ambisonic or binaural) and one column per
metric.
"""

from collections.abc import Iterable

import pandas as pd

from qastanet.agreement.correlations import increasing
from qastanet.listening_tests.contents import RATED
from qastanet.rivals.other_metrics import SCALES

HEADLINE = [
    *("qastanet-released", "emobiq", "emobiq-monaural", "emobiq-binaural"),
    *("ambiqual-lq", "ambiqual-la", "binaqual"),
    *("visqol", "zimtohrli", "mrstft", "lsd", "log-mel", "si-sdr"),
]
"""Metrics that all subsets are worked out for, in the order of tables and figures."""

REPORTED = ["pemo-q", "bam-q"]
"""Scores taken from the authors of the AES 2023 test."""

YARDSTICKS = ("bitrate", "condition-mean")
"""Columns that hear nothing; see `qastanet.evidence.comparison.overview.with_yardsticks`."""

OTHERS = ("parts", "qastanet-retrained", "qastanet-tuned", *YARDSTICKS)
"""Columns that are added to a table of scores: models, and what hears nothing."""

TAKEN = {*RATED, "signal", *SCALES, "reference", "degraded", *OTHERS}
"""Names of columns that are no metrics of the reader's own."""

FROZEN = ["conformance-3"]
"""Scores of earlier versions of our model on tests that were opened after they were frozen."""


def own_metrics(table: pd.DataFrame) -> list[str]:
    """Name the columns of a table of scores that are metrics of the reader's own.

    Example:
        >>> own_metrics(pd.DataFrame(columns=["stimulus", "signal", "mean", "emobiq", "mine"]))
        ['mine']
    """
    return [name for name in table if name not in TAKEN]


def headline(table: pd.DataFrame) -> list[str]:
    """Metrics of `HEADLINE`, and after them those of the reader's own."""
    return [*HEADLINE, *own_metrics(table)]


def without_distances(table: pd.DataFrame, metrics: Iterable[str]) -> pd.DataFrame:
    """Turn the sign of those columns that are distances, so that more is better throughout.

    Example:
        >>> without_distances(pd.DataFrame({"lsd": [2.0], "mine": [3.0]}), ["lsd", "mine"])
           lsd  mine
        0 -2.0   3.0
    """
    turned = [name for name in metrics if not increasing(SCALES.get(name))]
    return table.assign(**{name: -table[name] for name in turned})
