"""Metrics from packages that need not be there: ViSQOL, Zimtohrli, a multi-resolution distance.

``pip install qastanet[rivals]`` brings all three. They know one channel only and are run on each
channel by itself, see `qastanet.rivals.channelwise`. Tried with visqol-python 3.8.0, zimtohrli
0.2.1 and auraloss 0.4.0.
"""

import importlib.util
from functools import lru_cache

import numpy as np
import scipy.signal
from numpy.typing import ArrayLike, NDArray

from qastanet.errors import InputError
from qastanet.rivals.channelwise import by_channel

RATE = 48000  # Hz, of ViSQOL and Zimtohrli
PACKAGES = {
    **{"visqol": "visqol-python", "zimtohrli": "zimtohrli", "auraloss": "auraloss"},
    "librosa": "librosa",
}
"""Module -> what pip installs for it."""

LOWEST = 1.0  # of the scale of mean opinion scores
WINDOW = 2048  # samples, the longest of the multi-resolution distance


def visqol(reference: ArrayLike, degraded: ArrayLike, sampling_rate: float) -> dict[str, float]:
    """ViSQOL in audio mode, on each channel (package visqol-python).

    Args:
        reference: shape (channels, samples); resampled to 48 kHz.
        degraded: same shape.
        sampling_rate: Hz.

    Returns:
        ``visqol``, ``visqol-worst``, ``visqol-first``: 1..5, 4.73 for identical signals, 1 for a
        lost channel.

    Raises:
        InputError: if the package is not installed.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((2, 48000))
        >>> round(visqol(noise, noise, 48000)["visqol"], 2)  # doctest: +SKIP
        4.73
    """
    _require("visqol")

    def quality(x: NDArray, y: NDArray) -> float:
        if not np.any(y):
            return LOWEST
        return float(_visqol_api().measure_from_arrays(x, y, sample_rate=RATE).moslqo)

    signals = (_at_48_khz(signal, sampling_rate) for signal in (reference, degraded))
    return by_channel("visqol", quality, *signals, worst=min, least=RATE // 2)


def zimtohrli(reference: ArrayLike, degraded: ArrayLike, sampling_rate: float) -> dict[str, float]:
    """Zimtohrli, a psychoacoustic distance given as a mean opinion, on each channel.

    Args:
        reference: shape (channels, samples); resampled to 48 kHz.
        degraded: same shape.
        sampling_rate: Hz.

    Returns:
        ``zimtohrli``, ``zimtohrli-worst``, ``zimtohrli-first``: 1..5, 5 for identical signals.

    Raises:
        InputError: if the package is not installed.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((2, 48000))
        >>> round(zimtohrli(noise, noise, 48000)["zimtohrli"], 2)  # doctest: +SKIP
        5.0
    """
    _require("zimtohrli")
    from zimtohrli import mos_from_signals

    def quality(x: NDArray, y: NDArray) -> float:
        return float(mos_from_signals(x.astype(np.float32), y.astype(np.float32)))

    signals = (_at_48_khz(signal, sampling_rate) for signal in (reference, degraded))
    return by_channel("zimtohrli", quality, *signals, worst=min, least=RATE // 10)


def multi_resolution_stft(
    reference: ArrayLike, degraded: ArrayLike, sampling_rate: float
) -> dict[str, float]:
    """Multi-resolution spectral distance as used to train codecs (package auraloss, its defaults).

    Spectral convergence plus distance of log magnitudes, at three resolutions.

    Args:
        reference: shape (channels, samples).
        degraded: same shape.
        sampling_rate: Hz; the windows have as many samples at any rate.

    Returns:
        ``mrstft``, ``mrstft-worst``, ``mrstft-first``: 0 for identical signals, larger is
        worse.

    Raises:
        InputError: if the package is not installed.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((2, 48000))
        >>> round(multi_resolution_stft(noise, noise, 48000)["mrstft"], 2)  # doctest: +SKIP
        0.0
    """
    _require("auraloss")
    import auraloss
    import torch

    loss = auraloss.freq.MultiResolutionSTFTLoss()

    def distance(x: NDArray, y: NDArray) -> float:
        tensors = (torch.from_numpy(s.astype(np.float32))[None, None] for s in (y, x))
        with torch.no_grad():
            return float(loss(*tensors))

    return by_channel("mrstft", distance, reference, degraded, worst=max, least=WINDOW)


def _require(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise InputError(f"{module} is not installed; pip install {PACKAGES[module]}")


@lru_cache(maxsize=1)
def _visqol_api():
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode="audio")
    return api


def _at_48_khz(signal: ArrayLike, sampling_rate: float) -> NDArray:
    signal = np.asarray(signal, dtype=float)
    if sampling_rate == RATE:
        return signal
    if sampling_rate <= 0 or sampling_rate != int(sampling_rate):
        raise InputError(f"sampling rate {sampling_rate} Hz must be a positive whole number")
    return scipy.signal.resample_poly(signal, RATE, int(sampling_rate), axis=-1)
