"""Degradations of spatial sound, each with one strength, for ambisonics and for binaural signals.

A degradation is a function of a signal, a strength and a stream of random numbers. `DEGRADATIONS`
names them with the range of their strengths, from hardly audible to bad. Codecs are in
`qastanet.scene.codecs`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.ndimage
import scipy.signal
from numpy.typing import NDArray

from qastanet.errors import InputError
from qastanet.sound.ambisonics import acn_order, rotate, spherical_harmonics
from qastanet.sound.sampling import SAMPLING_RATE

Rng = np.random.Generator
STFT = {"nperseg": 960, "noverlap": 480, "window": np.sqrt(scipy.signal.get_window("hann", 960))}
GRID = np.deg2rad(5)
"""Resolution of the directions that a parametric coder sends, radians."""


class Degradation(NamedTuple):
    """One way to degrade a signal.

    Attributes:
        apply: (signal of shape (channels, samples), strength, random numbers) -> the same shape.
        mild: strength that is hardly audible.
        severe: strength that is bad.
        binaural: whether it takes a binaural signal.
    """

    apply: Callable[[NDArray, float, Rng], NDArray]
    mild: float
    severe: float
    binaural: bool = True


def degrade(signal: NDArray, name: str, strength: float, seed: int = 0) -> NDArray[np.float32]:
    """Degrade a signal.

    Args:
        signal: 48 kHz, shape (channels, samples).
        name: from `DEGRADATIONS`.
        strength: see there.
        seed: of random parts.

    Returns:
        The same shape.

    Raises:
        InputError: if the name is unknown or does not go with the number of channels.

    Example:
        >>> degrade(np.ones((2, 4800)), "gain", 6.0206).round(3)[0, 0].item()
        2.0
    """
    if name not in DEGRADATIONS:
        raise InputError(f"unknown degradation {name!r}; use one of {', '.join(DEGRADATIONS)}")
    known = DEGRADATIONS[name]
    if len(signal) == 2 and not known.binaural:
        raise InputError(f"degradation {name!r} does not take {len(signal)} channels")
    result = known.apply(np.asarray(signal), strength, np.random.default_rng([21, seed]))
    return np.asarray(result, dtype=np.float32)


def _lowpass(signal: NDArray, cutoff: float, _: Rng) -> NDArray:
    """Steep low-pass at a cutoff in Hz, linear phase: the anchors of ITU-R BS.1534."""
    taps = scipy.signal.firwin(513, cutoff, fs=SAMPLING_RATE)
    return scipy.signal.oaconvolve(signal, taps[None], axes=-1)[:, 256 : 256 + signal.shape[1]]


def _add_noise(signal: NDArray, noise_to_signal: float, rng: Rng) -> NDArray:
    """Independent pink noise in all channels; its amplitude relative to the first channel's."""
    spectrum = np.fft.rfft(rng.standard_normal(signal.shape))
    frequency = np.maximum(np.fft.rfftfreq(signal.shape[1], 1 / SAMPLING_RATE), 50)
    noise = np.fft.irfft(spectrum / np.sqrt(frequency), signal.shape[1])
    level = noise_to_signal * _rms(signal[:1]) / _rms(noise)
    return signal + level * noise / _degree_root(signal)


def _noise_like(signal: NDArray, noise_to_signal: float, rng: Rng) -> NDArray:
    """Noise under the signal: every time-frequency bin is disturbed in proportion to its size."""
    spectra = _stft(signal)
    shape = rng.standard_normal((2, *spectra.shape))
    return _istft(spectra + noise_to_signal * np.abs(spectra) * (shape[0] + 1j * shape[1]), signal)


def _quantise(signal: NDArray, step: float, _: Rng) -> NDArray:
    """Round to steps of a size relative to the peak of the first channel."""
    size = step * np.abs(signal[0]).max()
    return np.round(signal / size) * size


