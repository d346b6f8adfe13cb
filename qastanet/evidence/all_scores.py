"""Every metric on every rated pair: one row per stimulus and signal, one column per score.

What each metric is given:

* QASTAnet (released): the ambisonic pair at 48 kHz. The release cannot rate binaural signals.
* eMoBi-Q: the binaural pair, or the ambisonic one decoded to the ears, at 48 kHz.
* Ambiqual: the ambisonic pair at its own rate. A stimulus of lower order than its reference is
  compared in the channels that it has, the rest counts as absent (0.1) as in the release; mono is
  compared as first order with silent directional channels.
* BINAQUAL: the binaural pair at its own rate, or the ambisonic one decoded to the ears at 48 kHz.
* Single-channel metrics: the ears at 48 kHz, their mean (plain name) and the worse one
  (``-worst``), and for ambisonic pairs also the W channel (``-w``).
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray
from tqdm.auto import tqdm

from qastanet.hearing.differences import differences
from qastanet.hearing.features import binaural_features
from qastanet.listening_tests.contents import RATED
from qastanet.listening_tests.rated_pairs import RatedPair, aes2023_pairs
from qastanet.models.model import QASTAnet
from qastanet.rivals.emobiq import default_decoder
from qastanet.rivals.log_mel import log_mel_maps
from qastanet.rivals.other_metrics import METRICS, SCALES, SINGLE, installed, score
from qastanet.scene.parametric_scenes import SCENES
from qastanet.sound.ambisonics import channels
from qastanet.sound.sampling import SAMPLING_RATE

KEY = ["dataset", "stimulus", "signal"]
RELEASED = "qastanet-released"

logger = logging.getLogger(__name__)


def score_pair(pair: RatedPair, metrics: Sequence[str] = tuple(METRICS)) -> dict[str, float]:
    """Scores of a pair by all metrics but QASTAnet.

    Args:
        pair: of `qastanet.listening_tests.rated_pairs`.
        metrics: names from `qastanet.rivals.other_metrics.METRICS`.

    Returns:
        Scores by name, see the description of the module.
    """
    signals = ears = pair.at_model_rate().signals
    heard = (pair.reference, pair.degraded, pair.sampling_rate)
    found: dict[str, float] = {}
    if pair.signal == "ambisonic":
        decode = default_decoder(3)
        ears = [decode(torch.tensor(x)).numpy() for x in signals]
        heard = (*ears, SAMPLING_RATE)
        if "ambiqual" in metrics:
            used = slice(channels(max(pair.order, 1)))
            raw = (pair.reference[used], pair.degraded[used])
            found |= score(*raw, pair.sampling_rate, ["ambiqual"])
        front = score(signals[0][:1], signals[1][:1], SAMPLING_RATE, _both(metrics, SINGLE))
        found |= {f"{name}-w": value for name, value in front.items() if name in SINGLE}
    found |= score(*heard, _both(metrics, ["binaqual"]))
    by_ear = score(*ears, SAMPLING_RATE, _both(metrics, [*SINGLE, "emobiq"]))
    return found | {name: value for name, value in by_ear.items() if not name.endswith("-first")}


def score_pairs(
    pairs: Iterable[RatedPair], model: QASTAnet, jobs: int = 1
) -> tuple[pd.DataFrame, dict[tuple[str, str], dict[str, NDArray]]]:
    """Score pairs by all metrics and keep their difference maps.

    Metrics that are not installed are passed over with a message.

    Args:
        pairs: of `qastanet.listening_tests.rated_pairs`.
        model: the released QASTAnet.
        jobs: processes; the result does not depend on it.

    Returns:
        A table with the columns of `KEY`, ``qastanet-released`` (NaN for binaural signals) and the
        other scores; and (dataset, signal) -> stimulus -> difference maps, (4, 29, frames) of
        ambisonic pairs and (3, 29, frames) of binaural ones.
    """
    there = [name for name in METRICS if installed(name)]
    for name in sorted(set(METRICS) - set(there)):
        logger.warning("%s is not installed; its columns are kept as they were", name)
    rows, maps = [], {}
    run = Parallel(jobs, return_as="generator")(delayed(_score)(x, model, there) for x in pairs)
    for key, difference, scores in tqdm(run, unit="pair"):
        rows.append(dict(zip(KEY, key, strict=True)) | scores)
        maps.setdefault((key[0], key[2]), {})[key[1]] = difference
    return pd.DataFrame(rows), maps


def _score(
    pair: RatedPair, model: QASTAnet, metrics: Sequence[str]
) -> tuple[tuple[str, str, str], NDArray, dict[str, float]]:
    """Key, difference maps and all scores of a pair, on one core."""
    torch.set_num_threads(1)
    difference, quality = released_differences(pair, model)
    return pair[:3], difference, {RELEASED: quality} | score_pair(pair, metrics)


def released_differences(pair: RatedPair, model: QASTAnet) -> tuple[NDArray, float]:
    """Difference maps of a pair, and the released score where there is one.

    Args:
        pair: of `qastanet.listening_tests.rated_pairs`.
        model: the released QASTAnet, whose decoder is used.

    Returns:
        (4, 29, frames) and the score for an ambisonic pair; (3, 29, frames), with the power of each
        ear raised to the threshold of hearing, and NaN for a binaural one.
    """
    if pair.signal == "binaural":
        return binaural_differences(pair), float("nan")
    tensors = [torch.tensor(x).unsqueeze(0) for x in pair.at_model_rate().signals]
    with torch.inference_mode():
        maps = model.differences(*tensors)
        return maps[0, 0].numpy(), float(model.score_differences(maps))


def binaural_differences(pair: RatedPair) -> NDArray:
    """Difference maps (3, 29, frames) of a binaural pair: ILD, coherence, power of the ears.

    Args:
        pair: of `qastanet.listening_tests.rated_pairs`, in binaural form.
    """
    signals = pair.at_model_rate().signals
    with torch.inference_mode():
        found = [binaural_features(torch.tensor(x).unsqueeze(0)) for x in signals]
        return differences(*found)[0].numpy()


def listen_in(pairs: Iterable[RatedPair], maps: dict[str, NDArray]) -> Iterator[RatedPair]:
    """Pass pairs on, and keep how the mel spectra of the binaural ones differ.

    Args:
        pairs: at 48 kHz.
        maps: stimulus -> differences of `qastanet.rivals.log_mel.log_mel_maps`; filled.
    """
    for pair in pairs:
        if pair.signal == "binaural":
            maps[pair.stimulus] = log_mel_maps(pair.reference, pair.degraded)
        yield pair


def released_realisations(model: QASTAnet, seeds: Sequence[int]) -> pd.DataFrame:
    """Released scores of other realisations of the noise and the diffuse tails of AES 2023.

    Args:
        model: the released QASTAnet.
        seeds: of the random parts, see `qastanet.listening_tests.rated_pairs.aes2023_pairs`.

    Returns:
        ``seed``, ``stimulus``, ``qastanet-released``; only the scenes that have random parts.
    """
    contents = [n for n, scene in SCENES.items() if scene.room or scene.sources[0][0] is None]
    return pd.DataFrame(
        {"seed": seed, "stimulus": pair.stimulus, RELEASED: released_differences(pair, model)[1]}
        for seed in seeds
        for pair in aes2023_pairs(contents=contents, seed=seed)
        if pair.signal == "ambisonic"
    )


def rated_scores(
    rated: pd.DataFrame,
    scores: pd.DataFrame,
    reported: pd.DataFrame,
    kept: str | Path | None = None,
) -> pd.DataFrame:
    """Put ratings and scores side by side.

    Args:
        rated: with the columns `qastanet.listening_tests.contents.RATED`.
        scores: of `score_pairs`.
        reported: scores of the AES 2023 authors, of
            `qastanet.listening_tests.aes2023.reported_metrics`; for its binaural rows.
        kept: an earlier table, for columns that could not be computed; None or a missing file if
            there is none.

    Returns:
        One row per stimulus and signal that was scored: what is known of the stimulus, ``signal``,
        and one column per metric.
    """
    heard = reported.assign(dataset="aes2023", signal="binaural")
    table = rated.merge(scores, on=["dataset", "stimulus"]).merge(
        heard, on=["dataset", "content", "condition", "signal"], how="left"
    )
    if kept is not None and Path(kept).is_file():
        table = _keep_missing(table, pd.read_csv(kept))
    first = [*RATED[:8], "signal", *RATED[8:]]
    known = [name for name in SCALES if name in table]
    return table[first + known].sort_values(["dataset", "signal"], kind="stable")


def _keep_missing(new: pd.DataFrame, old: pd.DataFrame) -> pd.DataFrame:
    """Fill the columns that could not be computed from a table that was computed before."""
    return new.merge(old[KEY + [name for name in old if name not in new]], on=KEY, how="left")


def _both(first: Sequence[str], second: Iterable[str]) -> list[str]:
    return [name for name in second if name in first]
