"""Features kept on disk by the content they were computed from, so that reruns are instant."""

import contextlib
import hashlib
from pathlib import Path

import numpy as np

from qastanet import registry
from qastanet.hearing.features import Features
from qastanet.models.scorer import Scorer
from qastanet.storage import DAMAGED, Source, content_hash, replacing


class FeatureStore:
    """A folder of features, one file for each signal and front end.

    A front end is known by a hash of what it consists of, including the conformance number, so that
    models which differ in their network only share features, and nothing is stale.

    Args:
        folder: where they lie; default: in the cache folder (`qastanet.registry`)
    """

    def __init__(self, folder: str | Path | None = None):
        self.folder = Path(folder) if folder else registry.cache_folder() / "features"

    def path(self, scorer: Scorer, source: Source) -> Path:
        """Return where the features of a signal lie, or would lie."""
        name = hashlib.sha256(f"{scorer.front_end} {content_hash(source)}".encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.npz"

    def features(self, scorer: Scorer, source: Source) -> Features:
        """Return the features of a signal, computing and keeping them if need be."""
        if not isinstance(source, np.ndarray) and not Path(source).is_file():
            return scorer.features(source)  # which explains what is wrong with it
        path = self.path(scorer, source)
        if path.is_file():
            with contextlib.suppress(*DAMAGED), np.load(path) as stored:
                return Features(**{name: stored[name] for name in stored.files})
        found = scorer.features(source)
        present = {name: array for name, array in found._asdict().items() if array is not None}
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **present)
        return found
