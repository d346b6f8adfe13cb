"""Stimuli of the AES 2023 listening test on parametric ambisonic coding, made again.

Seven of its thirteen scenes can be had from public files, each under seven conditions: the
3rd-order reference, first order (FOA), four parametric codings and mono. ``Param-k`` keeps the k
loudest direct sounds in each bin of a short-time transform and replaces the rest by a decorrelated
ambience; ``FOA-Amb-Param-k`` takes the true first-order signal as the first four channels of that
ambience.

Source: the authors' repository for "A Perceptual Comparison of Parametric Spatial Audio Codings for
Binaural Rendering" (`REPOSITORY` on GitHub, commit f490580), whose recordings, decorrelation
filters and binaural filters are used. Random parts (pink noise, diffuse tails) are
other realisations of the same statistics. All signals are at 44.1 kHz and 2.5 s long; ambisonics is
in ACN order with orthonormal harmonics, N3D up to the factor 1 / sqrt(4 pi): divide by
sqrt(2 n + 1) for SN3D (``spaudiopy.sph.n3d_to_sn3d``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.signal
from numpy.typing import ArrayLike, NDArray

from qastanet.scene.parametric_scenes import (
    CHANNELS,
    SCENES,
    Files,
    SoundField,
    read_audio,
    sound_field,
)

REPOSITORY = "BenjSta/ambisonics_param_coding_AES_2023"
PARAMETRIC = ("Param1", "Param2", "FOA-Amb-Param1", "FOA-Amb-Param2")
CONDITIONS = ("reference", "FOA", *PARAMETRIC, "Mono")
DECORRELATION = "generate_stimuli/decorr_filter_with_eq.wav"
BINAURAL = "generate_stimuli/mag_ls_binaural_decoder_weights/irsOrd{}.wav"
WINDOW = 882  # samples, 20 ms
FOA_GAIN = 10 ** (-1.5 / 20)  # before the first-order binaural filters
MONO_GAIN = 10 ** (6 / 20)


class Stimulus(NamedTuple):
    """One scene under one condition.

    Attributes:
        content: name of the scene, as in the ratings.
        condition: name of the condition, as in the ratings.
        ambisonic: shape (16, samples); absent channels (FOA, Mono) are zero.
        binaural: shape (2, samples), left and right, as the listeners heard it.
    """

    content: str
    condition: str
    ambisonic: NDArray
    binaural: NDArray


@dataclass(frozen=True)
class _Coder:
    """The parts of a scene that all parametric codings share."""

    field: SoundField
    filters: NDArray  # (16, taps), decorrelation

    def code(self, components: int, first_order_ambience: bool) -> NDArray:
        """Parametric version of the sound field, shape (16, samples)."""
        field = self.field
        kept = keep_loudest(field.distinct, components)
        directional = field.harmonics.T @ kept
        rest = field.sum - kept.sum(axis=0)
        mono = rest / np.sqrt(4 * np.pi) + field.diffuse[0]
        ambience = scipy.signal.oaconvolve(mono[None], self.filters, axes=1)[:, : len(mono)]
        if first_order_ambience:
            ambience[:4] = (field.discrete - directional + field.diffuse)[:4]
        return directional + ambience


def stimuli(
    files: Files, seed: int = 0, contents: Sequence[str] = tuple(SCENES)
) -> Iterator[Stimulus]:
    """Make the stimuli, one at a time.

    Args:
        files: gives the local path of a file of the upstream repository by its path there, e.g.
            ``functools.partial(registry.path, REPOSITORY)``.
        seed: of the random parts. A scene sounds the same whichever others are made.
        contents: scenes to make, from `SCENES`.

    Yields:
        Each scene under each condition, the reference first.

    Raises:
        InputError: if a scene is unknown or a file is not as expected.

    Example:
        >>> from pathlib import Path
        >>> list(stimuli(Path, contents=["applause"]))
        Traceback (most recent call last):
        ...
        qastanet.errors.InputError: unknown scene 'applause'; use one of pink_noise_anech, ...
    """
    for content in contents:
        versions = render(content, files, seed)
        for condition in CONDITIONS:
            signal = versions.pop(condition)
            yield Stimulus(content, condition, signal, as_heard(signal, condition, files))


def render(content: str, files: Files, seed: int = 0) -> dict[str, NDArray]:
    """All conditions of a scene as ambisonic signals.

    All are scaled by the gain that brings W of the reference to a peak of -12 dBFS (-18 dBFS for
    pink noise).

    Args:
        content: name of the scene, from `SCENES`.
        files: see `stimuli`.
        seed: see `stimuli`.

    Returns:
        Condition -> shape (16, samples).

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import soundfile
        >>> filters = Path(tempfile.mkdtemp()) / "filters.wav"
        >>> soundfile.write(filters, np.eye(16), 44100)
        >>> versions = render("pink_noise_anech", lambda path: filters)
        >>> round(20 * float(np.log10(np.abs(versions["reference"][0]).max())), 6)
        -18.0
    """
    field = sound_field(content, files, seed)
    coder = _Coder(field, read_audio(files(DECORRELATION), CHANNELS))
    reference = field.discrete + field.diffuse
    mono, first_order = reference.copy(), reference.copy()
    mono[1:], first_order[4:] = 0, 0
    versions = {"reference": reference, "FOA": first_order, "Mono": mono}
    for components in (1, 2):
        versions[f"Param{components}"] = coder.code(components, first_order_ambience=False)
        versions[f"FOA-Amb-Param{components}"] = coder.code(components, first_order_ambience=True)
    gain = 10 ** (SCENES[content].peak_db / 20) / np.abs(reference[0]).max()
    return {condition: gain * signal for condition, signal in versions.items()}


def keep_loudest(signals: ArrayLike, components: int) -> NDArray:
    """Keep only the loudest of several signals in each bin of a short-time Fourier transform.

    Windows of 20 ms (882 samples), root of a periodic Hann, half overlapping, for analysis and
    synthesis.

    Args:
        signals: shape (signals, samples).
        components: how many to keep in each bin.

    Returns:
        What is left of each signal, same shape.

    Example:
        >>> tones = np.sin(np.outer([0.2, 1.2], np.arange(8820)))
        >>> bool(np.allclose(keep_loudest(tones, 2), tones))
        True
    """
    signals = np.asarray(signals, dtype=float)
    window = np.sqrt(scipy.signal.get_window("hann", WINDOW))
    form = {"window": window, "nperseg": WINDOW, "noverlap": WINDOW // 2}
    spectra = scipy.signal.stft(signals, **form)[2]
    loudest = np.argsort(-np.abs(spectra), axis=0, kind="stable")[:components]
    mask = np.zeros(spectra.shape, dtype=bool)
    np.put_along_axis(mask, loudest, True, axis=0)
    return scipy.signal.istft(spectra * mask, **form)[1][:, : signals.shape[1]]


def as_heard(ambisonic: NDArray, condition: str, files: Files) -> NDArray:
    """Binaural signal of a condition as it was played to the listeners.

    Third order through the filters of order 3; FOA attenuated by 1.5 dB and through those of order
    1; mono is W, 6 dB up, on both ears. The head is symmetric: the right ear takes the filters of
    the left one with the sign of the harmonics of negative degree turned.

    Args:
        ambisonic: shape (16, samples), as from `render`.
        condition: from `CONDITIONS`.
        files: see `stimuli`.

    Returns:
        Shape (2, samples).

    Example:
        >>> from pathlib import Path
        >>> as_heard(np.ones((16, 3)), "Mono", Path).round(3)
        array([[1.995, 1.995, 1.995],
               [1.995, 1.995, 1.995]])
    """
    if condition == "Mono":
        return MONO_GAIN * np.repeat(ambisonic[:1], 2, axis=0)
    order = 1 if condition == "FOA" else 3
    gain = FOA_GAIN if condition == "FOA" else 1.0
    filters = read_audio(files(BINAURAL.format(order)), (order + 1) ** 2)
    degrees = [m for n in range(order + 1) for m in range(-n, n + 1)]
    mirrored = np.where(np.array(degrees) < 0, -1.0, 1.0)
    ears = np.zeros((2, ambisonic.shape[1]))
    for signal, response, sign in zip(gain * ambisonic, filters, mirrored, strict=False):
        part = scipy.signal.oaconvolve(signal, response)[: len(signal)]
        ears += np.outer([1, sign], part)
    return ears
