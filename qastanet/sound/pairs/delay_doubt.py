"""Whether a delay is beyond doubt: a search over whole signals, farther than what is compensated.

`qastanet.sound.pairs.alignment` measures a delay to a fraction of a sample where the largest peak
of the cross-correlation lies within the bound. That peak means nothing if the true delay is larger,
and little if the signal repeats itself, so that another peak is nearly as high. Here both are
noticed, from the same weighted cross-correlation, of the whole signals and over two seconds.
"""

from typing import NamedTuple

import numpy as np
import scipy.fft

from qastanet.sound.pairs.alignment import BOUND, TRUSTED, block, weighted
from qastanet.sound.pairs.excerpts import Excerpt

FAR = 2.0
"""Delays up to this many seconds are noticed."""

LONGEST = 1 << 19
"""Samples that are looked at, from the start: 11 s at 48 kHz."""

RIVAL = 0.95
"""A second peak of this height, relative to the first, makes a delay ambiguous. Real and synthetic
sounds stay below 0.5; steady tones reach 0.92, and tones that fade in and out 0.99."""


INVERTED = 2.0
"""A signal is upside down if its deepest valley is so many times as deep as the highest peak."""

CLOSE = 5e-4
"""Peaks within this many seconds of the first, as of both ears, are no rivals."""

DISTINCT = 0.5
"""A second peak below this height, relative to the first, leaves no doubt, however little the
signals correlate: a reverberation that is decorrelated anew, for example."""


class Search(NamedTuple):
    """Where the peaks of the cross-correlation lie, in samples; positive: late."""

    nearest: int
    """The highest one within the bound."""
    rival: int | None
    """Another one within the bound that is nearly as high, None if there is none."""
    farther: int | None
    """One beyond the bound that is higher and to be trusted, None if there is none."""
    distinct: bool
    """Whether the highest one stands alone."""
    inverted: bool = False
    """Whether it is that of the degraded signal upside down."""


def search(reference: np.ndarray, degraded: np.ndarray, rate: int) -> Search:
    """Look for the peaks of the cross-correlation of two signals.

    Args:
        reference: shape (channels, samples); W alone is enough for ambisonics
        degraded: shape (channels, samples), the same number of channels, any length
        rate: sampling rate in Hz

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((1, 48000))
        >>> search(noise, np.roll(noise, 300), 48000)
        Search(nearest=300, rival=None, farther=None, distinct=True, inverted=False)
        >>> search(noise, np.roll(noise, 9600), 48000).farther
        9600
    """
    from scipy.signal import find_peaks  # takes half a second, and only --align searches

    pair = [x[:, :LONGEST] for x in (reference, degraded)]
    longest = max(x.shape[1] for x in pair)
    n_fft = 2 * scipy.fft.next_fast_len(longest, real=True)
    whole = block(Excerpt(0, *pair), n_fft)
    reach = min(round(FAR * rate), longest - 1)
    lags = np.arange(-reach, reach + 1)
    heights = weighted(whole.cross, n_fft)[lags]
    within = heights[np.abs(lags) <= BOUND * rate]
    inverted = bool(-within.min() > INVERTED * within.max())
    heights = -heights if inverted else heights
    peaks = find_peaks(heights)[0]
    peaks = peaks[np.argsort(heights[peaks])[::-1]]
    near = np.abs(lags[peaks]) <= BOUND * rate
    inside, outside = peaks[near], peaks[~near]
    if not len(inside):
        return Search(0, None, None, False)
    top = heights[inside[0]]
    rival = inside[np.abs(lags[inside] - lags[inside[0]]) > CLOSE * rate][:1]
    farther = outside[:1][heights[outside[:1]] > top]
    alike = scipy.fft.irfft(whole.cross, n_fft)[lags[farther]] / np.sqrt(np.prod(whole.energies))
    likeness = (-1 if inverted else 1) * alike
    # among so many lags, some peak by chance
    farther = farther[(likeness >= TRUSTED) | (top < DISTINCT * heights[farther])]
    return Search(
        int(lags[inside[0]]),
        next((int(lags[k]) for k in rival if heights[k] >= RIVAL * top), None),
        next((int(lags[k]) for k in farther), None),
        not any(heights[k] >= DISTINCT * top for k in rival),
        inverted,
    )
