"""What a notebook is doing, in a line every few seconds, and how long it may take.

`python -m qastanet.compendium.progress` writes how long the notebooks took that were executed last
to notebooks/durations.csv: what is shown to those who run them for the first time.
"""

import csv
import json
import threading
import time
from pathlib import Path

from qastanet.storage import write_rows

DURATIONS = Path("notebooks") / "durations.csv"
EVERY = 10.0
"""Seconds between two lines."""


def headings(notebook: Path) -> dict[str, tuple[int, str]]:
    """Return for the source of each code cell its number and the heading above it.

    Args:
        notebook: its path.
    """
    found: dict[str, tuple[int, str]] = {}
    heading = ""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            found[source] = len(found) + 1, heading
        else:
            titles = [line for line in source.splitlines() if line.startswith("#")]
            heading = titles[-1].lstrip("# ") if titles else heading
    return found


def expected(notebook: Path, profile: str, audio: bool) -> float | None:
    """Return how many seconds a notebook may take: what it took last, or else what is committed.

    Args:
        notebook: its path.
        profile: of its parameters.
        audio: whether it starts from the sounds.
    """
    last = Path("build") / profile / notebook.name
    if last.is_file():
        facts = json.loads(last.read_text(encoding="utf-8"))["metadata"]["papermill"]
        if bool(facts["parameters"].get("audio")) == audio:
            return float(facts["duration"])
    wanted = (notebook.stem, profile, str(int(audio)))
    for row in _durations():
        if (row["notebook"], row["profile"], row["audio"]) == wanted:
            return float(row["seconds"])
    return None


def _durations() -> list[dict[str, str]]:
    if not DURATIONS.is_file():
        return []
    with open(DURATIONS, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def spoken(seconds: float) -> str:
    """Say how long something takes.

    Example:
        >>> spoken(4.2), spoken(95), spoken(400)
        ('4 s', '95 s', '7 min')
    """
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


class Progress:
    """Prints a line when a notebook starts, and one every few seconds until it is left.

    Args:
        notebook: its path.
        whole: seconds that it may take, if that is known.
        every: seconds between two lines.
    """

    def __init__(self, notebook: Path, whole: float | None = None, every: float = EVERY):
        self.name, self.whole, self.every = notebook.stem, whole, every
        self.cells = headings(notebook)
        self.doing, self.start, self.over = "starting", time.monotonic(), threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Progress":
        """Start to print."""
        print(self.line(), flush=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.over.set()
        self.thread.join()

    def cell(self, cell: dict, cell_index: int) -> None:
        """Take note that a cell is executed (a hook of nbclient)."""
        number, heading = self.cells.get("".join(cell["source"]), (0, ""))
        if number:
            self.doing = f"cell {number} of {len(self.cells)}, {heading}"

    def line(self) -> str:
        """Say what is being done, for how long, and how long it may take."""
        gone = time.monotonic() - self.start
        of = f" of about {spoken(self.whole)}" if self.whole else ""
        return f"{self.name}: {self.doing} ({spoken(gone)}{of})"

    def _watch(self) -> None:
        while not self.over.wait(self.every):
            print(self.line(), flush=True)


def main() -> None:
    """Write how long notebooks took; see the module."""
    kept = {(row["notebook"], row["profile"], row["audio"]): row["seconds"] for row in _durations()}
    for file in sorted(Path("build").glob("*/[0-9]*.ipynb")):
        facts = json.loads(file.read_text(encoding="utf-8"))["metadata"]["papermill"]
        audio = str(int(bool(facts["parameters"].get("audio"))))
        if (Path("notebooks") / "parameters" / file.parent.name).is_dir():
            kept[file.stem, file.parent.name, audio] = f"{facts['duration']:.0f}"
    names = ("notebook", "profile", "audio", "seconds")
    rows = [dict(zip(names, (*key, kept[key]), strict=True)) for key in sorted(kept)]
    write_rows(rows, DURATIONS)


if __name__ == "__main__":
    main()
