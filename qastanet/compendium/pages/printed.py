"""Tables for print: correlations with their intervals, as HTML and LaTeX."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from qastanet.plots.names import DATASETS, LABELS, MINUS, PROTOCOLS
from qastanet.storage import replacing

TEX = {"–": "--", MINUS: "$-$", "<": "$<$", ">": "$>$", "|": "$|$"}
TEX |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}"}
TEX |= {"^": r"\textasciicircum{}"} | {letter: f"\\{letter}" for letter in "_%&#${}"}
"""Letters that mean something to LaTeX, and how they are shown."""


def printable(table: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Arrange rows of `qastanet.agreement.correlations` for print.

    Args:
        table: rows with the columns of `qastanet.agreement.correlations.correlations`
        metrics: which, in this order

    Returns:
        strings: one row per dataset, signal, metric and protocol, all by their names for readers
        (`qastanet.plots.names`), with the correlations and their 95 % intervals and the errors in
        points

    Example:
        >>> row = {"dataset": "d", "signal": "s", "metric": "m", "protocol": "direct", "n": 9}
        >>> row |= {f"{k}{e}": 0.5 for k in ("pearson", "spearman") for e in ("", "_lo", "_hi")}
        >>> row |= {"recordings": 3, "kendall": 0.4, "rmse": float("nan"), "rmse_mapped": 12.34}
        >>> printable(pd.DataFrame([row]), ["m"]).iloc[0, 4:].tolist()
        ['9', '3', '0.50 [0.50, 0.50]', '0.50 [0.50, 0.50]', '0.40', '–', '12.3']
    """
    rows = table[table.metric.isin(metrics)].copy()
    rows["place"] = [list(metrics).index(name) for name in rows.metric]
    rows = rows.sort_values(["dataset", "place", "signal", "protocol"], kind="stable")
    found = rows[["dataset", "metric", "signal", "protocol"]].copy()
    for column, words in {"dataset": DATASETS, "metric": LABELS, "protocol": PROTOCOLS}.items():
        # a minus is for figures, where distances are turned round
        found[column] = [words.get(name, name).removeprefix(MINUS) for name in rows[column]]
    for name in ("n", "recordings"):
        found[name] = [_number(v, 0) for v in rows[name]]
    for name in ("pearson", "spearman"):
        parts = zip(rows[name], rows[f"{name}_lo"], rows[f"{name}_hi"], strict=True)
        found[name.capitalize()] = [_interval(*values) for values in parts]
    found["Kendall"] = [_number(v, 2) for v in rows.kendall]
    found["RMSE"] = [_number(v, 1) for v in rows.rmse]
    found["RMSE mapped"] = [_number(v, 1) for v in rows.rmse_mapped]
    return found.reset_index(drop=True)


CAPTION = (
    "Agreement with mean ratings without hidden references; 95 % percentile intervals of a "
    "bootstrap over recordings. RMSE in points; mapped: monotone cubic of the other recordings."
)
"""Of the main table of correlations."""


def write_html(table: pd.DataFrame, path: str | Path, caption: str) -> None:
    """Write a table of strings as a small HTML page."""
    body = table.to_html(index=False, border=0)
    style = (
        "body{font:14px sans-serif;margin:2em}caption{text-align:left;padding:.5em 0}"
        "td,th{padding:.15em .8em;text-align:left;white-space:nowrap}"
        "tr:nth-child(even){background:#f3f3f3}"
    )
    body = body.replace("<thead>", f"<caption>{caption}</caption>\n  <thead>", 1)
    page = '<!doctype html>\n<meta charset="utf-8">\n<title>Correlations</title>\n'
    with replacing(path) as temporary:
        temporary.write_text(f"{page}<style>{style}</style>\n{body}\n", encoding="utf-8")


def write_latex(table: pd.DataFrame, path: str | Path, caption: str) -> None:
    """Write a table of strings for LaTeX, with its head on every page.

    It needs the packages booktabs and longtable; names are shown, never run.
    """
    rows = [list(table.columns), *table.itertuples(index=False, name=None)]
    head, *lines = (" & ".join(map(_tex, row)) + r" \\" for row in rows)
    lines = [
        f"\\begin{{longtable}}{{{'l' * len(table.columns)}}}",
        f"\\caption{{{_tex(caption)}}} \\\\",
        *(r"\toprule", head, r"\midrule", r"\endfirsthead"),
        *(r"\toprule", head, r"\midrule", r"\endhead"),
        *(r"\bottomrule", r"\endfoot"),
        *lines,
        r"\end{longtable}",
    ]
    with replacing(path) as temporary:
        text = "\n".join(["% packages: booktabs, longtable", r"{\footnotesize", *lines, "}", ""])
        temporary.write_text(text, encoding="utf-8")


def _tex(text: str) -> str:
    r"""Return a text as LaTeX shows it, not runs it.

    Example:
        >>> print(_tex(r"a_b & $5, \input{x}"))
        a\_b \& \$5, \textbackslash{}input\{x\}
    """
    return "".join(TEX.get(letter, letter) for letter in text)


def _number(value: float, digits: int) -> str:
    return "–" if not np.isfinite(value) else f"{value:.{digits}f}".replace("-", MINUS)


def _interval(value: float, low: float, high: float) -> str:
    text = _number(value, 2)
    return text if not np.isfinite(low) else f"{text} [{_number(low, 2)}, {_number(high, 2)}]"
