"""One row of numbers per metric, listening test and subset of items: the table of the comparison.

Errors need predictions in points. ``rmse`` is taken with the scores as they are, only multiplied by
the scale of the metric (a metric without one, such as a distance in dB, has none). All columns that
end in ``_mapped`` map every recording by the monotone cubic fitted on the *others* of the subset;
``rmse_in_sample`` maps by the one fitted on the very same items, with the N - 4 of P.1401 for its
degrees of freedom, and is there to be compared with numbers that others report so.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from qastanet.agreement.bootstrap import percentile_interval
from qastanet.agreement.mapping import fit_monotone_cubic, map_out_of_fold
from qastanet.agreement.resampling import REPLICATES, replicate, samples_of_scenes
from qastanet.agreement.statistics import (
    CUBIC_FREEDOM,
    kendall,
    outlier_ratio,
    pearson,
    rmse,
    rmse_epsilon,
    spearman,
)

LABELS = ["dataset", "subset", "signal", "metric", "protocol"]
NAN = float("nan")


def increasing(scale: float | None) -> bool:
    """Tell from its scale, see `correlations`, whether a larger score means higher quality."""
    return scale is None or scale > 0


def correlations(
    table: pd.DataFrame,
    metrics: Mapping[str, float | None],
    subsets: Mapping[str, pd.Series] | None = None,
    labels: Mapping[str, str] | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
    remap: bool = True,
) -> pd.DataFrame:
    """Agreement of several metrics with the ratings, in several subsets of items.

    Args:
        table: one row per stimulus: ``content``, ``mean``, optionally ``recording`` (of which
            several contents may be made), ``ci95_low`` and ``ci95_high``, and one column per
            metric.
        metrics: columns to evaluate, each with its scale: what to multiply the score by to have
            points (100 for 0..1); negative or None if it has no scale, where the sign says that a
            larger score means lower quality. Example: ``{"qastanet": 100, "lsd": -1}``.
        subsets: name -> boolean mask over the rows; one subset ``all`` if not given.
        labels: ``dataset``, ``signal`` and ``protocol`` to write into the rows.
        replicates: number of bootstrap samples.
        seed: of the random numbers, the same for all rows.
        remap: False if the scores have been mapped to points already, without their own scene: the
            ``_mapped`` errors then take them as they are, and there is no ``rmse_in_sample``.

    Returns:
        One row per subset and metric: the labels, ``n``, ``scenes``, ``recordings``, ``pearson``,
        ``spearman`` and ``kendall`` (with ``_lo`` and ``_hi``: 95 % percentile bootstrap clustered
        by recording), ``rmse`` (unmapped), ``rmse_mapped``, ``rmse_epsilon_mapped``,
        ``outlier_ratio_mapped`` (mapped by the other recordings) and ``rmse_in_sample``; errors in
        points, NaN where they cannot be had. Subsets in which a metric has fewer than 3 scored
        items are left out.

    Example:
        >>> items = pd.DataFrame({"content": list("aabbcc"), "mean": [10, 50, 20, 60, 10, 70]})
        >>> items["good"] = items["mean"] / 100
        >>> rows = correlations(items, {"good": 100}, labels={"dataset": "toy"}, replicates=50)
        >>> print(rows[["metric", "n", "scenes", "rmse"]].to_string(index=False))
        metric  n  scenes  rmse
          good  6       3   0.0
    """
    subsets = subsets or {"all": pd.Series(True, index=table.index)}
    rows = []
    for subset, mask in subsets.items():
        for metric, scale in metrics.items():
            items = table[mask].dropna(subset=[metric, "mean"])
            if len(items) >= 3:
                row = dict.fromkeys(LABELS, "") | dict(labels or {})
                row |= {"subset": subset, "metric": metric}
                rows.append(row | _agreement(items, metric, scale, replicates, seed, remap))
    return pd.DataFrame(rows)


def _agreement(
    items: pd.DataFrame, metric: str, scale: float | None, replicates: int, seed: int, remap: bool
) -> dict[str, float]:
    """Agreement of one metric with the ratings of some items, see `correlations`."""
    score, rating = (items[c].to_numpy(dtype=float) for c in (metric, "mean"))
    scene = items["content"].to_numpy()
    unit = items["recording"].to_numpy() if "recording" in items else scene
    recordings = len(np.unique(unit))
    row = {"n": len(items), "scenes": len(np.unique(scene)), "recordings": recordings}
    samples = samples_of_scenes(unit, replicates, seed) if recordings > 1 else None
    for name, measure in (("pearson", pearson), ("spearman", spearman), ("kendall", kendall)):
        row[name] = measure(score, rating)
        values = [] if samples is None else replicate(score, rating, samples, name)
        row[f"{name}_lo"], row[f"{name}_hi"] = percentile_interval(values)
    row["rmse"] = rmse(score * scale, rating) if scale is not None and scale > 0 else NAN
    if not remap:
        return row | _errors(items, score * scale, rating) | {"rmse_in_sample": NAN}
    mapped = map_out_of_fold(score, rating, unit, increasing(scale))
    row |= _errors(items, mapped, rating) | {"rmse_in_sample": NAN}
    if len(items) > CUBIC_FREEDOM:
        own = fit_monotone_cubic(score, rating, increasing(scale))(score)
        row["rmse_in_sample"] = rmse(own, rating, CUBIC_FREEDOM)
    return row


def _errors(items: pd.DataFrame, mapped: np.ndarray, rating: np.ndarray) -> dict[str, float]:
    names = ["rmse_mapped", "rmse_epsilon_mapped", "outlier_ratio_mapped"]
    errors = dict.fromkeys(names, NAN)
    if np.isfinite(mapped).all():
        errors["rmse_mapped"] = rmse(mapped, rating)
        low, high = (items.get(f"ci95_{end}", NAN) for end in ("low", "high"))
        half = np.asarray(high - low, dtype=float) / 2
        if np.isfinite(half).all():
            errors["rmse_epsilon_mapped"] = rmse_epsilon(mapped, rating, half)
            errors["outlier_ratio_mapped"] = outlier_ratio(mapped, rating, half)
    return errors
