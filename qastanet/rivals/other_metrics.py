"""Other metrics behind one interface: (reference, degraded, sampling_rate) -> scores by name.

Signals are (channels, samples), full scale 1, aligned, equally long. `KNOWN` holds what there is,
one record for each metric. Metrics of one channel give their mean, ``-worst`` and ``-first`` over
the channels (see `qastanet.rivals.channelwise`); those of packages that are not installed are
passed over by `score` with a message.
"""

import importlib.util
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qastanet.errors import InputError
from qastanet.rivals.ambiqual import ambiqual
from qastanet.rivals.binaqual import binaqual
from qastanet.rivals.channelwise import log_spectral_distance, si_sdr
from qastanet.rivals.emobiq import emobiq
from qastanet.rivals.log_mel import log_mel_distance
from qastanet.rivals.optional_metrics import PACKAGES, multi_resolution_stft, visqol, zimtohrli

PARTS = ("", "-worst", "-first", "-w")
"""Scores of a metric of one channel, see channelwise and evidence.all_scores."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Metric:
    """What is known of a metric.

    Attributes:
        labels: name of each score -> how it is called; a minus stands before distances, which are
            turned round in figures.
        scale: what to multiply a score by to have points of 0..100; the sign alone counts where
            there is no such scale: negative if a larger score means lower quality; None to be found
            by a mapping (see `qastanet.agreement.correlations`).
        compute: (reference, degraded, sampling_rate) -> scores by name; None if others report them.
        module: what is imported for it and need not be installed.
        ambisonic_only: it takes no ears.
        spatial: it compares channels, so it takes no mono.
        single: it knows one channel and is run on each by itself.
    """

    labels: Mapping[str, str]
    scale: float | None
    compute: Callable[[ArrayLike, ArrayLike, float], dict[str, float]] | None = None
    module: str = ""
    ambisonic_only: bool = False
    spatial: bool = False
    single: bool = False

    @property
    def scores(self) -> list[str]:
        """Names of all its scores."""
        parts = PARTS if self.single else ("",)
        return [f"{name}{part}" for name in self.labels for part in parts]


def _ambiqual(reference: ArrayLike, degraded: ArrayLike, _: float) -> dict[str, float]:
    """Take two numbers of Ambiqual, which knows no sampling rate."""
    scores = ambiqual(reference, degraded)
    return {"ambiqual-lq": scores["lq"], "ambiqual-la": scores["la"]}


def _binaqual(reference: ArrayLike, degraded: ArrayLike, sampling_rate: float) -> dict[str, float]:
    """Take one number of BINAQUAL."""
    return {"binaqual": binaqual(reference, degraded, int(sampling_rate))["ls"]}


KNOWN = {
    "qastanet-released": Metric({"qastanet-released": "QASTAnet, released"}, 100.0),
    "conformance-3": Metric({"conformance-3": "Ours, frozen before the neural test"}, 100.0),
    "emobiq": Metric(
        {
            "emobiq": "eMoBi-Q",
            "emobiq-monaural": "eMoBi-Q, monaural",
            "emobiq-binaural": "eMoBi-Q, binaural",
        },
        100.0,
        emobiq,
        spatial=True,
    ),
    "ambiqual": Metric(
        {"ambiqual-lq": "Ambiqual LQ", "ambiqual-la": "Ambiqual LA"},
        100.0,
        _ambiqual,
        ambisonic_only=True,
        spatial=True,
    ),
    "binaqual": Metric({"binaqual": "BINAQUAL"}, 100.0, _binaqual, spatial=True),
    "visqol": Metric({"visqol": "ViSQOL, ears"}, None, visqol, "visqol", single=True),
    "zimtohrli": Metric(
        {"zimtohrli": "Zimtohrli, ears"}, None, zimtohrli, "zimtohrli", single=True
    ),
    "si-sdr": Metric({"si-sdr": "SI-SDR, ears"}, None, si_sdr, single=True),
    "lsd": Metric(
        {"lsd": "−Log-spectral distance, ears"}, -1.0, log_spectral_distance, single=True
    ),
    "log-mel": Metric(
        {"log-mel": "−Log-mel distance, ears"}, -1.0, log_mel_distance, "librosa", single=True
    ),
    "mrstft": Metric(
        {"mrstft": "−MR-STFT distance, ears"}, -1.0, multi_resolution_stft, "auraloss", single=True
    ),
    "pemo-q": Metric({"pemo-q": "PEMO-Q (authors' values)"}, None),
    "bam-q": Metric({"bam-q": "BAM-Q (authors' values)"}, 1.0),
}
"""What is known of each metric; a new one needs a line here and nothing else."""

METRICS = {name: metric for name, metric in KNOWN.items() if metric.compute}
"""Those that are computed here."""

SINGLE = tuple(name for name, metric in METRICS.items() if metric.single)
"""Those that are run on each channel by itself."""

SCALES = {score: metric.scale for metric in KNOWN.values() for score in metric.scores}
"""Name of a score -> its scale, see `Metric`."""


def installed(metric: str) -> bool:
    """Whether the package that a metric of `METRICS` needs is there.

    Example:
        >>> installed("lsd")
        True
    """
    module = METRICS[metric].module
    return not module or importlib.util.find_spec(module) is not None


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
        unfit = "ambisonic_only" if channels == 2 else "spatial"
        metrics = [m for m, known in METRICS.items() if channels >= 4 or not getattr(known, unfit)]
    found: dict[str, float] = {}
    for name in metrics:
        if name not in METRICS:
            raise InputError(f"unknown metric {name!r}; use one of {', '.join(METRICS)}")
        if installed(name):
            found |= METRICS[name].compute(reference, degraded, sampling_rate)
        else:
            logger.warning("%s skipped: pip install %s", name, PACKAGES[METRICS[name].module])
    return found
