"""Other metrics behind one interface: (reference, degraded, sampling_rate) -> scores by name.

Signals are (channels, samples), full scale 1, aligned, equally long. `METRICS` holds what there is;
a metric is added by an entry there and one in `SCALES` for each of its scores. Metrics of one
channel give their mean, ``-worst`` and ``-first`` over the channels (see
`qastanet.rivals.channelwise`); those of packages that are not installed are passed over by `score`
with a message.
"""

import importlib.util
import logging
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from qastanet.errors import InputError
from qastanet.rivals.ambiqual import ambiqual
from qastanet.rivals.binaqual import binaqual
from qastanet.rivals.channelwise import log_spectral_distance, si_sdr
from qastanet.rivals.emobiq import emobiq
from qastanet.rivals.optional_metrics import PACKAGES, multi_resolution_stft, visqol, zimtohrli

Metric = Callable[[ArrayLike, ArrayLike, float], dict[str, float]]

logger = logging.getLogger(__name__)


def ambiqual_scores(
    reference: ArrayLike, degraded: ArrayLike, sampling_rate: float
) -> dict[str, float]:
    """Ambiqual of ambisonic signals (`qastanet.rivals.ambiqual`), not resampled, as in its release.

    Args:
        reference: shape (4, 9 or 16, samples).
        degraded: same shape.
        sampling_rate: Hz; of no influence.

    Returns:
        ``ambiqual-lq``, ``ambiqual-la``: 0..1.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((4, 48000))
        >>> round(ambiqual_scores(noise, noise, 48000)["ambiqual-la"], 4)
        0.4315
    """
    scores = ambiqual(reference, degraded)
    return {"ambiqual-lq": scores["lq"], "ambiqual-la": scores["la"]}


def binaqual_scores(
    reference: ArrayLike, degraded: ArrayLike, sampling_rate: float
) -> dict[str, float]:
    """BINAQUAL of binaural or ambisonic signals (`qastanet.rivals.binaqual`).

    Args:
        reference: shape (2, 4, 9 or 16, samples).
        degraded: same shape.
        sampling_rate: Hz; ears are not resampled, as in its release.

    Returns:
        ``binaqual``: the localisation similarity, 0..1.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((2, 48000))
        >>> round(binaqual_scores(noise, noise, 48000)["binaqual"], 4)
        1.0
    """
    return {"binaqual": binaqual(reference, degraded, int(sampling_rate))["ls"]}


METRICS: dict[str, Metric] = {
    "emobiq": emobiq,
    "ambiqual": ambiqual_scores,
    "binaqual": binaqual_scores,
    "lsd": log_spectral_distance,
    "si-sdr": si_sdr,
    "visqol": visqol,
    "zimtohrli": zimtohrli,
    "mrstft": multi_resolution_stft,
}
NEEDS = {"visqol": "visqol", "zimtohrli": "zimtohrli", "mrstft": "auraloss"}  # modules
AMBISONIC_ONLY = {"ambiqual"}
SPATIAL = {"ambiqual", "binaqual", "emobiq"}  # compare channels; not for mono
SINGLE = ("visqol", "zimtohrli", "si-sdr", "lsd", "mrstft")  # run on each channel by itself
PARTS = ("", "-worst", "-first", "-w")  # see channelwise and evidence.all_scores
# What to multiply a score by to have points of 0..100; the sign alone counts where there is no such
# scale: negative if a larger score means lower quality (see qastanet.agreement.correlations).
SCALES: dict[str, float | None] = {
    "qastanet-released": 100.0,
    "conformance-3": 100.0,
    "emobiq": 100.0,
    "emobiq-monaural": 100.0,
    "emobiq-binaural": 100.0,
    "ambiqual-lq": 100.0,
    "ambiqual-la": 100.0,
    "binaqual": 100.0,
}
SCALES |= {f"{m}{part}": None for m in ("visqol", "zimtohrli", "si-sdr") for part in PARTS}
SCALES |= {f"{m}{part}": -1.0 for m in ("lsd", "mrstft") for part in PARTS}
SCALES |= {"pemo-q": None, "bam-q": 1.0}


def installed(metric: str) -> bool:
    """Whether the package that a metric of `METRICS` needs is there.

    Example:
        >>> installed("lsd")
        True
    """
    return metric not in NEEDS or importlib.util.find_spec(NEEDS[metric]) is not None


def score(
    reference: ArrayLike,
    degraded: ArrayLike,
    sampling_rate: float,
    metrics: Sequence[str] | None = None,
) -> dict[str, float]:
    """Scores of several metrics; those that are not installed are passed over with a message.

    Args:
        reference: shape (channels, samples).
        degraded: same shape.
        sampling_rate: Hz.
        metrics: names from `METRICS`; by default all that take the number of channels.

    Returns:
        All scores by name.

    Raises:
        InputError: if a name is unknown or the signals cannot be used.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((1, 48000))
        >>> sorted(score(noise, noise, 48000, ["lsd"]))
        ['lsd', 'lsd-first', 'lsd-worst']
    """
    channels = len(np.atleast_2d(np.asarray(reference)))
    if metrics is None:
        unfit = (AMBISONIC_ONLY if channels == 2 else SPATIAL) if channels < 4 else set()
        metrics = [m for m in METRICS if m not in unfit]
    found: dict[str, float] = {}
    for name in metrics:
        if name not in METRICS:
            raise InputError(f"unknown metric {name!r}; use one of {', '.join(METRICS)}")
        if installed(name):
            found |= METRICS[name](reference, degraded, sampling_rate)
        else:
            logger.warning("%s skipped: pip install %s", name, PACKAGES[NEEDS[name]])
    return found
