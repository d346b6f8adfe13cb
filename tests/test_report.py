"""The report opens from disk, is complete, and asks nothing of the network."""

import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urldefrag

import nbformat
import pandas as pd
import pytest

from qastanet.compendium import report, verdict
from qastanet.compendium.text_tables import number
from qastanet.errors import InputError

ROOT = Path(__file__).parents[1]
LINK = re.compile(r'\b(?:href|src)="([^"]+)"')


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the folder of a report whose notebooks were read, not run."""
    folder = tmp_path_factory.mktemp("report")
    executed = folder / "executed"
    executed.mkdir()
    for file in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        notebook = nbformat.read(file, as_version=4)
        end = "2026-01-02T03:04:05.678"
        notebook.metadata["papermill"] = {
            "parameters": {"seed": 3},
            "duration": 1.25,
            "end_time": end,
        }
        nbformat.write(notebook, executed / file.name)
    judged = {"file": ["data/a.csv", "figures/b.svg"], "verdict": ["within", "off"]}
    pd.DataFrame(judged, columns=verdict.COLUMNS).to_csv(executed / "verdict.csv", index=False)
    report.Report(folder / "report", executed, ROOT).write()
    return folder / "report"


def _pages(folder):
    return sorted(folder.rglob("*.html"))


def test_every_link_leads_somewhere(built):
    for page in _pages(built):
        text = page.read_text(encoding="utf-8")
        for link in LINK.findall(text):
            known = ("data:", "${", "https://arxiv.org", "https://doi.org", "https://pdoc.dev")
            if link.startswith(known):
                continue
            name, anchor = urldefrag(unquote(link))
            target = (page.parent / name) if name else page
            assert target.is_file(), f"{page.name}: {link}"
            foreign = target.parent.name == "notebooks" or "api" in target.parts  # made by others
            if anchor and target.suffix == ".html" and not foreign:
                assert f'id="{anchor}"' in target.read_text(encoding="utf-8"), link


def test_nothing_is_loaded_from_a_network(built):
    loaded = re.compile(r'\bsrc="https?:|<link[^>]+href="https?:|@import|url\(\s*["\']?http')
    for page in [*_pages(built), built / "report.css", built / "report.js"]:
        assert not loaded.search(page.read_text(encoding="utf-8")), page


def test_numbers_are_those_of_the_tables(built):
    table = pd.read_csv(ROOT / "data" / "processed" / "overview.csv")
    text = (built / "index.html").read_text(encoding="utf-8")
    rows = table[table.metric == "emobiq"]
    assert len(rows) == 5
    for row in rows.itertuples():
        numbers = map(number, (row.pearson, row.pearson_low, row.pearson_high))
        assert "{} [{}, {}]".format(*numbers) in text


def test_every_figure_is_there(built):
    text = (built / "figures.html").read_text(encoding="utf-8")
    for file in (ROOT / "figures").glob("*.svg"):
        assert f"figures/{file.name}" in text


def test_public_names_are_described(built):
    text = (built / "api" / "qastanet.html").read_text(encoding="utf-8")
    for name in ("score", "load_model", "InputError"):
        assert f'id="{name}"' in text
    described = {page.stem for page in (built / "api").rglob("*.html")}
    assert {"pair_scores", "gammatone", "other_metrics"} <= described


def test_provenance_names_steps_and_hashes(built):
    text = (built / "provenance.html").read_text(encoding="utf-8")
    assert (
        "07_paper_network" in text
        and "2026-01-02 03:04:05" in text
        and "{&#34;seed&#34;: 3}" in text
    )
    assert re.search(r"default\.safetensors</td>.*[0-9a-f]{64}", text)


def test_verdict_names_every_file(built):
    text = (built / "verdict.html").read_text(encoding="utf-8")
    assert "1 of 1 tables and 0 of 1 figures as published" in text
    assert "<td>data/a.csv</td>" in text and "<td>off</td>" in text


def test_formulas_need_no_script(built):
    text = (built / "method.html").read_text(encoding="utf-8")
    assert text.count("<math") >= 7 and "$" not in text


def test_without_notebooks(tmp_path):
    with pytest.raises(InputError, match="run `make reproduce` first"):
        report.Report(tmp_path / "report", tmp_path, ROOT)


@pytest.fixture(scope="module")
def browser():
    """Return headless Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs Chromium")
    with sync_api.sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=program, args=options)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    """Return a page that writes down what it asks for and what goes wrong."""
    page = browser.new_page()
    page.asked, page.wrong = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("requestfailed", lambda request: page.wrong.append(request.url))
    yield page
    assert not page.wrong
    assert all(url.startswith(("file:", "data:")) for url in page.asked)
    page.close()


def test_pages_show_in_a_browser(built, page):
    for file in _pages(built):
        page.goto(file.as_uri())
        page.locator("h1").first.wait_for(state="attached", timeout=10_000)  # also of a redirect
        broken = "() => [...document.images].filter((x) => !x.naturalWidth).map((x) => x.src)"
        assert page.evaluate(broken) == [], file


def test_tables_sort_and_narrow_down(built, page):
    page.goto((built / "tables.html").as_uri())
    column = "() => [...document.querySelectorAll('#main tbody tr:not([hidden]) td:nth-child(7)')]"
    column += ".map((cell) => parseFloat(cell.textContent.replace('−', '-')))"
    heading = page.locator("#main th:nth-child(7) button")
    for down in (False, True):
        heading.click()
        values = [v for v in page.evaluate(column) if v is not None]
        assert len(values) > 10 and values == sorted(values, reverse=down)
    page.locator("input[data-table=main]").fill("emobi private")
    assert page.evaluate(column) == []
    page.locator("input[data-table=main]").fill("emobi-q codec set")
    assert 0 < len(page.evaluate(column)) < 12


def test_sounds_play(built, page):
    page.goto((built / "listen.html").as_uri())
    duration = """async () => {
      const sound = document.querySelector("audio");
      sound.load();
      sound.preload = "auto";
      await new Promise((resolve) => sound.addEventListener("loadedmetadata", resolve));
      return sound.duration;
    }"""
    assert page.evaluate(duration) == pytest.approx(4.0, abs=0.05)
