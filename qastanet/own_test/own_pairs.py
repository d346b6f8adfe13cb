"""The rated pairs of a listening test of one's own: compared once, kept by content.

What a pair of files has to say to a training (the parts in which it differs) is kept in the cache
folder under a hash of both files, so that a run that was interrupted goes on where it stopped, and
nothing is stale.
"""

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm.auto import tqdm

from qastanet import registry
from qastanet.errors import InputError
from qastanet.hearing.features import Features
from qastanet.hearing.parts import SHIPPED, parts
from qastanet.models.parts_model import load_default
from qastanet.models.scorer import Scorer
from qastanet.sound.files.reading import files_of
from qastanet.sound.options import Options
from qastanet.sound.pairs.preparation import prepare_files
from qastanet.sound.sampling import FRAME, SAMPLING_RATE
from qastanet.storage import DAMAGED, content_hash, replacing
from qastanet.version import CONFORMANCE

SHOWN = 5
"""Pairs that cannot be used are all looked for; this many are named."""


SHORTEST = 12
"""Frames that a pair must have to be trained on: half a second."""


def own_parts(
    table: pd.DataFrame, options: Options | None = None, progress: bool = True
) -> tuple[pd.DataFrame, NDArray]:
    """Compare all pairs of a listening test; the comparisons are kept in the cache folder.

    Args:
        table: of `qastanet.listening_tests.rated_manifest.read_rated_manifest`
        options: what may be done to a pair before it is compared
        progress: show a progress bar

    Returns:
        the table with ``signal`` and ``channels``, and with the role ``reference`` for pairs that
        do not differ at all and ``coded`` for others that have none; and the parts in which they
        differ, shape (pairs, 7, 29)

    Raises:
        InputError: if pairs cannot be used, naming the first ones and their number
    """
    compared = _Comparer(load_default(), options or Options())
    channels, found, failed = [], [], []
    for pair in tqdm(table.itertuples(), "compare", len(table), disable=not progress, unit="pair"):
        try:
            count, values = compared(pair.reference, pair.degraded)
        except InputError as error:
            failed.append(str(error))
            continue
        channels.append(count)
        found.append(values)
    refuse_failed(failed, len(table))
    statistics = np.stack(found)
    known = table.reset_index(drop=True).assign(channels=channels)
    known["signal"] = np.where(known.channels == 2, "binaural", "ambisonic")
    return with_roles(known, ~statistics.any(axis=(1, 2))), statistics


def refuse_failed(failed: Sequence[str], total: int) -> None:
    """Refuse a listening test of which pairs cannot be used.

    Args:
        failed: the reasons
        total: number of pairs

    Raises:
        InputError: naming the first ones and their number, if there are any
    """
    if failed:
        more = f"; and {len(failed) - SHOWN} more" if len(failed) > SHOWN else ""
        raise InputError(
            f"{len(failed)} of {total} pairs cannot be used; mend them or leave them out: "
            + "; ".join(failed[:SHOWN])
            + more
        )


def with_roles(table: pd.DataFrame, same: NDArray) -> pd.DataFrame:
    """Add the roles that the sounds of pairs tell.

    Args:
        table: with ``role``
        same: which of them do not differ at all

    Returns:
        the table with the role ``reference`` for pairs that do not differ and ``coded`` for others
        that have none
    """
    table = table.copy()
    table.loc[(table.role == "") & ~same, "role"] = "coded"
    table.loc[same, "role"] = "reference"
    return table


class _Comparer:
    """Compare files, or read what an earlier comparison found; keeps the last reference."""

    def __init__(self, scorer: Scorer, options: Options):
        self.scorer, self.options = scorer, options
        self.folder = registry.cache_folder() / "pairs"
        filters = hashlib.sha256(scorer.filters[0].tobytes()).hexdigest()
        self.facts = [CONFORMANCE, filters, asdict(options), SHIPPED]
        self.last: tuple[str, Features | None] = ("", None)

    def __call__(self, reference: str, degraded: str) -> tuple[int, NDArray]:
        """Return the number of channels, and the parts (7, 29)."""
        path = self._path(reference, degraded)
        if path and path.is_file():
            with contextlib.suppress(*DAMAGED):
                with np.load(path, allow_pickle=False) as stored:
                    return int(stored["channels"]), stored["parts"]
        channels, found = self._compare(reference, degraded)
        if path:
            with replacing(path) as temporary, open(temporary, "wb") as file:
                np.savez(file, channels=channels, parts=found)
        return channels, found

    def _path(self, *files: str) -> Path | None:
        """Return where the comparison of two files, or sets of files, lies; None for no files."""
        facts = list(self.facts)
        for name in files:
            try:
                places = files_of(name)
            except InputError:
                return None
            if not all(Path(place).is_file() for place in places):
                return None  # reading it will tell what is wrong
            facts.append([content_hash(place) for place in places])
        name = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.npz"

    def _compare(self, reference: str, degraded: str) -> tuple[int, NDArray]:
        """Read and compare two files."""
        first, second, _ = prepare_files(reference, degraded, self.options)
        self.scorer.check(len(first))
        if first.shape[1] < SHORTEST * FRAME:
            raise InputError(
                f"{degraded}: {first.shape[1] / SAMPLING_RATE:.2f} s are too short to train on; "
                "give at least 0.5 s"
            )
        key = hashlib.sha256(first.tobytes()).hexdigest()
        if key != self.last[0]:
            self.last = key, self.scorer.features(first)
        return len(first), parts(self.last[1], self.scorer.features(second))[0]
