"""The page that explains a score: where quality is lost, to be seen and to be heard.

One HTML file that needs nothing else: the score with its interval, the ears of both signals to
play, maps of the loss (`qastanet.attribution`), and what was found out about the pair.
"""

import base64
import html
import io
import string
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from qastanet import fast
from qastanet.attribution import Attribution, check_explainable, explain
from qastanet.envelope import FRAME
from qastanet.errors import InputError
from qastanet.gammatone import SAMPLING_RATE, centre_frequencies
from qastanet.pieces import pieces_of_file
from qastanet.preparation import Options
from qastanet.scoring import load_scorer, open_pair
from qastanet.storage import replacing

ENDINGS = (".html", ".png", ".svg", ".pdf")
"""A page, or the figure alone."""

DPI = 200
"""Resolution of the figure."""

LISTEN = 10
"""Longest excerpt that a page plays, in seconds."""

TEMPLATE = Path(__file__).parent / "templates" / "explanation.html"


class Explanation(NamedTuple):
    """What is known of a pair.

    Attributes:
        found: the loss.
        report: names, model and the report of `qastanet.preparation.prepare`.
        ears: both ears of the reference and of the degraded signal, (2, samples) each, or the
            excerpt of LISTEN seconds in which most is lost.
        start_s: where they start.
    """

    found: Attribution
    report: dict
    ears: tuple[np.ndarray, np.ndarray]
    start_s: int


def explain_files(
    reference: str | Path,
    degraded: str | Path,
    model: str = "default",
    options: Options | None = None,
) -> Explanation:
    """Explain the score of a pair of sound files.

    Args:
        reference: see `qastanet.scoring.score_files`
        degraded: see `qastanet.scoring.score_files`
        model: name of a monotone model
        options: what may be done to the pair

    Raises:
        InputError: naming the file or the model, the value and the remedy
    """
    scorer = load_scorer(model)
    check_explainable(scorer)
    *sources, report = open_pair(reference, degraded, options or Options())
    found = explain(*(scorer.features(source) for source in sources), scorer)
    start = worst_second(found.over_time.sum(0))
    ears = tuple(_ears(source, start, scorer.filters[0]) for source in sources)
    names = {"reference": str(reference), "degraded": str(degraded), "model": scorer.name}
    return Explanation(found, names | report, ears, start)


def worst_second(loss: np.ndarray) -> int:
    """Return the second at which the LISTEN seconds begin in which most is lost.

    Args:
        loss: of each frame

    Example:
        >>> worst_second(np.arange(20 * 25)), worst_second(np.ones(100))
        (10, 0)
    """
    second = SAMPLING_RATE // FRAME
    total = np.concatenate([[0.0], np.cumsum(loss)])
    starts = np.arange(0, max(1, len(loss) - LISTEN * second + second), second)
    stops = np.minimum(starts + LISTEN * second, len(loss))
    return int(np.argmax(total[stops] - total[starts]))


def _ears(source: np.ndarray | str | Path, start: int, filters: np.ndarray) -> np.ndarray:
    """Return the ears of LISTEN seconds of a signal, shape (2, samples)."""
    if isinstance(source, np.ndarray):
        part = source[:, start * SAMPLING_RATE : (start + LISTEN) * SAMPLING_RATE]
    else:
        part = np.concatenate([*islice(pieces_of_file(source), start, start + LISTEN)], axis=1)
    return part if len(part) == 2 else fast.binaural(part, filters)


def write(explained: Explanation, path: str | Path) -> None:
    """Write an explanation.

    Args:
        explained: of `explain_files`
        path: name that ends in one of ENDINGS; .html is the page, the others the figure alone

    Raises:
        InputError: for another ending, or a folder that cannot be written
    """
    from qastanet import plots
    from qastanet.plots_explanation import explanation

    path = check_ending(path)
    plots.use_style()
    figure = explanation(explained.found, directive=explained.report["channels"] > 2)
    if path.suffix.lower() != ".html":
        plots.write(figure, path, DPI)
        return
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg", dpi=DPI, metadata={"Date": None})
    with replacing(path) as temporary:
        temporary.write_text(page(explained, drawn.getvalue()), encoding="utf-8")


