"""Compiled loops of `qastanet.hearing.fast`: one pass over time, no full-rate arrays.

Per sample x[t] of an ear and per band with pole a, four one-pole sections follow one another, then
the magnitude and the first-order low-pass of the envelope with pole p::

    s1[t] = x[t] + a s1[t-1],   s2[t] = s1[t] + a s2[t-1],   s3, s4 likewise    (complex)
    e[t] = |s4[t]|,   v[t] = p v[t-1] + e[t] + e[t-1]                           (real)

The 29 bands are the lanes of SIMD instructions: the inner loops run over 32 neighbouring floats, of
which three are idle, and take eight samples at a time so that the sections stay in registers. All
that outlives them is a state in the L1 cache, or a sum over a frame or over STEP samples. The gains
of the low-pass, (1 - p)/2, and of the bank are applied to the sums.
"""

import math

import numpy as np
from numba import njit

from qastanet.sound.sampling import FRAME

LANES = L = 32
"""Bands, padded to whole SIMD registers."""

FINE = 16
"""Lanes whose fine structure is correlated between the ears (whole registers, at least 10)."""

STEP = 8
"""Samples per value of a stored envelope."""

STATES = 11
"""Values per ear and band: 4 complex sections, e, v, and the sum of v over the step."""

MOMENTS = 6
"""Sums per frame and band: v left, v right; and for FINE lanes |l|^2, |r|^2, Re and Im l conj r."""


def kept(**options):
    """Compile with numba, and keep the result where that can be done.

    Where nothing can be written, neither to the package nor to a cache folder of the user, each
    process compiles anew.

    Args:
        options: of `numba.njit`
    """

    def compile_it(function):
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:  # no place for a cache
            return njit(**options)(function)

    return compile_it


compiled = kept(nogil=True, fastmath={"contract"})
_inlined = njit(inline="always", fastmath={"contract"})


@_inlined
def _section(x, a, s):
    """Return s = x + a s, complex numbers as (re, im)."""
    return x[0] + a[0] * s[0] - a[1] * s[1], x[1] + a[0] * s[1] + a[1] * s[0]


@_inlined
def _sample(x, a, p, state):
    """Return the state of one band after the sample x (see STATES), and |s4|^2."""
    s1, s2, s3, s4, e_before, v, total = state
    s1 = (x + a[0] * s1[0] - a[1] * s1[1], a[0] * s1[1] + a[1] * s1[0])  # x is real
    s2 = _section(s1, a, s2)
    s3 = _section(s2, a, s3)
    s4 = _section(s3, a, s4)
    square = s4[0] * s4[0] + s4[1] * s4[1]
    e = math.sqrt(square)
    v = p * v + (e + e_before)
    return (s1, s2, s3, s4, e, v, total + v), square


@_inlined
def _eight(x, a, p, state):
    """Return the state of one band after eight samples."""
    state, _ = _sample(x[0], a, p, state)
    state, _ = _sample(x[1], a, p, state)
    state, _ = _sample(x[2], a, p, state)
    state, _ = _sample(x[3], a, p, state)
    state, _ = _sample(x[4], a, p, state)
    state, _ = _sample(x[5], a, p, state)
    state, _ = _sample(x[6], a, p, state)
    state, _ = _sample(x[7], a, p, state)
    return state


@_inlined
def _both(x, y, a, p, left, right, sums):
    """Advance a band of both ears by a sample of each; sums take the products of s4."""
    left, left_square = _sample(x, a, p, left)
    right, right_square = _sample(y, a, p, right)
    (l_re, l_im), (r_re, r_im) = left[3], right[3]
    ll, rr, re, im = sums
    re += l_re * r_re + l_im * r_im
    im += l_im * r_re - l_re * r_im
    return left, right, (ll + left_square, rr + right_square, re, im)


@_inlined
def _load(state, c):
    """Return the state of band c."""
    s1, s2 = (state[c], state[c + L]), (state[c + 2 * L], state[c + 3 * L])
    s3, s4 = (state[c + 4 * L], state[c + 5 * L]), (state[c + 6 * L], state[c + 7 * L])
    return s1, s2, s3, s4, state[c + 8 * L], state[c + 9 * L], state[c + 10 * L]


