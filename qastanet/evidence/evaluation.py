"""Scoring the pairs of a listening test."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from qastanet.listening_tests.ambiqual_ratings import Pair, ambiqual_file
from qastanet.scoring.loading import load_model
from qastanet.sound.checks import check_pair
from qastanet.sound.sampling import SAMPLING_RATE, resample
from qastanet.sound.sound_files import read


def score_pairs(
    pairs: Iterable[Pair], model: str, progress: bool = True
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Score pairs of public files, fetched as needed.

    Args:
        pairs: of `qastanet.listening_tests.ambiqual_ratings`
        model: name of the model, see `qastanet.scoring.loading.load_model`
        progress: show a progress bar

    Returns:
        a table with stimulus, condition, bitrate (NaN for a reference), reference, degraded,
        sampling_rate, duration_s, model, score; and stimulus -> difference maps (4, 29, frames)
        for the first head of the model
    """
    loaded = load_model(model)
    rows, maps = [], {}
    for pair in tqdm(list(pairs), unit="pair", disable=not progress):
        (ref, ref_rate), (deg, deg_rate) = (read(ambiqual_file(name)) for name in pair[1:])
        check_pair(ref, deg, (ref_rate, deg_rate), pair[1:])
        signals = [
            torch.from_numpy(resample(x, ref_rate, SAMPLING_RATE)).unsqueeze(0) for x in (ref, deg)
        ]
        with torch.inference_mode():
            difference = loaded.differences(*signals)
            score = float(loaded.score_differences(difference))
        condition = pair.stimulus.rsplit("_", 1)[1]
        rows.append(
            {
                "stimulus": pair.stimulus,
                "condition": condition,
                "bitrate": float(condition[3:]) if condition.startswith("FOA") else np.nan,
                "reference": pair.reference,
                "degraded": pair.degraded,
                "sampling_rate": ref_rate,
                "duration_s": ref.shape[1] / ref_rate,
                "model": model,
                "score": score,
            }
        )
        maps[pair.stimulus] = difference[0, 0].numpy()
    return pd.DataFrame(rows), maps
