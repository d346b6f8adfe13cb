"""The results of a listening test as webMUSHRA writes them: `results/<test>/mushra.csv`."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from qastanet.errors import InputError
from qastanet.storage import replacing

COLUMNS = (
    *("session_test_id", "listener", "session_uuid", "trial_id", "rating_stimulus"),
    *("rating_score", "rating_time", "rating_comment"),
)
"""Columns of the file; `listener` is the one question that a design asks."""


class Rated(NamedTuple):
    """What a listener said of one trial.

    Attributes:
        trial: its name.
        scores: sound -> rating, 0..100, the hidden reference among them.
        milliseconds: that it took.
    """

    trial: str
    scores: Mapping[str, float]
    milliseconds: int = 0


def add_results(
    path: str | Path, test: str, session: str, trials: Sequence[Rated], listener: str = ""
) -> None:
    """Add what a listener rated to a results file; what is there stays.

    Args:
        path: CSV file; made if need be
        test: identifier of the test
        session: identifier of the listener's session
        trials: all that were rated
        listener: the answer to the question for a code

    Raises:
        InputError: if the file holds other columns, or cannot be written

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "mushra.csv"
        >>> add_results(file, "mine", "a1", [Rated("drums", {"reference": 100.0, "opus64": 41.5})])
        >>> print(file.read_text().splitlines()[2])
        mine,,a1,drums,opus64,41.5,0,
    """
    path = Path(path)
    earlier = path.read_text(encoding="utf-8") if path.exists() else ""
    head = next(csv.reader(earlier.splitlines()[:1]), None)
    if head is not None and tuple(head) != COLUMNS:
        raise InputError(f"{path}: has other columns ({', '.join(head)}); move it away first")
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        file.write(earlier)
        writer = csv.writer(file, lineterminator="\n")
        if head is None:
            writer.writerow(COLUMNS)
        for trial, scores, milliseconds in trials:
            for sound, score in scores.items():
                said = (session, trial, sound, f"{score:g}", milliseconds, "")
                writer.writerow([test, listener, *said])
