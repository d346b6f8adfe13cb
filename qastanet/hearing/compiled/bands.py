"""The compiled auditory bands of both ears: one pass over time, no full-rate arrays.

A band with pole a = r e^(j w) is turned down to 0 Hz, where its pole is real. Per sample x[t] of an
ear, four one-pole sections follow one another, then the magnitude and the first-order low-pass of
the envelope with pole p::

    s1[t] = x[t] e^(-j w t) + r s1[t-1],   s2[t] = s1[t] + r s2[t-1],   s3, s4 likewise   (complex)
    e[t] = |s4[t]|,   q[t] = p q[t-1] + e[t],   v[t] = q[t] + q[t-1]                      (real)

Magnitudes, and products of the ears, are those of the band itself. The turning starts anew with
every block of 16 samples, so that a table of 16 serves for all time; the sections are turned by
e^(j 16 w) for it.

The 29 bands are the lanes of SIMD instructions: the inner loops run over 32 neighbouring floats, of
which three are idle, and take a block at a time so that the sections stay in registers. All that
outlives them is a state in the L1 cache, or a sum over a frame or over STEP samples. The gains of
the low-pass, (1 - p)/2, and of the bank are applied to the sums.
"""

import functools
import math

import numpy as np

from qastanet.hearing.compiled.loops import aligned, compiled, eight, inlined
from qastanet.hearing.gammatone import N_BANDS, gains, poles
from qastanet.sound.sampling import FRAME

LANES = L = 32
"""Bands, padded to whole SIMD registers."""

FINE = 16
"""Lanes whose fine structure is correlated between the ears (whole registers, at least 10)."""

STEP = 8
"""Samples per value of a stored envelope."""

TURNED = 2 * STEP
"""Samples after which the turning of the bands starts anew."""

LOWEST = 8
"""The first lane whose envelope is stored (whole registers, at most the tenth)."""

EAR = LANES - LOWEST
"""Values of an ear in a row of stored envelopes."""

STATES = 9
"""Values per ear and band: 4 complex sections and q."""

HUM = np.float32(1e-15)
"""Added to an ear that is not all silent, -300 dB: keeps the decay of a band out of the denormal
numbers, which would be a hundred times slower."""

MOMENTS = 6
"""Sums per frame and band: v left, v right; and for FINE lanes |l|^2, |r|^2, Re and Im l conj r."""


@functools.cache
def bank() -> np.ndarray:
    """Return the constants of the bands, float32, shape (rows LANES,); they are only read.

    For each of two steps 8 rows of cos(w t) and 8 of -sin(w t); r; cos(16 w) and sin(16 w).
    """
    pole = np.zeros(LANES, dtype=complex)
    pole[:N_BANDS] = poles()
    angle = np.angle(pole)
    wave = np.exp(-1j * np.arange(TURNED)[:, None] * angle).reshape(2, STEP, LANES)
    parts = np.stack([wave.real, wave.imag], axis=1).reshape(-1, LANES)
    turn = np.exp(1j * TURNED * angle)
    rows = aligned(len(parts) + 3, LANES)
    rows[:] = [*parts, np.abs(pole), turn.real, turn.imag]
    return rows.reshape(-1)


@functools.cache
def bank_gains() -> np.ndarray:
    """Return the gains of the bands, which the loops leave out, float64, shape (29,).

    They are those of the poles in single precision, as the loops have them.
    """
    return gains(np.abs(poles()).astype(np.float32).astype(float))


@inlined
def section(x, r, s):
    """Return s = x + r s, complex numbers as (re, im)."""
    return x[0] + r * s[0], x[1] + r * s[1]


@inlined
def _sample(x, cos, sin, r, p, state):
    """Return the state of one band (see STATES) and the sum of q after a sample, and |s4|^2."""
    s1, s2, s3, s4, q, total = state
    s1 = section((x * cos, x * sin), r, s1)
    s2 = section(s1, r, s2)
    s3 = section(s2, r, s3)
    s4 = section(s3, r, s4)
    square = s4[0] * s4[0] + s4[1] * s4[1]
    q = p * q + math.sqrt(square)
    return (s1, s2, s3, s4, q, total + q), square


