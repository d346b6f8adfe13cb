"""How well predictions agree with a listening test of one's own, and what makes them doubtful."""

import numpy as np
import pandas as pd

from qastanet.agreement.bootstrap import cluster_interval
from qastanet.agreement.statistics import pearson, rmse, spearman

MEASURES = {"pearson": pearson, "spearman": spearman, "rmse": rmse}

ALL, CLOSE = "all", " without anchors"
"""Name of all data sets together; what is added to that of one whose anchors are left out."""

FEW = 20
"""Fewer pairs than this calibrate an interval badly."""

DOUBTFUL = 0.5
"""Below this correlation out of fold scores are not to be trusted."""


def own_agreement(predictions: pd.DataFrame) -> pd.DataFrame:
    """Agreement of predictions with ratings, without the pairs that equal their reference.

    Args:
        predictions: of `qastanet.own_test.own_training.train_own` or
            `qastanet.own_test.own_scale.fit_own_scale`.

    Returns:
        One row per part, data set (``all`` together if there are several; once more without the
        anchors, which are easily told, if there are any) and signal: ``n``, ``scenes``, and
        ``pearson``, ``spearman`` and ``rmse`` (points), each with ``_lo`` and ``_hi``: 95 %
        percentile interval of a bootstrap over scenes, NaN with one scene.
    """
    coded = predictions[predictions.role != "reference"]
    if coded.dataset.nunique() > 1:
        coded = pd.concat([coded, coded.assign(dataset=ALL)])
    if (coded.role == "anchor").any():
        close = coded[coded.role != "anchor"]
        coded = pd.concat([coded, close.assign(dataset=close.dataset + CLOSE)])
    rows = []
    for key, part in coded.groupby(["part", "dataset", "signal"], sort=False):
        row: dict = dict(zip(("part", "dataset", "signal"), key, strict=True))
        row |= {"n": len(part), "scenes": part.content.nunique()}
        score, rating = 100 * part.score, part["mean"]
        for name, measure in MEASURES.items():
            row[name] = measure(score, rating) if len(part) > 1 else np.nan
            limits = (np.nan, np.nan)
            if row["scenes"] > 1:
                limits = cluster_interval(score, rating, part.content, name)
            row[f"{name}_lo"], row[f"{name}_hi"] = limits
        rows.append(row)
    return pd.DataFrame(rows)


def doubts(agreement: pd.DataFrame) -> list[str]:
    """Say what makes a training doubtful.

    Args:
        agreement: of `own_agreement`.

    Example:
        >>> part = {"part": ["out of fold"], "dataset": "mine", "n": [6], "pearson": [0.9]}
        >>> doubts(pd.DataFrame(part))
        ['the interval is calibrated on 6 pairs only; 20 or more would tell it better']
    """
    again = agreement.dataset.eq(ALL) | agreement.dataset.str.endswith(CLOSE)
    held_out = agreement[agreement.part.isin(["validation", "out of fold"]) & ~again]
    found = []
    if held_out.n.sum() < FEW:
        count = f"{held_out.n.sum()} pairs only"
        found.append(f"the interval is calibrated on {count}; {FEW} or more would tell it better")
    if (held_out.pearson < DOUBTFUL).any():
        found.append(
            f"scores of scenes left out hardly follow the ratings (Pearson "
            f"{held_out.pearson.min():.2f}): do not trust them on this kind of sound"
        )
    return found
