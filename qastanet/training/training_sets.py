"""The pairs to train on: made from sounds, kept as small files, read back."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm.auto import tqdm

from qastanet import registry
from qastanet.errors import InputError
from qastanet.hearing.feature_statistics import STATISTICS
from qastanet.hearing.gammatone import N_BANDS
from qastanet.listening_tests import ambiqual_ratings
from qastanet.listening_tests.rated_pairs import RatedPair, aes2023_pairs, ambiqual_pairs
from qastanet.sound.binaural import BinauralDecoder
from qastanet.sound.sampling import SAMPLING_RATE, resample
from qastanet.storage import replacing
from qastanet.training.pair_statistics import Heard, compare


class Material(NamedTuple):
    """All that a training may use.

    Attributes:
        rated: table of rated pairs with ``dataset``, ``content``, ``role``, ``signal``, ``mean``
            and the other metrics.
        rated_statistics: shape (rated pairs, 13, 29).
        drawn: table of synthetic pairs with the other metrics.
        drawn_statistics: their statistics.
        common: table of the pairs with a common ``rating``.
        common_statistics: their statistics.
    """

    rated: pd.DataFrame
    rated_statistics: NDArray
    drawn: pd.DataFrame
    drawn_statistics: NDArray
    common: pd.DataFrame
    common_statistics: NDArray


KEY = ["dataset", "stimulus", "signal"]


def both_signals(pairs: Iterable[RatedPair], decoder: BinauralDecoder) -> Iterator[RatedPair]:
    """Add the binaural form, through a decoder, to ambisonic pairs at 48 kHz.

    Args:
        pairs: of `qastanet.listening_tests.rated_pairs`; binaural ones pass as they are.
        decoder: ambisonics to binaural.
    """
    for pair in pairs:
        signals = [resample(x, pair.sampling_rate, SAMPLING_RATE) for x in pair[4:6]]
        yield pair._replace(reference=signals[0], degraded=signals[1], sampling_rate=SAMPLING_RATE)
        if pair.signal == "ambisonic" and pair.dataset != "aes2023":  # which has its own
            ears = [Heard(x, decoder).ears for x in signals]
            yield RatedPair(*pair[:2], "binaural", pair.order, *ears, SAMPLING_RATE)


def public_pairs(decoder: BinauralDecoder) -> Iterator[RatedPair]:
    """Give all rated pairs of the public listening tests, in both forms.

    Args:
        decoder: ambisonics to binaural, for the tests that have no binaural signals.
    """
    ratings = registry.path(registry.AMBIQUAL, "MUSHRA_experiment_2.csv")
    table = ambiqual_ratings.read_ambiqual2(ratings)
    first = table[table.order == 1]
    return both_signals(itertools.chain(aes2023_pairs(), ambiqual_pairs(first)), decoder)


def rated_statistics(
    pairs: Iterable[RatedPair], decoder: BinauralDecoder
) -> tuple[pd.DataFrame, NDArray]:
    """Compare rated pairs.

    Args:
        pairs: at 48 kHz, see `both_signals`.
        decoder: ambisonics to binaural.

    Returns:
        Table with ``dataset``, ``stimulus``, ``signal`` and the other metrics, one row per pair,
        and statistics, shape (pairs, 13, 29).
    """
    rows, found = [], []
    for pair in tqdm(pairs, unit="pair"):
        row, values = compare(Heard(pair.reference, decoder), Heard(pair.degraded, decoder))
        rows.append(dict(zip(KEY, pair[:3], strict=True)) | row)
        found.append(values)
    return pd.DataFrame(rows), np.stack(found)


def write_statistics(statistics: NDArray, path: str | Path) -> None:
    """Write statistics in half precision, compressed."""
    with replacing(path) as temporary:
        np.savez_compressed(temporary, statistics=np.float16(statistics))


def read_statistics(path: str | Path, table: pd.DataFrame) -> NDArray[np.float32]:
    """Read the statistics of the pairs of a table.

    Raises:
        InputError: if the file is something else or does not fit the table
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = archive["statistics"].astype(np.float32)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: cannot be read as statistics ({error})") from error
    if found.shape != (len(table), len(STATISTICS), N_BANDS):
        raise InputError(f"{path}: shape {found.shape} does not fit {len(table)} pairs")
    return found


def add_ratings(table: pd.DataFrame, ratings: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Add what is known of the rated stimuli to a table of pairs.

    Args:
        table: with ``dataset`` and ``stimulus``.
        ratings: tables of listening tests with ``content``, ``condition``, ``role``, ``mean``;
            rows of a screening other than ``raw`` are passed over.

    Returns:
        The pairs that were rated, in their order, and ``row``, their place in the table.
    """
    known = []
    for each in ratings:
        each = each[each.screening == "raw"] if "screening" in each else each
        if "role" not in each:
            each = each.assign(role=np.where(each.condition == "REF", "reference", "coded"))
        known.append(each[["dataset", "stimulus", "content", "condition", "role", "mean"]])
    numbered = table.assign(row=np.arange(len(table)))
    return numbered.merge(pd.concat(known), on=["dataset", "stimulus"], how="inner")


def load(
    rated: tuple[str, str],
    drawn: tuple[str, str],
    common: tuple[str, str],
    ratings: Iterable[str],
) -> Material:
    """Read all that a training may use.

    Args:
        rated: files of the rated pairs and of their statistics.
        drawn: the same of the synthetic pairs with other metrics.
        common: the same of the synthetic pairs with a common rating.
        ratings: tables of the listening tests.
    """
    tables = [pd.read_csv(each[0]) for each in (rated, drawn, common)]
    values = [
        read_statistics(each[1], table)
        for each, table in zip((rated, drawn, common), tables, strict=True)
    ]
    known = add_ratings(tables[0], [pd.read_csv(each) for each in ratings])
    return Material(known, values[0][known.row], tables[1], values[1], tables[2], values[2])
