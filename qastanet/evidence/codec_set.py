"""Scoring the pairs of the codec set, and their difference maps."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from qastanet.listening_tests.ambiqual_ratings import Pair, ambiqual_file
from qastanet.scoring.loading import load_model
from qastanet.sound.pairs.preparation import prepare_files


def score_codec_set(
    pairs: Iterable[Pair], model: str
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Score pairs of public files of the codec set, fetched as needed.

    Args:
        pairs: of `qastanet.listening_tests.ambiqual_ratings`
        model: name of the model, see `qastanet.scoring.loading.load_model`

    Returns:
        a table with stimulus, condition, bitrate (NaN for a reference), reference, degraded,
        sampling_rate, duration_s, model, score; and stimulus -> difference maps (4, 29, frames)
        for the first head of the model
    """
    loaded = load_model(model)
    rows, maps = [], {}
    for pair in tqdm(list(pairs), unit="pair"):
        *sounds, report = prepare_files(*map(ambiqual_file, pair[1:]))
        signals = [torch.from_numpy(x).unsqueeze(0) for x in sounds]
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
                **{name: report[name] for name in ("sampling_rate", "duration_s")},
                "model": model,
                "score": score,
            }
        )
        maps[pair.stimulus] = difference[0, 0].numpy()
    return pd.DataFrame(rows), maps
