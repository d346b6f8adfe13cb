"""The compiled bands row by row, and their gradient: the same loops, backwards in time.

A row has ROW samples, and the low-pass of `qastanet.hearing.compiled.bands` starts from rest in
each. The gradient computes the sections s1 .. s4 of a row again, from those before it, and then
goes back through the row. With dq, d1 .. d4 what the loss gains by q, s1 .. s4, dv what it gains by
v, and de what it gains by e otherwise::

    dq[t] = p dq[t+1] + dv[t] + dv[t+1]
    d4[t] = r d4[t+1] + (dq[t] + de) s4[t] / e[t] + what comes from the products of the ears
    d3[t] = d4[t] + r d3[t+1],   d2, d1 likewise,   dx[t] = Re(d1[t] e^(j w t))
"""

import math

import numpy as np

from qastanet.hearing.compiled.bands import (
    LANES,
    STATES,
    STEP,
    TURNED,
    filter_bands,
    load,
    section,
    store,
    turned,
    turning,
)
from qastanet.hearing.compiled.loops import compiled, eight, inlined, put_eight
from qastanet.hearing.gammatone import N_BANDS
from qastanet.sound.sampling import FRAME

L = LANES

ROW = 240
"""Samples that are low-passed from rest: an eighth of a frame, whole blocks."""

BLOCKS = ROW // TURNED

SECTIONS = 8 * L
"""Values of the state of an ear without q."""

TINY = np.float32(1e-36)
"""Added to the square of a magnitude; and what is smaller is nothing."""

NOTHING = np.zeros(4, dtype=np.float32)