@inlined
def _both(x, y, cos, sin, r, p, left, right, sums):
    """Advance a band of both ears by a sample of each; sums take the products of s4."""
    left, left_square = _sample(x, cos, sin, r, p, left)
    right, right_square = _sample(y, cos, sin, r, p, right)
    (l_re, l_im), (r_re, r_im) = left[3], right[3]
    ll, rr, re, im = sums
    re += l_re * r_re + l_im * r_im
    im += l_im * r_re - l_re * r_im
    return left, right, (ll + left_square, rr + right_square, re, im)


@inlined
def _step_sum(before, state):
    """Return the sum of v over a step, from q before it, and the state with a new sum of q."""
    s1, s2, s3, s4, q, total = state
    return total + total - q + before, (s1, s2, s3, s4, q, np.float32(0))


@inlined
def _step(x, wave, r, p, state):
    """Return the sum of v over a step of eight samples, and the state of one band after it."""
    before = state[4]
    state, _ = _sample(x[0], wave[0], wave[8], r, p, state)
    state, _ = _sample(x[1], wave[1], wave[9], r, p, state)
    state, _ = _sample(x[2], wave[2], wave[10], r, p, state)
    state, _ = _sample(x[3], wave[3], wave[11], r, p, state)
    state, _ = _sample(x[4], wave[4], wave[12], r, p, state)
    state, _ = _sample(x[5], wave[5], wave[13], r, p, state)
    state, _ = _sample(x[6], wave[6], wave[14], r, p, state)
    state, _ = _sample(x[7], wave[7], wave[15], r, p, state)
    return _step_sum(before, state)


@inlined
def _step_of_both(x, y, wave, r, p, le, ri, sums):
    """Do the same for both ears, with their products."""
    before = le[4], ri[4]
    le, ri, sums = _both(x[0], y[0], wave[0], wave[8], r, p, le, ri, sums)
    le, ri, sums = _both(x[1], y[1], wave[1], wave[9], r, p, le, ri, sums)
    le, ri, sums = _both(x[2], y[2], wave[2], wave[10], r, p, le, ri, sums)
    le, ri, sums = _both(x[3], y[3], wave[3], wave[11], r, p, le, ri, sums)
    le, ri, sums = _both(x[4], y[4], wave[4], wave[12], r, p, le, ri, sums)
    le, ri, sums = _both(x[5], y[5], wave[5], wave[13], r, p, le, ri, sums)
    le, ri, sums = _both(x[6], y[6], wave[6], wave[14], r, p, le, ri, sums)
    le, ri, sums = _both(x[7], y[7], wave[7], wave[15], r, p, le, ri, sums)
    v_left, le = _step_sum(before[0], le)
    v_right, ri = _step_sum(before[1], ri)
    return v_left, v_right, le, ri, sums


@inlined
def turning(bank, c):
    """Return cos(w t), then -sin(w t), of band c for the samples of a step."""
    return eight(bank, c, L) + eight(bank, c + 8 * L, L)


@inlined
def load(state, c):
    """Return the state of band c, and a sum of q from now on."""
    s1, s2 = (state[c], state[c + L]), (state[c + 2 * L], state[c + 3 * L])
    s3, s4 = (state[c + 4 * L], state[c + 5 * L]), (state[c + 6 * L], state[c + 7 * L])
    return s1, s2, s3, s4, state[c + 8 * L], np.float32(0)


@inlined
def turned(s, cos, sin):
    """Return a section turned by an angle."""
    return s[0] * cos - s[1] * sin, s[0] * sin + s[1] * cos


@inlined
def store(state, c, new, cos, sin):
    """Keep the state of band c, turned by an angle."""
    state[c], state[c + L] = turned(new[0], cos, sin)
    state[c + 2 * L], state[c + 3 * L] = turned(new[1], cos, sin)
    state[c + 4 * L], state[c + 5 * L] = turned(new[2], cos, sin)
    state[c + 6 * L], state[c + 7 * L] = turned(new[3], cos, sin)
    state[c + 8 * L] = new[4]


