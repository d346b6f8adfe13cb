"""Mean score per condition of a test campaign, with its confidence interval."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from qastanet.agreement.bootstrap import percentile_interval
from qastanet.agreement.resampling import samples_of_scenes
from qastanet.errors import InputError

GROUPING = ("codec", "condition", "bitrate")
"""Label columns that are used for the summary if they are there and none is named."""

REPLICATES = 2000


def summarise(table: Sequence[Mapping], by: Sequence[str] | None = None) -> list[dict]:
    """Average the scores of a campaign per condition.

    Args:
        table: rows of `qastanet.scoring.campaign.run`
        by: label columns; default those of GROUPING that the table has

    Returns:
        for each condition a row with the columns of `by`, pairs, failed, mean, and the 95 %
        percentile interval of the mean by a bootstrap over references, ci95_low and ci95_high; NaN
        with one reference, or where nothing was scored

    Raises:
        InputError: if a column is not there

    Example:
        >>> rows = zip("aabb", "xyxy", (0.2, 0.4, 0.8, 1.0))
        >>> names = ("codec", "reference", "score")
        >>> table = [dict(zip(names, row)) | {"error": ""} for row in rows]
        >>> [(row["codec"], row["pairs"], round(row["mean"], 2)) for row in summarise(table)]
        [('a', 2, 0.3), ('b', 2, 0.9)]
    """
    columns = list(table[0])
    by = list(by) if by else [name for name in GROUPING if name in columns]
    missing = [name for name in by if name not in columns]
    if missing:
        raise InputError(
            f"no column '{missing[0]}' to summarise by; there are {', '.join(columns)}"
        )
    groups: dict[tuple, list[Mapping]] = {}
    for row in table:
        groups.setdefault(tuple(row[name] for name in by), []).append(row)
    summary = []
    for values, part in groups.items():
        scored = [row for row in part if not row["error"]]
        low, high = _interval(scored)
        mean = float(np.mean([row["score"] for row in scored])) if scored else np.nan
        summary.append(
            dict(zip(by, values, strict=True))
            | {"pairs": len(part), "failed": len(part) - len(scored)}
            | {"mean": mean, "ci95_low": low, "ci95_high": high}
        )
    return summary


def _interval(scored: Iterable[Mapping]) -> tuple[float, float]:
    """Return the bootstrap interval of the mean score, drawing references."""
    references = [row["reference"] for row in scored]
    if len(set(references)) < 2:
        return np.nan, np.nan
    counts = samples_of_scenes(references, REPLICATES).counts
    means = counts @ np.array([row["score"] for row in scored]) / counts.sum(axis=1)
    return tuple(percentile_interval(means))