@_inlined
def _store(state, c, new):
    """Keep the state of band c."""
    state[c], state[c + L] = new[0]
    state[c + 2 * L], state[c + 3 * L] = new[1]
    state[c + 4 * L], state[c + 5 * L] = new[2]
    state[c + 6 * L], state[c + 7 * L] = new[3]
    state[c + 8 * L], state[c + 9 * L], state[c + 10 * L] = new[4], new[5], new[6]


@_inlined
def _load_sums(moments, c):
    """Return the sums of products of band c."""
    return moments[c + 2 * L], moments[c + 3 * L], moments[c + 4 * L], moments[c + 5 * L]


@_inlined
def _store_sums(moments, c, sums):
    """Keep the sums of products of band c."""
    moments[c + 2 * L], moments[c + 3 * L], moments[c + 4 * L], moments[c + 5 * L] = sums


@compiled
def _one_sample(x, y, t, pole, p, left, right, moments):
    """Advance all bands by the samples t of both ears; moments take the products of lower ones."""
    for c in range(FINE):
        a, sums = (pole[c], pole[c + L]), _load_sums(moments, c)
        le, ri, sums = _both(x[t], y[t], a, p, _load(left, c), _load(right, c), sums)
        _store(left, c, le)
        _store(right, c, ri)
        _store_sums(moments, c, sums)
    for c in range(FINE, L):
        a = (pole[c], pole[c + L])
        _store(left, c, _sample(x[t], a, p, _load(left, c))[0])
        _store(right, c, _sample(y[t], a, p, _load(right, c))[0])


@compiled
def _eight_samples(x, y, t, pole, p, left, right, moments):
    """Do the same for the samples t..t+7, written out so that the bands fill the registers."""
    x0, x1, x2, x3 = x[t], x[t + 1], x[t + 2], x[t + 3]
    x4, x5, x6, x7 = x[t + 4], x[t + 5], x[t + 6], x[t + 7]
    y0, y1, y2, y3 = y[t], y[t + 1], y[t + 2], y[t + 3]
    y4, y5, y6, y7 = y[t + 4], y[t + 5], y[t + 6], y[t + 7]
    for c in range(FINE):
        a, sums = (pole[c], pole[c + L]), _load_sums(moments, c)
        le, ri, sums = _both(x0, y0, a, p, _load(left, c), _load(right, c), sums)
        le, ri, sums = _both(x1, y1, a, p, le, ri, sums)
        le, ri, sums = _both(x2, y2, a, p, le, ri, sums)
        le, ri, sums = _both(x3, y3, a, p, le, ri, sums)
        le, ri, sums = _both(x4, y4, a, p, le, ri, sums)
        le, ri, sums = _both(x5, y5, a, p, le, ri, sums)
        le, ri, sums = _both(x6, y6, a, p, le, ri, sums)
        le, ri, sums = _both(x7, y7, a, p, le, ri, sums)
        _store(left, c, le)
        _store(right, c, ri)
        _store_sums(moments, c, sums)
    xs, ys = (x0, x1, x2, x3, x4, x5, x6, x7), (y0, y1, y2, y3, y4, y5, y6, y7)
    for c in range(FINE, L):  # one ear after the other: there are not registers for both
        _store(left, c, _eight(xs, (pole[c], pole[c + L]), p, _load(left, c)))
    for c in range(FINE, L):
        _store(right, c, _eight(ys, (pole[c], pole[c + L]), p, _load(right, c)))


