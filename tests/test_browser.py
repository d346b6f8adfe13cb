"""The exploration notebooks as a student meets them: JupyterLab in a real browser.

Needs Chromium (Debian: ``apt-get install chromium``) and the Python package playwright.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

ROOT = Path(__file__).parents[1]
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
LISTENING = "explore_listening"
"""The notebook in which a listening test is rated; it has a test of its own."""

LOSS = "explore_loss"
"""A training loop, without sliders."""

NOTEBOOKS = sorted(
    path.stem
    for path in (ROOT / "notebooks").glob("explore_*.ipynb")
    if path.stem not in (LISTENING, LOSS)
)
QUICK = "explore_ears"
"""The notebook that is tested in every run; the others are by `make test-long`."""

PICTURE = ".jp-OutputArea img.widget-image"
COMPLAINTS = ",".join(
    f'[data-mime-type="application/vnd.jupyter.{kind}"]' for kind in ("error", "stderr")
)
PATIENCE = 60_000
"""Milliseconds."""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium on the PATH")


class Lab(NamedTuple):
    """A server and the folder that it serves; called, the address of a path."""

    address: str
    token: str
    served: Path

    def __call__(self, path):
        """Give the address of a path."""
        return f"{self.address}/{path}?token={self.token}"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Start JupyterLab on copies of the notebooks, with settings of its own; give its address."""
    home = tmp_path_factory.mktemp("lab")
    served = home / "notebooks"
    served.mkdir()
    for name in (*NOTEBOOKS, LISTENING):
        shutil.copy(ROOT / "notebooks" / f"{name}.ipynb", served)
    folders = "JUPYTER_CONFIG_DIR JUPYTER_DATA_DIR JUPYTER_RUNTIME_DIR IPYTHONDIR".split()
    folders += ["JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"]
    environment = os.environ | {name: str(home / name.lower()) for name in folders}
    environment["PYTHONPATH"] = str(ROOT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"]
    command += [f"--port={address.rpartition(':')[2]}", "--ServerApp.port_retries=0"]
    command += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={served}"]
    with open(home / "log", "w") as log:
        server = subprocess.Popen(command, env=environment, cwd=served, stdout=log, stderr=log)
    try:
        _wait(f"{address}/api/status?token={token}", server, home / "log")
        yield Lab(address, token, served)
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait(address, server, log):
    """Wait until a server answers."""
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end and server.poll() is None:
        try:
            requests.get(address, timeout=5).raise_for_status()
            return
        except requests.RequestException:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab does not start:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs: pip install playwright")
    with playwright.sync_playwright() as tool:
        # as root, as in a container, Chromium starts without its sandbox only
        started = tool.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.mark.parametrize(
    "name",
    [name if name == QUICK else pytest.param(name, marks=pytest.mark.long) for name in NOTEBOOKS],
)
def test_a_key_on_a_slider_changes_picture_and_sound(lab, browser, name):
    page = _run_all(lab, browser, name)
    page.wait_for_selector(PICTURE)
    picture, handles = page.locator(PICTURE), page.locator(".noUi-handle")
    assert picture.count() == 1 and handles.count() >= 1
    for index in range(handles.count()):
        before, handle = _drawn(page), handles.nth(index)
        now, highest = (float(handle.get_attribute(f"aria-value{x}")) for x in ("now", "max"))
        handle.scroll_into_view_if_needed()
        handle.focus()
        page.keyboard.press("ArrowLeft" if now == highest else "ArrowRight")
        assert _until(lambda before=before: _drawn(page) != before, seconds=30), index
    assert picture.evaluate("image => image.naturalWidth") > 300
    assert page.locator(".jp-OutputArea audio").count() in (1, 2)
    assert page.locator(COMPLAINTS).count() == 0
    page.close()


def test_a_listening_test_is_rated(lab, browser):
    """By keys: nothing is submitted unheard, sounds switch in place, results lie there."""
    page = _run_all(lab, browser, LISTENING)
    submit, hint = page.get_by_role("button", name="Submit"), page.locator(".mushra .hint").first
    for number in range(1, 4):
        page.get_by_text(f"Page {number} of 3").wait_for()
        assert submit.is_disabled() and hint.inner_text() == "7 not heard yet"
        board = page.locator(".mushra")
        board.focus()
        for index in range(7):
            page.keyboard.press(str(index))
            playing = page.locator(".mushra button.playing")
            assert playing.count() == 1
            assert playing.inner_text() == ["Ref", *"ABCDEF"][index]
            assert _until(lambda left=6 - index: _says(hint, left), seconds=10)
        place = page.get_by_label("Place in the sound")
        before = float(place.input_value())
        page.keyboard.press("1")  # switches where it is
        assert _until(lambda x=place, y=before: float(x.input_value()) != y, seconds=10)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Shift+ArrowDown")
        assert page.get_by_label("Rating of A").input_value() == "89"
        page.keyboard.press(" ")
        assert page.locator(".mushra button.playing").count() == 0
        held = place.input_value()
        time.sleep(0.3)
        assert place.input_value() == held
        page.keyboard.press("Enter")
    page.get_by_text("Your hidden references").wait_for()
    assert page.locator(PICTURE).count() == 1 and page.locator(COMPLAINTS).count() == 0
    (results,) = lab.served.glob("build/*/results/*/mushra.csv")
    lines = results.read_text().splitlines()
    assert len(lines) == 19 and sum(",89," in line for line in lines) == 3
    page.close()


def _says(hint, left):
    return hint.inner_text() == (f"{left} not heard yet" if left else "")


def _run_all(lab, browser, name):
    """Open a notebook and run all its cells."""
    page = browser.new_page(viewport={"width": 1400, "height": 1100})
    page.set_default_timeout(PATIENCE)
    page.goto(lab(f"lab/tree/{name}.ipynb") + "&reset")  # no notebooks of an earlier page
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    assert _until(lambda: _connected(lab("api/sessions"), name), seconds=60)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    return page


def _connected(sessions, name):
    """Tell whether the page of a notebook is connected to an idle kernel."""
    found = requests.get(sessions, timeout=5).json()
    kernels = [each["kernel"] for each in found if each["path"] == f"{name}.ipynb"]
    return any(k["connections"] > 0 and k["execution_state"] == "idle" for k in kernels)


def _drawn(page):
    """Return a digest of what the picture shows."""
    return page.evaluate(
        """async (selector) => {
            const answer = await fetch(document.querySelector(selector).src);
            const digest = await crypto.subtle.digest("SHA-256", await answer.arrayBuffer());
            return Array.from(new Uint8Array(digest)).join();
        }""",
        PICTURE,
    )


def _until(condition, seconds):
    """Tell whether a condition comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return True
        except Exception as error:  # the picture was replaced while it was read
            if "fetch" not in str(error):
                raise
        time.sleep(0.1)
    return False
