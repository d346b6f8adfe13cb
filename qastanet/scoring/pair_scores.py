"""Scores of pairs, arrays or files: what most users call."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qastanet.errors import InputError
from qastanet.hearing.features import Features
from qastanet.models.scorer import Scorer
from qastanet.scoring.loading import AMBISONIC_ONLY, load_scorer
from qastanet.sound.checks import as_floats, check_channels, check_pair
from qastanet.sound.files.pieces import Recording, check_recordings, recording
from qastanet.sound.options import Options
from qastanet.sound.pairs.description import look
from qastanet.sound.pairs.preparation import prepare_files
from qastanet.sound.sampling import SAMPLING_RATE, resample
from qastanet.version import CONFORMANCE

if TYPE_CHECKING:
    from qastanet.models.model import QASTAnet


def score(
    reference: np.ndarray,
    degraded: np.ndarray,
    sampling_rate: int,
    model: str | Path | QASTAnet = "default",
) -> float:
    """Predict the quality of a degraded signal against its reference.

    Args:
        reference: shape (channels, samples), full scale 1.0 (integers: that of their type); 4, 9
            or 16 channels of ambisonics (ACN, SN3D), or 2 of binaural sound for models that rate it
        degraded: the same shape, time-aligned with the reference
        sampling_rate: in Hz; other rates than 48 kHz are resampled
        model: name (see `load_model`) or model

    Returns:
        score, 0 (bad) .. 1 (as the reference): a MUSHRA score / 100

    Raises:
        InputError: if the pair cannot be compared
    """
    reference, degraded = as_floats(reference), as_floats(degraded)
    check_pair(reference, degraded, (sampling_rate, sampling_rate))
    if model in AMBISONIC_ONLY and len(reference) == 2:
        check_channels(2, str(model), True, [])
    scorer = load_scorer(model)
    pair = (resample(signal, sampling_rate, SAMPLING_RATE) for signal in (reference, degraded))
    return _real(scorer.score(*(scorer.features(signal) for signal in pair)), "the pair")


def _real(score: float, name: str) -> float:
    """Return a score, which is a number.

    Raises:
        InputError: if it is none
    """
    if not math.isfinite(score):
        raise InputError(
            f"{name}: the score is {score}, no number; check the signals and the model"
        )
    return score


def score_files(
    reference: str | Path,
    degraded: str | Path,
    model: str | Path | QASTAnet = "default",
    options: Options | None = None,
) -> dict:
    """Score a pair of sound files, however long, and say what was done.

    That reference and degraded file were swapped cannot be noticed: the model "default" compares
    them in both directions alike.

    Args:
        reference: sound file, or a pattern with `*` for a set of mono files
        degraded: the same of the degraded signal
        model: name (see `load_model`) or model
        options: what may be done to the pair; the default is nothing but resampling to 48 kHz

    Returns:
        score, low and high (between which 90 % of mean ratings are expected; not of every model),
        model, reference, degraded, conformance, and the report of
        `qastanet.sound.pairs.preparation.prepare`

    Raises:
        InputError: naming the file, the value and the remedy
    """
    return _score_pair(reference, degraded, model, options or Options(), _nothing_yet(model))


def score_group(
    reference: str | Path,
    degraded: Sequence[str | Path],
    model: str | Path | QASTAnet = "default",
    options: Options | None = None,
) -> list[dict]:
    """Score several degraded versions of one reference, whose features are computed once.

    Args:
        reference: see `score_files`
        degraded: several files
        model: see `score_files`
        options: see `score_files`

    Returns:
        for each degraded file the result of `score_files`, or, if it cannot be scored, a dictionary
        with `error`, the reason, in its place
    """
    results, kept = [], _nothing_yet(model)
    for name in degraded:
        try:
            results.append(_score_pair(reference, name, model, options or Options(), kept))
        except InputError as error:
            results.append({"error": str(error)})
        except Exception as error:  # whatever it is, the other pairs shall not suffer
            results.append({"error": f"{type(error).__name__}: {error}"})
    return results


@contextlib.contextmanager
def open_pair(
    reference: str | Path, degraded: str | Path, options: Options
) -> Iterator[tuple[np.ndarray | Recording, np.ndarray | Recording, dict]]:
    """Give what the features of a pair are computed from, and the report on the pair.

    Each file is opened once, and closed at the end of the block.

    Args:
        reference: see `score_files`
        degraded: see `score_files`
        options: what may be done to the pair

    Yields:
        the files, to be read piece by piece, if nothing is done to them, else arrays (channels,
        samples) at 48 kHz; and the report of `qastanet.sound.pairs.preparation.prepare`

    Raises:
        InputError: naming the file, the value and the remedy
    """
    files = (reference, degraded)
    with contextlib.ExitStack() as stack:
        pair = []
        if options == Options():
            pair = [stack.enter_context(recording(file)) for file in files]
        if pair and None not in pair:
            check_recordings(*pair)
            yield (*pair, look(*pair))
            return
    yield prepare_files(*files, options)


@dataclass
class _Kept:
    """What the pairs of one reference share."""

    scorer: Scorer | None = None
    key: str = ""
    features: Features | None = None


def _nothing_yet(model: str | Path | QASTAnet) -> _Kept:
    """Load a model before its sounds are opened, unless it may have to refuse them first."""
    return _Kept(None if model in AMBISONIC_ONLY else load_scorer(model))


def _score_pair(
    reference: str | Path,
    degraded: str | Path,
    model: str | Path | QASTAnet,
    options: Options,
    kept: _Kept,
) -> dict:
    """Score a pair; the features of the reference are kept by their content."""
    with open_pair(reference, degraded, options) as (first, second, report):
        if model in AMBISONIC_ONLY and report["channels"] == 2:  # before its weights are fetched
            check_channels(2, str(model), True, [])
        scorer = kept.scorer = kept.scorer or load_scorer(model)
        whole = isinstance(first, np.ndarray)
        key = hashlib.sha256(first.tobytes()).hexdigest() if whole else "file"
        if key != kept.key:
            kept.features, kept.key = scorer.features(first), key
        pair = (kept.features, scorer.features(second))
    interval = scorer.interval(*pair)
    limits = {} if interval is None else dict(zip(("low", "high"), interval, strict=True))
    return {
        "score": _real(scorer.score(*pair), str(degraded)),
        **limits,
        "model": scorer.name,
        "reference": str(reference),
        "degraded": str(degraded),
        "conformance": CONFORMANCE,
    } | report
