"""Views of the comparison of metrics: one number per metric for figures and printed tables."""

from collections.abc import Sequence

import pandas as pd

from qastanet.evidence.comparison import POOLED, increasing
from qastanet.rivals.other_metrics import SCALES


def as_heard(table: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """One row per stimulus: each metric on the binaural signal if it has a score there.

    Otherwise its score of the ambisonic signal is taken. Distances are turned round, so that more
    is better throughout.

    Args:
        table: table of scores.
        metrics: columns to take.
    """
    known = [name for name in table.columns if name not in {*SCALES, *metrics, "signal"}]
    first = table.sort_values("signal", ascending=False)  # binaural before ambisonic
    found = first.groupby(["dataset", "stimulus"], sort=False)[list(metrics)].first()
    for name in metrics:
        if not increasing(SCALES.get(name)):
            found[name] = -found[name]
    items = table[known].drop_duplicates(["dataset", "stimulus"])
    return items.merge(found.reset_index(), on=["dataset", "stimulus"])


def notes(rows: pd.DataFrame) -> dict[str, str]:
    """Texts for the panels of a figure: the Pearson correlation with its interval.

    Args:
        rows: of one listening test, with ``metric``, ``pearson``, ``pearson_lo``, ``pearson_hi``

    Example:
        >>> row = {"metric": "m", "pearson": -0.5, "pearson_lo": -0.75, "pearson_hi": 0.25}
        >>> notes(pd.DataFrame([row]))
        {'m': 'r = −0.50 [−0.75, 0.25]'}
    """
    texts = {}
    for row in rows.itertuples():
        text = f"r = {row.pearson:.2f} [{row.pearson_lo:.2f}, {row.pearson_hi:.2f}]"
        texts.setdefault(row.metric, text.replace("-", "−"))
    return texts


def heard_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep, of rows that differ in the signal only, the binaural one; of pooled tests the other.

    Example:
        >>> row = {"dataset": "d", "metric": "m", "protocol": "direct"}
        >>> table = pd.DataFrame([row | {"signal": s} for s in ("ambisonic", "binaural")])
        >>> heard_rows(table).signal.tolist()
        ['binaural']
    """
    wanted = (rows.signal == "binaural") != (rows.dataset == POOLED)
    first = rows.loc[wanted.sort_values(ascending=False, kind="stable").index]
    return first.drop_duplicates(["dataset", "metric", "protocol"]).sort_index()


def turn_distances(rows: pd.DataFrame) -> pd.DataFrame:
    """Change the sign of the correlations of distances, so that more is better throughout.

    Args:
        rows: of `qastanet.evidence.comparison.correlation_table`; mapped scores (loso, lodo) are
            points and stay as they are.
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
        rows: of `qastanet.evidence.comparison_tables.full_table`.
        models: trained ones, shown under all protocols but `lodo`.
    """
    mapped = (rows.protocol == "loso") & ~rows.metric.isin(models)
    return rows[(rows.subset == "without_reference") & (rows.protocol != "lodo") & ~mapped]


def forest_rows(rows: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """Choose the rows of the table of correlations that the forest plot shows.

    Args:
        rows: of `qastanet.evidence.comparison_tables.full_table`.
        models: trained ones, shown under all protocols; but of both tests together only where one
            model predicts both.

    Returns:
        Rows without references and screened ratings; binaural signals where there is a choice;
        distances turned round.
    """
    best = heard_rows(rows[rows.subset == "without_reference"])
    best = best[best.protocol.isin(["direct", "reported"]) | best.metric.isin(models)]
    single = (best.dataset == "pooled") & ~best.protocol.isin(["direct", "reported"])
    single &= ~best.protocol.str.startswith("pooled-")
    return turn_distances(best[~single & (best.dataset != "aes2023-screened")])
