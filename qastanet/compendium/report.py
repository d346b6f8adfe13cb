"""The report: one folder of linked pages from executed notebooks, figures and tables.

`python -m qastanet.compendium.report` (or `make report`) writes build/report/index.html. It opens
from disk, needs no network, and takes every number from the tables.
"""

import argparse
import math
import shutil
import sys
import tempfile
from pathlib import Path

import jinja2
import mistune
import nbformat
import pandas as pd
from markupsafe import Markup, escape
from nbconvert import HTMLExporter

from qastanet.compendium import verdict
from qastanet.compendium.pages import api, listening, printed, provenance
from qastanet.compendium.pages.parts import captions, formula, sortable, summary, with_formulas
from qastanet.errors import InputError, exit_code
from qastanet.evidence.comparison import metrics
from qastanet.hearing.envelope import CUTOFF
from qastanet.hearing.gammatone import ENVELOPE_FROM, N_BANDS, centre_frequencies
from qastanet.hearing.hearing_threshold import FULL_SCALE_LEVEL
from qastanet.hearing.parts import PARTS
from qastanet.models.parts_model import SHAPES
from qastanet.sound.sampling import FRAME, SAMPLING_RATE
from qastanet.storage import umask
from qastanet.version import CONFORMANCE, __version__

PAGES = [
    {"href": "index.html", "title": "Overview"},
    {"href": "method.html", "title": "Method"},
    {"href": "figures.html", "title": "Figures"},
    {"href": "tables.html", "title": "Tables"},
    {"href": "listen.html", "title": "Listen"},
    {"href": "model_card.html", "title": "Model card"},
    {"href": "verdict.html", "title": "Verdict"},
    {"href": "provenance.html", "title": "Provenance"},
    {"href": "api/qastanet.html", "title": "API"},
]


class Report:
    """Pages under one folder, drawn by the templates of the package.

    Args:
        target: folder of the report, made anew.
        executed: folder of executed notebooks, and of the verdict on them.
        root: of the compendium.
    """

    def __init__(self, target: Path, executed: Path, root: Path = Path()):
        self.target, self.executed, self.root = target, executed, root
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
        """Write all pages beside the target, and put them in its place when all are there.

        Raises:
            InputError: if the target is no former report and holds other files
        """
        target = self.target
        if target.exists() and not _former(target):
            raise InputError(f"{target}: holds other files; name a new folder")
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        self.target = Path(tempfile.mkdtemp(dir=target.absolute().parent, prefix=".part-report-"))
        try:
            self._write_pages()
            if target.exists():
                target.replace(self.target / "former")
            self.target.chmod(0o777 & ~umask())
            self.target.replace(target)
            shutil.rmtree(target / "former", ignore_errors=True)
        finally:
            if self.target.exists():
                shutil.rmtree(self.target)
            self.target = target

    def _write_pages(self) -> None:
        """Write all pages into the target."""
        shutil.copytree(self.root / "figures", self.target / "figures")
        for name in ("report.css", "report.js"):
            source = Path(__file__).parents[1] / "templates" / name
            shutil.copyfile(source, self.target / name)
        correlations = pd.read_csv(self.root / "data/processed/correlations.csv")
        overview = pd.read_csv(self.root / "data/processed/overview.csv")
        found = sortable(summary(overview), "summary", digits=2)
        self.page("index.html", "Overview", summary=found)
        self.page("method.html", "Method", **_method_facts())
        self.page("figures.html", "Figures", names=list(self.figures))
        self.write_tables(correlations)
        sounds = listening.make(self.target / "audio", self.root)
        sounds = {
            k: sortable(v, k) if isinstance(v, pd.DataFrame) else v for k, v in sounds.items()
        }
        self.page("listen.html", "Listen", **sounds)
        card = Path(__file__).parents[1] / "weights" / "MODEL_CARD.md"
        text = mistune.html(card.read_text(encoding="utf-8"))
        self.page("model_card.html", "Model card", "layout.html", content=Markup(text))
        self.write_verdict()
        self.write_provenance()
        api.write_api(self.target / "api")
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
        shown = ["parts", "qastanet-retrained", *metrics.HEADLINE, *metrics.REPORTED]
        shown += metrics.FROZEN
        main = printed.printable(correlations[correlations.subset == "without_reference"], shown)
        self.page(
            "tables.html", "Tables", main=sortable(main, "main", search=True), listing=listing
        )

    def write_verdict(self) -> None:
        """Write how the results compare with the published ones."""
        table = pd.read_csv(self.executed / "verdict.csv")
        files = sortable(table, "files", search=True, digits=7)
        self.page("verdict.html", "Verdict", line=verdict.sentence(table), files=files)

    def write_provenance(self) -> None:
        """Write where everything comes from."""
        weights = provenance.kept_files(Path(__file__).parents[1] / "weights", "*.safetensors")
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


def _former(folder: Path) -> bool:
    """Tell a former report, or an empty folder, from a folder of the user's."""
    if not folder.is_dir() or folder.is_symlink():
        return False
    pages = {page["href"] for page in PAGES} | {"report.css", "report.js"}
    held = {entry.name for entry in folder.iterdir()}
    return not held or (
        {"report.css", "report.js"} <= held
        and held <= pages | {"figures", "tables", "audio", "notebooks"}
    )


def _method_facts() -> dict:
    """Return the numbers that the page of the method mentions."""
    frequencies = centre_frequencies()
    return {
        "spl": f"{FULL_SCALE_LEVEL:g}",
        "rate": SAMPLING_RATE,
        "frame_ms": 1000 * FRAME // SAMPLING_RATE,
        "n_bands": N_BANDS,
        "lowest": round(float(frequencies[0])),
        "highest": round(float(frequencies[-1])),
        "envelope_from": f"{ENVELOPE_FROM:g}",
        "cutoff": f"{CUTOFF:g}",
        "plane_wave": f"{math.sqrt(3 / 2) / (0.5 * (1 + 3 / 2)):.2f}",
        "parts": ", ".join(PARTS),
        "parameters": sum(math.prod(shape) for shape in SHAPES.values()),
    }


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m qastanet.compendium.report", description=__doc__
    )
    parser.add_argument("--profile", default="default", help="of the executed notebooks")
    parser.add_argument("--output", type=Path, default=Path("build/report"))
    options = parser.parse_args(arguments)

    def make() -> None:
        """Write the report."""
        report = Report(options.output, Path("build") / options.profile)
        verdict.write(options.profile)
        report.write()
        print(f"{options.output / 'index.html'}")

    return exit_code(make)


if __name__ == "__main__":
    sys.exit(main())
