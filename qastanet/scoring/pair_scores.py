"""Scores by name of the model: what most users call."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qastanet import CONFORMANCE, registry
from qastanet.audio import check_channels, check_pair, check_signal, resample
from qastanet.errors import InputError
from qastanet.gammatone import SAMPLING_RATE
from qastanet.lazy import torch
from qastanet.monotone_scorer import load_default
from qastanet.pieces import format_of, format_of_pair
from qastanet.preparation import Options, Sound, look, prepare
from qastanet.scorer import Scorer
from qastanet.sound_files import plain, read

if TYPE_CHECKING:
    from qastanet.model import QASTAnet


def _released() -> QASTAnet:
    """Load the authors' weights."""
    from qastanet.released import load_released

    return load_released(registry.path(registry.RELEASE, "model_weights.pth.tar"))


def _default() -> QASTAnet:
    """Load the weights that come with the package."""
    from qastanet.default_model import load_default_model

    return load_default_model()


MODELS = {"default": _default, "released": _released}
"""Model name -> function that loads it."""

AMBISONIC_ONLY = ("released",)
"""Named models that compare directiveness."""

WEIGHTS_ENDING = ".safetensors"
"""Models of one's own are named by files with this ending."""


def load_model(name: str | Path = "default") -> QASTAnet:
    """Load a model.

    Args:
        name: "default", the weights that come with the package, for ambisonics and binaural
            signals; "released", those of the authors, for ambisonics, fetched and checked by
            hash on first use; or a file ending in .safetensors, written by `qastanet train`

    Returns:
        module whose call (reference, degraded) takes tensors (batch, channels, samples) at 48 kHz
        and returns scores (batch,) in 0..1

    Raises:
        InputError: for an unknown name, or weights that cannot be had

    Example:
        >>> load_model("nonesuch")
        Traceback (most recent call last):
        ...
        qastanet.errors.InputError: model 'nonesuch' is unknown; choose one of: default, released...
    """
    if is_weights_file(name):
        from qastanet.default_model import load_default_model

        return load_default_model(name, str(name))
    if name not in MODELS:
        raise InputError(
            f"model '{name}' is unknown; choose one of: {', '.join(MODELS)}, or a file ending in "
            f"{WEIGHTS_ENDING} (of `qastanet train`)"
        )
    return MODELS[name]()


def is_weights_file(model: object) -> bool:
    """Tell whether a model is named by a file of weights.

    Example:
        >>> is_weights_file("mine.safetensors"), is_weights_file("default")
        (True, False)
    """
    return isinstance(model, str | Path) and str(model).endswith(WEIGHTS_ENDING)


def load_scorer(model: str | Path | QASTAnet = "default") -> Scorer:
    """Return a model in its form without PyTorch.

    The form of a named model is kept in the cache folder, so that only the first use ever imports
    PyTorch.

    Args:
        model: a name (see `load_model`) or a model

    Raises:
        InputError: see `load_model`
    """
    if is_weights_file(model):
        return load_default(model, str(model))
    return _scorer_of_name(model) if isinstance(model, str) else Scorer.from_model(model)


@functools.lru_cache(maxsize=4)
def _scorer_of_name(name: str) -> Scorer:
    """Load a named scorer once."""
    if name == "default":
        return load_default()
    kept = registry.cache_folder() / "scorers" / f"{name}-{CONFORMANCE}.npz"
    if name in MODELS and kept.is_file():
        with contextlib.suppress(Exception):  # a damaged file is made anew
            return Scorer.load(kept)
    scorer = Scorer.from_model(load_model(name))
    with contextlib.suppress(InputError):  # a cache that cannot be written
        scorer.save(kept)
    return scorer


def score(
    reference: np.ndarray,
    degraded: np.ndarray,
    sampling_rate: int,
    model: str | Path | QASTAnet = "default",
) -> float:
    """Predict the quality of a degraded signal against its reference.

    Args:
        reference: shape (channels, samples), full scale 1.0; 4, 9 or 16 channels of ambisonics
            (ACN, SN3D), or 2 of binaural sound for models that rate it
        degraded: the same shape, time-aligned with the reference
        sampling_rate: in Hz; other rates than 48 kHz are resampled
        model: name (see `load_model`) or model

    Returns:
        score, 0 (bad) .. 1 (as the reference): a MUSHRA score / 100

    Raises:
        InputError: if the pair cannot be compared
    """
    reference, degraded = np.asarray(reference), np.asarray(degraded)
    check_pair(reference, degraded, (sampling_rate, sampling_rate))
    if model in AMBISONIC_ONLY and len(reference) == 2:
        check_channels(2, str(model), True, [])
    scorer = load_scorer(model)
    pair = (resample(signal, sampling_rate, SAMPLING_RATE) for signal in (reference, degraded))
    return scorer.score(*(scorer.features(signal) for signal in pair))


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
        model, reference, degraded, conformance, and the report of `qastanet.preparation.prepare`

    Raises:
        InputError: naming the file, the value and the remedy
    """
    _refuse_binaural(model, reference)
    return _score_pair(reference, degraded, load_scorer(model), options or Options(), {})


def _refuse_binaural(model: str | Path | QASTAnet, path: str | Path) -> None:
    """Say that a model cannot rate a binaural file before its weights are fetched."""
    if model in AMBISONIC_ONLY:
        channels = format_of(path).channels if plain(path) else len(read(path)[0])
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
        arrays (channels, samples) at 48 kHz; and the report of `qastanet.preparation.prepare`

    Raises:
        InputError: naming the file, the value and the remedy
    """
    if options == Options() and plain(reference) and plain(degraded):
        format_of_pair(reference, degraded)
        return reference, degraded, look(reference, degraded)
    sounds = (Sound(*read(file), str(file)) for file in (reference, degraded))
    return prepare(*sounds, options)


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
        "score": scorer.score(*pair),
        **limits,
        "model": scorer.name,
        "reference": str(reference),
        "degraded": str(degraded),
        "conformance": CONFORMANCE,
    } | report


def read_excerpt(path: str | Path, start_s: float = 0.0, duration_s: float = 1.0) -> torch.Tensor:
    """Read an excerpt of a sound file at 48 kHz.

    Args:
        path: sound file
        start_s: where it starts, in seconds
        duration_s: how long it is, in seconds

    Returns:
        float32, shape (channels, samples)

    Raises:
        InputError: if the file has no such excerpt
    """
    samples, rate = read(path)
    first = round(start_s * rate)
    excerpt = samples[:, first : first + round(duration_s * rate)]
    check_signal(excerpt, rate, f"{path} from {start_s} s")
    return torch.from_numpy(resample(excerpt, rate, SAMPLING_RATE))
