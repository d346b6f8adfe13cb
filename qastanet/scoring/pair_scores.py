"""Scores of pairs, arrays or files: what most users call."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qastanet.errors import InputError
from qastanet.models.scorer import Scorer
from qastanet.sound.checks import AMBISONIC_CHANNELS, as_floats, check_channels, check_pair
from qastanet.sound.options import Options
from qastanet.sound.pair_report import look
from qastanet.sound.pieces import format_of, format_of_pair
from qastanet.sound.preparation import prepare
from qastanet.sound.sampling import SAMPLING_RATE, resample
from qastanet.sound.sound_files import opened, plain, read_sound
from qastanet.version import CONFORMANCE

if TYPE_CHECKING:
    from qastanet.models.model import QASTAnet
from qastanet.scoring.loading import AMBISONIC_ONLY, load_scorer


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
        `qastanet.sound.preparation.prepare`

    Raises:
        InputError: naming the file, the value and the remedy
    """
    _refuse_binaural(model, reference)
    return _score_pair(reference, degraded, load_scorer(model), options or Options(), {})


def _refuse_binaural(model: str | Path | QASTAnet, path: str | Path) -> None:
    """Say that a model cannot rate a binaural file before its weights are fetched."""
    if model in AMBISONIC_ONLY:
        channels = format_of(path).channels if _as_it_is(path) else len(read_sound(path).samples)
        if channels == 2:
            check_channels(channels, str(model), True, [])


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
    try:
        _refuse_binaural(model, reference)
    except InputError as error:
        return [{"error": str(error)} for _ in degraded]
    scorer, results = load_scorer(model), []
    features: dict = {}
    for name in degraded:
        try:
            results.append(_score_pair(reference, name, scorer, options or Options(), features))
        except InputError as error:
            results.append({"error": str(error)})
        except Exception as error:  # whatever it is, the other pairs shall not suffer
            results.append({"error": f"{type(error).__name__}: {error}"})
    return results


def open_pair(
    reference: str | Path, degraded: str | Path, options: Options
) -> tuple[np.ndarray | str | Path, np.ndarray | str | Path, dict]:
    """Return what the features of a pair are computed from, and the report on the pair.

    Args:
        reference: see `score_files`
        degraded: see `score_files`
        options: what may be done to the pair

    Returns:
        the files themselves if nothing is done to them (they are then read piece by piece), else
        arrays (channels, samples) at 48 kHz; and the report of `qastanet.sound.preparation.prepare`

    Raises:
        InputError: naming the file, the value and the remedy
    """
    if options == Options() and all(map(_as_it_is, (reference, degraded))):
        format_of_pair(reference, degraded)
        return reference, degraded, look(reference, degraded)
    return prepare(*(read_sound(file, options) for file in (reference, degraded)), options)


def _as_it_is(path: str | Path) -> bool:
    """Tell whether a file can be scored piece by piece, since nothing is to be done to it."""
    if not plain(path):
        return False
    with opened(path) as file:
        return file.channels == 2 or file.channels in AMBISONIC_CHANNELS


def _score_pair(
    reference: str | Path,
    degraded: str | Path,
    scorer: Scorer,
    options: Options,
    features: dict,
) -> dict:
    """Score a pair; the features of the reference are kept in `features`, by their content."""
    *sources, report = open_pair(reference, degraded, options)
    whole = isinstance(sources[0], np.ndarray)
    key = hashlib.sha256(sources[0].tobytes()).hexdigest() if whole else "file"
    if key not in features:
        features.clear()
        features[key] = scorer.features(sources[0])
    pair = (features[key], scorer.features(sources[1]))
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
