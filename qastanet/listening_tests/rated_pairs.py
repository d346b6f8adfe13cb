"""The sounds behind the rated stimuli of every listening test, one pair at a time.

Ambisonic pairs are ACN and SN3D. Where a stimulus has fewer ambisonic channels than its reference
(first-order coding of a third-order scene), both keep the channels of the reference and ``order``
says how many of the degraded signal are not empty.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qastanet import registry
from qastanet.listening_tests import ambiqual_ratings, neural2024
from qastanet.scene.parametric_coding import REPOSITORY, stimuli
from qastanet.scene.parametric_scenes import RATE, SCENES
from qastanet.sound.ambisonics import channels, n3d_to_sn3d, order_of
from qastanet.sound.files.reading import read
from qastanet.sound.sampling import SAMPLING_RATE, resample
from qastanet.storage import write_rows

ORDERS = {"FOA": 1, "Mono": 0}


class RatedPair(NamedTuple):
    """A reference and a rated signal.

    Attributes:
        dataset: listening test.
        stimulus: name of the rated signal.
        signal: ``ambisonic`` or ``binaural``.
        order: ambisonic order of the rated signal; 0 for mono.
        reference: shape (channels, samples).
        degraded: same shape.
        sampling_rate: Hz.
    """

    dataset: str
    stimulus: str
    signal: str
    order: int
    reference: NDArray
    degraded: NDArray
    sampling_rate: int

    @property
    def signals(self) -> tuple[NDArray, NDArray]:
        """Reference and degraded signal."""
        return self.reference, self.degraded

    def at_model_rate(self) -> "RatedPair":
        """Return the pair at 48 kHz, in single precision."""
        first, second = (resample(x, self.sampling_rate, SAMPLING_RATE) for x in self.signals)
        return self._replace(reference=first, degraded=second, sampling_rate=SAMPLING_RATE)


def upstream(path: str):
    """Local path of a file of the AES 2023 repository, fetched if needed."""
    return registry.path(REPOSITORY, path)


def aes2023_pairs(contents: Sequence[str] = tuple(SCENES), seed: int = 0) -> Iterator[RatedPair]:
    """Pairs of the AES 2023 test: each stimulus as ambisonics and as it was heard.

    Args:
        contents: scenes, see `qastanet.scene.parametric_scenes`.
        seed: of the random parts.

    Yields:
        For each of the 7 stimuli of a scene the ambisonic pair (third order, 16 channels, empty
        ones zero) and the binaural pair, at 44.1 kHz.
    """
    reference: dict[str, NDArray] = {}
    for item in stimuli(upstream, seed, contents):
        signals = {"ambisonic": n3d_to_sn3d(item.ambisonic), "binaural": item.binaural}
        if item.condition == "reference":
            reference = signals
        name = f"{item.content}_{item.condition}"
        order = ORDERS.get(item.condition, 3)
        for signal, samples in signals.items():
            yield RatedPair("aes2023", name, signal, order, reference[signal], samples, RATE)


def ambiqual_pairs(table: pd.DataFrame) -> Iterator[RatedPair]:
    """Pairs of the Ambiqual experiments whose files are at hand.

    Args:
        table: of `qastanet.listening_tests.ambiqual_ratings`, with ``dataset``, ``stimulus`` and
            the file names ``reference`` and ``degraded``.

    Yields:
        Ambisonic pairs, cut to a common length; a first-order coding of a third-order scene is
        filled up with empty channels.
    """
    for row in table.itertuples():
        entries = [
            registry.find(registry.AMBIQUAL, f"validation/audiofiles/{name}")
            for name in (row.reference, row.degraded)
        ]
        if all(registry.at_hand(entry) for entry in entries):
            (reference, rate), (degraded, _) = (read(registry.fetch(entry)) for entry in entries)
            order = order_of(len(degraded))
            samples = min(reference.shape[1], degraded.shape[1])
            filled = np.zeros((len(reference), samples), dtype=degraded.dtype)
            filled[: channels(order)] = degraded[:, :samples]
            yield RatedPair(
                row.dataset, row.stimulus, "ambisonic", order, reference[:, :samples], filled, rate
            )


def neural2024_pairs(table: pd.DataFrame) -> Iterator[RatedPair]:
    """Binaural pairs of the neural speech codecs whose sounds are published, at 24 kHz.

    Args:
        table: of `qastanet.listening_tests.neural2024.rating_table`.
    """
    for row in table.dropna(subset="degraded").itertuples():
        (reference, rate), (degraded, _) = (
            read(neural2024.sound(name)) for name in (row.reference, row.degraded)
        )
        yield RatedPair(row.dataset, row.stimulus, "binaural", 0, reference, degraded, rate)


def write_manifest(path: str | Path) -> None:
    """Write a manifest of the public pairs that are files: the codings of the codec set.

    Args:
        path: CSV file for `qastanet batch`, with the columns reference, degraded, content and
            condition; the files are fetched if they are not at hand.
    """
    rows = []
    for pair in ambiqual_ratings.ambiqual2_pairs():
        if pair.degraded != pair.reference:
            content, _, condition = pair.stimulus.rpartition("_")
            names = {"reference": pair.reference, "degraded": pair.degraded}
            files = {
                k: ambiqual_ratings.ambiqual_file(name).absolute() for k, name in names.items()
            }
            rows.append(files | {"content": content, "condition": condition})
    write_rows(rows, path)


if __name__ == "__main__":
    write_manifest(sys.argv[1])
