"""What is known of a pair: where quality is lost, and the ears where most is lost."""

from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from qastanet.hearing.fast import front_end
from qastanet.models.attribution import Attribution, check_explainable, explain
from qastanet.scoring.loading import load_scorer
from qastanet.scoring.pair_scores import open_pair
from qastanet.sound.files.pieces import Recording
from qastanet.sound.options import Options
from qastanet.sound.sampling import FRAME, SAMPLING_RATE

LISTEN = 10
"""Longest excerpt that a page plays, in seconds."""


class Explanation(NamedTuple):
    """What is known of a pair.

    Attributes:
        found: the loss.
        report: names, model and the report of `qastanet.sound.pairs.preparation.prepare`.
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
        reference: see `qastanet.scoring.pair_scores.score_files`
        degraded: see `qastanet.scoring.pair_scores.score_files`
        model: name of a monotone model
        options: what may be done to the pair

    Raises:
        InputError: naming the file or the model, the value and the remedy
    """
    scorer = load_scorer(model)
    check_explainable(scorer)
    with open_pair(reference, degraded, options or Options()) as (*sources, report):
        found = explain(*(scorer.features(source) for source in sources), scorer)
        start = _worst_second(found.over_time.sum(0))
        ears = tuple(_ears(source, start, scorer.filters[0]) for source in sources)
    names = {"reference": str(reference), "degraded": str(degraded), "model": scorer.name}
    return Explanation(found, names | report, ears, start)


def _worst_second(loss: np.ndarray) -> int:
    """Return the second at which the LISTEN seconds begin in which most is lost, of each frame.

    Example:
        >>> _worst_second(np.arange(20 * 25)), _worst_second(np.ones(100))
        (10, 0)
    """
    second = SAMPLING_RATE // FRAME
    total = np.concatenate([[0.0], np.cumsum(loss)])
    starts = np.arange(0, max(1, len(loss) - LISTEN * second + second), second)
    stops = np.minimum(starts + LISTEN * second, len(loss))
    return int(np.argmax(total[stops] - total[starts]))


def _ears(source: np.ndarray | Recording, start: int, filters: np.ndarray) -> np.ndarray:
    """Return the ears of LISTEN seconds of a signal, shape (2, samples)."""
    if isinstance(source, np.ndarray):
        part = source[:, start * SAMPLING_RATE : (start + LISTEN) * SAMPLING_RATE]
    else:
        part = np.concatenate([*islice(source, start, start + LISTEN)], axis=1)
    return part if len(part) == 2 else front_end.binaural(part, filters)
