"""Features on the CPU in a hundredth of the time and a tenth of the memory.

The same features as `qastanet.hearing.features` and `qastanet.hearing.directiveness` compute with
PyTorch, without gradients and in single precision: the sound is taken in pieces of one second,
decoded by overlap-save convolution, and run through compiled loops that keep nothing of a full-rate
band (`qastanet.hearing.compiled.bands`). What must wait for the end of the signal, the Hilbert
transform of the envelopes, is done on their decimated forms (`qastanet.hearing.fast.hilbert`), and
of long ones as they come, a few seconds at a time (`qastanet.hearing.fast.long_hilbert`).
Time grows in proportion to the duration, memory by 0.1 MB per second of a long signal; the pieces
can come from a file (`qastanet.sound.files.pieces`).
"""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from qastanet.hearing.compiled.bands import (
    HUM,
    LANES,
    LOWEST,
    MOMENTS,
    STATES,
    STEP,
    bank,
    bank_gains,
    filter_bands,
)
from qastanet.hearing.compiled.loops import aligned
from qastanet.hearing.directiveness import LIMIT, erb_averaging, smoothing_coefficients
from qastanet.hearing.envelope import lowpass_pole
from qastanet.hearing.fast.hilbert import Envelopes
from qastanet.hearing.fast.kernels import mix_channels, smooth_directions
from qastanet.hearing.fast.long_hilbert import LongEnvelopes
from qastanet.hearing.features import Features
from qastanet.hearing.gammatone import FIRST_ENVELOPE, N_BANDS
from qastanet.hearing.hearing_threshold import threshold_power
from qastanet.sound.sampling import FRAME, PIECE

LONG = 30 * PIECE
"""Samples of a signal from which on its envelopes are not kept."""

# From now on glibc keeps up to twice as much of what is freed as this block takes, which is freed
# at once and never written to. New pages for every signal would take a tenth of the time.
np.empty(31 << 20, dtype=np.uint8)


