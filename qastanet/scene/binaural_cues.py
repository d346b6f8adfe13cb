"""What a decoder does to a plane wave: ITD, ILD and spectra, and the same of the measured HRTF."""

import math

import numpy as np
import pandas as pd
import scipy.signal

from qastanet.sound.ambisonics import order_of, spherical_harmonics
from qastanet.sound.binaural import BinauralDecoder
from qastanet.sound.sampling import SAMPLING_RATE

ITD_CUTOFF = 1500.0
"""ITD is read below this frequency (Hz), where the ear follows the fine structure."""

N_FFT = 4096


def plane_wave_responses(decoder: BinauralDecoder, azimuth: np.ndarray) -> np.ndarray:
    """Return the ear impulse responses of a decoder to horizontal plane waves.

    Args:
        decoder: ambisonics to binaural
        azimuth: directions in radians, positive to the left

    Returns:
        impulse responses, shape (directions, 2, taps)
    """
    gains = spherical_harmonics(decoder.order, azimuth, np.zeros_like(azimuth))
    filters = decoder.filters.double().numpy()
    return np.einsum("dc,ect->det", gains, filters)


def measured_responses(
    hrirs, azimuth: np.ndarray, elevation: np.ndarray | float = 0.0
) -> np.ndarray:
    """Return the measured impulse responses nearest to some directions.

    Args:
        hrirs: set of `qastanet.sound.binaural.load_hrirs`
        azimuth: directions in radians, positive to the left
        elevation: the same, positive upwards

    Returns:
        impulse responses, shape (directions, 2, taps)
    """
    grid = _unit(np.asarray(hrirs.azi), math.pi / 2 - np.asarray(hrirs.zen))
    wanted = _unit(*np.broadcast_arrays(azimuth, elevation))
    nearest = np.argmax(wanted @ grid.T, axis=1)
    return np.stack([hrirs.left[nearest], hrirs.right[nearest]], axis=1)


def _unit(azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    """Return unit vectors, shape (directions, 3)."""
    flat = np.cos(elevation)
    return np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], axis=-1)


def time_difference(responses: np.ndarray) -> np.ndarray:
    """Return the ITD in milliseconds, positive when the left ear leads.

    The lag of the largest cross-correlation of the ears below 1.5 kHz, on a grid of a tenth of a
    sample.

    Args:
        responses: shape (directions, 2, taps), at 48 kHz

    Example:
        >>> left_leads = np.zeros((1, 2, 128))
        >>> left_leads[0, 0, 40] = left_leads[0, 1, 64] = 1
        >>> time_difference(left_leads).tolist()
        [0.5]
    """
    fine = 10
    sos = scipy.signal.butter(3, ITD_CUTOFF, fs=SAMPLING_RATE, output="sos")
    low = scipy.signal.sosfilt(sos, np.pad(responses, ((0, 0), (0, 0), (0, 256))), axis=-1)
    spectra = np.fft.rfft(low, N_FFT)
    cross = np.fft.irfft(spectra[:, 1] * spectra[:, 0].conj(), N_FFT * fine)
    limit = int(1e-3 * SAMPLING_RATE * fine)
    lags = np.arange(-limit, limit + 1)
    return lags[np.argmax(cross[:, lags], axis=1)] / (SAMPLING_RATE * fine) * 1000


def magnitude(responses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies in Hz and magnitude spectra in dB, smoothed over a third of an octave.

    Args:
        responses: shape (..., taps)

    Returns:
        frequencies, shape (points,), from 100 Hz to 20 kHz; levels, shape (..., points)
    """
    centres = np.geomspace(100, 20000, 70)
    grid = np.fft.rfftfreq(N_FFT, 1 / SAMPLING_RATE)
    power = np.abs(np.fft.rfft(responses, N_FFT)) ** 2
    levels = [
        power[..., (grid >= f * 2 ** (-1 / 6)) & (grid <= f * 2 ** (1 / 6))].mean(-1)
        for f in centres
    ]
    return centres, 10 * np.log10(np.stack(levels, axis=-1))


def level_difference_db(responses: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return the ILD in dB between two frequencies (Hz), positive when the left ear is louder.

    Args:
        responses: shape (directions, 2, taps)
        low: lower frequency in Hz
        high: upper frequency in Hz

    Example:
        >>> level_difference_db(np.array([[[1.0], [0.1]]]), 1000, 4000).round(6).tolist()
        [20.0]
    """
    grid = np.fft.rfftfreq(N_FFT, 1 / SAMPLING_RATE)
    inside = (grid >= low) & (grid <= high)
    power = (np.abs(np.fft.rfft(responses, N_FFT)[..., inside]) ** 2).mean(-1)
    return 10 * np.log10(power[:, 0] / power[:, 1])


def cue_table(name: str, order: int | None, responses: np.ndarray, azimuth: np.ndarray):
    """Collect the cues of a set of responses in a long table.

    Args:
        name: which decoder or HRTF
        order: ambisonic order, None for a measured HRTF
        responses: shape (directions, 2, taps)
        azimuth: of the directions, in radians

    Returns:
        table with columns renderer, order, cue (itd_ms, ild_low_db below 1.5 kHz, ild_high_db from
        1.5 to 12.5 kHz, or left_ear_db), azimuth_deg, frequency_hz, value
    """
    degrees = np.rad2deg(azimuth).round(3)
    cues = {
        "itd_ms": time_difference(responses),
        "ild_low_db": level_difference_db(responses, 200, ITD_CUTOFF),
        "ild_high_db": level_difference_db(responses, ITD_CUTOFF, 12500),
    }
    parts = [pd.DataFrame({"cue": k, "azimuth_deg": degrees, "value": v}) for k, v in cues.items()]
    frequency, levels = magnitude(responses[:, 0])
    parts += [
        pd.DataFrame(
            {"cue": "left_ear_db", "azimuth_deg": a, "frequency_hz": frequency, "value": v}
        )
        for a, v in zip(degrees, levels, strict=True)
        if a in (0.0, 90.0)
    ]
    table = pd.concat(parts, ignore_index=True).assign(renderer=name, order=order)
    return table[["renderer", "order", "cue", "azimuth_deg", "frequency_hz", "value"]]


def decoder_table(name: str, decoder: BinauralDecoder, azimuth: np.ndarray) -> pd.DataFrame:
    """Collect the cues of a decoder (see `cue_table`)."""
    responses = plane_wave_responses(decoder, azimuth)
    return cue_table(name, order_of(decoder.filters.shape[1]), responses, azimuth)
