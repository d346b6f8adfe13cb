"""Compiled loops of `qastanet.hearing.fast.hilbert`, over rows of envelopes at the same time.

A row holds the envelopes of both ears at a step. The loops take flat arrays, since distances that
are known let them run on the lanes of SIMD instructions.
"""

import numpy as np

from qastanet.hearing.compiled.bands import EAR, STEP
from qastanet.hearing.compiled.loops import compiled, eight, inlined
from qastanet.sound.sampling import FRAME

WIDTH = W = 2 * EAR
"""Values of a row."""

BLOCK = FRAME // STEP
"""Steps of a frame, which are turned at a time."""

REACH = 128
"""Steps to either side of a value that are near."""

COARSE = 16
"""Steps per value of the far part."""

NODES = 10
"""Values that are interpolated between."""

_TIME = (2 * np.arange(BLOCK) + 1 - BLOCK) / BLOCK
SLOW = np.ascontiguousarray(np.polynomial.legendre.legvander(_TIME, 3).T, dtype=np.float32)
"""What a block can hold of what is slow: Legendre polynomials over its steps, shape (4, BLOCK)."""


@compiled
def sharpen(rows, before, after):
    """Take from rows a 24th of their second difference, in place; return their sums.

    Args:
        rows: float32, shape (steps WIDTH,)
        before: row before the first, which becomes the last one as it was, float32, shape (WIDTH,)
        after: row behind the last, float32, shape (WIDTH,)

    Returns:
        the sums before that, float64, shape (WIDTH,)
    """
    centre, side = np.float32(13 / 12), np.float32(1 / 24)
    sums, of_block = np.zeros(W), np.zeros(W, dtype=np.float32)
    steps = rows.size // W
    for step in range(steps):
        row = rows[step * W :]
        behind = rows[(step + 1) * W :] if step + 1 < steps else after
        for c in range(W):
            now = row[c]
            of_block[c] += now
            row[c] = centre * now - side * (before[c] + behind[c])
            before[c] = now
        if (step + 1) % BLOCK == 0 or step + 1 == steps:
            for c in range(W):
                sums[c] += of_block[c]
                of_block[c] = 0
    return sums


@inlined
def _weighted(w, x):
    """Return the weighted sum of eight values."""
    total = w[0] * x[0] + w[1] * x[1] + w[2] * x[2] + w[3] * x[3]
    return total + (w[4] * x[4] + w[5] * x[5] + w[6] * x[6] + w[7] * x[7])


