"""Generic features made with librosa: the control for the expert features of the method.

The paper says that a tiny network can be trained on little data because its features are those of
hearing. The control is the same network on features that anybody would take first: logarithmic mel
spectra of each ear and of their difference, in as many bands (29) and frames (spectra of
85 ms, Hann, one every 40 ms). Two things differ that are not about hearing: the mel bands reach
from 20 Hz (`LOWEST`) to 24 kHz, those of the model of hearing from about 315 Hz to 12.5 kHz; and
nothing is followed below a fixed level (`FLOOR`), where the model of hearing has a threshold in
each band.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qastanet.errors import InputError
from qastanet.hearing.gammatone import N_BANDS
from qastanet.rivals.channelwise import by_channel
from qastanet.sound.sampling import FRAME, SAMPLING_RATE

WINDOW = 4096  # samples at 48 kHz (85 ms), Hann
LOWEST = 20.0  # Hz, of the mel bands; they reach to half the sampling rate
FLOOR = 1e-8  # power re full scale below which a band is not followed (-80 dB)


def log_mel(signal: ArrayLike) -> NDArray[np.float64]:
    """Levels in 29 mel bands, of spectra of 85 ms (Hann), one every 40 ms.

    Args:
        signal: at 48 kHz, full scale 1, shape (..., samples).

    Returns:
        dB re full scale, at least -80, shape (..., 29, frames).

    Raises:
        InputError: if the signal is shorter than a frame

    Example:
        >>> log_mel(np.zeros((2, 48000))).shape
        (2, 29, 25)
    """
    import librosa

    signal = np.asarray(signal, dtype=float)
    frames = signal.shape[-1] // FRAME
    if not frames:
        raise InputError(f"{signal.shape[-1]} samples are too short: {FRAME} needed")
    power = librosa.feature.melspectrogram(
        y=signal,
        sr=SAMPLING_RATE,
        n_fft=WINDOW,
        hop_length=FRAME,
        n_mels=N_BANDS,
        fmin=LOWEST,
        window="hann",
        center=True,
        norm=None,
    )
    scale = np.hanning(WINDOW + 1).sum() ** 2 / 4  # of a sine of full scale
    return librosa.power_to_db(power[..., :frames] / scale, amin=FLOOR, top_db=None)


def log_mel_maps(reference: ArrayLike, degraded: ArrayLike) -> NDArray[np.float64]:
    """Compare two binaural signals by their mel spectra.

    Args:
        reference: at 48 kHz, shape (2, samples).
        degraded: same shape.

    Returns:
        Absolute differences in dB of the left ear, of the right ear and of the interaural level
        difference, shape (3, 29, frames): in place of the three differences of the method.

    Raises:
        InputError: if the signals are not binaural, unequal or shorter than a frame

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((2, 48000))
        >>> louder = noise * [[2], [1]]
        >>> log_mel_maps(noise, louder).mean((1, 2)).round(2).tolist()
        [6.02, 0.0, 6.02]
    """
    reference, degraded = np.asarray(reference), np.asarray(degraded)
    if reference.shape != degraded.shape or reference.shape[0] != 2 or reference.ndim != 2:
        raise InputError(f"{reference.shape} and {degraded.shape}: two ears each are needed")
    left, right = log_mel(degraded) - log_mel(reference)
    return np.abs(np.stack([left, right, left - right]))


def log_mel_distance(
    reference: ArrayLike, degraded: ArrayLike, sampling_rate: float
) -> dict[str, float]:
    """Mean absolute difference of logarithmic mel spectra, of each channel.

    Args:
        reference: shape (channels, samples).
        degraded: same shape.
        sampling_rate: Hz; must be 48 kHz.

    Returns:
        ``log-mel``, ``log-mel-worst``, ``log-mel-first``: dB, 0 for identical signals.

    Raises:
        InputError: at another sampling rate

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((2, 48000))
        >>> round(log_mel_distance(noise, noise / 2, 48000)["log-mel"], 2)
        6.02
    """
    if sampling_rate != SAMPLING_RATE:
        raise InputError(f"{sampling_rate} Hz: mel spectra are compared at {SAMPLING_RATE} Hz")

    def distance(x: NDArray, y: NDArray) -> float:
        return float(np.abs(log_mel(y) - log_mel(x)).mean())

    return by_channel("log-mel", distance, reference, degraded, worst=max, least=FRAME)
