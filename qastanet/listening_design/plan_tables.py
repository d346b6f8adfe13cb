"""What a listening test of a size can prove, as tables and in sentences."""

from collections.abc import Iterable
from itertools import product

import pandas as pd

from qastanet.listening_design.planning import (
    CANDIDATES,
    GAP,
    KNOWS,
    MOST,
    REPLICATES,
    recordings_for_codings,
    recordings_for_metrics,
    recordings_for_sounds,
    told_apart,
)
from qastanet.listening_design.predicted_points import METRIC_NAMES, OURS

RIVALS = [name for name in METRIC_NAMES if name != OURS]


def plan_table(
    listeners: Iterable[int] = (6, 12, 24),
    recordings: Iterable[int] = (2, 4, 6, 8, 12, 16, 24, 32),
    per_recording: Iterable[int] = (4,),
    replicates: int = REPLICATES,
) -> pd.DataFrame:
    """Tell in what share of tests our model is told apart from each other metric.

    Returns:
        ``metric`` (the other one), ``listeners``, ``recordings``, ``per_recording``, ``way``
        (chosen, drawn) and ``share``.
    """
    rows = []
    ways = ("chosen", "drawn")
    for metric, *size, way in product(RIVALS, listeners, recordings, per_recording, ways):
        share = told_apart(OURS, metric, *size, way == "chosen", replicates)
        rows.append((metric, *size, way, share))
    columns = ["metric", "listeners", "recordings", "per_recording", "way", "share"]
    return pd.DataFrame(rows, columns=columns)


def needs_table(listeners: Iterable[int] = (6, 12, 24), per_recording: int = 4) -> pd.DataFrame:
    """Tell how many recordings each question needs.

    Returns:
        ``question``, ``listeners``, ``recordings`` (as text; ``more than MOST`` where none were
        found).
    """
    rows = []
    for many in listeners:
        for metric in RIVALS:
            for way in ("chosen", "drawn"):
                found = recordings_for_metrics(OURS, metric, many, per_recording, way == "chosen")
                rows.append((f"which metric, ours or {METRIC_NAMES[metric]}, {way}", many, found))
        rows.append((f"which coding, {GAP:g} points apart", many, recordings_for_codings(many)))
        known = recordings_for_sounds(many, per_recording)
        rows.append((f"on which sound, r = {KNOWS:g}", many, known))
    table = pd.DataFrame(rows, columns=["question", "listeners", "recordings"])
    return table.assign(recordings=[_number(each) for each in table.recordings])


def _number(found: float | None) -> str:
    return f"more than {MOST}" if found is None or found != found else f"{found:.0f}"


def told(listeners: int, recordings: int, per_recording: int) -> list[str]:
    """Say what a test of a size can prove, and how many recordings each question needs.

    Args:
        listeners: number of them
        recordings: number of them, not of files
        per_recording: conditions of each

    Raises:
        InputError: see `told_apart`
    """
    lines = [
        f"{listeners} listeners x {recordings} recordings x {per_recording} close conditions, "
        f"simulated from the public tests; chosen: out of {CANDIDATES} times as many recordings; "
        "need: for 9 of 10 experiments"
    ]
    for metric in RIVALS:
        shares, needs = [], []
        for chosen in (True, False):
            size = (listeners, recordings, per_recording)
            shares.append(10 * told_apart(OURS, metric, *size, chosen))
            needs.append(
                _number(recordings_for_metrics(OURS, metric, listeners, per_recording, chosen))
            )
        lines.append(
            f"which metric: this separates {METRIC_NAMES[metric]} from ours in {shares[0]:.0f} of "
            f"10 experiments if sounds are chosen, {shares[1]:.0f} if drawn; they need {needs[0]} "
            f"recordings ({needs[1]} drawn)"
        )
    codings = _number(recordings_for_codings(listeners))
    lines.append(f"which coding: two that are {GAP:g} points apart need {codings} recordings")
    sounds = recordings_for_sounds(listeners, per_recording)
    lines.append(
        f"on which sound: a metric that knows it (r = {KNOWS:g} over recordings) needs {sounds} "
        "recordings; three or four prove nothing"
    )
    sizes = [(n, recordings * per_recording // n) for n in (1, 2, 4, 8)]
    shown = [
        f"{units} x {n}: {10 * told_apart(OURS, 'emobiq', listeners, units, n, True):.0f}"
        for n, units in sizes
        if units >= 2
    ]
    lines.append(
        "the same number of sounds as recordings x conditions, eMoBi-Q from ours, of 10: "
        + ", ".join(shown)
    )
    return lines
