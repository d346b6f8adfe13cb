"""How few ratings tell the scale of a listening test."""

import itertools

import pandas as pd

from qastanet.agreement.statistics import rmse
from qastanet.training.rating_scale import fit_curve


def scale_efficiency(predictions: pd.DataFrame, most: int = 4) -> pd.DataFrame:
    """Error on a listening test that was never seen, when some of its scenes tell its scale.

    The scale is that of two numbers which `qastanet.own_test.own_scale` fits.

    Args:
        predictions: of `qastanet.training.parts_fit.predict`; those under ``lodo`` are used.
        most: largest number of scenes that tell the scale.

    Returns:
        ``dataset``, ``signal``, ``scenes`` (that tell the scale), ``draw`` and ``rmse`` in points
        on the other scenes, for all choices of the scenes.
    """
    chosen = predictions[(predictions.protocol == "lodo") & (predictions.role != "reference")]
    rows = []
    for (dataset, signal), part in chosen.groupby(["dataset", "signal"]):
        score, rating = part.score.to_numpy(), part["mean"].to_numpy() / 100
        content = part.content.astype(str)
        scenes = pd.unique(content)
        for size in range(min(most, len(scenes) - 2) + 1):  # two at least are left to predict
            for draw, some in enumerate(itertools.combinations(scenes, size)):
                known = content.isin(some).to_numpy()
                scaled = fit_curve(score[known], rating[known])(score[~known])
                row = {"dataset": dataset, "signal": signal, "scenes": size, "draw": draw}
                rows.append(row | {"rmse": 100 * rmse(scaled, rating[~known])})
    return pd.DataFrame(rows)
