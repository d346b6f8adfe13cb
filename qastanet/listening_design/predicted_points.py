"""What several metrics say of the sounds of a trial, each mapped to points.

A metric is mapped to points by the monotone cubic that fits it to all ratings of the three public
tests. That is in-sample there and of use here only to put metrics side by side.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qastanet.agreement.mapping import MonotoneCubic, fit_monotone_cubic
from qastanet.errors import InputError
from qastanet.listening_design.conditions import REFERENCE
from qastanet.listening_tests.contents import recording
from qastanet.models.parts_model import load_default
from qastanet.rivals.other_metrics import METRICS, installed, score
from qastanet.sound.sampling import SAMPLING_RATE

OURS = "parts"
METRIC_NAMES = {
    OURS: "Parts (ours)",
    "emobiq": "eMoBi-Q",
    "binaqual": "BINAQUAL",
    "visqol": "ViSQOL",
    "zimtohrli": "Zimtohrli",
}
"""Metrics that rate two ears -> how they are called."""

ITEMS = Path(__file__).parents[1] / "rated_items.csv"
"""Ratings of the public tests with the scores of these metrics."""


def rated_items(scores: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Put public ratings and scores into one small table, which the package carries.

    Args:
        scores: see `qastanet.evidence.comparison.metrics`; the binaural form is taken where there
            is one
        predictions: of our model, with ``protocol``; those of the test left out are taken

    Returns:
        One row per item: ``dataset``, ``recording``, ``content``, ``condition``, ``role``,
        ``listeners``, ``mean``, ``sd``, and a column per metric of METRIC_NAMES.
    """
    unseen = predictions[(predictions.metric == OURS) & (predictions.protocol == "lodo")]
    key = ["dataset", "stimulus", "signal"]
    ours = unseen[[*key, "score"]].rename(columns={"score": OURS})
    table = scores.merge(ours, on=key, validate="one_to_one")
    binaural = table.loc[table.signal == "binaural", "dataset"].unique()
    table = table[(table.signal == "binaural") | ~table.dataset.isin(binaural)]
    table = table.assign(recording=table.content.astype(str).map(recording))
    first = ["dataset", "recording", "content", "condition", "role", "listeners", "mean", "sd"]
    return table[[*first, *METRIC_NAMES]].reset_index(drop=True)


@functools.cache
def kept_items() -> pd.DataFrame:
    """Read the table that the package carries; see `rated_items`."""
    return pd.read_csv(ITEMS)


@functools.cache
def points_of(metric: str) -> MonotoneCubic:
    """Return what maps the scores of a metric to points, by all public ratings.

    Example:
        >>> low, high = points_of("emobiq")([0.2, 1.0])
        >>> bool(0 <= low < 60 < 85 < high)
        True
    """
    items = kept_items()
    return fit_monotone_cubic(items[metric], items["mean"])


def usable(metrics: Sequence[str] | None = None) -> list[str]:
    """Return the metrics that can be computed here.

    Args:
        metrics: of METRIC_NAMES; default: all that are installed

    Raises:
        InputError: if one is unknown or not installed, or fewer than two are left

    Example:
        >>> usable(["parts", "emobiq"])
        ['parts', 'emobiq']
    """
    for name in metrics or ():
        if name not in METRIC_NAMES:
            raise InputError(f"metric '{name}': unknown; use one of {', '.join(METRIC_NAMES)}")
        if name != OURS and not installed(name):
            raise InputError(f"metric '{name}': {METRICS[name].module} is not installed")
    found = list(dict.fromkeys(metrics or (n for n in METRIC_NAMES if n == OURS or installed(n))))
    if len(found) < 2:
        raise InputError("one metric cannot disagree; name at least two")
    return found


def predicted_points(
    ears: Mapping[str, NDArray], metrics: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Predict the ratings of a trial.

    Args:
        ears: name -> (2, samples) at 48 kHz, `REFERENCE` among them
        metrics: of `usable`

    Returns:
        name -> metric -> points of 0..100; NaN where a metric cannot rate a sound
    """
    scorer = load_default()
    features = {name: scorer.features(sound) for name, sound in ears.items()}
    found: dict[str, dict[str, float]] = {}
    for name, sound in ears.items():
        found[name] = {}
        for metric in metrics:
            if metric == OURS:
                value = scorer.score(features[REFERENCE], features[name])
            else:
                value = _other(metric, ears[REFERENCE], sound)
            found[name][metric] = float(np.clip(points_of(metric)(value), 0, 100))
    return found


def _other(metric: str, reference: NDArray, degraded: NDArray) -> float:
    """Score by another metric, NaN if it cannot rate the pair."""
    try:
        return score(reference, degraded, SAMPLING_RATE, [metric])[metric]
    except InputError:
        return float("nan")
