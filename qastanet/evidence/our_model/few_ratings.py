"""How few ratings tell the scale of a listening test."""

import itertools
from collections.abc import Sequence

import pandas as pd

from qastanet.agreement.statistics import rmse
from qastanet.listening_tests.contents import recording
from qastanet.training.rating_scale import CURVE_SPREAD, EXPONENT_SPREAD, fit_curve

NAN = float("nan")

PRIORS = [
    *((100.0, curve) for curve in (0.01, 0.1, 0.25, 0.5, 1.0, 2.0)),
    *((1.0, curve) for curve in (0.25, 0.5)),
    *((0.7, curve) for curve in (0.25, 0.35)),
    *((0.5, curve) for curve in (0.15, 0.25, 0.35, 0.5)),
    (0.35, 0.25),
]
"""Spreads of the logarithms of exponent and curve that were looked at; 100: as good as free."""


def scale_efficiency(
    predictions: pd.DataFrame,
    sizes: Sequence[int] = range(5),
    spreads: tuple[float, float] = (EXPONENT_SPREAD, CURVE_SPREAD),
) -> pd.DataFrame:
    """Error on a listening test that was never seen, when some of its scenes tell its scale.

    The scale is that of two numbers which `qastanet.own_test.own_scale` fits.

    Args:
        predictions: of `qastanet.training.parts_fit.predict`; those under ``lodo`` are used.
        sizes: numbers of scenes that tell the scale.
        spreads: see `qastanet.training.rating_scale.fit_curve`.

    Returns:
        ``dataset``, ``signal``, ``scenes`` (that tell the scale), ``draw``, ``rmse`` in points on
        the other scenes, and ``rmse_recordings`` on those made of other recordings than the telling
        ones (NaN where there are none), for all choices of the scenes.
    """
    chosen = predictions[(predictions.protocol == "lodo") & (predictions.role != "reference")]
    rows = []
    for (dataset, signal), part in chosen.groupby(["dataset", "signal"]):
        score, rating = part.score.to_numpy(), part["mean"].to_numpy() / 100
        content = part.content.astype(str)
        scenes, unit = pd.unique(content), content.map(recording)
        for size in (k for k in sizes if k <= len(scenes) - 2):  # two are left to predict
            for draw, some in enumerate(itertools.combinations(scenes, size)):
                known = content.isin(some).to_numpy()
                scaled = fit_curve(score[known], rating[known], spreads)(score)
                row = {"dataset": dataset, "signal": signal, "scenes": size, "draw": draw}
                row["rmse"] = 100 * rmse(scaled[~known], rating[~known])
                new = ~unit.isin(unit[known]).to_numpy()
                row["rmse_recordings"] = 100 * rmse(scaled[new], rating[new]) if new.any() else NAN
                rows.append(row)
    return pd.DataFrame(rows)


def scale_priors(predictions: pd.DataFrame) -> pd.DataFrame:
    """Error once two scenes tell the scale, for every choice of `PRIORS` that was looked at.

    Args:
        predictions: as in `scale_efficiency`.

    Returns:
        ``exponent`` and ``curve`` (spreads), ``chosen``, ``dataset``, ``signal``, and the median of
        the ``rmse`` and ``rmse_recordings`` in points over all choices of the two scenes.
    """
    rows = []
    for spreads in PRIORS:
        found = scale_efficiency(predictions, [2], spreads)
        grouped = found.groupby(["dataset", "signal"])
        medians = grouped[["rmse", "rmse_recordings"]].median().reset_index()
        labels = dict(zip(("exponent", "curve"), spreads, strict=True))
        rows.append(medians.assign(**labels, chosen=spreads == (EXPONENT_SPREAD, CURVE_SPREAD)))
    columns = ["exponent", "curve", "chosen", "dataset", "signal", "rmse", "rmse_recordings"]
    return pd.concat(rows, ignore_index=True)[columns]
