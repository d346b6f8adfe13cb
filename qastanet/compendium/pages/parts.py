"""Parts of the pages of the report: formulas, tables that sort, captions, the summary."""

import re
from pathlib import Path

import latex2mathml.converter
import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from qastanet.compendium import text_tables
from qastanet.plots.names import row_name

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


def summary(overview: pd.DataFrame) -> pd.DataFrame:
    """Arrange the agreement: a row per metric and what it has not seen, columns per test.

    What was not evaluated on a test is empty there.

    Args:
        overview: of `qastanet.evidence.comparison.overview.overview`.
    """
    rows = text_tables.rows(overview)
    found = pd.DataFrame({"metric": [row_name(*row) for row in rows]}, index=rows)
    for dataset, subset in text_tables.columns(overview):
        part = overview[(overview.dataset == dataset) & (overview.subset == subset)]
        part = part.set_index(["metric", "unseen"])
        title = text_tables.title(overview, dataset, subset)
        found[title] = part.apply(text_tables.interval, axis=1)
        found[f"Spearman, {title}"] = part.spearman
    return found.reset_index(drop=True)
