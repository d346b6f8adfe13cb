"""The page on which a listening test is rated in JupyterLab, and what follows from the ratings."""

from pathlib import Path

import traitlets

from qastanet.errors import InputError
from qastanet.explore.rating_outcome import outcome
from qastanet.explore.rating_session import Session, built_in_test
from qastanet.explore.widgets import shown_box, stacked
from qastanet.lazy import need

need("anywidget")

import anywidget  # noqa: E402  (said above how to get it)

HINT = (
    "Keys: 1 to 9 and R play a sound or the reference, space pauses, up and down rate the sound "
    "that plays (with shift by 10), left and right move by half a second, L loops, Enter submits. "
    "You can stop at any time: run the cell again to go on."
)
LETTERS = "ABCDEFGHIJKL"
START = 100
"""Where sliders stand at first, as in webMUSHRA."""


class RatingPage(anywidget.AnyWidget):
    """Sounds and sliders of one trial after the other.

    Args:
        session: what is rated

    Attributes:
        page: what is written on the page.
        sounds: files of the open reference and of the sounds.
        values: positions of the sliders.
        heard: whether the reference and each sound were heard.
    """

    _esm = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    page = traitlets.Dict().tag(sync=True)
    sounds = traitlets.List().tag(sync=True)
    values = traitlets.List().tag(sync=True)
    heard = traitlets.List().tag(sync=True)

    def __init__(self, session: Session):
        super().__init__()
        self.session, self.finished = session, []
        self.on_msg(self._told)
        self.turn()
        self.observe(self._note, names=["values", "heard"])

    def _note(self, _: object) -> None:
        """Keep what is said so far; while the page turns there is nothing to keep."""
        trial = self.session.trial()
        if trial is not None and len(self.values) == len(trial.sounds) and any(self.heard):
            self.session.note(self.values, self.heard)

    def turn(self) -> None:
        """Show the next trial, or that all are rated."""
        trial = self.session.trial()
        with self.hold_sync():
            if trial is None:
                self.page, self.sounds = {"title": "All pages are rated. Thank you."}, []
                return
            self.sounds = [file.read_bytes() for file in trial.files]
            draft = self.session.draft
            self.heard = draft.get("heard", [False] * len(trial.files))  # first, see _note
            self.values = draft.get("values", [START] * len(trial.sounds))
            self.page = {
                "title": f"Page {trial.number} of {len(self.session.order)}. Overall quality, "
                "compared with the reference?",
                "names": [*LETTERS[: len(trial.sounds)]],
                "submit": "Submit",
                "hint": HINT,
            }

    def _told(self, _, content: dict, __) -> None:
        """React to the page."""
        if content.get("kind") == "submit":
            self.submit(content["values"], content.get("milliseconds", 0))

    def submit(self, values: list[float], milliseconds: int = 0) -> None:
        """Take the ratings of a page and turn it.

        Args:
            values: positions of the sliders
            milliseconds: that it took
        """
        try:
            self.session.rate(values, self.heard, milliseconds)
        except InputError as error:
            self.page = self.page | {"title": str(error)}
            return
        self.turn()
        if self.session.done:
            for call in self.finished:
                call()


def listening_test(folder: str | Path | None = None, listener: str = "me"):
    """Return the page of a test; what follows from the ratings appears below it at the end.

    Args:
        folder: of the test; None: the built-in one of three trials
        listener: code of who rates

    Raises:
        InputError: if the folder is no test
    """
    session = Session(built_in_test() if folder is None else folder, listener)
    page = RatingPage(session)
    box = stacked(page)

    def finish() -> None:
        box.children = (page, shown_box(outcome(session)))

    page.finished.append(finish)
    return box
