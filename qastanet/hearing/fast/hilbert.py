"""The interaural coherence of the high bands, from stored envelopes at a low rate.

The method compares the ears by z = lowpass(e + i H(e)), where e is the envelope of a band and H the
Hilbert transform, circular over the N samples of the signal. This module gets z from v = lowpass(e)
averaged over STEP = 8 samples (6 kHz), which the compiled bands store:

* H and the low-pass commute if both are circular. The low-pass is not, it starts from rest. Its
  output from rest and the circular one differ by a transient that starts from the last state:
  c[n] - v[n] = p^n b (1 + p) q[N-1], b = (1 - p)/2 (see `qastanet.hearing.compiled.bands`). It is
  added before H; after it, one from (1 + p)/2 H(v)[N-1] is taken away, which is right if H(e) is
  slow.
* The average over 8 samples falls off like a sinc; three taps undo this to second order.
* The envelopes have M = ceil(N / 8) values on a period P = N / 8, which need not be whole. H is a
  convolution with the kernel of that period, in two parts (`qastanet.hearing.fast.hilbert_kernel`).

What is stored takes 192 bytes per step, 1.2 MB per second of sound, so this is for short signals;
long ones go through `qastanet.hearing.fast.long_hilbert`.
"""

import functools

import numpy as np

from qastanet.hearing.compiled.bands import EAR, STEP
from qastanet.hearing.compiled.loops import aligned
from qastanet.hearing.envelope import lowpass_pole
from qastanet.hearing.fast.hilbert_kernel import (
    Far,
    Near,
    interpolation,
    round_the_ring,
    transient,
)
from qastanet.hearing.fast.turning import (
    BLOCK,
    COARSE,
    NODES,
    REACH,
    SLOW,
    WIDTH,
    frame_products,
    give,
    sharpen,
)
from qastanet.sound.sampling import FRAME


class _Kernel(Near):
    """Both parts of the kernel of a signal."""

    def __init__(self, steps: int, period: float):
        super().__init__(steps, period)
        self.values = -(-steps // COARSE) + NODES
        self.far = Far(round_the_ring(self.values, COARSE, REACH, period), self.values)


_kernel = functools.lru_cache(maxsize=1)(_Kernel)


class Envelopes:
    """The envelopes of the high bands of both ears, at every step of a signal.

    Args:
        samples: N, the length of the signal

    Example:
        >>> envelopes = Envelopes(5760)
        >>> envelopes.next(720)[:] = 1
        >>> envelopes.products(np.zeros(2 * EAR, dtype=np.float32)).shape
        (4, 24, 3)
    """

    def __init__(self, samples: int):
        self.samples, steps = samples, -(-samples // STEP)
        # whole blocks, and what is near them
        self._memory = aligned(-(-steps // BLOCK) * BLOCK + 2 * REACH, WIDTH)
        self._rows = self._memory[REACH : REACH + steps]
        self._filled = 0

    def next(self, steps: int) -> np.ndarray:
        """Return the next rows, for a number of steps, to be filled."""
        self._filled += steps
        return self._rows[self._filled - steps : self._filled]

    def products(self, last: np.ndarray) -> np.ndarray:
        """Return the frame sums of the products of the ears' analytic envelopes.

        The rows are overwritten.

        Args:
            last: q at the last sample, float32, shape (2 EAR,)

        Returns:
            |l|^2, |r|^2, Re and Im of l conj(r), without b^2, float32, shape (4, EAR, frames)
        """
        products = np.zeros((self.samples // FRAME, 4 * EAR), dtype=np.float32)
        steps, period, p = len(self._rows), self.samples / STEP, np.float32(lowpass_pole())
        if len(products):
            decay, kernel = transient(steps), _kernel(steps, period)
            states = np.stack([(1 + p) * last, np.zeros_like(last)])
            self._rows[: len(decay)] += np.outer(decay, states[0])
            mean = self._sharpen(period)
            ends = kernel.across(self._rows[:REACH] - mean, self._rows[-REACH:] - mean)
            far = self._seen_from_far(kernel, mean).reshape(-1)
            near, weights, flat = kernel.lags, interpolation(), self._memory.reshape(-1)
            moments = np.zeros((0, 2 * len(SLOW) * WIDTH), dtype=np.float32)
            through = decay, p, states, products, moments
            frame_products(flat, steps, near, far, weights, ends, *through)
        return np.moveaxis(products.reshape(-1, 4, EAR), 0, -1)

    def _sharpen(self, period: float) -> np.ndarray:
        """Make step means values; return their mean, which is all there is outside the signal."""
        first, last = self._rows[0].copy(), self._rows[-1].copy()
        sums = sharpen(self._rows.reshape(-1), last, first)
        lasts = period - (len(self._rows) - 1)  # the last value counts as much as it lasts
        mean = ((sums - (1 - lasts) * self._rows[-1]) / period).astype(np.float32)
        self._rows[-1] = mean + np.float32(lasts) * (self._rows[-1] - mean)
        self._memory[:REACH], self._memory[REACH + len(self._rows) :] = mean, mean
        return mean

    def _seen_from_far(self, kernel: _Kernel, mean: np.ndarray) -> np.ndarray:
        """Return what values at every COARSE step take from all that are far from them."""
        far = np.zeros((kernel.values + BLOCK // COARSE, WIDTH), dtype=np.float32)
        cells = -(-len(self._rows) // COARSE)
        rows = self._memory[REACH : REACH + cells * COARSE].reshape(-1)
        give(rows, mean, interpolation(), far.reshape(-1))
        kernel.far.turn(far[: kernel.values])
        return far
