"""A sound somewhere around the head, at the ears: for the exploration notebooks.

The sounds are made from fixed seeds. What does not depend on a slider is kept, so that an answer
takes a fraction of a second. Angles are in degrees here, as on the sliders.
"""

import functools
from dataclasses import dataclass

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from qastanet.hearing.fast import front_end
from qastanet.models.parts_model import load_default
from qastanet.scene.binaural_cues import measured_responses
from qastanet.scene.dry_sounds import dry_sound
from qastanet.scene.synthetic_scenes import PEAK
from qastanet.sound.ambisonics import acn_order, channels, encode, rotate
from qastanet.sound.binaural import BinauralDecoder, load_hrirs
from qastanet.sound.sampling import SAMPLING_RATE

SOUNDS = ("noise", "talker", "clicks", "bowed", "drums")

DESIGNED, THIRD, MEASURED = (
    "MagLS for this order",
    "MagLS of third order, cut",
    "measured HRIRs themselves",
)
DECODERS = (DESIGNED, THIRD, MEASURED)
"""How a sound field gets to the ears."""

WAVES = 60
"""Plane waves that make up a diffuse field when no ambisonics is used."""


@dataclass(frozen=True)
class Placed:
    """A sound somewhere around the head, in a diffuse field.

    Attributes:
        sound: one of SOUNDS.
        azimuth: degrees, positive to the left.
        elevation: degrees, positive upwards.
        yaw: how far the head is turned to the left, degrees.
        order: ambisonic order, 1..3.
        decoder: one of DECODERS.
        diffuse: share of the power that comes from everywhere, 0..1.
    """

    sound: str = "noise"
    azimuth: float = 60
    elevation: float = 0
    yaw: float = 0
    order: int = 3
    decoder: str = DESIGNED
    diffuse: float = 0.0


@functools.cache
def dry(sound: str) -> NDArray:
    """Make a second of a dry sound with a peak of -12 dBFS, shape (samples,)."""
    made = dry_sound(sound, SAMPLING_RATE, np.random.default_rng([31, 0]))
    return PEAK * made / np.abs(made).max()


def response(placed: Placed) -> NDArray:
    """Return the impulse responses from the sound to both ears, shape (2, taps).

    Example:
        >>> left, right = response(Placed(azimuth=90))
        >>> bool((left**2).sum() > 4 * (right**2).sum())
        True
    """
    azimuth, elevation = np.deg2rad([placed.azimuth, placed.elevation])
    yaw = np.deg2rad(placed.yaw)
    if placed.decoder == MEASURED:
        return measured_responses(_hrirs(), azimuth[None] - yaw, elevation)[0]
    wave = rotate(encode(np.ones(1), azimuth, elevation, placed.order), -yaw)
    return np.einsum("c,ect->et", wave[:, 0], filters(placed.order, placed.decoder))


def ears(placed: Placed) -> NDArray[np.float32]:
    """Return one second at the ears, shape (2, samples).

    Example:
        >>> ears(Placed()).shape
        (2, 48000)
    """
    direct = scipy.signal.oaconvolve(dry(placed.sound)[None], response(placed), axes=-1)
    direct = direct[:, : len(dry(placed.sound))]
    if placed.diffuse:
        around = _diffuse(placed.sound, placed.order, placed.decoder)
        direct = np.sqrt(1 - placed.diffuse) * direct + np.sqrt(placed.diffuse) * around
    return direct.astype(np.float32)


@functools.lru_cache(maxsize=32)
def filters(order: int, decoder: str) -> NDArray:
    """Return the filters of a decoder for an ambisonic order, shape (2, channels, taps)."""
    if decoder == THIRD:
        return load_default().filters[0][:, : channels(order)]
    return BinauralDecoder.magls(_hrirs(), order).filters.numpy()


_hrirs = functools.cache(load_hrirs)


@functools.lru_cache(maxsize=32)
def _diffuse(sound: str, order: int, decoder: str) -> NDArray:
    """Ears in a diffuse field that has the spectrum and power of a sound, shape (2, samples)."""
    spectrum = np.abs(np.fft.rfft(dry(sound)))
    rng = np.random.default_rng([32, 0])
    count = WAVES if decoder == MEASURED else channels(order)
    waves = spectrum * np.exp(2j * np.pi * rng.random((count, len(spectrum))))
    samples = len(dry(sound))
    if decoder == MEASURED:
        responses = measured_responses(_hrirs(), *_spiral(WAVES)) / np.sqrt(WAVES)
        heard = sum(
            w * np.fft.rfft(each, samples) for w, each in zip(waves, responses, strict=True)
        )
        return np.fft.irfft(heard, samples)
    field = np.fft.irfft(waves, samples) / np.sqrt(2 * acn_order(count) + 1)[:, None]
    return front_end.binaural(field, filters(order, decoder))


def _spiral(points: int) -> tuple[NDArray, NDArray]:
    """Azimuth and elevation (radians) of points spread evenly over the sphere."""
    index = np.arange(points)
    return index * np.pi * (3 - np.sqrt(5)), np.arcsin(1 - (2 * index + 1) / points)


def cues(signal: NDArray) -> tuple[NDArray, NDArray]:
    """Return ILD (dB) and magnitude of the interaural coherence of each band.

    Means over the frames, weighted by power; NaN in a band that is inaudible throughout.

    Args:
        signal: ears, shape (2, samples)

    Returns:
        ILD and coherence, shape (29,) each

    Example:
        >>> level, coherence = cues(np.array([[1.0], [0.5]]) * dry("noise"))
        >>> round(float(level[10]), 2), round(float(coherence[10]), 3)
        (6.02, 1.0)
    """
    found = front_end.features(signal)
    heard = np.isfinite(found.coherence[0])
    weight = np.where(heard, found.power[0], 0).astype(float)
    total = np.where(heard.any(-1), weight.sum(-1), np.nan)
    values = (found.ild[0], np.abs(found.coherence[0]))
    level, coherence = ((weight * np.where(heard, x, 0)).sum(-1) / total for x in values)
    return level, coherence
