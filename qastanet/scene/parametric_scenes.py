"""Scenes of the AES 2023 listening test: dry sounds, directions, rooms, and their sound fields.

Seven of the thirteen; the others need recordings that may not be passed on. See
`qastanet.scene.parametric_coding` for the source and the conventions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile
from numpy.typing import NDArray

from qastanet.errors import InputError
from qastanet.scene.room import Arrivals, Room, arrivals, diffuse_envelope
from qastanet.sound.ambisonics import spaudiopy_module

RATE = 44100
SAMPLES = 110250
ORDER = 3
CHANNELS = (ORDER + 1) ** 2
AUDIO = "generate_stimuli/source_audio/"
QUARTET = AUDIO + "gomes_string_quartet/Mov1_{}_Haydn_StringQuartet_op76_n1_cut.wav"
DRUMS = AUDIO + "freesound/385676__scydan__trip-acoustic-beat_cut.wav"

Files = Callable[[str], Path]


@dataclass(frozen=True)
class Scene:
    """Sources around a listener.

    Attributes:
        sources: file and gain of each source; no file means pink noise.
        azimuth: degrees, to the left positive, one per source.
        zenith: degrees from above, one per source.
        room: None in an anechoic room.
        peak_db: peak of W of the reference in dBFS.
    """

    sources: tuple[tuple[str | None, float], ...]
    azimuth: tuple[float, ...]
    zenith: tuple[float, ...]
    room: Room | None = None
    peak_db: float = -12.0


@dataclass(frozen=True)
class SoundField:
    """The parts of a scene at the place of the listener.

    Attributes:
        distinct: signals of the arrivals heard out one by one, shape (arrivals, samples).
        harmonics: spherical harmonics of their directions, shape (arrivals, 16).
        discrete: all arrivals, encoded, shape (16, samples).
        sum: all arrivals, not encoded, shape (samples,).
        diffuse: the diffuse tail, shape (16, samples).
    """

    distinct: NDArray
    harmonics: NDArray
    discrete: NDArray
    sum: NDArray
    diffuse: NDArray


def _scenes() -> dict[str, Scene]:
    box = {"size": (7.0, 6.0, 3.5), "listener": (3.5, 4.0, 1.5)}
    rooms = {
        "anech": None,
        "medrev": Room(**box, rt60=0.3, direct_to_diffuse=0.0),
        "strongrev": Room(**box, rt60=0.6, direct_to_diffuse=-6.0),
    }
    noises = ((None, 1.0), (None, 1.0))
    drums = ((DRUMS, 1.0), (AUDIO + "saw.wav", 0.3))
    names = ("Violin1", "Violin2", "Viola", "Cello")
    quartet = tuple((QUARTET.format(name), 1.0) for name in names)
    scenes = {"pink_noise_anech": Scene(noises, (-45, 45), (90, 90), peak_db=-18.0)}
    for name, room in rooms.items():
        scenes[f"drums+saw_{name}"] = Scene(drums, (-90, 45), (90, 45), room)
        scenes[f"string_quartet_{name}"] = Scene(quartet, (-90, -30, 30, 90), (90,) * 4, room)
    return scenes


SCENES = _scenes()


def sound_field(content: str, files: Files, seed: int = 0) -> SoundField:
    """Place the dry sounds of a scene in its room.

    Args:
        content: name of the scene, from `SCENES`.
        files: gives the local path of an upstream file by its path in the repository.
        seed: of pink noise and diffuse tails; each scene has its own stream of random numbers.

    Returns:
        The parts of the sound field, not yet scaled.

    Raises:
        InputError: if the scene is unknown or a file is not as expected.

    Example:
        >>> field = sound_field("pink_noise_anech", Path)
        >>> field.discrete.shape, field.distinct.shape
        ((16, 110250), (2, 110250))
    """
    if content not in SCENES:
        raise InputError(f"unknown scene {content!r}; use one of {', '.join(SCENES)}")
    scene = SCENES[content]
    rng = np.random.default_rng([seed, list(SCENES).index(content)])
    dry = []
    for name, gain in scene.sources:
        sound = pink_noise(SAMPLES, rng) if name is None else read_audio(files(name), 1)[0]
        dry.append(gain * sound[:SAMPLES])
    angles = list(zip(np.deg2rad(scene.azimuth), np.deg2rad(scene.zenith), strict=True))
    if scene.room is None:
        found = [_direct_sound(*angle) for angle in angles]
        envelope = None
    else:
        found = [arrivals(scene.room, *angle, RATE) for angle in angles]
        envelope = diffuse_envelope(scene.room, found[0], RATE)
    return _add_up(dry, found, envelope, scene.room, rng)


def pink_noise(samples: int, rng: np.random.Generator) -> NDArray:
    """Noise whose power falls by 3 dB per octave, without a constant part.

    Args:
        samples: length.
        rng: random numbers.

    Returns:
        Shape (samples,), of arbitrary level.

    Example:
        >>> pink_noise(1000, np.random.default_rng(0)).shape
        (1000,)
    """
    spectrum = np.fft.rfft(rng.uniform(-1, 1, samples))
    frequency = np.fft.rfftfreq(samples)
    frequency[0] = np.inf
    return np.fft.irfft(spectrum / np.sqrt(frequency), n=samples)


def read_audio(path: Path, channels: int) -> NDArray:
    """Read an upstream file and check that it is what the stimuli are made of.

    Args:
        path: sound file at 44.1 kHz.
        channels: how many it must have.

    Returns:
        Shape (channels, samples).

    Raises:
        InputError: if rate or number of channels differ.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "short.wav"
        >>> soundfile.write(path, np.zeros(100), 48000)
        >>> read_audio(path, 1)
        Traceback (most recent call last):
        ...
        qastanet.errors.InputError: ...short.wav: 1 channel(s) at 48000 Hz, expected 1 at 44100 Hz
    """
    audio, rate = soundfile.read(path, always_2d=True)
    if rate != RATE or audio.shape[1] != channels:
        raise InputError(
            f"{path}: {audio.shape[1]} channel(s) at {rate} Hz, expected {channels} at {RATE} Hz"
        )
    return audio.T


def _direct_sound(azimuth: float, zenith: float) -> Arrivals:
    one = np.ones(1)
    return Arrivals(azimuth * one, zenith * one, np.zeros(1, dtype=int), one, one.astype(bool))


def _add_up(
    dry: list[NDArray],
    found: list[Arrivals],
    envelope: NDArray | None,
    room: Room | None,
    rng: np.random.Generator,
) -> SoundField:
    """Convolve each dry sound with the impulse responses of its arrivals and of the tail."""
    discrete, diffuse = np.zeros((2, CHANNELS, SAMPLES))
    total = np.zeros(SAMPLES)
    distinct, harmonics = [], []
    for sound, arrival in zip(dry, found, strict=True):
        encoding = spaudiopy_module().sph.sh_matrix(ORDER, arrival.azimuth, arrival.zenith, "real")
        response = np.zeros((CHANNELS + 1, arrival.delay.max() + 1))
        weights = arrival.amplitude[:, None] * np.column_stack([encoding, np.ones(len(encoding))])
        np.add.at(response.T, arrival.delay, weights)
        wet = _convolve(sound, response)
        discrete += wet[:-1]
        total += wet[-1]
        for index in np.flatnonzero(arrival.distinct):
            delayed = np.pad(sound, (arrival.delay[index], 0))[:SAMPLES]
            distinct.append(arrival.amplitude[index] * delayed)
            harmonics.append(encoding[index])
        if room is not None and envelope is not None:
            tail = rng.standard_normal((CHANNELS, len(envelope))) * envelope / np.sqrt(4 * np.pi)
            start = int(room.discrete_duration * RATE)
            diffuse[:, start:] += _convolve(sound, tail)[:, : SAMPLES - start]
    return SoundField(np.array(distinct), np.array(harmonics), discrete, total, diffuse)


def _convolve(sound: NDArray, responses: NDArray) -> NDArray:
    return scipy.signal.oaconvolve(sound[None], responses, axes=1)[:, :SAMPLES]