@compiled
def sum_rows(rows, bank, p, state, moments, envelopes, lasts, sections):
    """Run the bands over whole rows.

    Args:
        rows: of both ears, float32, shape (rows, 2, ROW)
        bank: see `qastanet.hearing.compiled.bands.bank`
        p: pole of the low-pass, float32
        state: carried on, float32, shape (2, STATES LANES)
        moments: zeros, filled as by `filter_bands`, but for each row, shape (rows, MOMENTS LANES)
        envelopes: filled likewise, shape (rows ROW / STEP, 2 EAR)
        lasts: filled with q at the end of each row, shape (rows, 2, LANES)
        sections: filled with the state before each row, shape (rows, 2, SECTIONS), or (1, 2,
            SECTIONS): then only the last stays
    """
    for row in range(rows.shape[0]):
        sections[row % sections.shape[0]] = state[:, :SECTIONS]
        state[:, SECTIONS:] = 0
        steps = envelopes[row * (ROW // STEP) :]
        filter_bands(rows[row], bank, p, state, moments[row : row + 1], steps)
        lasts[row] = state[:, SECTIONS:]


@inlined
def _sections(x, cos, sin, r, s):
    """Return the four sections of a band after a sample."""
    s1 = section((x * cos, x * sin), r, s[0])
    s2 = section(s1, r, s[1])
    s3 = section(s2, r, s[2])
    return s1, s2, s3, section(s3, r, s[3])


@inlined
def _step(x, wave, r, s):
    """Return the sections of a band after a step of eight samples, and s4 at each of them."""
    a = _sections(x[0], wave[0], wave[8], r, s)
    b = _sections(x[1], wave[1], wave[9], r, a)
    c = _sections(x[2], wave[2], wave[10], r, b)
    d = _sections(x[3], wave[3], wave[11], r, c)
    e = _sections(x[4], wave[4], wave[12], r, d)
    f = _sections(x[5], wave[5], wave[13], r, e)
    g = _sections(x[6], wave[6], wave[14], r, f)
    h = _sections(x[7], wave[7], wave[15], r, g)
    re = a[3][0], b[3][0], c[3][0], d[3][0], e[3][0], f[3][0], g[3][0], h[3][0]
    im = a[3][1], b[3][1], c[3][1], d[3][1], e[3][1], f[3][1], g[3][1], h[3][1]
    return h, re, im


@compiled
def _again(x, bank, state, bands):
    """Advance all sections of an ear by a block of samples, and keep s4 at each of them.

    Args:
        x: the samples, and maybe more
        bank: see `qastanet.hearing.compiled.bands.bank`
        state: of the ear
        bands: filled with s4, flat, for each sample LANES real and LANES imaginary parts
    """
    one, two = eight(x, 0, 1), eight(x, STEP, 1)
    for c in range(L):
        r, cos, sin = bank[c + 32 * L], bank[c + 33 * L], bank[c + 34 * L]
        s1, s2, s3, s4, q, _ = load(state, c)
        s, re, im = _step(one, turning(bank, c), r, (s1, s2, s3, s4))
        put_eight(bands, c, 2 * L, re)
        put_eight(bands, c + L, 2 * L, im)
        s, re, im = _step(two, turning(bank, c + 16 * L), r, s)
        put_eight(bands, c + 16 * L, 2 * L, re)
        put_eight(bands, c + 17 * L, 2 * L, im)
        store(state, c, (s[0], s[1], s[2], s[3], q, q), cos, sin)


@inlined
def _back(own, other, cos, sin, r, p, drive, given, d):
    """Return what the loss gains by the sections and q of a band one sample earlier, and by x.

    Args:
        own: s4 of this ear
        other: s4 of the other one
        cos: cosine of the turning
        sin: its negative sine
        r: pole of the turned band
        p: pole of the low-pass
        drive: dv[t] + dv[t+1]
        given: by e, by the square of this ear, and by the product of own and conj(other), complex
        d: of the sections and q, one sample later
    """
    d1, d2, d3, d4, dq = d
    by_e, by_square, (by_re, by_im) = given
    dq = p * dq + drive
    slope = by_square + (dq + by_e) / math.sqrt(own[0] * own[0] + own[1] * own[1] + TINY)
    re = slope * own[0] + by_re * other[0] - by_im * other[1]
    im = slope * own[1] + by_re * other[1] + by_im * other[0]
    d4 = section((re, im), r, d4)
    d3 = section(d4, r, d3)
    d2 = section(d3, r, d2)
    d1 = section(d2, r, d1)
    return (d1, d2, d3, d4, dq), d1[0] * cos + d1[1] * sin


@inlined
def _back_step(own, other, wave, r, p, drives, given, d):
    """Go back through a step; returns what the loss gains by what was before it, and by its x."""
    re, im = own
    o_re, o_im = other
    end, rest = drives
    d, h = _back((re[7], im[7]), (o_re[7], o_im[7]), wave[7], wave[15], r, p, end, given, d)
    d, g = _back((re[6], im[6]), (o_re[6], o_im[6]), wave[6], wave[14], r, p, rest, given, d)
    d, f = _back((re[5], im[5]), (o_re[5], o_im[5]), wave[5], wave[13], r, p, rest, given, d)
    d, e = _back((re[4], im[4]), (o_re[4], o_im[4]), wave[4], wave[12], r, p, rest, given, d)
    d, c = _back((re[3], im[3]), (o_re[3], o_im[3]), wave[3], wave[11], r, p, rest, given, d)
    d, b = _back((re[2], im[2]), (o_re[2], o_im[2]), wave[2], wave[10], r, p, rest, given, d)
    d, a = _back((re[1], im[1]), (o_re[1], o_im[1]), wave[1], wave[9], r, p, rest, given, d)
    d, z = _back((re[0], im[0]), (o_re[0], o_im[0]), wave[0], wave[8], r, p, rest, given, d)
    return d, (z, a, b, c, e, f, g, h)


@inlined
def _turned_back(d, cos, sin):
    """Return what the loss gains by the sections and q of a band, turned back from a block."""
    s1, s2, s3, s4, dq, _ = d
    s1, s2 = turned(s1, cos, -sin), turned(s2, cos, -sin)
    return s1, s2, turned(s3, cos, -sin), turned(s4, cos, -sin), dq


@compiled
def _back_block(own, other, bank, p, dv, given, d, gained):
    """Go back through a block of all bands of an ear.

    Args:
        own: s4 of this ear in the block, flat, see `_again`
        other: those of the other ear
        bank: see `qastanet.hearing.compiled.bands.bank`
        p: pole of the low-pass
        dv: of the two steps and of the one behind them, flat
        given: by e, by the square, by Re and Im of the product of own and conj(other), flat
        d: carried, as a state
        gained: filled with dx through each band, flat, TURNED rows of LANES
    """
    none, one = np.float32(0), np.float32(1)
    for c in range(L):
        r, cos, sin = bank[c + 32 * L], bank[c + 33 * L], bank[c + 34 * L]
        first, second, after = dv[c], dv[c + L], dv[c + 2 * L]
        gives = given[c], given[c + L], (given[c + 2 * L], given[c + 3 * L])
        new = _turned_back(load(d, c), cos, sin)
        mine = eight(own, c + 16 * L, 2 * L), eight(own, c + 17 * L, 2 * L)
        others = eight(other, c + 16 * L, 2 * L), eight(other, c + 17 * L, 2 * L)
        drives = second + after, second + second
        new, x = _back_step(mine, others, turning(bank, c + 16 * L), r, p, drives, gives, new)
        put_eight(gained, c + 8 * L, L, x)
        mine = eight(own, c, 2 * L), eight(own, c + L, 2 * L)
        others = eight(other, c, 2 * L), eight(other, c + L, 2 * L)
        drives = first + second, first + first
        new, x = _back_step(mine, others, turning(bank, c), r, p, drives, gives, new)
        put_eight(gained, c, L, x)
        store(d, c, (new[0], new[1], new[2], new[3], new[4], none), one, none)


@compiled
def _add_lanes(gained, x):
    """Fill x with the sums over the bands."""
    for t in range(x.size):
        row = gained[t * L : t * L + L]
        for c in range(L // 2):
            row[c] += row[c + L // 2]
        for c in range(L // 4):
            row[c] += row[c + L // 4]
        x[t] = ((row[0] + row[1]) + (row[2] + row[3])) + ((row[4] + row[5]) + (row[6] + row[7]))


@compiled
def _flush(d):
    """Make what is tiny nothing, before it leaves the normal numbers."""
    for c in range(d.size):
        d[c] = d[c] if abs(d[c]) > TINY else np.float32(0)


@compiled
def _losses(row, p, losses, dv, given, d):
    """Bring what the loss gains in a row into the order of the lanes."""
    by_v, by_last, by_sums, by_products = losses
    low, high, frame = by_products.shape[1], N_BANDS - by_v.shape[1], row // (FRAME // ROW)
    for ear in range(2):
        for band in range(N_BANDS):
            given[ear, band] = by_sums[ear, band, row]
            d[ear, SECTIONS + band] = by_last[ear, band, row] / p
        for band in range(high, N_BANDS):
            for step in range(ROW // STEP):
                dv[ear, step * L + band] = by_v[ear, band - high, row, step]
        for band in range(low):
            products = by_products[:, band, frame] if frame < by_products.shape[2] else NOTHING
            given[ear, band + L] = 2 * products[ear]
            given[ear, band + 2 * L] = products[2]
            given[ear, band + 3 * L] = products[3] if ear == 0 else -products[3]


@compiled
def rows_gradient(rows, samples, sections, bank, p, losses, gradient):
    """Compute what a loss gains by the samples of whole rows.

    Args:
        rows: of both ears, float32, shape (rows, 2, ROW)
        samples: of the signal, behind which a band is not heard
        sections: see `sum_rows`
        bank: see `qastanet.hearing.compiled.bands.bank`
        p: pole of the low-pass, float32
        losses: what the loss gains, float32, by each v of a step, shape (2, bands, rows,
            ROW / STEP), of the last bands; by the last q of a row and by each e, (2, 29, rows); by
            |l|^2, |r|^2, Re and Im of l conj(r), (4, bands, frames), of the first bands
        gradient: filled, shape (rows, 2, ROW)
    """
    bands = np.empty((2, BLOCKS, TURNED * 2 * L), dtype=np.float32)
    state = np.zeros((2, STATES * L), dtype=np.float32)
    given = np.zeros((2, 4 * L), dtype=np.float32)
    dv = np.zeros((2, (ROW // STEP + 1) * L), dtype=np.float32)
    gained = np.empty(TURNED * L, dtype=np.float32)
    d = np.zeros((2, STATES * L), dtype=np.float32)
    for row in range(rows.shape[0] - 1, -1, -1):
        state[:, :SECTIONS] = sections[row]
        for ear in range(2):
            for block in range(BLOCKS):
                x = rows[row, ear, block * TURNED :]
                _again(x, bank, state[ear], bands[ear, block])
        for t in range(samples - row * ROW, ROW):
            bands[:, t // TURNED, t % TURNED * 2 * L : (t % TURNED + 1) * 2 * L] = 0
        _losses(row, p, losses, dv, given, d)
        for block in range(BLOCKS - 1, -1, -1):
            for ear in range(2):
                first = block * TURNED
                own, other = bands[ear, block], bands[1 - ear, block]
                steps = dv[ear, 2 * block * L :]
                _back_block(own, other, bank, p, steps, given[ear], d[ear], gained)
                _add_lanes(gained, gradient[row, ear, first : first + TURNED])
                _flush(d[ear])
