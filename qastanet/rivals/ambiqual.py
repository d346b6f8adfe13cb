"""Ambiqual: quality of coded ambisonics from the phases of its channels.

Every ambisonic channel of the degraded signal is compared with the same channel of the reference by
the neurogram similarity index (NSIM) of two *phase* spectrograms. Channel 0 (W) gives the listening
quality (LQ); a weighted product over the directional channels gives the localisation accuracy (LA).

Source: Narbutt, Skoglund, Allen, Chinen, Barry, Hines, "AMBIQUAL: Towards a quality metric for
headphone rendered compressed ambisonic spatial audio", Applied Sciences 10(9):3188, 2020, and the
behaviour of the authors' release (github.com/QxLabIreland/Ambiqual, commit eb9ed41), whose
published outputs are matched within 1e-6.

Kept from the release, although one might wish otherwise:

* **No resampling.** A window is always 1536 samples and a band always the same bins: 32 ms and
  23 Hz steps at 48 kHz, but 35 ms and 22 Hz at 44.1 kHz. Resample beforehand for the same analysis
  at every rate, and say so, because the scores then differ from the published ones.
* The last partial patch of 30 frames (0.48 s at 48 kHz) is not looked at.
* Channel 2 carries two exponents and channel 12 none. A channel that the signal does not have
  counts 0.1, so LA of two identical first-order signals is 0.4315 and of second-order ones 0.6918.
* Phases are compared as numbers, so -pi and +pi are far apart, and phases of silence are noise.

Left out: the mask of the release that drops cells quieter than -180 dB. Its loudness map has a
floor at about -157 dB, so at the default threshold it never drops anything.
"""

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import ArrayLike, NDArray

from qastanet.errors import InputError
from qastanet.sound.checks import AMBISONIC_CHANNELS

WINDOW = 1536  # samples; 256 / 8000 s at 48 kHz
HOP = WINDOW // 2
FFT_SIZE = 2048
LEADING_ZEROS = 11520 + 2 * HOP  # put before the signal by the release and by its transform
PATCH = 30  # frames in a patch
FIRST_FRAME = 14  # frame at which the first patch starts
BLOCK = 8  # patches held in memory at once
BAND_BINS = (
    *(2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 6, 6, 7, 8, 9, 10),
    *(11, 14, 14, 17, 19, 22, 25, 28, 32, 36, 41, 47, 53, 60, 68, 78),
)
BINS = sum(BAND_BINS)  # bins 1..640, that is up to 15 kHz at 48 kHz
EXPONENTS = {1: 0.999, 2: 0.095 + 0.174, 3: 0.999, 4: 0.034, 5: 0.001, 6: 0.135, 7: 0.001, 8: 0.034}
EXPONENTS |= {9: 0.078, 10: 0.001, 11: 0.001, 13: 0.001, 14: 0.001, 15: 0.078}
ABSENT = 0.1  # similarity of a channel that the signal does not have
CENTRE, EDGE, CORNER = np.array([0.6193, 0.0838, 0.0113]) / (0.6193 + 4 * 0.0838 + 4 * 0.0113)
DYNAMIC_RANGE = 2 * np.pi
C1 = (0.01 * DYNAMIC_RANGE) ** 2
C3 = (0.03 * DYNAMIC_RANGE) ** 2 / 2


def ambiqual(reference: ArrayLike, degraded: ArrayLike) -> dict[str, float]:
    """Score a degraded ambisonic signal against its reference.

    Args:
        reference: the uncoded signal, shape (channels, samples) with 4, 9 or 16 channels in ACN
            order, any rate (see *No resampling* above), full scale 1.
        degraded: the coded signal, same shape and time-aligned.

    Returns:
        ``lq`` listening quality and ``la`` localisation accuracy, both about 0..1 with 1 the best,
        and ``nsim_0``, ``nsim_1``, ...: the similarity of each channel.

    Raises:
        InputError: if the shapes differ, are not ambisonic, or the signals are shorter than one
            patch (0.48 s at 48 kHz) or not finite.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> scene = rng.standard_normal((4, 48000))
        >>> scores = ambiqual(scene, scene)
        >>> round(scores["lq"], 4), round(scores["la"], 4)
        (1.0, 0.4315)
    """
    reference = np.asarray(reference, dtype=float)
    degraded = np.asarray(degraded, dtype=float)
    check_spectra(reference, degraded)
    if len(reference) not in AMBISONIC_CHANNELS:
        raise InputError(
            f"Ambiqual needs 4, 9 or 16 ambisonic channels (order 1 to 3), got {len(reference)}"
        )
    similarities = [channel_similarity(r, d) for r, d in zip(reference, degraded, strict=True)]
    named = {f"nsim_{i}": value for i, value in enumerate(similarities)}
    return {"lq": similarities[0], "la": localisation_accuracy(similarities), **named}


