"""Checking that a signal has a score, and that two signals can be compared."""

import math
from collections.abc import Sequence

import numpy as np

from qastanet.errors import InputError
from qastanet.sound.sampling import FRAME, SAMPLING_RATE

AMBISONIC_CHANNELS = {4: 1, 9: 2, 16: 3}
"""Number of channels -> ambisonic order."""

LOUDEST = 8.0
"""Samples of a larger magnitude are no sound of full scale 1.0, but a fault or another scale."""

QUIETEST = 1e-6
"""A signal whose peak is lower (-120 dB of full scale) is silence."""

RATES = (4000, 768_000)
"""Sampling rates that are read, in Hz."""

MOST_CHANNELS = 64
"""Files with more channels are refused before they are read."""

LAYOUTS = {3: "3.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1", 10: "5.1.4", 12: "7.1.4"}
"""Number of channels -> the loudspeakers that they are probably for."""

HIGHER = {25: 4, 36: 5, 49: 6, 64: 7}
"""Number of channels -> ambisonic order above those that are rated."""

SHORTEST = FRAME / SAMPLING_RATE
"""A signal must last at least one frame, in seconds."""


def as_floats(samples: object) -> np.ndarray:
    """Return samples of any numeric type as floats of full scale 1.0.

    Args:
        samples: array, shape (channels, samples); integers are divided by the full scale of their
            type, unsigned ones are centred first

    Returns:
        floats of at least single precision

    Raises:
        InputError: for complex numbers, truth values, or what is no array of numbers

    Example:
        >>> as_floats(np.array([[-32768, 16384]], dtype=np.int16)).tolist()
        [[-1.0, 0.5]]
        >>> as_floats(np.array([[0, 192]], dtype=np.uint8)).tolist()
        [[-1.0, 0.5]]
    """
    if type(samples).__module__.partition(".")[0] == "torch":  # numpy has no bfloat16
        samples = samples.detach().cpu()
        samples = (samples.float() if samples.is_floating_point() else samples).numpy()
    samples = np.asarray(samples)
    if samples.dtype.kind in "iu":
        full = 2.0 ** (8 * samples.dtype.itemsize - 1)
        return samples / full - (samples.dtype.kind == "u")
    if samples.dtype.kind != "f":
        raise InputError(f"an array of {samples.dtype}; give real numbers, full scale 1.0")
    return samples.astype(np.float32) if samples.dtype.itemsize < 4 else samples


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
    check_audible(check_samples(samples, name), name)


def check_samples(samples: np.ndarray, name: str, start: int = 0) -> float:
    """Refuse samples that are no sound: not finite, or far beyond full scale.

    Args:
        samples: shape (channels, samples), a signal or a part of it
        name: how to call the signal in a message
        start: number of the first sample

    Returns:
        the largest magnitude

    Raises:
        InputError: naming the signal, the channel, the sample and the value

    Example:
        >>> check_samples(np.array([[0.0, 1e30], [0.0, 0.0]]), "x.wav")
        Traceback (most recent call last):
        ...
        qastanet.errors.InputError: x.wav: 1e+30 in channel 0, sample 1; full scale is 1.0: ...
    """
    if not samples.size:
        return 0.0
    peak = float(max(samples.max(), -samples.min()))
    if peak <= LOUDEST:  # NaN is not
        return peak
    wrong = np.argwhere(~(np.abs(samples) <= LOUDEST))
    unreal = np.argwhere(~np.isfinite(samples))
    channel, sample = (unreal if len(unreal) else wrong)[0]
    where = f"{samples[channel, sample]:g} in channel {channel}, sample {start + sample}"
    if len(unreal):
        what = "" if np.isnan(samples[channel, sample]) else ", or too large for 32-bit floats"
        raise InputError(f"{name}: {where}{what} ({len(unreal)} in all); repair or cut the signal")
    raise InputError(
        f"{name}: {where}; full scale is 1.0: repair the signal, or divide by what stands for full "
        "scale (32768 for 16 bits)"
    )


def check_audible(peak: float, name: str) -> None:
    """Refuse digital silence.

    Args:
        peak: largest magnitude of the signal
        name: how to call the signal in a message

    Raises:
        InputError: naming the signal and its level
    """
    if peak == 0:
        raise InputError(f"{name}: all samples are 0 (digital silence); check the file")
    if peak < QUIETEST:
        raise InputError(
            f"{name}: the peak is {20 * math.log10(peak):.0f} dB of full scale (digital silence); "
            "check the file"
        )


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
    if channels != 2 and channels not in AMBISONIC_CHANNELS:
        raise InputError(f"{name}: {_no_format(channels)}")
    if not RATES[0] <= rate <= RATES[1]:
        raise InputError(
            f"{name}: sampling rate {rate} Hz; {RATES[0]} to {RATES[1]} Hz are read, check the file"
        )
    if length < math.ceil(SHORTEST * rate):
        raise InputError(
            f"{name}: {length} samples ({length / rate * 1000:.1f} ms at {rate} Hz); at least "
            f"{SHORTEST * 1000:.0f} ms are needed"
        )


def _no_format(channels: int) -> str:
    """Say why a number of channels has no score, and what helps."""
    wanted = "give 2 channels (binaural) or 4, 9 or 16 (ambisonics of order 1..3, ACN, SN3D)"
    found, ways = [], []
    if channels == 1:
        return f"1 channel (mono); {wanted}, or use --mono both-ears"
    if channels in LAYOUTS:
        found.append(f"for loudspeakers ({LAYOUTS[channels]})")
        ways.append("render loudspeakers to the ears (binaural) first")
    if channels in HIGHER:
        found.append(f"of ambisonics of order {HIGHER[channels]}")
        ways.append("use --order-mismatch truncate")
    if channels - 2 in AMBISONIC_CHANNELS:
        found.append("of ambisonics with 2 head-locked channels behind")
        ways.append("use --head-locked mix (or ignore)")
    kind = f", as {' or '.join(found)}" if found else ""
    hint = "".join(f", or {way}" for way in ways)
    hint += ". The array must be (channels, samples)" if channels > 64 else ""
    return f"{channels} channels{kind}; {wanted}{hint}"


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
