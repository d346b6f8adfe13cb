"""How much data the network of the paper needs: trained on few scenes, tested on the same ones.

The networks are those of the protocols `qastanet.training.paper_plans.FEW`; the scenes that they
are tested on are of recordings that none of them has seen.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qastanet.evidence.fold_agreement import measures
from qastanet.listening_tests.contents import recording
from qastanet.training.paper_plans import DRAWS, FEW, HELD, PLANS, Pairs

MODELS = {
    "swap-few": "QASTAnet, ambisonic (four features)",
    "released-few": "from the released weights",
    "binaural-few": "QASTAnet, binaural",
    "log-mel-few": "same network, log-mel",
}
"""Plans of a learning curve -> what is said of them."""


def learning_curve(pairs: Mapping[str, Pairs], kept: Mapping[str, NDArray]) -> pd.DataFrame:
    """Agreement on fixed scenes of every network that was trained on few others.

    Args:
        pairs: signal -> pairs.
        kept: scores of `qastanet.training.paper_ensembles.gather`.

    Returns:
        ``model``, ``tested`` (recordings), ``dataset`` of these, ``scenes`` (trained on),
        ``network`` (1 to 20, ``mean`` for the mean of all), ``n``, ``pearson``, ``spearman`` and
        ``rmse`` in points; items that equal their reference are left out.
    """
    rows = []
    for name in MODELS:
        table = pairs[PLANS[name].signal].table
        rating = table["mean"].to_numpy()
        unit = table.content.astype(str).map(recording)
        for protocol, scenes in FEW.items():
            scores = 100 * kept[f"{name}/{protocol}"].astype(float)[:, 0]
            for number, held in enumerate(HELD):
                some = (unit.isin(held) & (table.role != "reference")).to_numpy()
                single = scores[number * DRAWS : (number + 1) * DRAWS, some]
                labels = {"model": name, "tested": " + ".join(held), "scenes": scenes}
                labels["dataset"] = table.dataset[some].iloc[0]
                each = {str(k + 1): one for k, one in enumerate(single)}
                for network, one in {**each, "mean": single.mean(0)}.items():
                    rows.append(labels | {"network": network} | measures(one, rating[some]))
    return pd.DataFrame(rows).drop(columns="kendall")


def gains(curve: pd.DataFrame, least: int = 2) -> pd.DataFrame:
    """What ten scenes bring over fewer, network by network (the same draws and seeds).

    Args:
        curve: of `learning_curve`.
        least: the fewer scenes.

    Returns:
        ``model``, ``tested``, ``n``, ``recordings``, ``scenes`` (the fewer), Pearson's correlation
        with these and with the most (``fewer``, ``most``; mean over the networks), their mean
        ``gain``, its standard error over networks ``se``, and ``ahead``, how many of them gain.
    """
    single = curve[curve.network != "mean"]
    wide = single.pivot(index=["model", "tested", "network"], columns="scenes", values="pearson")
    most = wide.columns.max()
    gain = (wide[most] - wide[least]).groupby(["model", "tested"], sort=False)
    found = wide[[least, most]].groupby(["model", "tested"], sort=False).mean()
    found.columns = ["fewer", "most"]
    found.insert(0, "n", single.groupby(["model", "tested"], sort=False).n.first())
    found.insert(1, "recordings", [tested.count(" + ") + 1 for _, tested in found.index])
    found.insert(2, "scenes", least)
    found["gain"] = gain.mean()
    found["se"] = gain.std() / np.sqrt(gain.size())
    found["ahead"] = gain.agg(lambda each: int((each > 0).sum()))
    return found.reset_index()
