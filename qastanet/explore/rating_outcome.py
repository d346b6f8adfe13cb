"""What a listener said beside what the metrics predict."""

import html

import numpy as np
import pandas as pd
import soundfile
from matplotlib.figure import Figure

from qastanet.agreement.statistics import pearson
from qastanet.explore.rating_session import Session
from qastanet.explore.widgets import Shown
from qastanet.listening_design.conditions import REFERENCE
from qastanet.listening_design.predicted_points import METRIC_NAMES
from qastanet.listening_tests.webmushra import LIMIT
from qastanet.plots.style import PAGE, PALETTE

SHOWN = 2
"""Sounds of the largest disagreement that can be played."""

MARKERS = {"coded": "o", "anchor": "s", "reference": "^"}


def outcome(session: Session) -> Shown:
    """Return what is shown when all trials are rated.

    Args:
        session: with its ratings
    """
    table = session.table()
    metrics = [name for name in METRIC_NAMES if name in table]
    far = _farthest(table, metrics)
    sounds = {}
    for row in far.itertuples():
        label = f"{row.trial}: {row.stimulus} (you {row.rating:.0f}, metrics {row.predicted:.0f})"
        reference = table[(table.trial == row.trial) & (table.stimulus == REFERENCE)].file.iloc[0]
        for name, file in ((f"{row.trial}: reference", reference), (label, row.file)):
            sounds[name] = soundfile.read(session.folder / file)[0].T
    return Shown(lambda: _figure(table, metrics), _text(session, table, metrics, far), sounds)


def _farthest(table: pd.DataFrame, metrics: list[str]) -> pd.DataFrame:
    """Return the coded sounds on which a listener and the mean of the metrics disagree most.

    Example:
        >>> table = pd.DataFrame({"role": ["coded"] * 3, "rating": [10, 50, 90], "m": [15, 90, 90]})
        >>> _farthest(table, ["m"]).rating.tolist()
        [50, 10]
    """
    coded = table[table.role == "coded"]
    coded = coded.assign(predicted=coded[metrics].mean(axis=1))
    order = (coded.rating - coded.predicted).abs().sort_values(ascending=False, kind="stable")
    return coded.loc[order.index[:SHOWN]]


def consistency(table: pd.DataFrame) -> tuple[float, int, int]:
    """Return the mean rating of the hidden references, how many are below 90, and of how many.

    Example:
        >>> consistency(pd.DataFrame({"role": ["reference"] * 2, "rating": [100, 60]}))
        (80.0, 1, 2)
    """
    given = table.rating[table.role == "reference"]
    return float(given.mean()), int((given < LIMIT).sum()), len(given)


def _figure(table: pd.DataFrame, metrics: list[str]) -> Figure:
    """Draw ratings against the points of each metric."""
    figure = Figure(figsize=(PAGE, 2.6))
    axes = figure.subplots(1, max(len(metrics), 1), sharey=True, squeeze=False)[0]
    for axis, metric in zip(axes, metrics, strict=False):
        axis.plot([0, 100], [0, 100], color="0.7", linewidth=0.8)
        for colour, (trial, rows) in zip(PALETTE * 9, table.groupby("trial"), strict=False):
            for role, marker in MARKERS.items():
                part = rows[rows.role == role]
                label = trial if role == "coded" else None
                axis.plot(part[metric], part.rating, marker, color=colour, label=label)
        axis.set(
            title=METRIC_NAMES[metric], xlim=(0, 105), ylim=(0, 105), xlabel="Predicted points"
        )
    axes[0].set_ylabel("Your rating")
    axes[-1].legend(bbox_to_anchor=(1.02, 1), loc="upper left")
    return figure


def _text(session: Session, table: pd.DataFrame, metrics: list[str], far: pd.DataFrame) -> str:
    """Say it in sentences, with a table of all ratings."""
    mean, below, pages = consistency(table)
    rated = table[table.role != "reference"]
    agree = [
        f"{METRIC_NAMES[name]} {pearson(rated[name], rated.rating):.2f}"
        for name in metrics
        if min(np.ptp(rated[name]), np.ptp(rated.rating)) > 0
    ]
    columns = ["trial", "stimulus", "rating", *metrics]
    shown = table[columns].rename(columns=METRIC_NAMES | {"rating": "you"})
    most = "; ".join(
        f"{row.trial}, {row.stimulus}: you {row.rating:.0f}, metrics {row.predicted:.0f}"
        for row in far.itertuples()
    )
    return (
        f"<p>Your hidden references: mean <b>{mean:.0f}</b>, below {LIMIT} in <b>{below} of {pages}"
        f"</b> (screening leaves out who does so in more than 15 %). Correlation of your ratings "
        f"with {', '.join(agree) or 'nothing: all are alike'}. One listener and {pages} pages "
        f"prove nothing. Farthest apart: {html.escape(most)}; play them below.</p>"
        f"<p>Results: <code>{html.escape(str(session.results))}</code></p>"
        "<details><summary>All ratings beside the predictions</summary>"
        f"{shown.round(0).to_html(index=False, border=0)}</details>"
    )
