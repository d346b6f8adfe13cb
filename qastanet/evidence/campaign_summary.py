"""Summary of a test campaign: mean score per condition with its confidence interval."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from qastanet.agreement.bootstrap import percentile_interval
from qastanet.agreement.resampling import draw_scenes
from qastanet.errors import InputError
from qastanet.outputs import table_with

GROUPING = ("codec", "condition", "bitrate")
"""Label columns that are used for the summary if they are there and none is named."""


COLUMNS = ("pairs", "failed", "mean", "ci95_low", "ci95_high")
"""Columns of a summary besides its labels."""

FORMER = table_with(*COLUMNS)
"""Tells a summary."""

MARK = "QASTAnet batch"
"""What the figures of a summary say of their origin."""


def check_labels(by: Sequence[str]) -> None:
    """Refuse labels that are called like a column of the summary.

    Raises:
        InputError: naming the label
    """
    for name in by:
        if name in COLUMNS:
            raise InputError(f"--by {name}: the summary has a column of that name; rename it")


def summarise(
    table: pd.DataFrame, by: Sequence[str] | None = None, replicates: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Average the scores of a campaign per condition.

    Args:
        table: of `qastanet.scoring.campaign.run`
        by: label columns; default those of GROUPING that the table has
        replicates: number of bootstrap samples
        seed: of the random numbers

    Returns:
        the columns of `by`, pairs, failed, mean, and the 95 % percentile interval of the mean by a
        bootstrap over references (NaN with one reference), ci95_low and ci95_high

    Raises:
        InputError: if a column is not there

    Example:
        >>> scores = {"codec": list("aabb"), "reference": list("xyxy"), "score": [0.2, 0.4, 0.8, 1]}
        >>> summarise(pd.DataFrame(scores).assign(error=""))[["codec", "pairs", "mean"]].round(2)
          codec  pairs  mean
        0     a      2   0.3
        1     b      2   0.9
    """
    by = list(dict.fromkeys(by)) if by else [name for name in GROUPING if name in table.columns]
    missing = [name for name in by if name not in table.columns]
    if missing:
        raise InputError(
            f"no column '{missing[0]}' to summarise by; there are {', '.join(table.columns)}"
        )
    groups = table.groupby(by, sort=False, dropna=False) if by else [((), table)]
    rows = []
    for values, part in groups:
        scored = part[part.error == ""]
        low, high = _interval(scored, replicates, seed)
        counts = {"pairs": len(part), "failed": len(part) - len(scored)}
        mean = scored.score.mean() if len(scored) else np.nan
        rows.append(
            dict(zip(by, values, strict=True))
            | counts
            | {"mean": mean, "ci95_low": low, "ci95_high": high}
        )
    return pd.DataFrame(rows)


def _interval(scored: pd.DataFrame, replicates: int, seed: int) -> tuple[float, float]:
    """Return the bootstrap interval of the mean score, drawing references."""
    if scored.empty or scored.reference.nunique() < 2:
        return np.nan, np.nan
    counts = draw_scenes(scored.reference, replicates, seed)
    means = counts @ scored.score.to_numpy(float) / counts.sum(axis=1)
    return tuple(percentile_interval(means))
