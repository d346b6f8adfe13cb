"""Synthetic sound scenes: dry sounds made from a seed, placed as plane waves or in a room.

The scenes are the raw material of demonstrations and tests: no recording is needed, and
the same seed gives the same scene. Sources stand still or move, in an anechoic space or in a
shoebox room (`qastanet.scene.room`), with or without a diffuse ambience.
"""

from dataclasses import dataclass

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from qastanet.errors import InputError
from qastanet.scene.dry_sounds import KINDS, dry_sound
from qastanet.scene.room import Room, arrivals, diffuse_envelope
from qastanet.sound.ambisonics import acn_order, channels, spherical_harmonics
from qastanet.sound.sampling import SAMPLING_RATE

STEP = 960
"""Samples between two directions of a moving source: 20 ms."""

PEAK = 0.25
"""Peak of W: -12 dBFS."""


@dataclass(frozen=True)
class Source:
    """A sound and where it comes from.

    Attributes:
        kind: of the dry sound, from `qastanet.scene.dry_sounds.KINDS`.
        azimuth: at the start and at the end, radians, to the left positive.
        elevation: at the start and at the end, radians.
        gain: factor.
    """

    kind: str
    azimuth: tuple[float, float]
    elevation: tuple[float, float]
    gain: float = 1.0


@dataclass(frozen=True)
class Scene:
    """Sources around a listener.

    Attributes:
        sources: at least one.
        room: None for an anechoic space; in a room the sources stand still where they start.
        ambience_db: level of a diffuse noise relative to the sources in dB; None for none.
        duration: seconds.
        seed: of the sounds and of the diffuse parts.
    """

    sources: tuple[Source, ...]
    room: Room | None = None
    ambience_db: float | None = None
    duration: float = 3.0
    seed: int = 0


def random_scene(seed: int) -> Scene:
    """Draw a scene.

    Args:
        seed: whole number; the same seed gives the same scene.

    Example:
        >>> random_scene(3) == random_scene(3)
        True
    """
    rng = np.random.default_rng([11, seed])
    room = None
    if rng.random() < 0.45:
        size = tuple(rng.uniform((5, 4, 2.6), (10, 8, 4)).round(2).tolist())
        listener = (size[0] / 2, size[1] * 0.55, 1.5)
        rt60 = round(rng.uniform(0.3, 0.9), 2)
        room = Room(size, listener, rt60, round(rng.uniform(-3, 4), 1))
    sources = []
    for _ in range(int(rng.choice([1, 2, 2, 3, 4]))):
        azimuth = rng.uniform(-np.pi, np.pi)
        elevation = rng.uniform(-0.3, 0.8) if room is None else 0.0
        turn = rng.uniform(-2, 2) if rng.random() < 0.35 else 0.0
        kind = str(rng.choice(KINDS))
        gain = float(10 ** (rng.uniform(-9, 0) / 20))
        sources.append(Source(kind, (azimuth, azimuth + turn), (elevation, elevation), gain))
    ambience = float(rng.uniform(-30, -10)) if rng.random() < 0.3 else None
    duration = float(rng.choice([2.4, 3.0, 4.0]))
    return Scene(tuple(sources), room, ambience, duration, seed)


def render(scene: Scene, order: int = 3) -> NDArray[np.float32]:
    """Render a scene to ambisonics.

    Args:
        scene: what to render.
        order: ambisonic order, 1..3 or higher.

    Returns:
        ACN, SN3D, 48 kHz, W at a peak of -12 dBFS, shape ((order + 1)^2, samples).

    Raises:
        InputError: if the scene has no source, or a source would stand outside the room.

    Example:
        >>> front = Source("noise", (0.0, 0.0), (0.0, 0.0))
        >>> w, y, z, x = render(Scene((front,), duration=0.5), order=1)
        >>> bool(np.allclose(w, x) and np.allclose(y, 0, atol=1e-7))
        True
    """
    if not scene.sources:
        raise InputError("the scene has no source")
    samples = round(scene.duration * SAMPLING_RATE)
    field = np.zeros((channels(order), samples))
    for index, source in enumerate(scene.sources):
        rng = np.random.default_rng([12, scene.seed, index])
        dry = source.gain * dry_sound(source.kind, samples, rng)
        if scene.room is None:
            field += _moving_plane_wave(dry, source, order)
        else:
            field += _in_room(dry, source, scene.room, order, rng)
    if scene.ambience_db is not None:
        level = 10 ** (scene.ambience_db / 20) * np.sqrt(np.mean(field[0] ** 2))
        field += level * ambience(samples, order, np.random.default_rng([13, scene.seed]))
    return (PEAK / np.abs(field[0]).max() * field).astype(np.float32)


def _moving_plane_wave(dry: NDArray, source: Source, order: int) -> NDArray:
    """Encode a sound (samples,) that moves from the first to the last direction of a source."""
    points = np.linspace(0, 1, 2 if _still(source) else max(2, len(dry) // STEP))
    azimuth = source.azimuth[0] + points * (source.azimuth[1] - source.azimuth[0])
    elevation = source.elevation[0] + points * (source.elevation[1] - source.elevation[0])
    gains = spherical_harmonics(order, azimuth, elevation)
    if _still(source):
        return gains[0][:, None] * dry
    time = np.linspace(0, 1, len(dry))
    return np.stack([np.interp(time, points, gain) for gain in gains.T]) * dry


def _still(source: Source) -> bool:
    return len({*source.azimuth}) == 1 and len({*source.elevation}) == 1


def _in_room(
    dry: NDArray, source: Source, room: Room, order: int, rng: np.random.Generator
) -> NDArray:
    """Place a sound (samples,) in a room, in its first direction: image sources, diffuse tail."""
    found = arrivals(room, source.azimuth[0], np.pi / 2 - source.elevation[0], SAMPLING_RATE)
    gains = spherical_harmonics(order, found.azimuth, np.pi / 2 - found.zenith)
    envelope = diffuse_envelope(room, found, SAMPLING_RATE)
    start = int(room.discrete_duration * SAMPLING_RATE)
    response = np.zeros((channels(order), max(start + len(envelope), found.delay.max() + 1)))
    np.add.at(response.T, found.delay, found.amplitude[:, None] * gains)
    tail = diffuse(len(envelope), order, rng)
    response[:, start : start + len(envelope)] += envelope * tail
    response = response[:, found.delay[0] :] / found.amplitude[0]
    return scipy.signal.oaconvolve(dry[None], response, axes=1)[:, : len(dry)]


def diffuse(samples: int, order: int, rng: np.random.Generator) -> NDArray:
    """White diffuse noise with a power of 1 in W, shape (channels, samples)."""
    noise = rng.standard_normal((channels(order), samples))
    return noise / np.sqrt(2 * acn_order(channels(order)) + 1)[:, None]


def ambience(samples: int, order: int, rng: np.random.Generator) -> NDArray:
    """Diffuse noise that falls by 6 dB per octave above 200 Hz, rms 1 in W."""
    pole = np.exp(-2 * np.pi * 200 / SAMPLING_RATE)
    noise = scipy.signal.lfilter([1], [1, -pole], diffuse(samples, order, rng))
    return noise / np.sqrt(np.mean(noise[0] ** 2))
