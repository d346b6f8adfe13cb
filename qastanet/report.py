"""The report: one folder of linked pages from executed notebooks, figures and tables.

`python -m qastanet.report` (or `make report`) writes build/report/index.html. It opens from disk,
needs no network, and takes every number from the tables.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path

import jinja2
import latex2mathml.converter
import mistune
import nbformat
import numpy as np
import pandas as pd
from markupsafe import Markup, escape
from nbconvert import HTMLExporter

from qastanet import CONFORMANCE, __version__, comparison, listening_page, provenance, tables
from qastanet.envelope import FRAME
from qastanet.errors import InputError
from qastanet.features import ENVELOPE_FROM
from qastanet.gammatone import N_BANDS, SAMPLING_RATE, centre_frequencies
from qastanet.monotone import count_parameters
from qastanet.plots_evaluation import LABELS
from qastanet.training import MEMBERS

PAGES = [
    {"href": "index.html", "title": "Overview"},
    {"href": "method.html", "title": "Method"},
    {"href": "figures.html", "title": "Figures"},
    {"href": "tables.html", "title": "Tables"},
    {"href": "listen.html", "title": "Listen"},
    {"href": "model_card.html", "title": "Model card"},
    {"href": "provenance.html", "title": "Provenance"},
]
COMPARED = [
    *(("qastanet", "loso"), ("qastanet", "lodo"), ("qastanet-paper", "loso")),
    *(("qastanet-released", "direct"), ("emobiq", "direct")),
    *(("ambiqual-lq", "direct"), ("ambiqual-la", "direct")),
]
"""Metrics and protocols of the summary."""

FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$\n]+?)\$", re.DOTALL)
CALIBRATION_DB_SPL = 100


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
    """Arrange the main correlations: a row per metric and protocol, a column per listening test."""
    rows = correlations[
        (correlations.subset == "without_labelled_reference")
        & (correlations.signal == "ambisonic")
        & correlations.dataset.isin(["aes2023", "ambiqual2"])
    ].set_index(["metric", "protocol", "dataset"])
    found = []
    for metric, protocol in COMPARED:
        row = {"metric": LABELS[metric], "protocol": protocol}
        for dataset in ("aes2023", "ambiqual2"):
            each = rows.loc[(metric, protocol, dataset)]
            interval = f"[{each.pearson_lo:.2f}, {each.pearson_hi:.2f}]"
            text = f"{each.pearson:.2f} {interval}".replace("-", "−")
            row[f"{dataset} (n = {each.n:.0f})"] = text
        found.append(row)
    return pd.DataFrame(found)


def best_sentence(correlations: pd.DataFrame) -> str:
    """Say which of the compared metrics agrees best with each test."""
    names = {"aes2023": "the AES 2023 test", "ambiqual2": "the codec set"}
    keys = [(m, p) for m, p in COMPARED if p != "lodo"]
    parts = []
    for dataset, name in names.items():
        rows = correlations[
            (correlations.dataset == dataset)
            & (correlations.subset == "without_labelled_reference")
            & (correlations.signal == "ambisonic")
        ]
        rows = rows[[key in keys for key in zip(rows.metric, rows.protocol, strict=True)]]
        best = rows.sort_values("pearson").iloc[-1]
        parts.append(f"{LABELS[best.metric]} on {name} ({best.pearson:.2f})")
    return f"Highest of these without the set left out: {' and '.join(parts)}."


class Report:
    """Pages under one folder, drawn by the templates of the package.

    Args:
        target: folder of the report, made anew.
        executed: folder of executed notebooks.
        root: of the compendium.
    """

    def __init__(self, target: Path, executed: Path, root: Path = Path()):
        self.target, self.root = target, root
        self.figures = captions(root / "figures" / "README.md")
        loader = jinja2.PackageLoader("qastanet")
        self.templates = jinja2.Environment(
            loader=loader, autoescape=True, undefined=jinja2.StrictUndefined
        )
        sources = sorted((root / "notebooks").glob("[0-9]*.ipynb"))
        found = [executed / file.name for file in sources]
        self.notebooks = [file for file in found if file.is_file()]
        if not self.notebooks:
            raise InputError(f"{executed}: holds no executed notebooks; run `make reproduce` first")
        self.common = {
            "pages": PAGES,
            "notebooks": [
                {"href": f"notebooks/{file.stem}.html", "title": file.stem.replace("_", " ")}
                for file in self.notebooks
            ],
            "version": __version__,
            "conformance": CONFORMANCE,
            "revision": provenance.revision(root),
            "figure": self.figure,
            "tex": formula,
        }

    def figure(self, name: str) -> Markup:
        """Show a figure with its caption."""
        text = escape(self.figures[name])
        return Markup(
            f'<figure id="{name}"><img src="figures/{name}.svg" alt="{text}">'
            f'<figcaption>{text} · <a href="figures/{name}.pdf">PDF</a></figcaption></figure>'
        )

    def page(self, name: str, title: str, template: str | None = None, **values) -> None:
        """Write one page."""
        file = self.target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        template = template or Path(name).name
        depth = "../" * (len(Path(name).parts) - 1)
        values = self.common | values | {"title": title, "here": name, "root": depth}
        file.write_text(self.templates.get_template(template).render(values), encoding="utf-8")

    def write(self) -> None:
        """Write all pages."""
        shutil.rmtree(self.target, ignore_errors=True)
        shutil.copytree(self.root / "figures", self.target / "figures")
        for name in ("report.css", "report.js"):
            source = Path(__file__).parent / "templates" / name
            shutil.copyfile(source, self.target / name)
        correlations = pd.read_csv(self.root / "data/processed/correlations.csv")
        best = best_sentence(correlations)
        found = sortable(summary(correlations), "summary")
        self.page("index.html", "Overview", summary=found, best_sentence=best)
        self.page("method.html", "Method", **method_facts())
        self.page("figures.html", "Figures", names=list(self.figures))
        self.write_tables(correlations)
        sounds = listening_page.make(self.target / "audio", self.root)
        sounds = {
            k: sortable(v, k) if isinstance(v, pd.DataFrame) else v for k, v in sounds.items()
        }
        self.page("listen.html", "Listen", **sounds)
        card = Path(__file__).parent / "weights" / "MODEL_CARD.md"
        text = mistune.html(card.read_text(encoding="utf-8"))
        self.page("model_card.html", "Model card", "layout.html", content=Markup(text))
        self.write_provenance()
        for file in self.notebooks:
            self.write_notebook(file)

    def write_tables(self, correlations: pd.DataFrame) -> None:
        """Write the page of tables, and one page for each."""
        rows = []
        for file in sorted((self.root / "data/processed").glob("*.csv")):
            table = pd.read_csv(file)
            name = f"tables/{file.stem}.html"
            title = file.stem.replace("_", " ")
            (self.target / "tables").mkdir(exist_ok=True)
            shutil.copyfile(file, self.target / "tables" / file.name)
            body = f'<h1>{title}</h1><p><a href="{file.name}">{file.name}</a></p>'
            content = Markup(body) + sortable(table, "table", search=True)
            self.page(name, title, "layout.html", content=content)
            rows.append((Markup(f'<a href="{name}">{title}</a>'), *table.shape))
        listing = sortable(pd.DataFrame(rows, columns=["table", "rows", "columns"]), "listing")
        shown = ["qastanet", "qastanet-paper", *comparison.HEADLINE, *comparison.REPORTED]
        main = tables.printable(correlations[correlations.subset == "without_reference"], shown)
        self.page(
            "tables.html", "Tables", main=sortable(main, "main", search=True), listing=listing
        )

    def write_provenance(self) -> None:
        """Write where everything comes from."""
        weights = provenance.kept_files(Path(__file__).parent / "weights", "*.safetensors")
        self.page(
            "provenance.html",
            "Provenance",
            steps=sortable(provenance.steps(self.notebooks), "steps"),
            software=sortable(provenance.software(), "software"),
            kept=sortable(provenance.kept_files(self.root / "data/processed"), "kept"),
            weights=sortable(weights, "weights"),
            public=sortable(provenance.public_files(), "public", search=True),
        )

    def write_notebook(self, file: Path) -> None:
        """Write an executed notebook."""
        notebook = nbformat.read(file, as_version=4)
        injected = "injected-parameters"  # the pages say what differs under provenance
        cells = [c for c in notebook.cells if injected not in c.metadata.get("tags", [])]
        notebook.cells = cells
        for cell in cells:
            if cell.cell_type == "markdown":
                cell.source = with_formulas(cell.source)
        body, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
        title = file.stem.replace("_", " ")
        self.page(f"notebooks/{file.stem}.html", title, "layout.html", content=Markup(body))


def method_facts() -> dict:
    """Return the numbers that the page of the method mentions."""
    frequencies = centre_frequencies()
    return {
        "spl": CALIBRATION_DB_SPL,
        "rate": SAMPLING_RATE,
        "frame_ms": 1000 * FRAME // SAMPLING_RATE,
        "n_bands": N_BANDS,
        "lowest": round(float(frequencies[0])),
        "highest": round(float(frequencies[-1])),
        "envelope_from": f"{ENVELOPE_FROM:g}",
        "parameters": count_parameters(MEMBERS),
    }


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m qastanet.report", description=__doc__)
    parser.add_argument("--profile", default="default", help="of the executed notebooks")
    parser.add_argument("--output", type=Path, default=Path("build/report"))
    options = parser.parse_args(arguments)
    try:
        Report(options.output, Path("build") / options.profile).write()
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{options.output / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
