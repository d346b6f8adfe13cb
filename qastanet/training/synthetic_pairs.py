"""Synthetic pairs for pre-training: statistics of the pair, and what other metrics say of it.

A scene is rendered at first and third order and to the ears, and each form is degraded in several
ways (`qastanet.scene.degradations`). The other metrics that the model learns from are eMoBi-Q and
the two outputs of Ambiqual, slightly adapted
(`qastanet.training.pair_statistics`).

A second kind of pairs says what is common knowledge of MUSHRA tests rather than the outcome of one:
the anchors of ITU-R BS.1534 (low-pass at 3.5 and 7 kHz) are rated about 20 and 45, and neither 1 dB
of level nor a shift by less than a millisecond matters.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from qastanet.scene.degradations import degrade, draw
from qastanet.scene.synthetic_scenes import random_scene, render
from qastanet.sound.binaural import BinauralDecoder
from qastanet.training.pair_statistics import Heard, compare

PLAN = (4, 4, 4, 4, 16, 16, 2, 2, 2)
"""Channels of the degraded pairs made of a scene."""

TWICE = 0.2
"""Share of the pairs that are degraded in two ways, one after the other."""

COMMON = {
    ("lowpass", 3500.0): 0.20,
    ("lowpass", 7000.0): 0.45,
    ("gain", 1.0): 0.97,
    ("gain", -1.0): 0.97,
    ("shift", 10.0): 1.0,
    ("shift", 24.0): 1.0,
}
"""Degradation and strength (Hz, dB, samples) -> rating taken as common knowledge, 0..1."""


def drawn_pairs(scenes: Iterable[int], decoder: BinauralDecoder):
    """Make pairs with degradations drawn at random.

    Args:
        scenes: seeds of the scenes.
        decoder: of the ambisonic pairs.

    Returns:
        Table (scene, channels, degradation, emobiq, lq, la; one row per pair) and statistics, shape
        (pairs, 13, 29).
    """
    rows, found = [], []
    for scene in tqdm(list(scenes), desc="scenes", unit="scene"):
        forms = _forms(scene, decoder)
        for index, channels in enumerate(PLAN):
            seed = 1000 * scene + index
            chain = [draw(channels, seed)]
            if np.random.default_rng([23, seed]).random() < TWICE:
                chain.append(draw(channels, seed + 500))
            degraded = forms[channels].signal
            for name, strength in chain:
                degraded = degrade(degraded, name, strength, seed)
            label = " + ".join(f"{name} {strength:g}" for name, strength in chain)
            row, values = compare(forms[channels], Heard(degraded, decoder))
            rows.append({"scene": scene, "channels": channels, "degradation": label} | row)
            found.append(values)
    return pd.DataFrame(rows), np.stack(found)


def common_pairs(scenes: Iterable[int], decoder: BinauralDecoder):
    """Make the pairs whose rating is common knowledge.

    Args:
        scenes: seeds of the scenes.
        decoder: of the ambisonic pairs.

    Returns:
        As `drawn_pairs`, with the column ``rating`` (0..1) instead of the metrics.
    """
    rows, found = [], []
    for scene in tqdm(list(scenes), desc="scenes", unit="scene"):
        forms = _forms(scene, decoder)
        for channels in (4, 2):
            odd = scene % 2
            gain, shift = (1.0, 24.0) if odd else (-1.0, 10.0)
            for key in (("lowpass", 3500.0), ("lowpass", 7000.0), ("gain", gain), ("shift", shift)):
                reference = forms[channels].signal
                if key[0] == "shift":
                    degraded = np.pad(reference, ((0, 0), (int(shift), 0)))[:, : -int(shift)]
                else:
                    degraded = degrade(reference, *key)
                label = f"{key[0]} {key[1]:g}"
                row = {"scene": scene, "channels": channels, "degradation": label}
                rows.append(row | {"rating": COMMON[key]})
                found.append(compare(forms[channels], Heard(degraded, decoder), metrics=False)[1])
    return pd.DataFrame(rows), np.stack(found)


def _forms(scene: int, decoder: BinauralDecoder) -> dict[int, Heard]:
    """A scene at first order (4 channels), third order (16) and at the ears (2)."""
    full = Heard(render(random_scene(scene), 3), decoder)
    return {16: full, 4: Heard(full.signal[:4], decoder), 2: Heard(full.ears, decoder)}


def main(folder: str) -> None:
    """Make all pairs anew (about 20 minutes on one core) and write them into a folder."""
    from qastanet.sound.binaural import design_decoder
    from qastanet.storage import write_table
    from qastanet.training.training_sets import write_statistics

    decoder = design_decoder()
    found = {
        "synthetic": drawn_pairs(range(100), decoder),
        "common": common_pairs(range(100, 140), decoder),
    }
    for name, (table, values) in found.items():
        write_table(table, Path(folder) / f"{name}_pairs.csv", 4)
        write_statistics(values, Path(folder) / f"{name}_statistics.npz")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "data/processed")
