"""Parts of the pages of the report: formulas, tables that sort, captions, the summary."""

import re
from pathlib import Path

import latex2mathml.converter
import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from qastanet.plots.names import DATASETS, LABELS, PROTOCOLS

COMPARED = [
    *(("parts", "loso"), ("parts", "source-out"), ("parts", "pooled-loso-scaled")),
    *(("parts", "pooled-loso"), ("parts", "lodo"), ("qastanet-retrained", "loso")),
    ("qastanet-retrained", "pooled-loso-scaled"),
    *(("qastanet-released", "direct"), ("emobiq", "direct"), ("ambiqual-lq", "direct")),
    *(("ambiqual-la", "direct"), ("binaqual", "direct"), ("visqol", "direct")),
    *(("zimtohrli", "direct"), ("conformance-3", "direct")),
]
"""Metrics and protocols of the summary."""

SUMMARISED = {"aes2023": "ambisonic", "ambiqual2": "ambisonic", "neural2024": "binaural"}
"""Listening tests of the summary, and the form of their signals."""

FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$\n]+?)\$", re.DOTALL)


def formula(text: str, display: str = "block") -> Markup:
    r"""Turn LaTeX into MathML, which browsers draw without any script.

    Example:
        >>> "<mfrac>" in formula(r"\frac{1}{2}")
        True
    """
    return Markup(latex2mathml.converter.convert(text, display=display))


def with_formulas(text: str) -> str:
    """Replace the formulas between dollars in a text by MathML.

    Example:
        >>> with_formulas("a $x$ b").startswith("a <math")
        True
    """
    return FORMULA.sub(
        lambda m: formula(m[1]) if m[1] else formula(m[2], "inline"),
        text,
    )


def sortable(table: pd.DataFrame, name: str, search: bool = False, digits: int = 3) -> Markup:
    """Write a table as HTML whose columns sort by a click.

    Args:
        table: numbers are shown rounded and sorted by their full value.
        name: identifier within the page.
        search: add a box that narrows the rows down.
        digits: decimals shown.
    """
    heads = "".join(f"<th>{escape(str(column))}</th>" for column in table.columns)
    columns = [_cells(table.iloc[:, k], digits) for k in range(table.shape[1])]
    rows = "".join(f"<tr>{''.join(row)}</tr>\n" for row in zip(*columns, strict=True))
    label = (
        f'<input type="search" data-table="{name}" placeholder="narrow down" aria-label="filter">'
    )
    return Markup(
        f'{label if search else ""}<div class="scroll"><table class="sortable" id="{name}">'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>{rows}</tbody></table></div>"
    )


def _cells(column: pd.Series, digits: int) -> list[str]:
    """Write the cells of a column; numbers have all decimals or none."""
    if not pd.api.types.is_numeric_dtype(column) or column.dtype == bool:
        return [f"<td>{'' if v is None or v != v else escape(v)}</td>" for v in map(_text, column)]
    whole = not (column.dropna() % 1).any()
    shown = [f"{value:.{0 if whole else digits}f}".replace("-", "−") for value in column]
    return [
        "<td></td>"
        if np.isnan(value)
        else f'<td class="number" data-value="{value:.9g}">{text}</td>'
        for value, text in zip(column, shown, strict=True)
    ]


def _text(value):
    """Return a text (kept as it is if it is markup), or what stands for nothing."""
    return value if value is None or value != value or isinstance(value, Markup) else str(value)


def captions(listing: str | Path) -> dict[str, str]:
    """Read from figures/README.md what each figure shows and what draws it."""
    found = {}
    for line in Path(listing).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[0].startswith("`"):
            text = f"{cells[1]} (drawn by {cells[2]} from {cells[3]})".replace("`", "")
            found |= dict.fromkeys(re.findall(r"`([^`]+)`", cells[0]), text)
    return found


def summary(correlations: pd.DataFrame) -> pd.DataFrame:
    """Arrange the main correlations: a row per metric and protocol, a column per listening test.

    What was not evaluated on a test is empty there, and not listed where it was on none.
    """
    rows = correlations[
        (correlations.subset == "without_reference")
        & (correlations.signal == correlations.dataset.map(SUMMARISED))
    ].set_index(["metric", "protocol", "dataset"])
    found = []
    for metric, protocol in COMPARED:
        row = {"metric": LABELS[metric], "protocol": PROTOCOLS[protocol]}
        for dataset in SUMMARISED:
            if (metric, protocol, dataset) not in rows.index:
                continue
            each = rows.loc[(metric, protocol, dataset)]
            interval = f"[{each.pearson_lo:.2f}, {each.pearson_hi:.2f}]"
            text = f"{each.pearson:.2f} {interval}".replace("-", "−")
            row[f"{DATASETS[dataset]} (n = {each.n:.0f})"] = text
            row[f"Spearman, {DATASETS[dataset]}"] = each.spearman
        if len(row) > 2:
            found.append(row)
    return pd.DataFrame(found)
