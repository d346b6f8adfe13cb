"""Scores of many pairs, on several cores.

Every signal is analysed once, however many pairs it is in: a reference that many codecs are
compared with, for example. The work is shared among threads, since the compiled loops and the
Fourier transforms release the interpreter; processes would be no faster and each would need its own
imports.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from joblib import Parallel, delayed

from qastanet.errors import InputError
from qastanet.hearing.features import Features
from qastanet.scoring.feature_store import FeatureStore
from qastanet.scoring.loading import load_scorer
from qastanet.sound.checks import check_format_pair, check_signal
from qastanet.sound.pieces import format_of_pair
from qastanet.sound.sampling import SAMPLING_RATE
from qastanet.storage import Source

if TYPE_CHECKING:
    from qastanet.models.model import QASTAnet


def _key(source: Source) -> str | int:
    """Tell signals apart: files by path, arrays by identity."""
    return id(source) if isinstance(source, np.ndarray) else os.path.abspath(source)


def _check(reference: Source, degraded: Source) -> None:
    """Refuse a pair that cannot be compared."""
    arrays = [isinstance(source, np.ndarray) for source in (reference, degraded)]
    if not any(arrays):
        format_of_pair(reference, degraded)
        return
    if not all(arrays):
        raise InputError("a pair must be two files or two arrays")
    names = ("reference", "degraded")
    for samples, name in zip((reference, degraded), names, strict=True):
        check_signal(samples, SAMPLING_RATE, name)
    check_format_pair((reference.shape, degraded.shape), (SAMPLING_RATE,) * 2, names)


def score_many(
    pairs: Iterable[tuple[Source, Source]],
    model: str | QASTAnet = "default",
    jobs: int | None = None,
    store: FeatureStore | str | Path | None = None,
) -> Iterator[float]:
    """Score many pairs, in order, as soon as each is there.

    Args:
        pairs: (reference, degraded): sound files, or arrays (channels, samples) at 48 kHz
        model: name (see `qastanet.scoring.loading.load_model`) or model
        jobs: number of threads; default: the number of cores
        store: a `FeatureStore` or its folder, to keep features for the next time

    Yields:
        score of each pair, 0..1

    Raises:
        InputError: before any work if a pair cannot be compared; later for unreadable sound

    Example:
        >>> from qastanet.models.model import QASTAnet
        >>> from qastanet.models.network import DifferenceNetwork
        >>> x, y, z = np.random.default_rng(0).standard_normal((3, 2, 4800))
        >>> len(list(score_many([(x, y), (x, z)], QASTAnet(DifferenceNetwork(3)), jobs=1)))
        2
    """
    pairs = list(pairs)
    for pair in pairs:
        _check(*pair)
    scorer = load_scorer(model)
    if store is not None and not isinstance(store, FeatureStore):
        store = FeatureStore(store)
    uses = Counter(_key(source) for pair in pairs for source in pair)
    signals = {_key(source): source for pair in pairs for source in pair}

    def analyse(key: str | int) -> tuple[str | int, Features]:
        """Compute or recall the features of a signal."""
        source = signals[key]
        return key, store.features(scorer, source) if store else scorer.features(source)

    workers = Parallel(jobs or os.cpu_count(), prefer="threads", return_as="generator")
    arriving = workers(delayed(analyse)(key) for key in signals)
    known: dict[str | int, Features] = {}
    for pair in pairs:
        keys = [_key(source) for source in pair]
        while not all(key in known for key in keys):
            known.update([next(arriving)])
        yield scorer.score(*(known[key] for key in keys))
        for key in keys:
            uses[key] -= 1
            if uses[key] == 0:
                del known[key]
