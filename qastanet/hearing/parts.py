"""The parts in which a degraded signal differs from its reference, as listeners go by them.

Listeners of coded spatial sound compare what stays: how far the level is off, how it moves, how
wide the image is, where it is. Seven statistics per band say so, each a weighted mean over frames:

============  ====================================================================================
level         mean |L_d - L_r - gain|, at most 20 dB a frame, in frames of 80 ms (dB)
fluctuation   mean over modulation bands of |log ((m_d + floor) / (m_r + floor))|, where m is the
              rms (dB) of the level within the modulation band
width         |mean |g_d| - mean |g_r||, g the complex interaural coherence: how diffuse it is
phase         |mean g_d - mean g_r|: time differences between the ears, an inverted ear
place         mean over time of |ILD_d - ILD_r| within a window of one second (dB)
movement      difference of the spreads of the ILD over time (dB)
gain          the median of L_d - L_r over all audible cells, which is taken out of the others (dB)
============  ====================================================================================

L = 10 log10 max(P, T) with the power P of both ears and the threshold of hearing T. Frames weigh
max(max(P_r, P_d) - T, 0) ^ exponent, normalised over time, one set of weights for both signals: a
band that is never audible has no weight and no difference. All statistics are exactly 0 for
identical signals and do not change if both signals are repeated, but for the seams. The same code
serves NumPy arrays and PyTorch tensors, with finite gradients.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from qastanet.hearing.features import Features, _threshold
from qastanet.lazy import torch

PARTS = ("level", "fluctuation", "width", "phase", "place", "movement", "gain")
"""Names in the order of the first axis."""

FRAME_RATE = 25.0
"""Frames per second."""

LEVEL_CEILING = 20.0
"""Largest difference of level that counts in a frame, dB."""

MODULATIONS = ((0.3, 1.0), (1.0, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 13.0))
"""Modulation bands of the fluctuation, Hz."""

TINY = 1e-12

Array = Any  # numpy.ndarray or torch.Tensor


class Form(NamedTuple):
    """The constants of the statistics. The defaults are those of the shipped model.

    Attributes:
        exponent: of the weights of the frames; 0.3 is loudness, 0 counts all audible frames alike.
        hold: a frame whose level differs by more than about so many dB is no fluctuation but a
            dropout, which must not count for all time; beyond this its difference fades again.
        floor: modulation (dB rms) below which a change of the fluctuation is not heard.
        gain: largest gain (dB) that is taken out of level and fluctuation.
        window: frames over which the ILD is averaged before it is compared; 0 for all.
        level_frames: frames of 40 ms whose power is averaged before levels are compared.
    """

    exponent: float = 0.15
    hold: float = 10.0
    floor: float = 1.0
    gain: float = 6.0
    window: int = 25
    level_frames: int = 2


SHIPPED = Form()


class Cells(NamedTuple):
    """A pair of features as it is compared; arrays (..., 29, frames), L in dB, ILD in true dB."""

    xp: Any
    power: tuple[Array, Array]
    level: tuple[Array, Array]
    ild: tuple[Array, Array]
    coherence: tuple[Array, Array]
    threshold: Array
    weight: Array
    heard: Array
    """Weights of the frames that are audible in both signals."""
    coherent: Array
    """Weights of the frames in which both signals have a coherence."""
    gain: Array
    """What is taken out of the degraded level, dB, shape (..., 1, 1)."""


def cells(reference: Features, degraded: Features, form: Form = SHIPPED) -> Cells:
    """Bring the features of a pair into the form in which they are compared."""
    xp = np if isinstance(reference.power, np.ndarray) else torch
    both = [_double(f) for f in (reference, degraded)] if xp is np else [reference, degraded]
    power = tuple(f.power for f in both)
    threshold = _threshold(reference.power)  # in the precision in which powers were floored at it
    level = tuple(10 * xp.log10(xp.maximum(p, threshold)) for p in power)
    weight = _frame_weights(xp, *power, threshold, form.exponent)
    audible = (power[0] > threshold) & (power[1] > threshold)
    finite = xp.isfinite(both[0].coherence) & xp.isfinite(both[1].coherence)
    return Cells(
        xp,
        power,
        level,
        tuple(f.ild for f in both),
        tuple(xp.where(finite, f.coherence, 0) for f in both),
        threshold,
        weight,
        _normalised(xp, xp.where(audible, weight, 0)),
        _normalised(xp, xp.where(finite, weight, 0)),
        _gain(xp, level, audible, form.gain),
    )


def parts(reference: Features, degraded: Features, form: Form = SHIPPED) -> Array:
    """Compare the features of a degraded signal with those of its reference.

    Args:
        reference: features of the reference, arrays or tensors
        degraded: features of the degraded signal
        form: constants

    Returns:
        statistics >= 0 in the order of PARTS, in dB or without unit

    Shape:
        - each feature: (..., 29, frames)
        - output: (..., 7, 29)

    Example:
        >>> from qastanet.hearing.fast.front_end import features
        >>> noise = 0.1 * np.random.default_rng(0).standard_normal((2, 48000))
        >>> louder = parts(features(noise), features(2 * noise))
        >>> dict(zip(PARTS, louder[0].mean(-1).round(1).tolist()))["gain"]
        6.0
    """
    c = cells(reference, degraded, form)
    xp, gain = c.xp, c.gain
    moved = [_deviation(xp, x, c.heard)[1] for x in c.ild]
    magnitude = [(c.coherent * xp.abs(g)).sum(-1) for g in c.coherence]
    complex_mean = [(c.coherent * g).sum(-1) for g in c.coherence]
    difference, weight = level_differences(c, form)
    found = [
        (weight * difference).sum(-1),
        _fluctuation(c, form),
        xp.abs(magnitude[1] - magnitude[0]),
        xp.abs(complex_mean[1] - complex_mean[0]),
        (c.heard * xp.abs(place_differences(c, form))).sum(-1),
        xp.abs(moved[1] - moved[0]),
    ]
    found.append(xp.zeros_like(found[0]) + xp.abs(gain[..., 0]))
    return xp.stack(found, -2)


def _frame_weights(
    xp: Any, reference: Array, degraded: Array, threshold: Array, exponent: float
) -> Array:
    """Weights of the frames of each band, which sum to 1, or are 0 in a band never audible."""
    above = xp.maximum(reference, degraded) - threshold
    # both branches of `where` must be finite, or the gradients are not
    weight = xp.where(above > 0, xp.where(above > 0, above, 1) ** exponent, 0)
    return _normalised(xp, weight)


def level_differences(c: Cells, form: Form) -> tuple[Array, Array]:
    """|L_d - L_r - gain| in frames of 80 ms, limited, and the weights of these frames."""
    xp = c.xp
    power = [_grouped(p, min(form.level_frames, p.shape[-1])) for p in c.power]
    level = [10 * xp.log10(xp.maximum(p, c.threshold)) for p in power]
    weight = _frame_weights(xp, *power, c.threshold, form.exponent)
    return xp.abs(level[1] - level[0] - c.gain).clip(max=LEVEL_CEILING), weight


def held_levels(c: Cells, form: Form) -> tuple[Array, Array]:
    """Levels of which the fluctuation is taken, with d / (1 + (d / hold)^4) for a difference d."""
    change = c.level[1] - c.gain - c.level[0]
    return c.level[0], c.level[0] + change / (1 + (change / form.hold) ** 4)


def place_differences(c: Cells, form: Form) -> Array:
    """ILD_d - ILD_r (dB), each frame the weighted mean of the window around it."""
    change = c.ild[1] - c.ild[0]
    if not form.window:
        return (c.heard * change).sum(-1)[..., None] + 0 * change
    total = _window_sum(c.xp, c.heard, form.window)
    mean = _window_sum(c.xp, c.heard * change, form.window)
    return c.xp.where(total > TINY, mean / c.xp.where(total > TINY, total, 1), 0)


def _fluctuation(c: Cells, form: Form) -> Array:
    """Mean over the modulation bands (those with a line of the spectrum) of the log ratio."""
    xp, frames = c.xp, c.weight.shape[-1]
    frequency = [line * FRAME_RATE / frames for line in range(frames // 2 + 1)]
    powers = []
    for level in held_levels(c, form):
        moving = _deviation(xp, level, c.weight)[0] * xp.sqrt(c.weight * frames + TINY**2)
        powers.append(xp.abs(xp.fft.rfft(moving)) ** 2)
    ratios = []
    for low, high in MODULATIONS:
        lines = [k for k, each in enumerate(frequency) if low <= each < high]
        if lines:
            inside = slice(lines[0], lines[-1] + 1)
            sums = [2 * power[..., inside].sum(-1) for power in powers]
            modulation = [xp.sqrt(each + TINY) / frames + form.floor for each in sums]
            ratios.append(xp.abs(xp.log(modulation[1] / modulation[0])))
    return sum(ratios) / len(ratios) if ratios else 0 * c.weight.sum(-1)


def _gain(xp: Any, level: tuple[Array, Array], audible: Array, largest: float) -> Array:
    """Median of L_d - L_r over all audible cells, limited; 0 if there are none."""
    change = xp.where(audible, level[1] - level[0], np.nan)
    change = change.reshape(*change.shape[:-2], -1)
    if xp is np:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # no audible cell: NaN, replaced below
            median = np.nanmedian(change, -1)
    else:
        median = torch.nanquantile(change, 0.5, -1)
    return xp.nan_to_num(median).clip(-largest, largest)[..., None, None]


def _deviation(xp: Any, x: Array, weight: Array) -> tuple[Array, Array]:
    """Deviation from the weighted mean, and its rms."""
    deviation = x - (weight * x).sum(-1)[..., None]
    return deviation, xp.sqrt((weight * deviation**2).sum(-1) + TINY)


def _normalised(xp: Any, weight: Array) -> Array:
    total = weight.sum(-1)[..., None]
    return weight / xp.where(total > 0, total, 1)


def _grouped(x: Array, frames: int) -> Array:
    """Mean over groups of frames; what is left over at the end is dropped."""
    whole = x.shape[-1] // frames
    return x[..., : whole * frames].reshape(*x.shape[:-1], whole, frames).mean(-1)


def _window_sum(xp: Any, x: Array, frames: int) -> Array:
    """Sum over a window around each frame, what lies outside is 0."""
    half = min(frames // 2, x.shape[-1])
    total = xp.cumsum(x, -1)
    nothing = xp.zeros_like(x[..., :half])
    upper = xp.concatenate([total[..., half:], total[..., -1:] + nothing], -1)
    lower = xp.concatenate([xp.zeros_like(x[..., : half + 1]), total[..., : -half - 1]], -1)
    return upper[..., : x.shape[-1]] - lower[..., : x.shape[-1]]


def _double(features: Features) -> Features:
    """In double precision, which costs nothing here."""
    ild, power = (np.asarray(x, dtype=float) for x in (features.ild, features.power))
    return Features(ild, np.asarray(features.coherence, dtype=complex), power)
