"""Head-locked stereo behind an ambisonic scene, as video platforms take it: both reach the ears."""

import functools
from pathlib import Path

import numpy as np
import scipy.fft

from qastanet.sound.sampling import SAMPLING_RATE, resample

DECODER = Path(__file__).parents[1] / "weights" / "default.safetensors"
"""File of the binaural decoder that comes with the package."""


@functools.cache
def _filters() -> np.ndarray:
    """Return the impulse responses (2, 16, taps) of the decoder, for AmbiX signals at 48 kHz."""
    import safetensors

    with safetensors.safe_open(DECODER, "numpy") as file:
        return file.get_tensor("filters")


def ears_of(scene: np.ndarray, stereo: np.ndarray, rate: int) -> np.ndarray:
    """Decode a scene with the shipped decoder, and add what is locked to the head.

    Args:
        scene: AmbiX, shape (channels, samples)
        stereo: left and right, shape (2, samples)
        rate: of both, in Hz

    Returns:
        left and right ear at 48 kHz, shape (2, samples)

    Example:
        >>> stereo = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> ears_of(np.zeros((4, 2)), stereo, 48000).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    scene, stereo = (resample(signal, rate, SAMPLING_RATE) for signal in (scene, stereo))
    filters = _filters()[:, : len(scene)]
    n_fft = scipy.fft.next_fast_len(scene.shape[1] + filters.shape[-1] - 1, real=True)
    spectra, responses = (scipy.fft.rfft(each, n_fft) for each in (scene, filters))
    ears = scipy.fft.irfft(np.einsum("cf,ecf->ef", spectra, responses), n_fft)
    return (ears[:, : scene.shape[1]] + stereo).astype(scene.dtype)
