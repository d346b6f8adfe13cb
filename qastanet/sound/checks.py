"""Checking that a signal has a score, and that two signals can be compared."""

import math
from collections.abc import Sequence

import numpy as np

from qastanet.errors import InputError

AMBISONIC_CHANNELS = {4: 1, 9: 2, 16: 3}
"""Number of channels -> ambisonic order."""

SHORTEST = 0.04
"""A signal must last at least one frame of 40 ms."""


def check_signal(samples: np.ndarray, rate: int, name: str) -> None:
    """Refuse a signal that has no meaningful score.

    Args:
        samples: shape (channels, samples)
        rate: sampling rate in Hz
        name: how to call the signal in a message, a file name for example

    Raises:
        InputError: naming the signal, the value and the remedy

    Example:
        >>> check_signal(np.zeros((1, 48000)), 48000, "x.wav")
        Traceback (most recent call last):
        ...
        qastanet.errors.InputError: x.wav: 1 channel (mono); ...
    """
    if samples.ndim != 2:
        raise InputError(f"{name}: shape {samples.shape}; give an array (channels, samples)")
    check_format(*samples.shape, rate, name)
    bad = np.argwhere(~np.isfinite(samples))
    if len(bad):
        channel, sample = bad[0]
        raise InputError(
            f"{name}: {samples[channel, sample]} in channel {channel}, sample {sample} "
            f"({len(bad)} in all); repair or cut the signal"
        )
    if not np.any(samples):
        raise InputError(f"{name}: all samples are 0 (digital silence); check the file")


def check_format(channels: int, length: int, rate: float, name: str) -> None:
    """Refuse a number of channels, a length or a rate that has no meaningful score.

    Args:
        channels: number of channels
        length: samples per channel
        rate: sampling rate in Hz
        name: how to call the signal in a message

    Raises:
        InputError: naming the signal, the value and the remedy
    """
    wanted = "give 2 channels (binaural) or 4, 9 or 16 (ambisonics of order 1..3, ACN, SN3D)"
    if channels == 1:
        raise InputError(f"{name}: 1 channel (mono); {wanted}")
    if channels != 2 and channels not in AMBISONIC_CHANNELS:
        hint = ". The array must be (channels, samples)" if channels > 64 else ""
        raise InputError(f"{name}: {channels} channels; {wanted}{hint}")
    if not rate > 0:
        raise InputError(f"{name}: sampling rate {rate} Hz; it must be positive")
    if length < math.ceil(SHORTEST * rate):
        raise InputError(
            f"{name}: {length} samples ({length / rate * 1000:.1f} ms at {rate} Hz); at least "
            f"{SHORTEST * 1000:.0f} ms are needed"
        )


def check_channels(channels: int, name: str, directive: bool, decoders: list[int]) -> None:
    """Refuse a number of channels that a model cannot rate.

    Args:
        channels: of the signals
        name: of the model
        directive: whether it compares directiveness
        decoders: number of channels for which each head has filters

    Raises:
        InputError: naming the model and the remedy
    """
    if channels == 2 and directive:
        raise InputError(
            f"the model '{name}' compares directiveness, which a binaural signal (2 channels) does "
            "not have. Score the ambisonic signals it was rendered from, or use a model with three "
            "features."
        )
    if channels != 2 and not decoders:
        raise InputError(
            f"{channels} channels: this model has no binaural decoder. Construct it with one."
        )
    if channels > 2 and channels > min(decoders):
        raise InputError(
            f"{channels} ambisonic channels, but the decoder has filters for {min(decoders)}: "
            "truncate the signal or use a decoder of higher order"
        )


def check_pair(
    reference: np.ndarray,
    degraded: np.ndarray,
    rates: tuple[int, int],
    names: tuple[str, str] = ("reference", "degraded"),
) -> None:
    """Refuse a pair of signals that cannot be compared.

    Args:
        reference: shape (channels, samples)
        degraded: the same shape
        rates: sampling rates of the two in Hz
        names: how to call the two in a message

    Raises:
        InputError: naming the signals, the values and the remedy
    """
    for samples, rate, name in zip((reference, degraded), rates, names, strict=True):
        check_signal(samples, rate, name)
    check_format_pair((reference.shape, degraded.shape), rates, names)


def check_format_pair(
    shapes: Sequence[tuple[int, int]], rates: Sequence[float], names: Sequence[str]
) -> None:
    """Refuse two signals of different formats.

    Args:
        shapes: (channels, samples) of the two
        rates: sampling rates of the two in Hz
        names: how to call the two in a message

    Raises:
        InputError: naming the signals, the values and the remedy
    """
    pair = f"{names[0]} and {names[1]}"
    if rates[0] != rates[1]:
        raise InputError(
            f"{pair}: sampling rates {rates[0]} and {rates[1]} Hz differ; resample one of them, "
            "or use --align"
        )
    if shapes[0][0] != shapes[1][0]:
        raise InputError(
            f"{pair}: {shapes[0][0]} and {shapes[1][0]} channels; give both in the same "
            "format, or for ambisonics of two orders use --order-mismatch truncate or pad"
        )
    if shapes[0][1] != shapes[1][1]:
        raise InputError(
            f"{pair}: {shapes[0][1]} and {shapes[1][1]} samples; align them and cut "
            "both to the same length, or use --align"
        )
