"""The shipped model without PyTorch: its weights, scores and intervals.

The weights lie in one safetensors file in the package: the non-negative weights of the ensemble,
the binaural decoder (Neumann KU 100, magnitude least squares, third order) and the calibration of
the interval.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qastanet.errors import InputError
from qastanet.hearing.feature_statistics import STATISTICS, statistics
from qastanet.hearing.features import Features
from qastanet.hearing.gammatone import N_BANDS
from qastanet.models.interval import interval
from qastanet.models.scorer import Scorer
from qastanet.sound.checks import AMBISONIC_CHANNELS, check_channels
from qastanet.storage import DAMAGED, is_pipe

WEIGHTS = Path(__file__).parents[1] / "weights" / "default.safetensors"
LARGEST = 1e6
"""No number of a model that was trained is larger."""

NAMES = {"with", "without", "exponent", "filters", "quantile"}


@dataclass(frozen=True)
class MonotoneScores:
    """The ensemble as plain arrays.

    Attributes:
        with_directiveness: non-negative weights, shape (members, 13, 29).
        without_directiveness: the same for signals that have none.
        exponent: shape (members,).
    """

    with_directiveness: NDArray
    without_directiveness: NDArray
    exponent: NDArray

    def __call__(self, values: NDArray, directive: bool) -> NDArray:
        """Map statistics (..., 13, 29) to scores (...), the mean over the members."""
        weights = self.with_directiveness if directive else self.without_directiveness
        total = np.einsum("...kb,mkb->...m", values, weights) * (8 / N_BANDS)
        return np.exp(-(total**self.exponent)).mean(-1)


@dataclass(frozen=True)
class MonotoneScorer(Scorer):
    """The parts of the shipped model; see `qastanet.models.scorer.Scorer`.

    ``network`` maps statistics, not difference maps; ``quantile`` calibrates the interval.

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
        directive = reference.directiveness is not None
        return float(self.network(statistics(reference, degraded), directive).mean())

    def interval(self, reference: Features, degraded: Features) -> tuple[float, float]:
        """Return low and high between which 90 % of mean ratings are expected."""
        low, high = interval(self.score(reference, degraded), self.quantile)
        return float(low), float(high)


def read_weights(path: str | Path = WEIGHTS) -> dict[str, NDArray]:
    """Read the arrays of a weights file; nothing in it is ever executed.

    Raises:
        InputError: if it is not one, its numbers make no monotone model, or they have been changed
            since the file was written
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
    if set(arrays) != NAMES or not _monotone(arrays):
        raise InputError(f"{path}: not the weights of a monotone model; train them anew")
    if not isinstance(facts, dict) or facts.get("sha256", "") != digest_of(arrays):
        raise InputError(
            f"{path}: its numbers are not those it was written with (sha256); copy it again or "
            "train it anew"
        )
    return arrays


def _monotone(arrays: dict[str, NDArray]) -> bool:
    """Tell whether the arrays have the shapes and signs of a monotone model."""
    size, filters = arrays["with"].shape, arrays["filters"]
    return (
        len(size) == 3
        and size[1:] == (len(STATISTICS), N_BANDS)
        and arrays["without"].shape == size
        and arrays["exponent"].shape == size[:1]
        and size[0] > 0
        and filters.ndim == 3
        and filters.shape[0] == 2
        and filters.shape[1] in AMBISONIC_CHANNELS
        and filters.shape[2] > 0
        and arrays["quantile"].shape == (1,)
        and all(x.dtype.kind == "f" and np.isfinite(x).all() for x in arrays.values())
        and all((arrays[name] >= 0).all() for name in NAMES - {"filters"})
        and all(np.abs(x).max() <= LARGEST for x in arrays.values())
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
        facts: written into its header.
    """
    import safetensors.numpy

    from qastanet.storage import replacing

    with replacing(path) as temporary:
        header = {"facts": json.dumps(facts, sort_keys=True)}  # several keys have no fixed order
        safetensors.numpy.save_file(arrays, temporary, metadata=header)


def load_default(path: str | Path = WEIGHTS, name: str = "default") -> MonotoneScorer:
    """Load the shipped model, or one of its kind, without PyTorch.

    Args:
        path: weights file
        name: what the model is called in results

    Raises:
        InputError: see `read_weights`
    """
    arrays = read_weights(path)
    network = MonotoneScores(*(arrays[name] for name in ("with", "without", "exponent")))
    filters = (arrays["filters"],)
    quantile = float(arrays["quantile"][0])
    return MonotoneScorer(name, network, filters, True, True, quantile)