def localisation_accuracy(similarities: ArrayLike) -> float:
    """Combine the similarities of the channels into Ambiqual's localisation accuracy.

    The product over ACN channels of similarity ** exponent; channel 0 does not enter, an absent
    channel counts 0.1, a negative similarity counts 0.

    Args:
        similarities: one number per ACN channel, shape (channels,).

    Returns:
        The localisation accuracy, 0..1.

    Example:
        >>> round(localisation_accuracy([1.0, 1.0, 1.0, 1.0]), 4)
        0.4315
    """
    padded = np.full(max(EXPONENTS) + 1, ABSENT)
    given = np.asarray(similarities, dtype=float)
    padded[: len(given)] = np.maximum(given, 0)
    return float(np.prod([padded[channel] ** power for channel, power in EXPONENTS.items()]))


def patch_count(samples: int) -> int:
    """Number of 30-frame patches that Ambiqual compares in a signal.

    Args:
        samples: length of the signal.

    Returns:
        The number of patches, 0 if the signal is too short.

    Example:
        >>> patch_count(10 * 48000)
        20
    """
    padded = samples + LEADING_ZEROS + HOP
    frames = -(-(padded - WINDOW) // HOP) + 1 - 2  # the first and the last frame are dropped
    return max(0, -(-(frames - PATCH - (FIRST_FRAME + 1)) // PATCH))


def check_spectra(reference: NDArray, degraded: NDArray) -> None:
    """Refuse signals (channels, samples) whose phase spectra cannot be compared.

    Raises:
        InputError: if the shapes differ, or the signals are shorter than one patch or not finite.
    """
    if reference.shape != degraded.shape or reference.ndim != 2:
        raise InputError(
            f"reference {reference.shape} and degraded {degraded.shape} must have the same shape "
            "(channels, samples); trim and align them first"
        )
    if patch_count(reference.shape[1]) == 0:
        raise InputError(
            f"{reference.shape[1]} samples are too short for phase spectra: 0.5 s is needed"
        )
    if not (np.isfinite(reference).all() and np.isfinite(degraded).all()):
        raise InputError("the signals hold NaN or infinity; check how they were made")


def channel_similarity(reference: NDArray, degraded: NDArray) -> float:
    """Mean similarity of the phase spectrograms of one channel over its patches (vNSIM).

    Args:
        reference: shape (samples,), of `check_spectra`.
        degraded: same shape.

    Returns:
        About 0..1, 1 for identical signals; it may fall a little below 0.
    """
    patches = patch_count(len(reference))
    total = 0.0
    for first in range(0, patches, BLOCK):
        count = min(BLOCK, patches - first)
        maps = _nsim(_phases(reference, first, count), _phases(degraded, first, count))
        edges = np.concatenate([[0], np.cumsum(BAND_BINS)[:-1]])
        bands = np.add.reduceat(maps, edges, axis=2) / BAND_BINS
        total += float(bands.mean(axis=(1, 2)).sum())
    return total / patches


def _phases(channel: NDArray, first: int, count: int) -> NDArray:
    """Phases of ``count`` patches from patch ``first`` on, shape (patches, frames, bins)."""
    start = (1 + FIRST_FRAME + first * PATCH) * HOP - LEADING_ZEROS
    stop = start + (count * PATCH - 1) * HOP + WINDOW
    inside = channel[max(start, 0) : stop]
    before = max(-start, 0)
    piece = np.pad(inside, (before, stop - start - before - len(inside)))
    frames = np.lib.stride_tricks.sliding_window_view(piece, WINDOW)[::HOP]
    window = scipy.signal.get_window("hamming", WINDOW)
    spectrum = scipy.fft.rfft(frames * window, n=FFT_SIZE)[:, 1 : BINS + 1]
    return np.angle(spectrum).reshape(count, PATCH, BINS)


def _nsim(reference: NDArray, degraded: NDArray) -> NDArray:
    """Intensity times structure at each cell of the patches, shape (patches, frames, bins)."""
    mean_r, mean_d = _local_mean(reference), _local_mean(degraded)
    var_r = np.maximum(_local_mean(reference**2) - mean_r**2, 0)
    var_d = np.maximum(_local_mean(degraded**2) - mean_d**2, 0)
    covariance = _local_mean(reference * degraded) - mean_r * mean_d
    intensity = (2 * mean_r * mean_d + C1) / (mean_r**2 + mean_d**2 + C1)
    return intensity * (covariance + C3) / (np.sqrt(var_r * var_d) + C3)


def _local_mean(patches: NDArray) -> NDArray:
    """Weighted mean over 3 x 3 cells of each patch; the border is mirrored."""
    x = np.pad(patches, ((0, 0), (1, 1), (1, 1)), mode="symmetric")
    sides = x[:, :, :-2] + x[:, :, 2:]  # left + right neighbour in frequency
    middle = x[:, :, 1:-1]
    edges = middle[:, :-2] + middle[:, 2:] + sides[:, 1:-1]
    corners = sides[:, :-2] + sides[:, 2:]
    return CENTRE * middle[:, 1:-1] + EDGE * edges + CORNER * corners
