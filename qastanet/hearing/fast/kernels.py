"""Compiled loops of `qastanet.hearing.fast`: one pass over time, no full-rate arrays.

Per sample x[t] of an ear and per band with pole a, four one-pole sections follow one another, then
the magnitude and the first-order low-pass of the envelope with pole p::

    s1[t] = x[t] + a s1[t-1],   s2[t] = s1[t] + a s2[t-1],   s3, s4 likewise    (complex)
    e[t] = |s4[t]|,   v[t] = p v[t-1] + (1 - p)/2 (e[t] + e[t-1])               (real)

The 29 bands are the lanes of SIMD instructions: the inner loops run over 32 neighbouring floats, of
which three are idle, and take four samples at a time so that the sections stay in registers. All
that outlives them is a state in the L1 cache, or a sum over a frame or over STEP samples. The gain
of the bank is applied to the sums.
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
    """Return the state of one band after the sample x; see STATES."""
    s1, s2, s3, s4, e_before, v, total = state
    s1 = (x + a[0] * s1[0] - a[1] * s1[1], a[0] * s1[1] + a[1] * s1[0])  # x is real
    s2 = _section(s1, a, s2)
    s3 = _section(s2, a, s3)
    s4 = _section(s3, a, s4)
    e = math.sqrt(s4[0] * s4[0] + s4[1] * s4[1])
    v = p * v + (1 - p) / 2 * (e + e_before)
    return s1, s2, s3, s4, e, v, total + v


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


@compiled
def _one_sample(x, t, pole, p, state, fine):
    """Advance the bands of an ear by x[t]; fine takes the band signals."""
    for c in range(L):
        s = _sample(x[t], (pole[c], pole[c + L]), p, _load(state, c))
        fine[c], fine[c + L] = s[3]
        _store(state, c, s)


@compiled
def _four_samples(x, t, pole, p, state, fine):
    """Advance the bands of an ear by x[t..t+3]; fine takes the band signals one after another."""
    x0, x1, x2, x3 = x[t], x[t + 1], x[t + 2], x[t + 3]
    for c in range(L):
        a = (pole[c], pole[c + L])
        s = _sample(x0, a, p, _load(state, c))
        fine[c], fine[c + L] = s[3]
        s = _sample(x1, a, p, s)
        fine[c + 2 * L], fine[c + 3 * L] = s[3]
        s = _sample(x2, a, p, s)
        fine[c + 4 * L], fine[c + 5 * L] = s[3]
        s = _sample(x3, a, p, s)
        fine[c + 6 * L], fine[c + 7 * L] = s[3]
        _store(state, c, s)


@compiled
def _correlate(left, right, samples, moments):
    """Add products of the band signals of both ears to the moments of the frame."""
    for c in range(FINE):
        ll, rr = moments[c + 2 * L], moments[c + 3 * L]
        re, im = moments[c + 4 * L], moments[c + 5 * L]
        for t in range(0, 2 * L * samples, 2 * L):
            l_re, l_im, r_re, r_im = left[t + c], left[t + c + L], right[t + c], right[t + c + L]
            ll += l_re * l_re + l_im * l_im
            rr += r_re * r_re + r_im * r_im
            re += l_re * r_re + l_im * r_im
            im += l_im * r_re - l_re * r_im
        moments[c + 2 * L], moments[c + 3 * L] = ll, rr
        moments[c + 4 * L], moments[c + 5 * L] = re, im


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
    fine = np.zeros((2, 8 * L), np.float32)
    for first in range(0, ears.shape[1], STEP):
        frame, step = moments[(start + first) // FRAME], (start + first) // STEP
        t, stop = first, min(first + STEP, ears.shape[1])
        while t < stop:
            if t + 4 <= stop:
                for ear in range(2):
                    _four_samples(ears[ear], t, pole, p, state[ear], fine[ear])
                _correlate(fine[0], fine[1], 4, frame)
                t += 4
            else:
                for ear in range(2):
                    _one_sample(ears[ear], t, pole, p, state[ear], fine[ear])
                _correlate(fine[0], fine[1], 1, frame)
                t += 1
        for ear in range(2):
            total = state[ear, 10 * L :]
            for c in range(L):
                frame[c + ear * L] += total[c]
            for c in range(envelopes.shape[1]):
                envelopes[ear, c, step] = total[lowest + c] / (stop - first)
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


@kept(nogil=True)
def smooth_directions(spectra, start, alpha, first, stop, limit, flow, density, output):
    """Compute directiveness (see `qastanet.hearing.directiveness`) from the spectra of some frames.

    Args:
        spectra: of W, Y, Z, X with the gain sqrt(3/2) on the last three, shape (4, frames, bins)
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
        for k in range(first[0], stop[-1]):
            w = spectra[0, frame, k]
            intensity, energy = 0.0, w.real**2 + w.imag**2
            for axis in range(1, 4):
                u = spectra[axis, frame, k]
                intensity += (w.real * u.real + w.imag * u.imag) ** 2
                energy += u.real**2 + u.imag**2
            if start + frame > 0:
                flow[k] = alpha[k] * flow[k] + (1 - alpha[k]) * math.sqrt(intensity)
                density[k] = alpha[k] * density[k] + (1 - alpha[k]) * energy / 2
            if density[k] > 0:
                ratio[k] = min(max(flow[k] / density[k], limit), 1 - limit)
            else:
                ratio[k] = np.nan
        for band in range(first.size):
            output[band, start + frame] = ratio[first[band] : stop[band]].mean()
