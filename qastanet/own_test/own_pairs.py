"""The rated pairs of a listening test of one's own: compared once, kept by content.

What a pair of files has to say to a training (the statistics of its differences, and the other
metrics that the pre-training is mixed of) is kept in the cache folder under a hash of both files,
so that a run that was interrupted goes on where it stopped, and nothing is stale.
"""

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from qastanet import registry
from qastanet.errors import InputError
from qastanet.models.monotone_scorer import read_weights
from qastanet.rivals.ambiqual import patch_count
from qastanet.sound.binaural import BinauralDecoder
from qastanet.sound.checks import check_channels
from qastanet.sound.options import Options
from qastanet.sound.preparation import prepare
from qastanet.sound.sampling import SAMPLING_RATE
from qastanet.sound.sound_files import files_of, read_sound
from qastanet.storage import DAMAGED, content_hash, replacing
from qastanet.training.pair_statistics import Heard, compare
from qastanet.version import CONFORMANCE

METRICS = ("emobiq", "lq", "la")
SHOWN = 5
"""Pairs that cannot be used are all looked for; this many are named."""


def shipped_decoder() -> BinauralDecoder:
    """Return the decoder of the shipped weights."""
    return BinauralDecoder(torch.from_numpy(read_weights()["filters"]))


def own_statistics(
    table: pd.DataFrame,
    options: Options | None = None,
    folder: str | Path | None = None,
    progress: bool = True,
) -> tuple[pd.DataFrame, NDArray]:
    """Compare all pairs of a listening test.

    Args:
        table: of `qastanet.listening_tests.rated_manifest.read_rated_manifest`
        options: what may be done to a pair before it is compared
        folder: where the comparisons are kept; default: in the cache folder
        progress: show a progress bar

    Returns:
        the table with ``signal``, ``channels``, ``emobiq``, ``lq``, ``la``, and with the role
        ``reference`` for pairs that do not differ at all and ``coded`` for others that have none;
        and statistics, shape (pairs, 13, 29)

    Raises:
        InputError: if pairs cannot be used, naming the first ones and their number
    """
    compared = _Comparer(shipped_decoder(), options or Options(), folder)
    rows, found, failed = [], [], []
    for pair in tqdm(table.itertuples(), "compare", len(table), disable=not progress, unit="pair"):
        try:
            row, values = compared(pair.reference, pair.degraded)
        except InputError as error:
            failed.append(str(error))
            continue
        rows.append(row)
        found.append(values)
    refuse_failed(failed, len(table))
    statistics = np.stack(found)
    known = table.reset_index(drop=True).join(pd.DataFrame(rows))
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

    def __init__(self, decoder: BinauralDecoder, options: Options, folder: str | Path | None):
        self.decoder, self.options = decoder, options
        self.folder = Path(folder) if folder else registry.cache_folder() / "pairs"
        front_end = hashlib.sha256(decoder.filters.numpy().tobytes()).hexdigest()
        self.facts = [CONFORMANCE, front_end, asdict(options)]
        self.last: tuple[str, Heard] = ("", None)

    def __call__(self, reference: str, degraded: str) -> tuple[dict, NDArray]:
        """Return channels and other metrics, and statistics (13, 29)."""
        path = self._path(reference, degraded)
        if path and path.is_file():
            with contextlib.suppress(*DAMAGED):
                with np.load(path, allow_pickle=False) as stored:
                    values = stored["row"].tolist()
                    row = dict(zip(METRICS, values[:-1], strict=True)) | {
                        "channels": int(values[-1])
                    }
                    return row, stored["statistics"]
        row, statistics = self._compare(reference, degraded)
        kept = np.array([row[name] for name in (*METRICS, "channels")], dtype=float)
        if path:
            with replacing(path) as temporary, open(temporary, "wb") as file:
                np.savez(file, row=kept, statistics=statistics)
        return row, statistics

    def _path(self, *files: str) -> Path | None:
        """Return where the comparison of two files, or sets of files, lies; None for no files."""
        facts = list(self.facts)
        for name in files:
            try:
                parts = files_of(name)
            except InputError:
                return None
            if not all(Path(part).is_file() for part in parts):
                return None  # reading it will tell what is wrong
            facts.append([content_hash(part) for part in parts])
        name = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.npz"

    def _compare(self, reference: str, degraded: str) -> tuple[dict, NDArray]:
        """Read and compare two files."""
        sounds = (read_sound(file, self.options) for file in (reference, degraded))
        first, second, _ = prepare(*sounds, self.options)
        check_channels(len(first), "default", False, [self.decoder.filters.shape[1]])
        if not patch_count(first.shape[1]):
            raise InputError(
                f"{degraded}: {first.shape[1] / SAMPLING_RATE:.2f} s are too short to train on; "
                "give at least 0.5 s"
            )
        key = hashlib.sha256(first.tobytes()).hexdigest()
        if key != self.last[0]:
            self.last = key, Heard(first, self.decoder)
        row, values = compare(self.last[1], Heard(second, self.decoder))
        return row | {"channels": len(first)}, values