def _holes(signal: NDArray, share: float, rng: Rng) -> NDArray:
    """Drop a share of the time-frequency tiles (4 bins, 20 ms), the same in all channels."""
    spectra = _stft(signal)
    tiles = rng.random((-(-spectra.shape[1] // 4), spectra.shape[2])) >= share
    return _istft(spectra * np.repeat(tiles, 4, axis=0)[: spectra.shape[1]], signal)


def _noisy_top(signal: NDArray, from_khz: float, rng: Rng) -> NDArray:
    """Replace what is above a frequency (kHz) by noise of the same short-time power."""
    spectra = _stft(signal)
    top = np.arange(spectra.shape[1]) * 50 >= 1000 * from_khz
    power = scipy.ndimage.uniform_filter1d(np.abs(spectra) ** 2, 20, axis=1)
    phase = np.exp(2j * np.pi * rng.random(spectra.shape))
    return _istft(np.where(top[:, None], np.sqrt(power) * phase, spectra), signal)


def _tilt(signal: NDArray, slope: float, _: Rng) -> NDArray:
    """Tilt the spectrum by dB per octave about 1 kHz (dull)."""
    spectrum = np.fft.rfft(signal)
    frequency = np.fft.rfftfreq(signal.shape[1], 1 / SAMPLING_RATE).clip(60, 16000)
    gain = 10 ** (-slope * np.log2(frequency / 1000) / 20)
    return np.fft.irfft(spectrum * gain, signal.shape[1])


def _gain(signal: NDArray, decibels: float, _: Rng) -> NDArray:
    """Change the level of the whole signal."""
    return signal * 10 ** (decibels / 20)


def _narrow(signal: NDArray, loss: float, _: Rng) -> NDArray:
    """Take away a share of all but the omnidirectional part (binaural: of the side signal)."""
    if len(signal) == 2:
        middle = signal.mean(axis=0)
        return middle + (1 - loss) * (signal - middle)
    return np.where(np.arange(len(signal))[:, None] == 0, 1, 1 - loss) * signal


def _decorrelate(signal: NDArray, share: float, rng: Rng) -> NDArray:
    """Replace a share of each channel by itself through a random all-pass of 25 ms."""
    phase = np.exp(2j * np.pi * rng.random((len(signal), 601)))
    phase[:, [0, -1]] = 1
    scatter = np.fft.irfft(phase) * np.exp(-np.arange(1200) / 300)
    scatter /= np.sqrt((scatter**2).sum(axis=1, keepdims=True))
    wet = scipy.signal.oaconvolve(signal, scatter, axes=-1)[:, : signal.shape[1]]
    return np.sqrt(1 - share**2) * signal + share * wet


def _turn(signal: NDArray, degrees: float, _: Rng) -> NDArray:
    """Rotate the scene about the vertical axis."""
    return rotate(signal, np.deg2rad(degrees))


def _lower_order(signal: NDArray, loss: float, _: Rng) -> NDArray:
    """Attenuate the highest order (all of it at a loss of 1), 2nd and 3rd from a loss above 1."""
    degree = acn_order(len(signal))
    order = degree.max()
    keep = np.where(degree == order, max(0, 1 - loss), 1.0)
    if loss > 1 and order > 1:
        keep[degree == order - 1] = max(0, 2 - loss)
    return keep[:, None] * signal


def _parametric(signal: NDArray, diffusion: float, rng: Rng) -> NDArray:
    """Code W, a direction and a diffuseness per bin (as DirAC does), and synthesise from them.

    The measured diffuseness is raised to the power 1 / diffusion: the larger, the more of the sound
    is decorrelated. Directions are rounded to 5 degrees.
    """
    w, y, z, x = spectra = _stft(signal[:4])
    flow = scipy.ndimage.uniform_filter1d((w.conj() * np.stack([y, z, x])).real, 5, axis=2)
    energy = (np.abs(spectra) ** 2).sum(axis=0) / 2
    energy = scipy.ndimage.uniform_filter1d(energy, 5, axis=1) + 1e-15
    length = np.linalg.norm(flow, axis=0)
    diffuseness = (1 - length / energy).clip(0, 1) ** (1 / diffusion)
    azimuth = np.round(np.arctan2(flow[0], flow[2]) / GRID)
    elevation = np.round(np.arcsin((flow[1] / (length + 1e-15)).clip(-1, 1)) / GRID)
    found, index = np.unique([azimuth.ravel(), elevation.ravel()], axis=1, return_inverse=True)
    order = int(acn_order(len(signal)).max())
    gains = spherical_harmonics(order, *(GRID * found))[index].T
    direct = np.sqrt(1 - diffuseness) * w * gains.reshape(-1, *w.shape)
    mono = np.repeat(_istft((np.sqrt(diffuseness) * w)[None], signal), len(signal), axis=0)
    return _istft(direct, signal) + _decorrelate(mono, 1.0, rng) / _degree_root(signal)


def _rms(signal: NDArray) -> float:
    return float(np.sqrt(np.mean(signal**2)))


def _degree_root(signal: NDArray) -> NDArray:
    """Column of sqrt(2 n + 1) for ambisonics of order n, which noise in SN3D is divided by."""
    if len(signal) == 2:
        return np.ones((2, 1))
    return np.sqrt(2 * acn_order(len(signal)) + 1)[:, None]


def _stft(signal: NDArray) -> NDArray:
    return scipy.signal.stft(signal, **STFT)[2]


def _istft(spectra: NDArray, like: NDArray) -> NDArray:
    return scipy.signal.istft(spectra, **STFT)[1][:, : like.shape[1]]


DEGRADATIONS = {
    "lowpass": Degradation(_lowpass, 16000.0, 2500.0),
    "noise": Degradation(_add_noise, 0.003, 0.5),
    "noise_like": Degradation(_noise_like, 0.03, 0.8),
    "quantise": Degradation(_quantise, 3e-4, 0.03),
    "holes": Degradation(_holes, 0.01, 0.5),
    "noisy_top": Degradation(_noisy_top, 14.0, 1.5),
    "tilt": Degradation(_tilt, 0.3, 6.0),
    "gain": Degradation(_gain, 0.2, 6.0),
    "narrow": Degradation(_narrow, 0.05, 1.0),
    "decorrelate": Degradation(_decorrelate, 0.1, 1.0),
    "turn": Degradation(_turn, 2.0, 90.0, binaural=False),
    "lower_order": Degradation(_lower_order, 0.3, 2.0, binaural=False),
    "parametric": Degradation(_parametric, 0.25, 4.0, binaural=False),
}
"""The degradations by name, with the range of their strengths."""