@compiled
def give(rows, mean, weights, far):
    """Add to far values what rows without their mean give to them.

    Args:
        rows: float32, shape (cells COARSE WIDTH,)
        mean: of the rows, float32, shape (WIDTH,)
        weights: of the far values for the steps of a cell, float32, shape (NODES, COARSE)
        far: float32, shape ((cells + NODES - 1) WIDTH or more,)
    """
    totals = np.zeros(NODES, dtype=np.float32)
    for k in range(COARSE):
        totals += weights[:, k]
    for cell in range(rows.size // (COARSE * W)):
        x = rows[cell * COARSE * W :]
        for node in range(NODES):
            out, total = far[(cell + node) * W :], totals[node]
            low, high = eight(weights[node], 0, 1), eight(weights[node], 8, 1)
            for c in range(W):
                given = _weighted(low, eight(x, c, W)) + _weighted(high, eight(x, c + 8 * W, W))
                out[c] += given - total * mean[c]


@compiled
def _take(far, weights, turned):
    """Fill the rows of a block by interpolation between far values, the fifth of which is at 0."""
    for cell in range(BLOCK // COARSE):
        x = far[cell * W :]
        for k in range(COARSE):
            out, w = turned[(cell * COARSE + k) * W :], eight(weights[:, k], 0, 1)
            last, other = weights[8, k], weights[9, k]
            for c in range(W):
                taken = last * x[c + 8 * W] + other * x[c + 9 * W]
                out[c] = _weighted(w, eight(x, c, W)) + taken


@inlined
def _pairs(w, a, b):
    """Return the weighted sum of eight differences; a goes backwards."""
    total = w[0] * (a[7] - b[0]) + w[1] * (a[6] - b[1]) + w[2] * (a[5] - b[2])
    total += w[3] * (a[4] - b[3]) + w[4] * (a[3] - b[4]) + w[5] * (a[2] - b[5])
    return total + w[6] * (a[1] - b[6]) + w[7] * (a[0] - b[7])


@inlined
def _every_other(x, c):
    """Return eleven values that lie two rows apart."""
    rest = x[c + 16 * W], x[c + 18 * W], x[c + 20 * W]
    return eight(x, c, 2 * W) + rest


@compiled
def _add_near(rows, kernel, turned):
    """Add to the rows of a block what they take from those near them.

    Four rows of the block and eight lags are taken at a time, which share what they read.

    Args:
        rows: float32, of the block and of REACH steps before and behind it
        kernel: at odd lags, float32, shape (REACH / 2,)
        turned: the block, float32, shape (BLOCK WIDTH,)
    """
    for start in range(0, BLOCK, 8):
        for first in range(start, start + 2):
            out = turned[first * W :]
            for lag in range(0, kernel.size, 8):
                w = eight(kernel, lag, 1)
                before = rows[(REACH + first - 2 * lag - 15) * W :]
                behind = rows[(REACH + first + 2 * lag + 1) * W :]
                for c in range(W):
                    a, b = _every_other(before, c), _every_other(behind, c)
                    out[c] += _pairs(w, a[:8], b[:8])
                    out[c + 2 * W] += _pairs(w, a[1:9], b[1:9])
                    out[c + 4 * W] += _pairs(w, a[2:10], b[2:10])
                    out[c + 6 * W] += _pairs(w, a[3:], b[3:])


@compiled
def _add_products(rows, turned, sums):
    """Add the products of the ears over a block to sums: |l|^2, |r|^2, Re and Im of l conj(r)."""
    for k in range(BLOCK):
        real, imag = rows[k * W :], turned[k * W :]
        for c in range(EAR):
            l_re, l_im, r_re, r_im = real[c], imag[c], real[c + EAR], imag[c + EAR]
            sums[c] += l_re * l_re + l_im * l_im
            sums[c + EAR] += r_re * r_re + r_im * r_im
            sums[c + 2 * EAR] += l_re * r_re + l_im * r_im
            sums[c + 3 * EAR] += l_im * r_re - l_re * r_im


@compiled
def _add_moments(rows, turned, moments):
    """Add the moments of both parts over a block, their sums weighted with SLOW, to moments."""
    for k in range(0, BLOCK, 8):
        real, imag = rows[k * W :], turned[k * W :]
        for slow in range(SLOW.shape[0]):
            w, re = eight(SLOW[slow], k, 1), moments[2 * slow * W :]
            im = moments[(2 * slow + 1) * W :]
            for c in range(W):
                re[c] += _weighted(w, eight(real, c, W))
                im[c] += _weighted(w, eight(imag, c, W))


@compiled
def frame_products(rows, steps, near, far, weights, ends, transient, p, states, products, moments):
    """Fill products with the frame sums of the products of the ears' analytic envelopes.

    Args:
        rows: envelopes, the real parts, and REACH steps before and behind them, flat, float32
        steps: number of envelopes
        near: the near kernel at odd lags, float32, shape (REACH / 2,)
        far: far values, flat, float32
        weights: see `give`
        ends: to be added to the first and to the last rows of the imaginary parts, two of float32,
            shape (REACH, WIDTH), or (0, WIDTH) where the signal goes on
        transient: of the low-pass from a state of one, float32, shape (steps or fewer,), or (0,)
            where the signal does not begin here
        p: pole of the low-pass
        states: that the transients of the real and the imaginary parts come from, float32, shape
            (2, WIDTH); where a signal ends, (1 + p) / 2 of its last imaginary part is added to the
            latter
        products: zeros, float32, shape (frames, 4 EAR)
        moments: zeros, filled with the sums weighted with each of SLOW, first of the real and then
            of the imaginary parts, float32, shape (frames, 8 WIDTH); or (0, 8 WIDTH)
    """
    turned = np.empty(BLOCK * W, dtype=np.float32)
    head, tail = ends
    for block in range((steps - 1) // BLOCK, -1, -1):
        first = block * BLOCK
        stop = min(first + BLOCK, steps)
        _take(far[first // COARSE * W :], weights, turned)
        _add_near(rows[first * W :], near, turned)
        for k in range(first, min(stop, head.shape[0])):
            for c in range(W):
                turned[(k - first) * W + c] += head[k, c]
        for k in range(max(first, steps - tail.shape[0]), stop):
            for c in range(W):
                turned[(k - first) * W + c] += tail[k - steps + tail.shape[0], c]
        if stop == steps and tail.shape[0]:
            for c in range(W):
                states[1, c] += (1 + p) / 2 * turned[(steps - 1 - first) * W + c]
        if block < products.shape[0]:
            real = rows[(REACH + first) * W : (REACH + first + BLOCK) * W]
            if first < transient.size:
                real = real.copy()
                for k in range(first, min(stop, transient.size)):
                    for c in range(W):
                        real[(k - first) * W + c] -= states[0, c] * transient[k]
                        turned[(k - first) * W + c] -= states[1, c] * transient[k]
            _add_products(real, turned, products[block])
            if moments.shape[0]:
                _add_moments(real, turned, moments[block])
