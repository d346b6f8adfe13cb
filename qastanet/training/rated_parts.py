"""The parts of all rated pairs, compared once and kept as one small file.

The parts are kept in several forms (`FORMS`), so that what the constants of the model are worth can
be looked at without the sounds.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm.auto import tqdm

from qastanet import registry
from qastanet.errors import InputError
from qastanet.hearing.fast import front_end
from qastanet.hearing.features import Features
from qastanet.hearing.gammatone import N_BANDS
from qastanet.hearing.parts import PARTS, SHIPPED, Form, cells, parts
from qastanet.hearing.roughness import roughness_change
from qastanet.listening_tests import ambiqual_ratings
from qastanet.listening_tests.contents import raw_ratings
from qastanet.listening_tests.rated_pairs import RatedPair, aes2023_pairs, ambiqual_pairs
from qastanet.models.scorer import Scorer
from qastanet.sound.sampling import SAMPLING_RATE
from qastanet.storage import replacing

STUDY = Form(exponent=0.3, hold=np.inf, floor=0.5, gain=0.0, window=0)
"""The statistics as they were first studied, before their breaks were mended."""

FORMS = {
    "shipped": SHIPPED,
    "study": STUDY,
    "loudness weights": SHIPPED._replace(exponent=0.3),
    "equal weights": SHIPPED._replace(exponent=0.0),
    "no hold": SHIPPED._replace(hold=np.inf),
    "gain left in": SHIPPED._replace(gain=0.0),
    "place of all time": SHIPPED._replace(window=0),
    "floor 0.5 dB": SHIPPED._replace(floor=0.5),
    "weights of 0.1": SHIPPED._replace(exponent=0.1),
    "weights of 0.2": SHIPPED._replace(exponent=0.2),
    "hold 5 dB": SHIPPED._replace(hold=5.0),
    "hold 20 dB": SHIPPED._replace(hold=20.0),
    "place in 0.5 s": SHIPPED._replace(window=13),
    "place in 2 s": SHIPPED._replace(window=51),
    "level in 40 ms": SHIPPED._replace(level_frames=1),
    "level in 120 ms": SHIPPED._replace(level_frames=3),
    "level in 160 ms": SHIPPED._replace(level_frames=4),
}
"""Forms that are compared: each changes one thing of the shipped one, but for the study's."""

FURTHER = ("colour", "directiveness", "roughness")
"""Parts that the model does without; see `_further_parts`."""

KEY = ["dataset", "stimulus", "signal"]


def both_signals(pairs: Iterable[RatedPair], filters: NDArray) -> Iterator[RatedPair]:
    """Bring pairs to 48 kHz, and add the binaural form of ambisonic ones.

    Args:
        pairs: of `qastanet.listening_tests.rated_pairs`; binaural ones pass as they are.
        filters: binaural decoder (2, channels, taps), for the tests that have no binaural signals.
    """
    for pair in pairs:
        at_rate = pair.at_model_rate()
        yield at_rate
        if pair.signal == "ambisonic" and pair.dataset != "aes2023":  # which has its own
            ears = [front_end.binaural(x, filters) for x in at_rate.signals]
            yield RatedPair(*pair[:2], "binaural", pair.order, *ears, SAMPLING_RATE)


def public_pairs(filters: NDArray) -> Iterator[RatedPair]:
    """Give the rated pairs of the public tests of spatial sound at 48 kHz, in both forms.

    Args:
        filters: see `both_signals`.
    """
    ratings = registry.path(registry.AMBIQUAL, "MUSHRA_experiment_2.csv")
    table = ambiqual_ratings.read_ambiqual2(ratings)
    first = ambiqual_pairs(table[table.order == 1])
    return both_signals(itertools.chain(aes2023_pairs(), first), filters)


def _further_parts(reference: Features, degraded: Features) -> NDArray:
    """Compare what the model does without.

    Returns:
        Long-term colour |mean (L_d - L_r - gain)| in dB, and the difference of the mean
        directiveness (0 where a signal has none), shape (2, 29).
    """
    c = cells(reference, degraded)
    colour = np.abs((c.weight * (c.level[1] - c.level[0] - c.gain)).sum(-1))[0]
    if reference.directiveness is None or degraded.directiveness is None:
        return np.stack([colour, np.zeros_like(colour)])
    flow = degraded.directiveness[0] - reference.directiveness[0]
    known = np.isfinite(flow)
    weight = np.where(known, c.heard[0], 0)
    share = (weight * np.where(known, flow, 0)).sum(-1) / np.maximum(weight.sum(-1), 1e-12)
    return np.stack([colour, np.abs(share)])


def compare_rated(
    pairs: Iterable[RatedPair], scorer: Scorer
) -> tuple[pd.DataFrame, dict[str, NDArray]]:
    """Compare rated pairs.

    Args:
        pairs: in all forms that shall be kept, see `qastanet.listening_tests.rated_pairs`.
        scorer: computes the features.

    Returns:
        Table with ``dataset``, ``stimulus`` and ``signal``, one row per pair; parts by form, shape
        (pairs, 7, 29); and under ``further`` those of `_further_parts` and, of the ears, that of
        `qastanet.hearing.roughness.roughness_change`, shape (pairs, 3, 29).
    """
    scorer = replace(scorer, directive=True)  # which the model itself does without
    rows, found = [], {name: [] for name in (*FORMS, "further")}
    for pair in tqdm(pairs, unit="pair"):
        signals = pair.at_model_rate().signals
        features = [scorer.features(np.ascontiguousarray(x)) for x in signals]
        ears = signals
        if pair.signal == "ambisonic":
            ears = [front_end.binaural(x, scorer.filters[0]) for x in signals]
        rows.append(pair[:3])
        for name, form in FORMS.items():
            found[name].append(parts(*features, form)[0])
        further = [*_further_parts(*features), roughness_change(*ears)]
        found["further"].append(np.stack(further))
    return pd.DataFrame(rows, columns=KEY), {name: np.stack(x) for name, x in found.items()}


def write_parts(table: pd.DataFrame, values: dict[str, NDArray], path: str | Path) -> None:
    """Write the parts with the names of their pairs, compressed, in single precision."""
    arrays = {f"form/{name}": np.float32(each) for name, each in values.items()}
    arrays |= {name: table[name].to_numpy(dtype=str) for name in KEY}
    with replacing(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def read_parts(path: str | Path) -> tuple[pd.DataFrame, dict[str, NDArray]]:
    """Read what `write_parts` wrote.

    Raises:
        InputError: if the file is something else
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            table = pd.DataFrame({name: archive[name] for name in KEY})
            values = {name: archive[f"form/{name}"].astype(float) for name in (*FORMS, "further")}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: cannot be read as parts of rated pairs ({error})") from error
    for name, each in values.items():
        count = len(FURTHER if name == "further" else PARTS)
        if each.shape != (len(table), count, N_BANDS):
            raise InputError(f"{path}: shape {each.shape} does not fit {len(table)} pairs")
    return table, values


def add_ratings(table: pd.DataFrame, ratings: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Add what is known of the rated stimuli to a table of pairs.

    Args:
        table: with ``dataset`` and ``stimulus``.
        ratings: tables of listening tests with ``content``, ``condition``, ``mean`` and mostly
            ``role``; see `qastanet.listening_tests.contents.raw_ratings`.

    Returns:
        The pairs that were rated, in their order, and ``row``, their place in the table.
    """
    columns = ["dataset", "stimulus", "content", "condition", "role", "mean"]
    numbered = table.assign(row=np.arange(len(table)))
    return numbered.merge(raw_ratings(ratings)[columns], on=["dataset", "stimulus"], how="inner")
