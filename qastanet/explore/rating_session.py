"""Rating the folder of a listening test: what comes next, what was said, and where it is kept.

A session is blind and in random order. What was rated is kept, also of the page that is shown, so
that it can be left and gone on with; when all are rated, the results are added to the file that
webMUSHRA would write.
"""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from qastanet.errors import InputError
from qastanet.listening_design.conditions import REFERENCE, conditions, safe
from qastanet.listening_design.design import write_design
from qastanet.listening_design.materials import of_scenes
from qastanet.listening_design.results import Rated, add_results
from qastanet.storage import replacing

BUILT_IN = Path("build/three_trials")
CODINGS = ("opus:48", "opus:96", "aac:128", "narrow:0.5")
METRICS = ("parts", "emobiq", "binaqual")

NEEDED = ("trial", "stimulus", "role", "file")
"""Columns of design.csv that a session needs."""


class Trial(NamedTuple):
    """What is rated next.

    Attributes:
        name: of the trial.
        number: which one it is, from 1.
        sounds: names in the order in which they are shown, the hidden reference among them.
        files: of the open reference, then of the sounds.
    """

    name: str
    number: int
    sounds: tuple[str, ...]
    files: tuple[Path, ...]


def built_in_test(folder: str | Path = BUILT_IN) -> Path:
    """Make the built-in test of three trials, unless it is there.

    Args:
        folder: where it lies
    """
    folder = Path(folder)
    if not (folder / "design.csv").is_file():
        materials = of_scenes(3, conditions(CODINGS), seconds=3, seed=7)
        write_design(folder, materials, 3, 3, seed=7, metrics=METRICS)
    return folder


class Session:
    """One listener rating one test.

    Args:
        folder: of the test, see `qastanet.listening_design.design`
        listener: code; a session of this code that was left is gone on with
        session: identifier, which also gives the order; default: a new one

    Raises:
        InputError: if the folder is no test, or its sounds are not there
    """

    def __init__(self, folder: str | Path, listener: str = "me", session: str | None = None):
        self.folder, self.listener = Path(folder), listener
        self.test = self.folder.resolve().name
        self.design = _read_design(self.folder)
        self.results = self.folder / "results" / self.test / "mushra.csv"
        self.kept = self.results.with_name(f".unfinished-{safe(listener)}.json")
        found = self._kept() if session is None else {}
        self.session = found.get("session") or session or secrets.token_hex(8)
        self.rated = [Rated(*each) for each in found.get("rated", ())]
        self.draft: dict[str, list] = found.get("draft") or {}
        rng = np.random.default_rng([51, int.from_bytes(self.session.encode(), "little")])
        self.order = [
            (str(trial), tuple(rng.permutation(rows.stimulus.to_numpy(str)).tolist()))
            for trial, rows in self.design.groupby("trial", sort=True)
        ]
        self.order = [self.order[index] for index in rng.permutation(len(self.order))]

    def _kept(self) -> dict:
        """Read what was kept of a session that was left."""
        try:
            return json.loads(self.kept.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise InputError(f"{self.kept}: cannot be read ({error}); remove it") from error

    @property
    def done(self) -> bool:
        """Whether all trials are rated."""
        return len(self.rated) == len(self.order)

    def trial(self) -> Trial | None:
        """Return what is rated next; None if all are rated."""
        if self.done:
            return None
        name, sounds = self.order[len(self.rated)]
        rows = self.design[self.design.trial.astype(str) == name].set_index("stimulus")
        files = tuple(self.folder / rows.file[each] for each in (REFERENCE, *sounds))
        return Trial(name, len(self.rated) + 1, sounds, files)

    def rate(self, values: Sequence[float], heard: Sequence[bool], milliseconds: int = 0) -> None:
        """Take the ratings of the trial that is shown.

        Args:
            values: 0..100, in the order of the sounds
            heard: whether the open reference and each sound were heard
            milliseconds: that it took

        Raises:
            InputError: if not all were heard, or a rating is none
        """
        trial = self.trial()
        if trial is None:
            raise InputError(f"{self.folder}: all trials are rated")
        if len(heard) != len(trial.files) or not all(heard):
            raise InputError("listen to all sounds, and to the reference, before you submit")
        if len(values) != len(trial.sounds) or not all(0 <= value <= 100 for value in values):
            raise InputError("rate each sound from 0 to 100")
        scores = dict(zip(trial.sounds, map(float, values), strict=True))
        rated = [*self.rated, Rated(trial.name, scores, int(milliseconds))]
        if len(rated) == len(self.order):
            add_results(self.results, self.test, self.session, rated, self.listener)
            self.kept.unlink(missing_ok=True)
        else:
            self._keep(rated, {})
        self.rated, self.draft = rated, {}

    def note(self, values: Sequence[float], heard: Sequence[bool]) -> None:
        """Keep where the sliders of the page that is shown stand, and what was heard of it.

        Args:
            values: see `rate`
            heard: see `rate`
        """
        self.draft = {"values": [*values], "heard": [*heard]}
        self._keep(self.rated, self.draft)

    def _keep(self, rated: Sequence[Rated], draft: dict[str, list]) -> None:
        """Write what a session that is left goes on with."""
        kept = {"session": self.session, "rated": rated, "draft": draft}
        with replacing(self.kept) as temporary:
            temporary.write_text(json.dumps(kept), encoding="utf-8")

    def table(self) -> pd.DataFrame:
        """Return the truth of all sounds that were rated, with ``rating``."""
        given = {(each.trial, name): x for each in self.rated for name, x in each.scores.items()}
        keys = zip(self.design.trial.astype(str), self.design.stimulus, strict=True)
        return self.design.assign(rating=[given.get(key, np.nan) for key in keys]).dropna(
            subset="rating"
        )


def _read_design(folder: Path) -> pd.DataFrame:
    """Read the truth of a test, and see that its sounds are there."""
    file = folder / "design.csv"
    if not file.is_file():
        raise InputError(f"{file}: no such file; name a folder that `qastanet design` made")
    try:
        table = pd.read_csv(file)
    except ValueError as error:
        raise InputError(f"{file}: cannot be read ({error})") from error
    if missing := [name for name in NEEDED if name not in table]:
        raise InputError(f"{file}: no column {', '.join(missing)}; is it of `qastanet design`?")
    for name in table.file:
        if not (folder / str(name)).is_file():
            raise InputError(f"{folder / str(name)}: no such file; the test is not complete")
    return table
