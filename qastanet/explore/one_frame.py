"""One frame of one band of the auditory front end, taken apart: for the exploration notebooks."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from qastanet.hearing.differentiable.filterbank import filterbank
from qastanet.hearing.envelope import analytic, haircell, lowpass
from qastanet.hearing.gammatone import ENVELOPE_FROM, centre_frequencies
from qastanet.hearing.hearing_threshold import FULL_SCALE_LEVEL, threshold_power
from qastanet.sound.sampling import FRAME

CONTEXT = FRAME // 2
"""Samples that are shown before and after a frame."""


class OneFrame(NamedTuple):
    """One frame of one band, taken apart; signals are of both ears, (2, samples).

    Attributes:
        start: first sample of the frame in the signals below, which reach CONTEXT to either side.
        waveform: ears, full scale 1.
        band: complex output of the gammatone filter.
        envelope: low-passed envelope, scaled to the rms of the band.
        compared: complex signals whose coherence is taken: the band below 1.3 kHz, above it the
            analytic low-passed envelope.
        frequency: centre of the band in Hz.
        ear_levels: dB SPL of left and right ear in the frame.
        threshold: of hearing in the band, dB SPL.
        ild: level difference in dB.
        coherence: complex; NaN if the band is inaudible.
    """

    start: int
    waveform: NDArray
    band: NDArray
    envelope: NDArray
    compared: NDArray
    frequency: float
    ear_levels: NDArray
    threshold: float
    ild: float
    coherence: complex

    @property
    def by_envelope(self) -> bool:
        """Whether the coherence is that of the envelopes."""
        return self.frequency >= ENVELOPE_FROM


def one_frame(signal: NDArray, band: int, frame: int) -> OneFrame:
    """Take one frame of one band of the auditory front end apart.

    Args:
        signal: ears, shape (2, samples), 48 kHz
        band: 0..28
        frame: from 0 on, of 40 ms

    Example:
        >>> from qastanet.explore.placed_sound import dry
        >>> found = one_frame(np.array([[1.0], [0.5]]) * dry("noise"), band=10, frame=5)
        >>> round(found.ild, 2), round(abs(found.coherence), 3), found.by_envelope
        (6.02, 1.0, True)
    """
    sound = np.asarray(signal, dtype=np.float64)
    filtered = filterbank(torch.from_numpy(sound), slice(band, band + 1))[:, 0].numpy()
    envelope = haircell(filtered)
    frequency = float(centre_frequencies()[band])
    compared = lowpass(analytic(np.abs(filtered))) if frequency >= ENVELOPE_FROM else filtered
    inside = slice(frame * FRAME, (frame + 1) * FRAME)
    power = envelope[:, inside].mean(-1) ** 2
    threshold = float(threshold_power()[band])
    left, right = compared[:, inside]
    energy = np.mean(np.abs(left) ** 2) * np.mean(np.abs(right) ** 2)
    coherence = complex(np.nan, np.nan)
    if energy > 0 and envelope[:, inside].mean() ** 2 / 2 > threshold:
        coherence = complex(np.mean(left * right.conj()) / np.sqrt(energy))
    shown = slice(max(0, inside.start - CONTEXT), inside.stop + CONTEXT)
    levels = 10 * np.log10(np.maximum(power, threshold))
    return OneFrame(
        inside.start - shown.start,
        *(x[:, shown] for x in (sound, filtered, envelope, compared)),
        frequency,
        10 * np.log10(np.maximum(power, 1e-12)) + FULL_SCALE_LEVEL,
        10 * np.log10(threshold) + FULL_SCALE_LEVEL,
        float(levels[0] - levels[1]),
        coherence,
    )
