"""How a metric reacts to one thing at a time: duration, level, delay, bandwidth.

A *change* turns a pair of signals (2, channels, samples) into another pair. `probe` applies a row
of changes and tabulates the scores.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import scipy.signal
import torch
from numpy.typing import NDArray

from qastanet.hearing.gammatone import N_BANDS
from qastanet.listening_tests.rated_pairs import aes2023_pairs, ambiqual_pairs
from qastanet.models.model import QASTAnet
from qastanet.rivals.emobiq import emobiq
from qastanet.scoring.pair_scores import score
from qastanet.sound.sampling import FRAME, SAMPLING_RATE

Change = Callable[[NDArray], NDArray]
Score = Callable[[NDArray, NDArray], float]
COLUMNS = ["metric", "probe", "pair", "value", "unit", "duration_s", "score"]


def probe(
    scores: Mapping[str, Score],
    name: str,
    pairs: Mapping[str, NDArray],
    values: Sequence[float],
) -> pd.DataFrame:
    """Score changed pairs.

    Args:
        scores: metric -> function of reference and degraded signal, (channels, samples) each.
        name: of the probe, from `PROBES`.
        pairs: name -> reference and degraded signal at 48 kHz, shape (2, channels, samples).
        values: what to set the change to, in the unit of the probe.

    Returns:
        One row per metric, pair and value with the columns `COLUMNS`.

    Example:
        >>> gap = {"gap": lambda x, y: float(abs(x - y).max())}
        >>> pair = {"noise": np.stack([np.ones((1, 480)), np.zeros((1, 480))])}
        >>> probe(gap, "degraded louder", pair, [6.0]).score.tolist()
        [1.0]
    """
    make, unit = PROBES[name]
    changes = {value: make(value) for value in values}
    rows = []
    for metric, rate in scores.items():
        for label, signals in pairs.items():
            for value, change in changes.items():
                changed = change(signals)
                duration = changed.shape[-1] / SAMPLING_RATE
                row = (metric, name, label, value, unit, duration, rate(*changed))
                rows.append(dict(zip(COLUMNS, row, strict=True)))
    return pd.DataFrame(rows)


RELEASED: dict[str, Score] = {
    "qastanet-released": lambda *pair: score(*pair, SAMPLING_RATE, model="released")
}
RIVAL: dict[str, Score] = {"emobiq": lambda *pair: emobiq(*pair, SAMPLING_RATE)["emobiq"]}
"""Metric -> its score of reference and degraded signal at 48 kHz."""


def rated_signals(
    codec_set: pd.DataFrame, contents: Sequence[str], names: Mapping[str, str]
) -> dict[str, NDArray]:
    """Ambisonic signals of some rated stimuli, ready for `probe`.

    Args:
        codec_set: table of an Ambiqual experiment, see `qastanet.listening_tests.ambiqual_ratings`.
        contents: scenes of the AES 2023 test that are looked through.
        names: stimulus -> how to call it.

    Returns:
        Name -> reference and degraded signal at 48 kHz, shape (2, channels, samples).
    """
    chosen = codec_set[codec_set.stimulus.isin(list(names))]
    pairs = itertools.chain(ambiqual_pairs(chosen), aes2023_pairs(contents=contents))
    return {
        names[pair.stimulus]: np.stack(pair.at_model_rate().signals)
        for pair in pairs
        if pair.stimulus in names and pair.signal == "ambisonic"
    }


def _both_louder(level: float) -> Change:
    """Raise both signals by a level in dB."""
    return lambda pair: pair * np.float32(10 ** (level / 20))


def _degraded_louder(level: float) -> Change:
    """Raise the degraded signal alone by a level in dB."""
    gain = np.float32(10 ** (level / 20))
    return lambda pair: np.stack([pair[0], pair[1] * gain])


def _delayed(milliseconds: float) -> Change:
    """Delay the degraded signal; what moves beyond the end is lost."""
    samples = round(milliseconds / 1000 * SAMPLING_RATE)

    def change(pair: NDArray) -> NDArray:
        late = np.zeros_like(pair[1])
        late[:, samples:] = pair[1][:, : late.shape[1] - samples]
        return np.stack([pair[0], late])

    return change


def _reference_lowpassed(cutoff: float) -> Change:
    """Compare the reference with itself, low-passed (Butterworth, order 8, without delay)."""
    sos = scipy.signal.butter(4, cutoff, fs=SAMPLING_RATE, output="sos")  # forwards and backwards

    def change(pair: NDArray) -> NDArray:
        filtered = scipy.signal.sosfiltfilt(sos, pair[0], axis=-1).astype(pair.dtype)
        return np.stack([pair[0], filtered])

    return change


def _tiled(times: float) -> Change:
    """Play the pair several times over, or cut it to a part of its length."""

    def change(pair: NDArray) -> NDArray:
        samples = round(times * pair.shape[-1])
        return np.tile(pair, math.ceil(times))[..., :samples]

    return change


PROBES: dict[str, tuple[Callable[[float], Change], str]] = {
    "tiled": (_tiled, "lengths"),
    "both louder": (_both_louder, "dB"),
    "degraded louder": (_degraded_louder, "dB"),
    "delay": (_delayed, "ms"),
    "low-pass": (_reference_lowpassed, "Hz"),
}
"""Probe -> what makes its change, and the unit of its values."""


def score_of_identical(model: QASTAnet, durations: Sequence[float]) -> pd.DataFrame:
    """Scores of a signal compared with itself, for several durations in seconds.

    All differences of identical signals are zero, whatever the signal, so none is needed.

    Args:
        model: any QASTAnet.
        durations: in seconds.

    Returns:
        Table with the columns `COLUMNS`.
    """
    features = model.network.n_features
    rows = []
    for duration in durations:
        frames = int(duration * SAMPLING_RATE) // FRAME
        with torch.inference_mode():
            nothing = torch.zeros(1, 1, features, N_BANDS, frames)
            score = float(model.score_differences(nothing))
        rows.append((f"qastanet-{model.name}", "identical", "any", duration, "s", duration, score))
    return pd.DataFrame(rows, columns=COLUMNS)
