"""The page that explains a score: where quality is lost, to be seen and to be heard.

One HTML file that needs nothing else: the score with its interval, the ears of both
signals to play, maps of the loss, and what was found out about the pair.
"""

import base64
import html
import io
import string
from pathlib import Path

import numpy as np
import soundfile

from qastanet.errors import InputError
from qastanet.hearing.gammatone import centre_frequencies
from qastanet.scoring.explanation import Explanation
from qastanet.sound.sampling import SAMPLING_RATE
from qastanet.storage import replacing

ENDINGS = (".html", ".png", ".svg", ".pdf")
"""A page, or the figure alone."""

MARK = "QASTAnet explain"
"""What a page or figure says of its origin."""

DPI = 200
"""Resolution of the figure."""

TEMPLATE = Path(__file__).parents[1] / "templates" / "explanation.html"


def write(explained: Explanation, path: str | Path) -> None:
    """Write an explanation.

    Args:
        explained: of `explain_files`
        path: name that ends in one of ENDINGS; .html is the page, the others the figure alone

    Raises:
        InputError: for another ending, or a folder that cannot be written
    """
    from qastanet.plots import style
    from qastanet.plots.explanation import explanation

    path = check_ending(path)
    style.use_style()
    figure = explanation(explained.found)
    if path.suffix.lower() != ".html":
        style.write(figure, path, DPI, MARK)
        return
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg", dpi=DPI, metadata={"Date": None, "Creator": MARK})
    with replacing(path) as temporary:
        temporary.write_text(page(explained, drawn.getvalue()), "utf-8", "replace")


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
    found, report = explained.found, explained.report
    lines = zip(found.by_part.items(), found.words, strict=True)
    rows = (
        f"<tr><td>{name.capitalize()}{f' ({words})' if x > 0 else ''}</td>"
        f"<td>{100 * x:.1f}</td></tr>"
        for (name, x), words in lines
    )
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
    found = explained.found
    if found.score == 1:
        return "The model hears no difference."
    said = "; ".join(found.sentences) or "less than a point in each part"
    below = np.cumsum(found.by_band.sum(0)) / (1 - found.score)
    low, high = (centre_frequencies()[np.searchsorted(below, share)] for share in (0.1, 0.9))
    return (
        f"Of {100 * (1 - found.score):.0f} points lost: {said}. Four fifths of the loss lie "
        f"between {low / 1000:.1f} and {high / 1000:.1f} kHz."
    )


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
