"""The shipped model: seven parts, the worst of which decides, and how strictly that is rated.

    x_k = mean over bands of log(1 + part_k / unit_k)
    D = (sum of x_k ^ p) ^ (1 / p)
    score = exp(-a D ^ b)

with the parts of `qastanet.hearing.parts`. Two identical signals score exactly 1, and no part can
make a larger difference score higher. The numbers lie in one safetensors file in the package,
beside the binaural decoder (Neumann KU 100, magnitude least squares, third order) and the
calibration of the interval. This module does without PyTorch.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qastanet.errors import InputError
from qastanet.hearing.features import Features
from qastanet.hearing.parts import PARTS, parts
from qastanet.models.interval import interval
from qastanet.models.scorer import Scorer
from qastanet.sound.checks import AMBISONIC_CHANNELS, check_channels
from qastanet.storage import DAMAGED, is_pipe

WEIGHTS = Path(__file__).parents[1] / "weights" / "default.safetensors"
LARGEST = 1e6
"""No number of a model that was trained is larger."""

SHAPES = {"units": (len(PARTS),), "norm": (1,), "scale": (2,), "quantile": (1,)}
"""Shapes of the arrays of a weights file, besides the filters."""


def compressed(values: Any, units: Any) -> Any:
    """Return log(1 + part / unit): parts (..., 7, 29) in units (7,), arrays or tensors."""
    return _package(values).log1p(values / units[:, None])


def distance(values: Any, units: Any, norm: float) -> Any:
    """Return D of parts (..., 7, 29): the p-norm over the parts of their means over bands.

    Example:
        >>> one_part = np.where(np.arange(7) == 2, 0.2, 0)[:, None] * np.ones((7, 29))
        >>> bool(abs(distance(one_part, np.full(7, 0.2), 6.0) - np.log(2)) < 1e-9)
        True
    """
    xp = _package(values)
    each = compressed(values, units).mean(-1)
    largest = xp.amax(each, -1)
    safe = xp.where(largest > 0, largest, 1)  # or the powers are 0 in single precision
    total = ((each / safe[..., None]) ** norm).sum(-1)
    # both branches of `where` must be finite, or the gradients are not
    return xp.where(largest > 0, safe * xp.where(largest > 0, total, 1) ** (1 / norm), 0)


def rated(distances: Any, strictness: float, curve: float) -> Any:
    """Return exp(-a D^b), exactly 1 where nothing differs.

    Example:
        >>> rated(np.array([0.0, 1.0]), np.log(2), 1.25).tolist()
        [1.0, 0.5]
    """
    xp = _package(distances)
    power = xp.where(distances > 0, distances, 1) ** curve
    return xp.exp(-strictness * xp.where(distances > 0, power, 0))


def _package(values: Any) -> Any:
    """Return NumPy for arrays, PyTorch for tensors."""
    if isinstance(values, (np.ndarray, np.generic, float)):
        return np
    import torch

    return torch


class PartsScores(NamedTuple):
    """The numbers of the model.

    Attributes:
        units: size of each part that counts as one, in the order of PARTS.
        norm: exponent p over the parts; the larger, the more the worst decides.
        strictness: a.
        curve: b.
    """

    units: NDArray
    norm: float
    strictness: float
    curve: float

    def distance(self, values: NDArray) -> NDArray:
        """Map parts (..., 7, 29) to distances (...)."""
        return distance(values, self.units, self.norm)

    def __call__(self, values: NDArray) -> NDArray:
        """Map parts (..., 7, 29) to scores (...)."""
        return rated(self.distance(values), self.strictness, self.curve)


@dataclass(frozen=True)
class PartsScorer(Scorer):
    """The shipped model; see `qastanet.models.scorer.Scorer`.

    ``network`` maps parts, not difference maps; ``quantile`` calibrates the interval.

    Example:
        >>> scorer = load_default()
        >>> noise = scorer.features(0.1 * np.random.default_rng(0).standard_normal((2, 4800)))
        >>> scorer.score(noise, noise)
        1.0
    """

    quantile: float = np.nan

    def check(self, channels: int) -> None:
        """Refuse a number of channels that this model cannot rate."""
        check_channels(channels, self.name, False, [f.shape[1] for f in self.filters])

    def score(self, reference: Features, degraded: Features) -> float:
        """Predict the quality, 0..1, from the features of both signals."""
        return float(self.network(parts(reference, degraded)).mean())

    def interval(self, reference: Features, degraded: Features) -> tuple[float, float]:
        """Return low and high between which 90 % of mean ratings are expected."""
        low, high = interval(self.score(reference, degraded), self.quantile)
        return float(low), float(high)


def read_weights(path: str | Path = WEIGHTS) -> dict[str, NDArray]:
    """Read the arrays of a weights file; nothing in it is ever executed.

    Raises:
        InputError: if it is not one, its numbers make no model, or they have been changed since the
            file was written
    """
    import safetensors.numpy

    try:
        if is_pipe(path):
            raise InputError(f"{path}: is no regular file; save the weights to a file first")
        with safetensors.safe_open(path, "numpy") as file:
            facts = json.loads((file.metadata() or {}).get("facts", "{}"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except InputError:
        raise
    except (*DAMAGED, AttributeError, RecursionError, safetensors.SafetensorError) as error:
        raise InputError(f"{path}: cannot be read as weights ({error})") from error
    if set(arrays) != {*SHAPES, "filters"} or not _sound(arrays):
        raise InputError(
            f"{path}: not the weights of this model (those of another version have other numbers); "
            "train them anew"
        )
    if not isinstance(facts, dict) or facts.get("sha256", "") != digest_of(arrays):
        raise InputError(
            f"{path}: its numbers are not those it was written with (sha256); copy it again or "
            "train it anew"
        )
    return arrays


def _sound(arrays: dict[str, NDArray]) -> bool:
    """Tell whether the arrays have the shapes and signs of the model."""
    filters = arrays["filters"]
    return (
        all(arrays[name].shape == shape for name, shape in SHAPES.items())
        and filters.ndim == 3
        and filters.shape[0] == 2
        and filters.shape[1] in AMBISONIC_CHANNELS
        and filters.shape[2] > 0
        and all(x.dtype.kind == "f" and np.isfinite(x).all() for x in arrays.values())
        and all(np.abs(x).max() <= LARGEST for x in arrays.values())
        and all((arrays[name] > 0).all() for name in SHAPES)
        and float(arrays["norm"][0]) >= 1
    )


def digest_of(arrays: dict[str, NDArray]) -> str:
    """Return the sha256 over the numbers of a weights file.

    Example:
        >>> digest_of({"a": np.zeros(2)})[:8]
        '374708ff'
    """
    content = b"".join(np.ascontiguousarray(arrays[name]).tobytes() for name in sorted(arrays))
    return hashlib.sha256(content).hexdigest()


def write_weights(arrays: dict[str, NDArray], path: str | Path, facts: dict[str, str]) -> None:
    """Write a weights file.

    Args:
        arrays: with the names of `read_weights`.
        path: file ending in .safetensors.
        facts: written into its header, with the digest of the numbers.
    """
    import safetensors.numpy

    from qastanet.storage import replacing

    facts = facts | {"sha256": digest_of(arrays)}
    with replacing(path) as temporary:
        header = {"facts": json.dumps(facts, sort_keys=True)}  # several keys have no fixed order
        safetensors.numpy.save_file(arrays, temporary, metadata=header)


def scores_of(arrays: dict[str, NDArray]) -> PartsScores:
    """Return the numbers of a weights file as the model."""
    scale = [float(x) for x in arrays["scale"]]
    return PartsScores(arrays["units"], float(arrays["norm"][0]), *scale)


def load_default(path: str | Path = WEIGHTS, name: str = "default") -> PartsScorer:
    """Load the shipped model, or one of its kind, without PyTorch.

    Args:
        path: weights file
        name: what the model is called in results

    Raises:
        InputError: see `read_weights`
    """
    arrays = read_weights(path)
    quantile = float(arrays["quantile"][0])
    return PartsScorer(name, scores_of(arrays), (arrays["filters"],), True, False, quantile)
