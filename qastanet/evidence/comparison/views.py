"""Views of the comparison of metrics: one number per metric for figures and printed tables."""

from collections.abc import Sequence

import pandas as pd

from qastanet.evidence.comparison.metrics import without_distances
from qastanet.rivals.other_metrics import SCALES


def as_heard(
    table: pd.DataFrame, metrics: Sequence[str], predictions: pd.DataFrame | None = None
) -> pd.DataFrame:
    """One row per stimulus: each metric on the ambisonic signal if it has a score there.

    Otherwise its score of the binaural signal is taken. Distances are turned round, so that more
    is better throughout.

    Args:
        table: table of scores.
        metrics: columns to take.
        predictions: of trained models, to be added as columns: those of recordings not seen.
    """
    if predictions is not None:
        chosen = predictions[predictions.protocol == "pooled-source-out"]
        key = ["dataset", "stimulus", "signal"]
        wide = chosen.pivot(index=key, columns="metric", values="score").reset_index()
        metrics = [*wide.columns[3:], *metrics]
        table = table.merge(wide, on=key, how="left")
    known = [name for name in table.columns if name not in {*SCALES, *metrics, "signal"}]
    first = table.sort_values("signal", kind="stable")  # ambisonic before binaural
    found = first.groupby(["dataset", "stimulus"], sort=False)[list(metrics)].first()
    items = table[known].drop_duplicates(["dataset", "stimulus"])
    found = without_distances(found, metrics).reset_index()
    return items.merge(found, on=["dataset", "stimulus"])


def notes(rows: pd.DataFrame) -> dict[str, str]:
    """Texts for the panels of a figure: the Pearson correlation with its interval.

    Args:
        rows: of one listening test, with ``metric``, ``pearson``, ``pearson_low``, ``pearson_high``

    Example:
        >>> row = {"metric": "m", "pearson": -0.5, "pearson_low": -0.75, "pearson_high": 0.25}
        >>> notes(pd.DataFrame([row]))
        {'m': 'r = −0.50 [−0.75, 0.25]'}
    """
    texts = {}
    for row in rows.itertuples():
        text = f"r = {row.pearson:.2f} [{row.pearson_low:.2f}, {row.pearson_high:.2f}]"
        texts.setdefault(row.metric, text.replace("-", "−"))
    return texts


def heard_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep, of rows that differ in the signal only, the ambisonic one.

    Example:
        >>> row = {"dataset": "d", "metric": "m", "protocol": "direct"}
        >>> table = pd.DataFrame([row | {"signal": s} for s in ("binaural", "ambisonic")])
        >>> heard_rows(table).signal.tolist()
        ['ambisonic']
    """
    first = rows.sort_values("signal", kind="stable")
    return first.drop_duplicates(["dataset", "metric", "protocol"]).sort_index()


def turn_distances(rows: pd.DataFrame) -> pd.DataFrame:
    """Change the sign of the correlations of distances, so that more is better throughout.

    Args:
        rows: of `qastanet.evidence.comparison.protocols.correlation_table`; mapped scores (loso,
            lodo) are points and stay as they are.
    """
    turned = rows.copy()
    scales = rows.metric.map(SCALES)
    chosen = (scales < 0) & ~rows.protocol.isin(["loso", "lodo"])
    for name in ("pearson", "spearman", "kendall"):
        low, high = f"{name}_lo", f"{name}_hi"
        turned.loc[chosen, name] = -rows.loc[chosen, name]
        turned.loc[chosen, low] = -rows.loc[chosen, high]
        turned.loc[chosen, high] = -rows.loc[chosen, low]
    return turned


def main_rows(rows: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """Choose the rows of the main table: without references; mapped scores of models only.

    Args:
        rows: of `qastanet.evidence.comparison.tables.full_table`.
        models: trained ones, shown under all protocols but `lodo`.
    """
    mapped = (rows.protocol == "loso") & ~rows.metric.isin(models)
    return rows[(rows.subset == "without_reference") & (rows.protocol != "lodo") & ~mapped]


def as_overview(rows: pd.DataFrame) -> pd.DataFrame:
    """Bring rows of correlations into the form of `qastanet.evidence.comparison.overview.overview`.

    Args:
        rows: one per dataset and metric, scores taken as they are.
    """
    named = {"pearson_lo": "pearson_low", "pearson_hi": "pearson_high"}
    named |= {"n": "items"}
    return rows.rename(columns=named).assign(subset="all", unseen="as it is")
