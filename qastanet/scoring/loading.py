"""Models by name, with PyTorch or without."""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path
from typing import TYPE_CHECKING

from qastanet import registry
from qastanet.errors import InputError
from qastanet.lazy import need
from qastanet.models.parts_model import load_default
from qastanet.models.scorer import Scorer
from qastanet.version import CONFORMANCE

if TYPE_CHECKING:
    from qastanet.models.model import QASTAnet


MODELS = ("default", "released")
WEIGHTS = "model_weights.pth.tar"
"""File of the authors' weights in their release."""

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
        MissingExtraError: if PyTorch is not installed (extra `torch`)

    Example:
        >>> load_model("nonesuch")
        Traceback (most recent call last):
        ...
        qastanet.errors.InputError: model 'nonesuch' is unknown; choose one of: default, released...
    """
    need("torch")
    if name == "released":
        from qastanet.models.released import load_released

        return load_released(registry.path(registry.RELEASE, WEIGHTS))
    if name not in MODELS and not is_weights_file(name):
        raise InputError(
            f"model '{name}' is unknown; choose one of: {', '.join(MODELS)}, or a file ending in "
            f"{WEIGHTS_ENDING} (of `qastanet train`)"
        )
    from qastanet.models.default_model import load_default_model

    return load_default_model() if name == "default" else load_default_model(name, str(name))


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
    return _scorer_of_name(model) if isinstance(model, str) else model.scorer()


@functools.lru_cache(maxsize=4)
def _scorer_of_name(name: str) -> Scorer:
    """Load a named scorer once."""
    if name == "default":
        return load_default()
    # named after the weights it is made of, so that those of another model do not pass for it
    source = registry.find(registry.RELEASE, WEIGHTS).git_blob_sha1[:16]
    kept = registry.cache_folder() / "scorers" / f"{name}-{CONFORMANCE}-{source}.npz"
    if name in MODELS and kept.is_file():
        with contextlib.suppress(Exception):  # a damaged file is made anew
            return Scorer.load(kept)
    scorer = load_model(name).scorer()
    with contextlib.suppress(InputError):  # a cache that cannot be written
        scorer.save(kept)
    return scorer