@inlined
def _block(x, bank, c, p, state, sums, ear):
    """Advance band c of an ear by a block; sums take those of v over its two steps."""
    r, cos, sin = bank[c + 32 * L], bank[c + 33 * L], bank[c + 34 * L]
    sums[c + ear], new = _step(x[0], turning(bank, c), r, p, load(state, c))
    sums[c + 2 * L + ear], new = _step(x[1], turning(bank, c + 16 * L), r, p, new)
    store(state, c, new, cos, sin)


@compiled
def _whole_block(x, y, t, bank, p, left, right, moments, sums):
    """Advance all bands by a block of both ears; moments take the products of the lower ones."""
    xs = eight(x, t, 1), eight(x, t + STEP, 1)
    ys = eight(y, t, 1), eight(y, t + STEP, 1)
    for c in range(FINE):
        r, cos, sin = bank[c + 32 * L], bank[c + 33 * L], bank[c + 34 * L]
        le, ri = load(left, c), load(right, c)
        products = moments[c + 2 * L], moments[c + 3 * L], moments[c + 4 * L], moments[c + 5 * L]
        first = _step_of_both(xs[0], ys[0], turning(bank, c), r, p, le, ri, products)
        sums[c], sums[c + L], le, ri, products = first
        second = _step_of_both(xs[1], ys[1], turning(bank, c + 16 * L), r, p, le, ri, products)
        sums[c + 2 * L], sums[c + 3 * L], le, ri, products = second
        moments[c + 2 * L], moments[c + 3 * L], moments[c + 4 * L], moments[c + 5 * L] = products
        store(left, c, le, cos, sin)
        store(right, c, ri, cos, sin)
    for c in range(FINE, L):  # one ear after the other: there are not registers for both
        _block(xs, bank, c, p, left, sums, 0)
    for c in range(FINE, L):
        _block(ys, bank, c, p, right, sums, L)


@compiled
def _broken_block(x, bank, p, state, sums):
    """Advance an ear by the samples that are left of a signal, fewer than a block."""
    sums[:L], sums[2 * L : 3 * L] = 0, 0
    for t in range(x.size):
        step = t // STEP
        for c in range(L):
            k, before = c + (step * 2 * STEP + t % STEP) * L, state[c + 8 * L]
            r = bank[c + 32 * L]
            new, _ = _sample(x[t], bank[k], bank[k + STEP * L], r, p, load(state, c))
            store(state, c, new, np.float32(1), np.float32(0))
            sums[c + 2 * step * L] += before + new[4]


@compiled
def filter_bands(ears, bank, p, state, moments, envelopes):
    """Run the bands over a piece of sound that starts with a frame.

    Args:
        ears: left and right ear, float32, shape (2, samples); only the last piece of a signal may
            end within a block of 16
        bank: see `bank`
        p: pole of the low-pass, float32
        state: carried from piece to piece, float32, shape (2, STATES LANES)
        moments: zeros, filled with the sums of each frame of the piece, float32, shape (frames,
            MOMENTS LANES); the last frame may be incomplete
        envelopes: filled with the means of v over STEP samples (the last over what is left), of the
            lanes from LOWEST on, left ear and right ear, float32, shape (steps, 2 EAR)
    """
    x, y, left, right = ears[0], ears[1], state[0], state[1]
    sums = np.zeros(4 * L, dtype=np.float32)  # of v: left, right, and both again
    for first in range(0, x.size, TURNED):
        frame = moments[first // FRAME]
        stop = min(first + TURNED, x.size)
        if stop == first + TURNED:
            _whole_block(x, y, first, bank, p, left, right, frame, sums)
        else:
            _broken_block(x[first:stop], bank, p, left, sums)
            _broken_block(y[first:stop], bank, p, right, sums[L:])
        for begin in range(first, stop, STEP):
            v = sums[(begin - first) // STEP * 2 * L :]
            row, scale = envelopes[begin // STEP], 1 / np.float32(min(STEP, stop - begin))
            for c in range(2 * L):
                frame[c] += v[c]
            for c in range(EAR):
                row[c] = v[c + LOWEST] * scale
                row[c + EAR] = v[c + L + LOWEST] * scale