def check_ending(path: str | Path) -> Path:
    """Return the path if its ending is one of ENDINGS.

    Raises:
        InputError: naming the endings
    """
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{path}: an explanation is written as {', '.join(ENDINGS)}; rename it")
    return path


def page(explained: Explanation, figure: bytes) -> str:
    """Return the page of an explanation as HTML.

    Args:
        explained: of `explain_files`
        figure: its figure as SVG
    """
    from qastanet.plots_explanation import NAMES

    found, report = explained.found, explained.report
    shown = {name: x for name, x in found.by_feature.items() if _has(name, report)}
    rows = (f"<tr><td>{NAMES[name]}</td><td>{100 * x:.1f}</td></tr>" for name, x in shown.items())
    peak = max(float(np.abs(np.concatenate(explained.ears, axis=1)).max()), 1.0)
    remarks = [f"note: {sentence}" for sentence in report["adjustments"]]
    remarks += [f"warning: {sentence}" for sentence in report["warnings"]]
    fields = {
        "reference": html.escape(Path(report["reference"]).name),
        "degraded": html.escape(Path(report["degraded"]).name),
        "score": f"{100 * found.score:.0f}",
        "low": f"{100 * found.low:.0f}",
        "high": f"{100 * found.high:.0f}",
        "summary": summary(explained),
        "listening": _listening(explained, peak),
        "reference_sound": _data("audio/flac", _flac(explained.ears[0] / peak)),
        "degraded_sound": _data("audio/flac", _flac(explained.ears[1] / peak)),
        "figure": _data("image/svg+xml", figure),
        "rows": "".join(rows),
        "total": f"{100 * (1 - found.score):.1f}",
        "remarks": "".join(f"<li>{html.escape(each)}</li>" for each in remarks)
        or "<li>Nothing was adjusted, and nothing is to be warned about.</li>",
        "model": html.escape(report["model"]),
        "duration": f"{report['duration_s']:.2f}",
        "format": f"{report['channels']} channels ({html.escape(report['convention'])})",
    }
    return string.Template(TEMPLATE.read_text(encoding="utf-8")).substitute(fields)


def summary(explained: Explanation) -> str:
    """Say in one sentence where most is lost."""
    from qastanet.plots_explanation import WORDS

    found = explained.found
    if found.score == 1:
        return "The model hears no difference."
    losses = found.by_feature
    most = max(losses, key=losses.get)
    below = np.cumsum(found.by_band.sum(0)) / (1 - found.score)
    low, high = (centre_frequencies()[np.searchsorted(below, share)] for share in (0.1, 0.9))
    return (
        f"Of {100 * (1 - found.score):.0f} points lost, {100 * losses[most]:.0f} are lost in "
        f"{WORDS[most]}; four fifths of the loss lie "
        f"between {low / 1000:.1f} and {high / 1000:.1f} kHz."
    )


def _has(name: str, report: dict) -> bool:
    return name != "directiveness" or report["channels"] > 2


def _listening(explained: Explanation, peak: float) -> str:
    """Say what the players play."""
    seconds = explained.ears[0].shape[1] / SAMPLING_RATE
    text = "Binaural, for headphones."
    if explained.report["channels"] > 2:
        text += " Decoded to the ears as the model does it."
    if explained.report["duration_s"] > seconds + 1:
        text += (
            f" Shortened to the {seconds:.0f} s from {explained.start_s} s on, in which most is "
            "lost."
        )
    if peak > 1:
        text += f" Both turned down by {20 * np.log10(peak):.1f} dB, to play without clipping."
    return text


def _flac(ears: np.ndarray) -> bytes:
    """Encode a sound (2, samples) as FLAC."""
    buffer = io.BytesIO()
    soundfile.write(buffer, ears.T, SAMPLING_RATE, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def _data(kind: str, content: bytes) -> str:
    """Return content as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