class _Decoder:
    """Overlap-save convolution of ambisonics to the ears of all heads, in blocks of n_fft."""

    def __init__(self, filters: Sequence[np.ndarray], channels: int):
        self.before = max(each.shape[-1] for each in filters) - 1
        self.n_fft = 8 << self.before.bit_length()
        self.hop = self.n_fft - self.before
        stacked = [np.asarray(each, dtype=np.float32)[:, :channels] for each in filters]
        self.responses = np.concatenate([scipy.fft.rfft(each, self.n_fft) for each in stacked])
        blocks = -(-PIECE // self.hop)
        self.signal = np.zeros((channels, self.before + blocks * self.hop), dtype=np.float32)

    def __call__(self, piece: np.ndarray) -> np.ndarray:
        """Return the ears of a piece (channels, up to PIECE samples), shape (2 heads, samples)."""
        samples = piece.shape[-1]
        blocks = -(-samples // self.hop)
        self.signal[:, self.before : self.before + samples] = piece
        self.signal[:, self.before + samples :] = 0
        overlapping = sliding_window_view(self.signal, self.n_fft, axis=-1)[:, :: self.hop]
        spectra = scipy.fft.rfft(overlapping[:, :blocks])
        mixed = np.empty((len(self.responses), *spectra.shape[1:]), dtype=np.complex64)
        mix_channels(spectra, self.responses, mixed)
        ears = scipy.fft.irfft(mixed, self.n_fft)
        self.signal[:, : self.before] = self.signal[:, samples : samples + self.before]
        return ears[..., self.before :].reshape(len(ears), -1)[:, :samples]


def binaural(signal: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Decode ambisonics to the ears, as the features are computed from them.

    Args:
        signal: shape (channels, samples), 48 kHz
        filters: impulse responses, shape (2, channels or more, taps)

    Returns:
        left and right ear, shape (2, samples)

    Example:
        >>> binaural(np.ones((4, 3)), np.ones((2, 16, 1))).tolist()
        [[4.0, 4.0, 4.0], [4.0, 4.0, 4.0]]
    """
    decode = _Decoder([filters], len(signal))
    return np.concatenate([decode(piece) for piece in _pieces(signal)], axis=1)


def _pieces(signal: np.ndarray) -> Iterator[np.ndarray]:
    """Yield a signal (channels, samples) in pieces of one second, the last one shorter or equal."""
    for start in range(0, signal.shape[-1], PIECE):
        yield np.ascontiguousarray(signal[:, start : start + PIECE], dtype=np.float32)


class _Bands:
    """The compiled filters of one head and what they leave behind."""

    def __init__(self, samples: int):
        self.bank = bank()
        self.gain = bank_gains()[:, None]
        self.lowpass = np.float32(lowpass_pole())
        self.samples = samples
        self.state = aligned(2, STATES * LANES)
        self.moments = aligned(-(-samples // FRAME), MOMENTS * LANES)
        self.state[:], self.moments[:] = 0, 0
        self.envelopes = LongEnvelopes(samples) if samples >= LONG else Envelopes(samples)
        self.heard = np.zeros(2, dtype=bool)

    def push(self, ears: np.ndarray, start: int) -> None:
        """Filter the ears (2, samples) of a piece that begins at a sample of the signal."""
        self.heard |= ears.any(axis=-1)
        ears = ears + self.heard[:, None] * HUM
        rows = self.envelopes.next(-(-ears.shape[-1] // STEP))
        arrays = (self.state, self.moments[start // FRAME :], rows)
        filter_bands(ears, self.bank, self.lowpass, *arrays)

    def features(
        self, floor_ears: bool, group: int = 1
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return ILD, coherence and power, as `qastanet.hearing.features.binaural_features`.

        Args:
            floor_ears: see there
            group: number of frames of 40 ms that are taken together as one
        """
        frames = self.samples // FRAME
        sums = self.moments[:frames].reshape(frames, MOMENTS, LANES)[..., :N_BANDS]
        sums = np.moveaxis(sums, 0, -1).astype(float)
        last = self.state.reshape(2, STATES, LANES)[:, -1, LOWEST:].reshape(-1)
        high = slice(FIRST_ENVELOPE - LOWEST, N_BANDS - LOWEST)
        sums[2:, FIRST_ENVELOPE:] = self.envelopes.products(last)[:, high]
        whole = frames // group
        sums = sums[..., : whole * group].reshape(*sums.shape[:-1], whole, group).sum(axis=-1)
        lowpass_gain = (1 - float(self.lowpass)) / 2
        means = sums[:2] * (self.gain * lowpass_gain / (FRAME * group) / math.sqrt(2))
        threshold = threshold_power()[:, None]
        ears, power = means**2, means.mean(axis=0) ** 2 / 2
        floored = np.maximum(ears, threshold) if floor_ears else ears
        products = sums[2:]
        with np.errstate(divide="ignore", invalid="ignore"):  # silent ears, as documented there
            ild = 10 * (np.log10(floored[0]) - np.log10(floored[1]))
            coherence = (products[2] + 1j * products[3]) / np.sqrt(products[0] * products[1])
        coherence[power <= threshold] = np.nan
        return ild, coherence, np.maximum(power, threshold)


class _Directions:
    """Directiveness, piece by piece."""

    def __init__(self, samples: int):
        inside = erb_averaging() > 0
        self.first = inside.argmax(axis=1)
        self.stop = self.first + inside.sum(axis=1)
        self.alpha = smoothing_coefficients()
        self.window = np.sqrt(0.5 - 0.5 * np.cos(2 * math.pi * np.arange(FRAME) / FRAME))
        self.flow, self.density = np.zeros((2, len(self.alpha)))
        self.output = np.empty((N_BANDS, samples // FRAME))

    def push(self, piece: np.ndarray, start: int) -> None:
        """Take the whole frames of a piece (channels, samples) that begins at a sample."""
        frames = piece.shape[-1] // FRAME
        pieces = piece[:4, : frames * FRAME].reshape(4, frames, FRAME)
        spectra = scipy.fft.rfft(pieces * self.window)
        bands = (self.alpha, self.first, self.stop, LIMIT)
        smooth_directions(spectra, start // FRAME, *bands, self.flow, self.density, self.output)


def features_of_pieces(
    pieces: Iterable[np.ndarray],
    channels: int,
    samples: int,
    filters: Sequence[np.ndarray] = (),
    floor_ears: bool = True,
    directive: bool = True,
) -> Features:
    """Compute the features of a signal that comes in pieces.

    Args:
        pieces: float32 arrays (channels, PIECE) at 48 kHz, the last one shorter or equal
        channels: 2 (binaural), or 4, 9 or 16 (ambisonics)
        samples: of the whole signal
        filters: impulse responses (2, channels or more, taps) of each head; for ambisonics
        floor_ears: see `qastanet.hearing.features.binaural_features`
        directive: compute the directiveness of ambisonics

    Returns:
        float32 and complex64 arrays, each of shape (heads, 29, floor(samples / 1920))

    Raises:
        ValueError: if a piece has more than PIECE samples, or fewer and is not the last

    Example:
        >>> one_second = np.ones((4, PIECE), dtype=np.float32)
        >>> features_of_pieces([one_second], 4, PIECE, [np.ones((2, 4, 1))]).ild.shape
        (1, 29, 25)
    """
    decoder = None if channels == 2 else _Decoder(filters, channels)
    heads = [_Bands(samples) for _ in (range(len(filters)) if decoder else range(1))]
    directions = _Directions(samples) if decoder and directive else None
    start = 0
    for piece in pieces:
        if start % PIECE or piece.shape[-1] > PIECE:
            raise ValueError(f"only the last piece may have fewer than {PIECE} samples, none more")
        ears = decoder(piece) if decoder else piece
        for head, bands in enumerate(heads):
            bands.push(ears[2 * head : 2 * head + 2], start)
        if directions:
            directions.push(piece, start)
        start += piece.shape[-1]
    assert start == samples
    maps = []
    while heads:  # the envelopes of a head are freed when its features are there
        maps.append(heads.pop(0).features(floor_ears))
    ild, coherence, power = (np.stack(each) for each in zip(*maps, strict=True))
    flow = None
    if directions:
        flow = np.broadcast_to(directions.output.astype(np.float32), ild.shape)
    return Features(
        ild.astype(np.float32), coherence.astype(np.complex64), power.astype(np.float32), flow
    )


def long_frames(ears: np.ndarray, group: int) -> Features:
    """Compute the features of a binaural signal in longer frames.

    Args:
        ears: shape (2, samples), 48 kHz
        group: length of a frame in units of 40 ms

    Returns:
        float64 and complex128 arrays (29, frames), as `qastanet.hearing.features.binaural_features`
        without a floor for single ears

    Example:
        >>> long_frames(np.ones((2, 48000)), 10).power.shape
        (29, 2)
    """
    bands = _Bands(ears.shape[-1])
    for number, piece in enumerate(_pieces(ears)):
        bands.push(piece, number * PIECE)
    return Features(*bands.features(floor_ears=False, group=group))


def features(signal: np.ndarray, *args, **options) -> Features:
    """Compute the features of a signal in memory.

    Args:
        signal: shape (channels, samples), 48 kHz
        *args: see `features_of_pieces`, from `filters` on
        **options: see `features_of_pieces`

    Example:
        >>> features(np.ones((2, 4000))).power.shape
        (1, 29, 2)
    """
    channels, samples = signal.shape
    return features_of_pieces(_pieces(signal), channels, samples, *args, **options)
