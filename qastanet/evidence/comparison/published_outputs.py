"""Outputs of Ambiqual and BINAQUAL that their authors published, beside those made here.

The published ones are of all rated items of Ambiqual's two experiments. Where the sounds are at
hand (first-order codings of the second), our scores stand beside them: Ambiqual compares these with
the first-order reference in both cases; BINAQUAL was given the third-order reference by its authors
and is given the first-order one here.
"""

import numpy as np
import pandas as pd

from qastanet.agreement.bootstrap import cluster_interval
from qastanet.agreement.statistics import pearson, spearman
from qastanet.listening_tests.contents import recording

METRICS = ("ambiqual-lq", "ambiqual-la", "binaqual")
"""Scores that were published."""

BITRATE = "bitrate"


def agreement(
    published: pd.DataFrame, scores: pd.DataFrame, replicates: int = 2000
) -> pd.DataFrame:
    """Agreement of published outputs with the ratings, and of ours on the same items.

    Args:
        published: ``experiment``, ``attribute``, ``content``, ``order``, ``kbit_per_s``,
            ``mean_rating`` and the outputs (0..1), one row per item.
        scores: table of scores.
        replicates: bootstrap samples of recordings.

    Returns:
        ``experiment``, ``attribute``, ``items`` (all, or of first order), ``metric`` (also the
        bitrate alone), ``n``, ``recordings``, ``pearson`` with its 95 % interval over recordings,
        ``spearman``; and of the same items scored here ``n_ours``, ``pearson_ours``,
        ``spearman_ours`` and ``deviation``, the largest difference of an output.
    """
    table = published.rename(columns={"kbit_per_s": BITRATE})
    table = table.rename(columns=lambda name: name.removesuffix("_published").replace("_l", "-l"))
    name = table.content + "_FOA" + table[BITRATE].astype(int).astype(str)
    table["stimulus"] = name.where(table.order == 1)
    ours = scores[scores.dataset == "ambiqual2"][["stimulus", *METRICS]].dropna()
    table = table.merge(ours, on="stimulus", how="left", suffixes=("", "_ours"))
    rows = []
    for (experiment, attribute), part in table.groupby(["experiment", "attribute"]):
        for items, some in {"all": part, "first order": part[part.order == 1]}.items():
            labels = {"experiment": experiment, "attribute": attribute, "items": items}
            for metric in (*METRICS, BITRATE):
                rows.append(labels | {"metric": metric} | _row(some, metric, replicates))
    return pd.DataFrame(rows)


def _row(items: pd.DataFrame, metric: str, replicates: int) -> dict[str, float]:
    """Work out one row."""
    score, rating = items[metric].to_numpy(dtype=float), items.mean_rating.to_numpy()
    unit = items.content.map(recording).to_numpy()
    low, high = cluster_interval(score, rating, unit, "pearson", replicates)
    found = {"n": len(items), "recordings": len(np.unique(unit))}
    found |= {"pearson": pearson(score, rating), "pearson_low": low, "pearson_high": high}
    found |= {"spearman": spearman(score, rating)}
    if metric == BITRATE or items.stimulus.isna().any() or items[f"{metric}_ours"].isna().any():
        return found
    ours = items[f"{metric}_ours"].to_numpy()
    found |= {"n_ours": len(ours), "pearson_ours": pearson(ours, rating)}
    found |= {"spearman_ours": spearman(ours, rating)}
    return found | {"deviation": float(np.abs(ours - score).max())}
