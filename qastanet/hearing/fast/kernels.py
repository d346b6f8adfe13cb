"""The compiled loops of decoding and directiveness."""

import math

import numpy as np

from qastanet.hearing.compiled.loops import compiled, kept


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
