"""Scores by name of the model: what most users call."""

import functools
from pathlib import Path

import numpy as np
import torch

from qastanet import CONFORMANCE, registry
from qastanet.audio import check_pair, check_signal, read, resample
from qastanet.errors import InputError
from qastanet.gammatone import SAMPLING_RATE
from qastanet.model import QASTAnet
from qastanet.released import load_released

MODELS = {
    "released": lambda: load_released(registry.path(registry.RELEASE, "model_weights.pth.tar"))
}
"""Model name -> function that loads it."""


def load_model(name: str = "released") -> QASTAnet:
    """Load a model.

    Args:
        name: "released", the authors' weights, fetched and checked by hash on first use

    Returns:
        module whose call (reference, degraded) takes tensors (batch, channels, samples) at 48 kHz
        and returns scores (batch,) in 0..1

    Raises:
        InputError: for an unknown name, or weights that cannot be had

    Example:
        >>> load_model("nonesuch")
        Traceback (most recent call last):
        ...
        qastanet.errors.InputError: model 'nonesuch' is unknown; choose one of: released
    """
    if name not in MODELS:
        raise InputError(f"model '{name}' is unknown; choose one of: {', '.join(MODELS)}")
    return MODELS[name]()


@functools.lru_cache(maxsize=4)
def _loaded(name: str) -> QASTAnet:
    """Keep models between calls of `score`."""
    return load_model(name)


def score(
    reference: np.ndarray, degraded: np.ndarray, sampling_rate: int, model: str = "released"
) -> float:
    """Predict the quality of a degraded signal against its reference.

    Args:
        reference: shape (channels, samples), full scale 1.0; 4, 9 or 16 channels of ambisonics
            (ACN, SN3D), or 2 of binaural sound for models that rate it
        degraded: the same shape, time-aligned with the reference
        sampling_rate: in Hz; other rates than 48 kHz are resampled
        model: see `load_model`

    Returns:
        score, 0 (bad) .. 1 (as the reference): a MUSHRA score / 100

    Raises:
        InputError: if the pair cannot be compared
    """
    reference, degraded = np.asarray(reference), np.asarray(degraded)
    check_pair(reference, degraded, (sampling_rate, sampling_rate))
    pair = [
        torch.from_numpy(resample(signal, sampling_rate, SAMPLING_RATE)).unsqueeze(0)
        for signal in (reference, degraded)
    ]
    with torch.inference_mode():
        return float(_loaded(model)(*pair))


def score_files(reference: str | Path, degraded: str | Path, model: str = "released") -> dict:
    """Score a pair of sound files and say what was done.

    Args:
        reference: sound file
        degraded: sound file of the same rate, channels and length
        model: see `load_model`

    Returns:
        score, model, reference, degraded, sampling_rate (of the files), duration_s, channels,
        conformance, and resampled_to (Hz) where the rate was changed

    Raises:
        InputError: naming the file, the value and the remedy
    """
    names = (str(reference), str(degraded))
    (ref, ref_rate), (deg, deg_rate) = read(reference), read(degraded)
    check_pair(ref, deg, (ref_rate, deg_rate), names)
    result = {
        "score": score(ref, deg, ref_rate, model),
        "model": model,
        "reference": names[0],
        "degraded": names[1],
        "sampling_rate": ref_rate,
        "duration_s": ref.shape[1] / ref_rate,
        "channels": ref.shape[0],
        "conformance": CONFORMANCE,
    }
    if ref_rate != SAMPLING_RATE:
        result["resampled_to"] = SAMPLING_RATE
    return result


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