@compiled
def filter_bands(ears, start, pole, p, state, moments, envelopes, lowest):
    """Run the bands over a piece of sound that starts with a frame.

    Args:
        ears: left and right ear, float32, shape (2, samples)
        start: where the piece begins in the signal, in samples
        pole: real parts of the poles, then imaginary parts, float32, shape (2 LANES,)
        p: pole of the low-pass, float32
        state: carried from piece to piece, float32, shape (2, STATES LANES)
        moments: zeros, filled with the sums of each frame of the signal, float32, shape (frames,
            MOMENTS LANES); the last frame may be incomplete
        envelopes: filled with the means of v over STEP samples (the last over what is left), of the
            bands from `lowest` on, float32, shape (2, bands, steps)
        lowest: see `envelopes`
    """
    x, y, left, right = ears[0], ears[1], state[0], state[1]
    for first in range(0, ears.shape[1], STEP):
        frame, step = moments[(start + first) // FRAME], (start + first) // STEP
        stop = min(first + STEP, ears.shape[1])
        if stop - first == STEP:
            _eight_samples(x, y, first, pole, p, left, right, frame)
        else:
            for t in range(first, stop):
                _one_sample(x, y, t, pole, p, left, right, frame)
        for ear in range(2):
            total = state[ear, 10 * L :]
            for c in range(L):
                frame[c + ear * L] += total[c]
            for c in range(envelopes.shape[1]):
                envelopes[ear, c, step] = total[lowest + c] / np.float32(stop - first)
            total[:] = 0


@compiled
def mix_channels(spectra, responses, ears):
    """Fill ears with the sums over channels of spectra times responses.

    Args:
        spectra: of blocks of each channel, complex64, shape (channels, blocks, bins)
        responses: complex64, shape (ears, channels, bins)
        ears: filled, complex64, shape (ears, blocks, bins)
    """
    for ear in range(ears.shape[0]):
        for block in range(ears.shape[1]):
            row = ears[ear, block]
            for channel in range(spectra.shape[0]):
                x, h = spectra[channel, block], responses[ear, channel]
                for k in range(row.size):
                    row[k] = x[k] * h[k] if channel == 0 else row[k] + x[k] * h[k]


@compiled
def _smooth(spectra, alpha, first, stop, flow, density):
    """Smooth intensity and energy with those of a frame (4, bins), from bin first to stop."""
    w, y, z, x = spectra[0], spectra[1], spectra[2], spectra[3]
    for k in range(first, stop):
        flow_y = w[k].real * y[k].real + w[k].imag * y[k].imag
        flow_z = w[k].real * z[k].real + w[k].imag * z[k].imag
        flow_x = w[k].real * x[k].real + w[k].imag * x[k].imag
        energy = y[k].real ** 2 + y[k].imag ** 2 + z[k].real ** 2 + z[k].imag ** 2
        energy = (w[k].real ** 2 + w[k].imag ** 2) + 1.5 * (
            energy + x[k].real ** 2 + x[k].imag ** 2
        )
        intensity = math.sqrt(1.5 * (flow_y**2 + flow_z**2 + flow_x**2))
        flow[k] = alpha[k] * flow[k] + (1 - alpha[k]) * intensity
        density[k] = alpha[k] * density[k] + (1 - alpha[k]) * energy / 2


@kept(nogil=True)
def smooth_directions(spectra, start, alpha, first, stop, limit, flow, density, output):
    """Compute directiveness (see `qastanet.hearing.directiveness`) from the spectra of some frames.

    Args:
        spectra: of W, Y, Z, X (the last three get a gain of sqrt(3/2)), shape (4, frames, bins)
        start: number of the first frame in the signal; frame 0 leaves no trace
        alpha: smoothing coefficients, shape (bins,)
        first: first bin of each band, shape (bands,)
        stop: bin behind the last of each band, shape (bands,)
        limit: the ratio is clipped to limit..1 - limit
        flow: smoothed intensity, carried from piece to piece, shape (bins,)
        density: smoothed energy, likewise
        output: of the signal, filled with the means over bands, NaN before any sound, shape
            (bands, frames)
    """
    ratio = np.empty(flow.size)
    for frame in range(spectra.shape[1]):
        if start + frame > 0:
            _smooth(spectra[:, frame], alpha, first[0], stop[-1], flow, density)
        for k in range(first[0], stop[-1]):
            if density[k] > 0:
                ratio[k] = min(max(flow[k] / density[k], limit), 1 - limit)
            else:
                ratio[k] = np.nan
        for band in range(first.size):
            output[band, start + frame] = ratio[first[band] : stop[band]].mean()
