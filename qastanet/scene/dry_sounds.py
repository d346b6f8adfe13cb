"""Dry sounds made from random numbers: instruments, noises, applause, something like a talker."""

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from qastanet.errors import InputError
from qastanet.sound.sampling import SAMPLING_RATE

Rng = np.random.Generator


def dry_sound(kind: str, samples: int, rng: Rng) -> NDArray:
    """Make a sound.

    Args:
        kind: one of `KINDS`.
        samples: length at 48 kHz.
        rng: random numbers; the same state gives the same sound.

    Returns:
        Shape (samples,), with a root mean square of 0.1.

    Raises:
        InputError: if the kind is unknown.

    Example:
        >>> sound = dry_sound("plucked", 4800, np.random.default_rng(0))
        >>> sound.shape, round(float(np.sqrt(np.mean(sound**2))), 6)
        ((4800,), 0.1)
    """
    if kind not in _MAKERS:
        raise InputError(f"unknown sound {kind!r}; use one of {', '.join(KINDS)}")
    sound = _MAKERS[kind](samples, rng)
    sound = sound - sound.mean()
    return 0.1 * sound / np.sqrt(np.mean(sound**2))


def _noise(samples: int, rng: Rng) -> NDArray:
    """Noise whose spectrum falls by 0 to 6 dB per octave."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLING_RATE), 50)
    return np.fft.irfft(spectrum * frequency ** -rng.uniform(0, 1), samples)


def _onsets(samples: int, rate: float, rng: Rng) -> NDArray[np.int64]:
    """Onsets of events at about a rate (per second), the first near the start."""
    gaps = rng.uniform(0.5, 1.5, int(2 * rate * samples / SAMPLING_RATE) + 3) / rate
    onsets = (np.cumsum(gaps) - gaps[0] * 0.9) * SAMPLING_RATE
    return onsets[onsets < samples].astype(int)


def _add(sound: NDArray, event: NDArray, onset: int) -> None:
    """Add an event to a sound in place, cut at its end."""
    stop = min(len(sound), onset + len(event))
    sound[onset:stop] += event[: stop - onset]


def _notes(samples: int, rng: Rng, rate: float, decay: float, ratios: NDArray, low: float):
    """Notes of decaying partials; rate per second, decay in s, lowest pitch in Hz."""
    sound = np.zeros(samples)
    scale = low * 2 ** (np.array([0, 2, 4, 7, 9, 12, 14, 16, 19]) / 12)
    for onset in _onsets(samples, rate, rng):
        pitch = rng.choice(scale) * (1 + 0.002 * rng.standard_normal())
        time = np.arange(int(min(5 * decay, 3.0) * SAMPLING_RATE)) / SAMPLING_RATE
        partials = ratios[ratios * pitch < 18000]
        damping = np.exp(-np.outer(1 + 0.3 * (partials - 1), time) / decay)
        phase = 2 * np.pi * np.outer(partials * pitch, time) + rng.uniform(0, 6, (len(partials), 1))
        strength = rng.uniform(0.5, 1, len(partials)) / partials ** rng.uniform(0.7, 1.3)
        _add(sound, strength @ (damping * np.sin(phase)) * np.minimum(time / 0.002, 1), onset)
    return sound


def _plucked(samples: int, rng: Rng) -> NDArray:
    """Notes of a plucked string."""
    low = rng.uniform(100, 300)
    return _notes(samples, rng, rng.uniform(2, 6), 0.4, np.arange(1, 25), low)


def _bells(samples: int, rng: Rng) -> NDArray:
    """Notes of a metal bar: high, inharmonic, ringing."""
    ratios = np.array([1, 2.76, 5.4, 8.93, 13.3])
    return _notes(samples, rng, rng.uniform(2, 6), 0.5, ratios, rng.uniform(500, 1200))


def _bowed(samples: int, rng: Rng) -> NDArray:
    """Sustained harmonic notes with vibrato."""
    time = np.arange(samples) / SAMPLING_RATE
    onsets = np.append(_onsets(samples, rng.uniform(1, 3), rng), samples)
    steps = rng.choice([0, 2, 4, 5, 7, 9, 11, 12], len(onsets))
    pitch = np.repeat(rng.uniform(120, 450) * 2 ** (steps / 12), np.diff(onsets, prepend=0))
    pitch = pitch * (1 + 0.006 * np.sin(2 * np.pi * rng.uniform(4, 6) * time))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLING_RATE
    top = pitch.max()
    partials = np.arange(1, int(15000 / top) + 1)
    strength = 1 / partials ** rng.uniform(0.8, 1.4) * rng.uniform(0.4, 1, len(partials))
    sound = sum(s * np.sin(k * phase) for k, s in zip(partials, strength, strict=True))
    gate = np.ones(samples)
    for onset in onsets[:-1]:
        _add(gate, -np.hanning(4800), max(0, onset - 2400))
    return sound * gate + 0.01 * _noise(samples, rng)


def _drums(samples: int, rng: Rng) -> NDArray:
    """Thuds, snares and ticks."""
    sound = np.zeros(samples)
    for onset in _onsets(samples, rng.uniform(3, 8), rng):
        time = np.arange(int(0.4 * SAMPLING_RATE)) / SAMPLING_RATE
        kind = rng.integers(3)
        hiss = rng.standard_normal(len(time))
        if kind == 0:
            event = np.sin(2 * np.pi * (55 * time + 4 * (1 - np.exp(-time / 0.03))))
            event = 2 * event * np.exp(-time / 0.12)
        elif kind == 1:
            event = (hiss + np.sin(2 * np.pi * 190 * time)) * np.exp(-time / 0.06)
        else:
            event = 0.5 * np.diff(hiss, prepend=0) * np.exp(-time / 0.025)
        _add(sound, event, onset)
    return sound


def _clicks(samples: int, rng: Rng) -> NDArray:
    """Short resonant clicks, as of castanets."""
    return _bursts(samples, rng, rng.uniform(5, 12), (1200, 4000), 0.006)


def _applause(samples: int, rng: Rng) -> NDArray:
    """Many claps, none of them heard out."""
    return _bursts(samples, rng, rng.uniform(60, 250), (700, 3000), 0.008)


def _bursts(samples: int, rng: Rng, rate: float, centres: tuple, decay: float) -> NDArray:
    """Resonant noise bursts: rate per second, centres from..to in Hz, decay in s."""
    sound = np.zeros(samples)
    time = np.arange(int(8 * decay * SAMPLING_RATE)) / SAMPLING_RATE
    for onset in _onsets(samples, rate, rng):
        hiss = rng.standard_normal(len(time)) * np.exp(-time / decay)
        tone = np.sin(2 * np.pi * rng.uniform(*centres) * time) * np.exp(-time / decay)
        _add(sound, rng.uniform(0.3, 1) * (0.5 * hiss + tone), onset)
    return sound


def _talker(samples: int, rng: Rng) -> NDArray:
    """Voiced syllables through moving formants, with hisses and pauses between them."""
    sound = np.zeros(samples)
    base = rng.uniform(90, 230)
    for onset in _onsets(samples, rng.uniform(3, 5), rng):
        length = int(rng.uniform(0.12, 0.28) * SAMPLING_RATE)
        time = np.arange(length) / SAMPLING_RATE
        window = scipy.signal.windows.tukey(length, 0.5)
        if rng.random() < 0.25:
            sos = scipy.signal.butter(2, rng.uniform(3000, 5000), "high", fs=48000, output="sos")
            event = 0.15 * scipy.signal.sosfilt(sos, rng.standard_normal(length))
        else:
            pitch = base * (1 + 0.15 * rng.standard_normal()) * (1 - 0.5 * time)
            turns = np.floor(np.cumsum(pitch) / SAMPLING_RATE)
            event = np.diff(turns, prepend=0) + 0.02 * rng.standard_normal(length)
            for centre in rng.uniform((300, 900, 2200, 3300), (800, 2200, 3000, 4200)):
                radius = np.exp(-np.pi * 90 / SAMPLING_RATE)
                turn = 2 * np.pi * centre / SAMPLING_RATE
                poles = [1, -2 * radius * np.cos(turn), radius**2]
                event = scipy.signal.lfilter([sum(poles)], poles, event)
        _add(sound, event * window / (np.abs(event).max() + 1e-9), onset)
    return sound


_MAKERS = {
    "noise": _noise,
    "plucked": _plucked,
    "bells": _bells,
    "bowed": _bowed,
    "drums": _drums,
    "clicks": _clicks,
    "applause": _applause,
    "talker": _talker,
}
KINDS = tuple(_MAKERS)
"""Names of the sounds."""
