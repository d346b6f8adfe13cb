"""Synthetic pairs for pre-training: statistics of the pair, and what other metrics say of it.

A scene is rendered at first and third order and to the ears, and each form is degraded in several
ways (`qastanet.degradations`). The other metrics that the model learns from are eMoBi-Q and the two
outputs of Ambiqual, slightly adapted: eMoBi-Q looks at the first 2 s of every pair, as its binaural
part grows with the duration; of a binaural pair, Ambiqual sees middle and side signal as W and Y.

A second kind of pairs says what is common knowledge of MUSHRA tests rather than the outcome of one:
the anchors of ITU-R BS.1534 (low-pass at 3.5 and 7 kHz) are rated about 20 and 45, and neither 1 dB
of level nor a shift by less than a millisecond matters.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from qastanet import fast
from qastanet.ambiqual import EXPONENTS, _channel_similarity
from qastanet.binaural import BinauralDecoder
from qastanet.degradations import degrade, draw
from qastanet.emobiq import binaural_quality, monaural_quality
from qastanet.feature_statistics import statistics
from qastanet.features import Features
from qastanet.synthetic_scenes import random_scene, render

PLAN = (4, 4, 4, 4, 16, 16, 2, 2, 2)
"""Channels of the degraded pairs made of a scene."""

TWICE = 0.2
"""Share of the pairs that are degraded in two ways, one after the other."""

LONG = 10
"""Frames of 40 ms in a frame of eMoBi-Q."""

FRAMES = 5
"""Frames of eMoBi-Q that are looked at."""

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
        forms = _Forms(scene, decoder)
        for index, channels in enumerate(PLAN):
            seed = 1000 * scene + index
            chain = [draw(channels, seed)]
            if np.random.default_rng([23, seed]).random() < TWICE:
                chain.append(draw(channels, seed + 500))
            degraded = forms[channels].signal
            for name, strength in chain:
                degraded = degrade(degraded, name, strength, seed)
            label = " + ".join(f"{name} {strength:g}" for name, strength in chain)
            row, values = forms.compare(channels, degraded)
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
        forms = _Forms(scene, decoder)
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
                found.append(forms.statistics(channels, degraded))
    return pd.DataFrame(rows), np.stack(found)


class _Form:
    """A signal with its features."""

    def __init__(self, signal: NDArray, decoder: BinauralDecoder):
        self.signal = signal
        self.ears = signal if len(signal) == 2 else decoder(torch.from_numpy(signal)).numpy()
        self.features = fast.features(signal, [decoder.filters.numpy()])
        long = fast.long_frames(self.ears, LONG)[:3]
        self.long = Features(*(torch.from_numpy(x[..., :FRAMES]) for x in long))


class _Forms:
    """A scene at first order (4 channels), third order (16) and at the ears (2)."""

    def __init__(self, scene: int, decoder: BinauralDecoder):
        full = render(random_scene(scene), 3)
        self.decoder = decoder
        whole = _Form(full, decoder)
        self.forms = {16: whole, 4: _Form(full[:4], decoder), 2: _Form(whole.ears, decoder)}

    def __getitem__(self, channels: int) -> _Form:
        return self.forms[channels]

    def statistics(self, channels: int, degraded: NDArray) -> NDArray:
        """Statistics of a pair, shape (13, 29)."""
        other = _Form(degraded, self.decoder)
        return statistics(self.forms[channels].features, other.features)[0]

    def compare(self, channels: int, degraded: NDArray) -> tuple[dict[str, float], NDArray]:
        """Scores of the other metrics, and statistics, of a pair."""
        reference, other = self.forms[channels], _Form(degraded, self.decoder)
        qualities = (f(reference.long, other.long) for f in (monaural_quality, binaural_quality))
        similarity = _similarities(reference.signal, degraded)
        exponents = np.array([EXPONENTS.get(k, 0.0) for k in range(len(similarity))])
        la = np.prod(np.maximum(similarity, 1e-3) ** exponents)
        row = {"emobiq": min(qualities), "lq": float(similarity[0]), "la": float(la)}
        return row, statistics(reference.features, other.features)[0]


def _similarities(reference: NDArray, degraded: NDArray) -> NDArray:
    """Phase similarity per channel; of a binaural pair, of middle and side."""
    pair = [np.asarray(x, dtype=float) for x in (reference, degraded)]
    if len(reference) == 2:
        pair = [np.stack([x[0] + x[1], x[0] - x[1]]) / 2 for x in pair]
    wanted = (k == 0 or EXPONENTS.get(k, 0) > 0 for k in range(len(pair[0])))
    return np.array(
        [
            _channel_similarity(a, b) if used else 1.0
            for a, b, used in zip(*pair, wanted, strict=True)
        ]
    )
