"""A plain room: image sources in a box, then an exponentially decaying diffuse tail.

The simulation behind the stimuli of the AES 2023 listening test (see
`qastanet.scene.parametric_coding`), written anew: walls alike at all frequencies, one listener,
sources placed where the wanted ratio of direct to diffuse energy puts them. Kept from the original:
the absorption is worked out with another speed of sound than the delays.
"""

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qastanet.errors import InputError

SPEED_OF_SOUND = 340.0  # m/s, of the delays
SABINE_SPEED = 343.0  # m/s, of the absorption
SABINE = 24 * np.log(10)
SINGLE_REFLECTIONS = 25  # arrivals not counted for the level of the diffuse tail
MASKING = -0.25e3  # dB/s; a reflection below this line after the direct sound is not distinct


@dataclass(frozen=True)
class Room:
    """A box with a listener in it.

    Attributes:
        size: length, width, height in m.
        listener: position of the listener in m, from a lower corner.
        rt60: reverberation time in s.
        direct_to_diffuse: ratio of direct to diffuse energy in dB, which sets the distance.
    """

    size: tuple[float, float, float]
    listener: tuple[float, float, float]
    rt60: float
    direct_to_diffuse: float

    @property
    def absorption(self) -> float:
        """Share of energy that a wall takes, from Sabine's formula the other way round."""
        absorption = SABINE * np.prod(self.size) / (SABINE_SPEED * self.surface * self.rt60)
        if not 0 < absorption < 1:
            raise InputError(f"no wall gives rt60 {self.rt60} s in a room of {self.size} m")
        return float(absorption)

    @property
    def surface(self) -> float:
        """Area of the six walls in m^2."""
        return 2 * sum(a * b for a, b in combinations(self.size, 2))

    @property
    def distance(self) -> float:
        """Distance of the sources in m: sqrt(a S / (24 ln 10)) at a ratio of 0 dB."""
        reverberation_distance = np.sqrt(self.absorption * self.surface / SABINE)
        return float(reverberation_distance / 10 ** (self.direct_to_diffuse / 20))

    @property
    def discrete_duration(self) -> float:
        """Time in s from which on reflections are diffuse: that of three times the longest side."""
        return 3 * max(self.size) / SPEED_OF_SOUND


@dataclass(frozen=True)
class Arrivals:
    """Direct sound (first) and discrete reflections of one source, by delay.

    Attributes:
        azimuth: shape (arrivals,), radians, to the left positive.
        zenith: shape (arrivals,), radians from above.
        delay: shape (arrivals,), samples.
        amplitude: shape (arrivals,), 1 at a distance of 1 m.
        distinct: shape (arrivals,), whether it is heard out behind the direct sound.
    """

    azimuth: NDArray
    zenith: NDArray
    delay: NDArray
    amplitude: NDArray
    distinct: NDArray


def arrivals(room: Room, azimuth: float, zenith: float, sampling_rate: int) -> Arrivals:
    """Direct sound and image sources of a source in a given direction.

    Args:
        room: the room; the distance of the source is ``room.distance``.
        azimuth: radians, to the left positive.
        zenith: radians from above.
        sampling_rate: Hz; delays are whole samples.

    Returns:
        All arrivals before ``room.discrete_duration``, by delay.

    Raises:
        InputError: if the source would stand outside the room.

    Example:
        >>> room = Room((7, 6, 3.5), (3.5, 4, 1.5), rt60=0.3, direct_to_diffuse=0)
        >>> found = arrivals(room, 0.0, np.pi / 2, 44100)
        >>> bool(np.isclose(1 / found.amplitude[0], room.distance))
        True
    """
    listener = np.asarray(room.listener, dtype=float)
    direction = np.array(
        [np.cos(azimuth) * np.sin(zenith), np.sin(azimuth) * np.sin(zenith), np.cos(zenith)]
    )
    source = listener + room.distance * direction
    if (source <= 0).any() or (source >= room.size).any():
        raise InputError(
            f"a source {room.distance:.2f} m away, at {source.round(2)} m, is outside the room"
        )
    images, order = image_sources(room.size, source, room.discrete_duration * SPEED_OF_SOUND)
    offset = images - listener
    distance = np.linalg.norm(offset, axis=1)
    amplitude = np.sqrt(1 - room.absorption) ** order / distance
    delay = np.round(sampling_rate * distance / SPEED_OF_SOUND).astype(int)
    later = (delay - delay[np.argmin(order)]) / sampling_rate
    distinct = amplitude >= amplitude[np.argmin(order)] * 10 ** (MASKING * later / 20)
    early = np.flatnonzero(delay < room.discrete_duration * sampling_rate)
    early = early[np.argsort(delay[early], kind="stable")]
    azimuths, zeniths = np.arctan2(offset[:, 1], offset[:, 0]), np.arccos(offset[:, 2] / distance)
    return Arrivals(*(v[early] for v in (azimuths, zeniths, delay, amplitude, distinct)))


def image_sources(
    size: ArrayLike, source: ArrayLike, reach: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mirror images of a source in the walls of a box.

    As many reflections are followed as the nearest edge of the box asks for: reach divided by the
    smallest l1 l2 / sqrt(l1^2 + l2^2), rounded up.

    Args:
        size: of the box in m, shape (3,).
        source: position in m, shape (3,).
        reach: distance in m up to which images matter.

    Returns:
        Positions in m, shape (images, 3), the source itself among them, and the number of
        reflections of each, shape (images,).

    Example:
        >>> positions, order = image_sources([4, 4, 4], [1, 2, 2], reach=2)
        >>> positions[order == 1][:2]
        array([[-1.,  2.,  2.],
               [ 1., -2.,  2.]])
    """
    size, source = np.asarray(size, dtype=float), np.asarray(source, dtype=float)
    edge = min(a * b / np.hypot(a, b) for a, b in combinations(size, 2))
    highest = int(np.ceil(reach / edge))
    steps = range(-highest, highest + 1)
    cells = np.array([c for c in product(steps, repeat=3) if np.abs(c).sum() <= highest])
    mirrored = np.where(cells % 2 == 1, size - source, source)
    return cells * size + mirrored, np.abs(cells).sum(axis=1)


def diffuse_envelope(room: Room, first: Arrivals, sampling_rate: int) -> NDArray:
    """Root mean square of the diffuse tail over time.

    It decays by 60 dB per ``rt60``; at its start it carries on the mean energy per sample of the
    arrivals after the first 25.

    Args:
        room: the room.
        first: arrivals of the first source, which sets the level for all of them.
        sampling_rate: Hz.

    Returns:
        Shape (samples,), starting at ``room.discrete_duration`` and ending at ``rt60``.

    Example:
        >>> room = Room((7, 6, 3.5), (3.5, 4, 1.5), rt60=0.3, direct_to_diffuse=0)
        >>> envelope = diffuse_envelope(room, arrivals(room, 0.0, np.pi / 2, 44100), 44100)
        >>> round(20 * float(np.log10(envelope[4410] / envelope[0])), 1)  # after 0.1 s
        -20.0
    """
    time = np.arange(int(sampling_rate * room.rt60)) / sampling_rate - room.discrete_duration
    span = room.discrete_duration * sampling_rate - first.delay[SINGLE_REFLECTIONS - 1]
    level = np.sqrt(np.sum(first.amplitude[SINGLE_REFLECTIONS:] ** 2) / span)
    return level * 10 ** (-3 * time[time > 0] / room.rt60)
