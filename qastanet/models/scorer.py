"""A model without PyTorch: the fast front end and the network in numpy, for scores on the CPU.

Gives the scores of `qastanet.models.model.QASTAnet` (`scorer` makes it), without gradients. It is
made of plain arrays, so it loads at once and travels between processes.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qastanet.hearing.differences import differences
from qastanet.hearing.fast import front_end
from qastanet.hearing.features import Features
from qastanet.models.plain_network import PlainNetwork
from qastanet.sound.checks import check_channels
from qastanet.sound.files.pieces import Recording
from qastanet.storage import replacing
from qastanet.version import CONFORMANCE


@dataclass(frozen=True)
class Scorer:
    """The parts of a model; see `qastanet.models.model.QASTAnet` for their meaning.

    Args:
        name: what the model is called in results
        network: maps difference maps (heads, features, 29, frames) to a score
        filters: binaural filters (2, channels, taps) of each head
        floor_ears: see `qastanet.hearing.features.binaural_features`
        directive: whether it compares directiveness

    Example:
        >>> from qastanet.models.model import QASTAnet
        >>> from qastanet.models.network import DifferenceNetwork
        >>> scorer = QASTAnet(DifferenceNetwork(n_features=3)).scorer()
        >>> signal = scorer.features(np.ones((2, 4800)))
        >>> 0 < scorer.score(signal, signal) < 1
        True
    """

    name: str
    network: Callable[[np.ndarray], float]
    filters: tuple[np.ndarray, ...]
    floor_ears: bool
    directive: bool

    @property
    def front_end(self) -> str:
        """Digest of all that determines the features of a signal, for caches."""
        digest = hashlib.sha256(repr((CONFORMANCE, self.floor_ears, self.directive)).encode())
        for each in self.filters:
            digest.update(repr(each.shape).encode() + np.ascontiguousarray(each).tobytes())
        return digest.hexdigest()

    def check(self, channels: int) -> None:
        """Refuse a number of channels that this model cannot rate.

        Raises:
            InputError: naming the model and the remedy
        """
        check_channels(channels, self.name, self.directive, [f.shape[1] for f in self.filters])

    def features(self, source: np.ndarray | Recording) -> Features:
        """Compute the features of a signal.

        Args:
            source: array (channels, samples) at 48 kHz, or what comes in pieces and may be long

        Raises:
            InputError: if the model cannot rate it, or the pieces cannot be had
        """
        options = (self.filters, self.floor_ears, self.directive)
        if isinstance(source, np.ndarray):
            self.check(len(source))
            return front_end.features(source, *options)
        self.check(source.channels)
        return front_end.features_of_pieces(source, source.channels, source.length, *options)

    def score(self, reference: Features, degraded: Features) -> float:
        """Predict the quality, 0..1, from the features of both signals."""
        return self.network(differences(reference, degraded))

    def interval(self, reference: Features, degraded: Features) -> tuple[float, float] | None:
        """Return low and high between which 90 % of mean ratings are expected, None if unknown."""
        return None

    def save(self, path: str | Path) -> None:
        """Write a scorer with a plain network as npz."""
        facts = {name: getattr(self, name) for name in ("name", "floor_ears", "directive")}
        facts["pooling"] = self.network.pooling
        arrays = {f"weights/{name}": array for name, array in self.network.weights.items()}
        arrays |= {f"filters/{k}": each for k, each in enumerate(self.filters)}
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, facts=json.dumps(facts), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> "Scorer":
        """Read what `save` wrote."""
        with np.load(path) as stored:
            facts = json.loads(str(stored["facts"]))
            weights = {n[8:]: stored[n] for n in stored.files if n.startswith("weights/")}
            heads = sum(name.startswith("filters/") for name in stored.files)
            filters = tuple(stored[f"filters/{k}"] for k in range(heads))
        return cls(network=PlainNetwork(weights, facts.pop("pooling")), filters=filters, **facts)
