"""The interaural coherence of the high bands of a long signal, a few seconds of it in memory.

As `qastanet.hearing.fast.hilbert`, but the far part of the Hilbert transform is cut once more:

* What is less than VERY_FAR steps away (0.93 s) is turned as the sound comes, a few pieces at once,
  when the piece behind them is there.
* What is farther off is so smooth that values at every SPARSE step hold it, and a cubic in each
  frame. It is known at the end. Until then there are the products of the envelopes without it and
  the moments of each frame (weighted sums of the envelopes), which tell what it adds to them.

The first piece is turned last, for the signal is circular: what is before its start is its end.
Since the period P of M steps need not be whole, steps before and behind this seam lie on grids that
are M - P apart. Across it they give to far values with shifted weights.
"""

import functools

import numpy as np

from qastanet.hearing.compiled.bands import EAR, STEP
from qastanet.hearing.compiled.loops import aligned
from qastanet.hearing.envelope import lowpass_pole
from qastanet.hearing.fast.hilbert_kernel import (
    Far,
    Near,
    cotangent,
    interpolation,
    lagrange,
    round_the_ring,
    transient,
    window,
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
from qastanet.sound.sampling import FRAME, PIECE

SHORTEST = 4 * PIECE
"""Samples that a long signal has at least."""

ROWS = PIECE // STEP
"""Steps of a piece."""

CELLS = ROWS // COARSE
"""Far values of a piece."""

TURNED = 3
"""Pieces that are turned at a time."""

VERY_FAR = 350 * COARSE
"""Steps to either side of a value that are not very far. A piece has more, by NODES values and what
the end of the signal changes of its start: pieces can be turned when the next is there."""

VERY_SMOOTH = 16.0
"""Shape of the window there: its step at VERY_FAR, 1e-6, is not seen."""

SPARSE = 25 * COARSE
"""Steps per value of the very far part."""


class _Kernel(Near):
    """All parts of the kernel of a signal."""

    def __init__(self, steps: int, period: float):
        super().__init__(steps, period)
        lag = np.arange(COARSE, VERY_FAR, COARSE, dtype=float)
        cut = window(lag, VERY_FAR, VERY_SMOOTH) - window(lag, REACH)
        self.margin = len(lag)
        values = TURNED * CELLS + NODES + 2 * self.margin
        self.far = Far(cotangent(lag, period) * cut, values)
        self.values = -(-(steps + (NODES + 1) * COARSE) // SPARSE) + NODES
        half = round_the_ring(self.values, SPARSE, VERY_FAR, period, VERY_SMOOTH)
        self.very_far = Far(half, self.values)


_kernel = functools.lru_cache(maxsize=1)(_Kernel)


class LongEnvelopes:
    """As `qastanet.hearing.fast.hilbert.Envelopes`, for SHORTEST samples or more.

    Args:
        samples: N, the length of the signal

    Example:
        >>> envelopes = LongEnvelopes(192_000)
        >>> for piece in range(4):
        ...     envelopes.next(6000)[:] = 1
        >>> envelopes.products(np.zeros(2 * EAR, dtype=np.float32)).shape
        (4, 24, 100)
    """

    def __init__(self, samples: int):
        self._steps, self._period = -(-samples // STEP), samples / STEP
        self._gap = self._steps - self._period  # what the last step lacks
        self._kernel = _kernel(self._steps, self._period)
        # a piece that is done, those to be turned next, and the one behind them
        self._memory = aligned(REACH + (TURNED + 2) * ROWS + REACH, WIDTH)
        self._given = _zeros((TURNED + 3) * CELLS + NODES, WIDTH)
        self._base = 0  # the step of the signal that is the first in memory
        self._filled = self._sharp = 0  # how many steps of the signal are there
        self._head = aligned(REACH + 2 * ROWS, WIDTH)
        self._before, self._sums = _zeros(WIDTH), np.zeros(WIDTH)
        self._very_far = _zeros(self._kernel.values, WIDTH)
        self._states = _zeros(2, WIDTH)
        self._products = _zeros(samples // FRAME, 4 * EAR)
        self._moments = _zeros(samples // FRAME, 2 * len(SLOW) * WIDTH)

    def next(self, steps: int) -> np.ndarray:
        """Return the next rows, to be filled: of a piece, or of what is left of the signal."""
        self._take_in()
        if self._filled - self._base == (TURNED + 2) * ROWS:
            self._go_on()
        first = REACH + self._filled - self._base
        self._filled += steps
        return self._memory[first : first + steps]

    @np.errstate(over="ignore", invalid="ignore")  # of what is no sound, as compiled loops
    def products(self, last: np.ndarray) -> np.ndarray:
        """Return the frame sums of the products of the ears' analytic envelopes; to be called once.

        Args:
            last: q at the last sample, float32, shape (2 EAR,)

        Returns:
            |l|^2, |r|^2, Re and Im of l conj(r), without b^2, float32, shape (4, EAR, frames)
        """
        self._take_in()
        p, decay, none = np.float32(lowpass_pole()), transient(self._steps), self._states[:0]
        rows = self._memory[REACH : REACH + self._filled - self._base]
        head = self._head[REACH:]
        self._states[0] = (1 + p) * last
        head[: len(decay)] += np.outer(decay, self._states[0])
        self._sums += decay.sum() * self._states[0]
        mean = self._sharpen_ends(rows, head)
        before_head = self._give_ends(rows, head)
        self._kernel.very_far.turn(self._very_far)
        rows[-1] += self._gap * mean
        self._head[:REACH] = self._memory[REACH + len(rows) :][: BLOCK + REACH] = mean
        ends = self._kernel.across(head[:REACH] - mean, rows[-REACH:] - mean)
        at_end = self._seen_from_very_far(np.array([self._steps - 1]), 0.0)
        self._states[1] = (1 + p) / 2 * at_end[0, 0]
        first = ROWS
        if len(rows) > (TURNED + 1) * ROWS:  # too much for one time
            first = TURNED * ROWS
            self._turn(self._memory[ROWS:], first - ROWS, CELLS)
        self._turn(self._memory[first:], len(rows) - first, first // COARSE, (none, ends[1]))
        self._given, self._base = before_head, -ROWS
        self._turn(self._head, ROWS, CELLS, (ends[0], none), decay)
        self._add_very_far()
        return np.moveaxis(self._products.reshape(-1, 4, EAR), 0, -1)

    def _take_in(self) -> None:
        """Sharpen the rows that have been filled, all but the last, and give them."""
        first, stop = self._sharp - self._base, self._filled - self._base
        rows = self._memory[REACH:]
        new = rows[first:stop]
        if len(new):
            head = self._head[REACH + self._sharp : REACH + min(self._filled, 2 * ROWS)]
            head[:] = new[: len(head)]
            self._sums += sharpen(new[:-1].reshape(-1), self._before, new[-1])
            self._sharp = self._filled - 1
            first, stop = first // COARSE, (stop - 1) // COARSE
            _give(rows[first * COARSE : stop * COARSE], self._given[first:])

    def _go_on(self) -> None:
        """Turn the next pieces; keep the last of them and the one behind them."""
        self._turn(self._memory[ROWS:], TURNED * ROWS, CELLS)
        self._give_very_far(self._given[CELLS : (TURNED + 1) * CELLS], self._base + ROWS)
        self._memory[: REACH + 2 * ROWS] = self._memory[TURNED * ROWS :][: REACH + 2 * ROWS]
        kept = self._given[TURNED * CELLS :].copy()
        self._given[: len(kept)], self._given[len(kept) :] = kept, 0
        self._base += TURNED * ROWS

    def _sharpen_ends(self, rows: np.ndarray, head: np.ndarray) -> np.ndarray:
        """Make the last row and those of the head values; return the mean of all.

        The last row counts as much as it lasts.
        """
        self._sums += sharpen(rows[-1], self._before, head[0])
        sharpen(head[:-1].reshape(-1), self._before, head[-1])
        mean = ((self._sums - self._gap * rows[-1]) / self._period).astype(np.float32)
        rows[-1] *= 1 - self._gap
        return mean

    def _give_ends(self, rows: np.ndarray, head: np.ndarray) -> np.ndarray:
        """Give the last rows and the head, also across the seam; return far values of the head."""
        cell, rest = divmod(len(rows), COARSE)
        given = (self._sharp - self._base) // COARSE
        padded = _zeros((cell + 1 - given) * COARSE, WIDTH)
        padded[: len(rows) - given * COARSE] = rows[given * COARSE :]
        _give(padded, self._given[given:])
        self._give_very_far(self._given[CELLS : cell + 1 + NODES], self._base + ROWS)
        of_head = _zeros(3 * CELLS + NODES, WIDTH)
        _give(head, of_head[CELLS:])
        self._give_very_far(of_head[CELLS : 2 * CELLS], 0)
        _give(rows[-ROWS:], of_head, self._gap)
        behind = np.concatenate([_zeros(rest, WIDTH), head[: ROWS - rest]])
        _give(behind, self._given[cell:], -self._gap)
        return of_head

    def _turn(
        self,
        rows: np.ndarray,
        steps: int,
        cell: int,
        ends: tuple[np.ndarray, np.ndarray] | None = None,
        decay: np.ndarray | None = None,
    ) -> None:
        """Add the products of some steps, but for what is very far.

        Args:
            rows: of the steps, with REACH before and behind them
            steps: their number, in whole blocks unless the signal ends with them
            cell: of the first of them
            ends: see `frame_products`; none where the signal goes on
            decay: its transient; none unless the signal begins here
        """
        none, margin = self._states[:0], self._kernel.margin
        blocks = -(-steps // BLOCK)
        values = blocks * (BLOCK // COARSE) + NODES
        far = self._given[cell - margin : cell + values + margin].copy()
        self._kernel.far.turn(far)
        first = (self._base + cell * COARSE) // BLOCK
        frames = slice(first, first + blocks)
        frame_products(
            rows.reshape(-1),
            steps,
            self._kernel.lags,
            far[margin:].reshape(-1),
            interpolation(),
            ends or (none, none),
            none[:, 0] if decay is None else decay,
            np.float32(lowpass_pole()),
            self._states,
            self._products[frames],
            self._moments[frames],
        )

    def _give_very_far(self, values: np.ndarray, first: int) -> None:
        """Give far values, the first of which is at a step, to the very far ones."""
        each = SPARSE // COARSE
        cells, first = -(-len(values) // each), first // SPARSE
        padded = _zeros(cells, each, WIDTH)
        padded.reshape(-1, WIDTH)[: len(values)] = values
        given = interpolation(each) @ padded
        for node in range(NODES):
            self._very_far[first + node : first + node + cells] += given[:, node]

    def _seen_from_very_far(self, steps: np.ndarray, *apart: float) -> np.ndarray:
        """Return the very far part at distances from steps, shape (distances, steps, WIDTH)."""
        place = (steps + (NODES // 2 - 1) * COARSE) / SPARSE
        first = place.astype(int)
        weights = [lagrange(place - first + each / SPARSE) for each in apart]
        found = _zeros(len(apart), len(steps), WIDTH)
        for node in range(NODES):
            values = self._very_far[first + node]
            for each, weight in zip(found, weights, strict=True):
                each += weight[node, :, None] * values
        return found

    def _add_very_far(self) -> None:
        """Add to the products what comes from very far: a cubic in each frame."""
        places, weights = np.polynomial.legendre.leggauss(len(SLOW))
        middle = BLOCK * np.arange(len(self._products)) + (BLOCK - 1) / 2
        seen = self._seen_from_very_far(middle, *(places * BLOCK / 2))
        slow = np.polynomial.legendre.legvander(places, len(SLOW) - 1).T * weights
        products = self._products.reshape(-1, 4, EAR).swapaxes(0, 1)
        moments = self._moments.reshape(-1, len(SLOW), 2, WIDTH)
        left, right = np.s_[:, :EAR], np.s_[:, EAR:]
        for k, each in enumerate(slow.astype(np.float32)):
            far = np.tensordot((k + 0.5) * each, seen, 1)
            real, imag = moments[:, k, 0], moments[:, k, 1]
            imag += BLOCK / (2 * k + 1) / 2 * far
            own = 2 * far * imag
            products[0] += own[left]
            products[1] += own[right]
            products[2] += far[left] * imag[right] + imag[left] * far[right]
            products[3] += far[left] * real[right] - real[left] * far[right]


def _zeros(*shape: int) -> np.ndarray:
    """Return zeros in single precision."""
    return np.zeros(shape, dtype=np.float32)


def _give(rows: np.ndarray, values: np.ndarray, shift: float = 0.0) -> None:
    """Add to far values what rows, of whole cells and shifted by so many steps, give to them."""
    give(rows.reshape(-1), _zeros(WIDTH), interpolation(COARSE, shift), values.reshape(-1))
