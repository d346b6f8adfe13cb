"""Perceptual codecs by PyAV (bundled FFmpeg): encode, decode, align.

Opus takes ambisonics as a whole (channel mapping family 2 of RFC 8486); AAC takes channels in
pairs, which is what happens to ambisonics in a multichannel container without a spatial mode.
"""

import io

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qastanet.errors import InputError
from qastanet.sound.sampling import SAMPLING_RATE

BLOCK = 48000
"""Samples handed to the encoder at a time."""

LAYOUTS = {1: "mono", 2: "stereo", 4: "ambisonic 1", 9: "ambisonic 2", 16: "ambisonic 3"}
"""Number of channels -> FFmpeg's name of the layout."""

ALIGNMENT = 2048
"""Largest delay (samples) that is looked for and removed."""


def opus(signal: ArrayLike, bitrate: float) -> NDArray[np.float32]:
    """Encode and decode with Opus (libopus, constrained variable bit rate).

    Args:
        signal: 48 kHz, full scale 1, shape (channels, samples) with 1, 2, 4, 9 or 16 channels;
            ambisonics in ACN order and SN3D goes through mapping family 2.
        bitrate: of all channels together, kbit/s.

    Returns:
        The decoded signal, same shape, aligned.

    Raises:
        InputError: if the number of channels is another.
    """
    signal = _checked(signal)
    options = {"vbr": "constrained"}
    if len(signal) > 2:
        options["mapping_family"] = "2"
    coded = _encode(signal, "libopus", "ogg", bitrate, options)
    return _aligned(signal, _decode(coded, len(signal)))


def aac(signal: ArrayLike, bitrate: float) -> NDArray[np.float32]:
    """Encode and decode with AAC (FFmpeg's encoder), two channels at a time.

    Args:
        signal: see `opus`; an odd last channel is coded on its own.
        bitrate: of all channels together, kbit/s.

    Returns:
        The decoded signal, same shape, aligned.

    Raises:
        InputError: if the number of channels is another.
    """
    signal = _checked(signal)
    decoded = np.empty_like(signal)
    for first in range(0, len(signal), 2):
        pair = signal[first : first + 2]
        coded = _encode(pair, "aac", "adts", bitrate * len(pair) / len(signal), {})
        decoded[first : first + 2] = _aligned(pair, _decode(coded, len(pair)))
    return decoded


def _checked(signal: ArrayLike) -> NDArray[np.float32]:
    signal = np.ascontiguousarray(signal, dtype=np.float32)
    if signal.ndim != 2 or len(signal) not in LAYOUTS:
        raise InputError(f"shape {signal.shape}; give (channels, samples) with 1, 2, 4, 9 or 16")
    return signal


def _encode(
    signal: NDArray[np.float32], codec: str, container: str, bitrate: float, options: dict
) -> io.BytesIO:
    """Encode into a container in memory."""
    import av

    buffer = io.BytesIO()
    layout = LAYOUTS[len(signal)]
    packed = codec == "libopus"  # planar frames of many channels crash the conversion
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(codec, rate=SAMPLING_RATE, layout=layout, options=options)
        stream.bit_rate = round(1000 * bitrate)
        for start in range(0, signal.shape[1], BLOCK):
            block = signal[:, start : start + BLOCK]
            data = block.T.reshape(1, -1) if packed else block
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(data), format="flt" if packed else "fltp", layout=layout
            )
            frame.sample_rate, frame.pts = SAMPLING_RATE, start
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    buffer.seek(0)
    return buffer


def _decode(buffer: io.BytesIO, channels: int) -> NDArray[np.float32]:
    """Decode a container in memory, shape (channels, samples)."""
    import av

    packed = av.AudioResampler(format="flt")
    blocks = []
    with av.open(buffer) as file:
        for frame in file.decode(audio=0):
            blocks += [part.to_ndarray().reshape(-1, channels) for part in packed.resample(frame)]
    return np.concatenate(blocks).T


def _aligned(reference: NDArray, decoded: NDArray) -> NDArray[np.float32]:
    """Shift the decoded signal so that its loudest channel lies on the reference's, and cut it."""
    samples = reference.shape[1]
    channel = int(np.argmax((reference**2).sum(axis=1)))
    delay = _delay(reference[channel], decoded[channel])
    shifted = decoded[:, max(delay, 0) :]
    shifted = np.pad(shifted, ((0, 0), (max(-delay, 0), 0)))[:, :samples]
    return np.pad(shifted, ((0, 0), (0, samples - shifted.shape[1])))


def _delay(reference: NDArray, delayed: NDArray) -> int:
    """Delay in samples at which the cross-correlation is largest, within ALIGNMENT."""
    n_fft = 2 ** int(np.ceil(np.log2(max(len(reference), len(delayed)) + ALIGNMENT)))
    cross = np.fft.rfft(delayed, n_fft) * np.fft.rfft(reference, n_fft).conj()
    correlation = np.fft.irfft(cross, n_fft)
    lags = np.arange(-ALIGNMENT, ALIGNMENT + 1)
    return int(lags[np.argmax(correlation[lags])])
