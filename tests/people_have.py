"""Sound files as people have them, made from numbers: odd headers, odd layouts, odd levels."""

import io
import struct

import numpy as np
import soundfile

RATE = 48000
RNG = np.random.default_rng(0)


def pink(channels, samples=RATE // 2):
    """Return noise (channels, samples) that falls by 3 dB per octave."""
    spectrum = np.fft.rfft(RNG.standard_normal((channels, samples)))
    noise = np.fft.irfft(spectrum / np.sqrt(np.arange(spectrum.shape[1]) + 1), samples)
    return 0.08 * noise / noise.std()


TALKER = pink(1)[0]
SCENE = np.stack([TALKER, 0.64 * TALKER, 0 * TALKER, 0.76 * TALKER]) + 0.1 * pink(4)
CODED = SCENE + 0.03 * pink(4)
EARS = pink(2)


def pcm16(signal):
    return np.round(np.asarray(signal).T * 32767).astype("<i2").tobytes()


def wav(signal, subtype="PCM_16", form="WAV", rate=RATE):
    """Return a sound file as bytes."""
    file = io.BytesIO()
    soundfile.write(file, np.asarray(signal).T, rate, subtype=subtype, format=form)
    return file.getvalue()


SIZES = {
    # form: the mark before its size, where that stands behind it, its type, what it counts more
    "WAV": (b"data", 4, "<I", 0),
    "AIFF": (b"SSND", 4, ">I", 8),
    "CAF": (b"data", 4, ">q", 4),
    "W64": (b"data", 16, "<Q", 24),
    "AU": (b".snd", 8, ">I", 0),
}


def claiming(form, change):
    """Return what makes a file whose header claims another size of its sound; 0 is no size."""

    def make(signal):
        content, size = wav(signal, form=form), change(2 * signal.size)
        if form == "FLAC":  # counts samples, in 36 bits
            facts = int.from_bytes(content[18:26], "big") >> 36 << 36
            return (
                content[:18] + (facts | size // 2 // len(signal)).to_bytes(8, "big") + content[26:]
            )
        mark, offset, kind, more = SIZES[form]
        at = content.find(mark) + offset
        claimed = struct.pack(kind, size + more if size else 0)
        return content[:at] + claimed + content[at + len(claimed) :]

    return make


def chunk(mark, content):
    return mark + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def wave_of(signal, mark=b"RIFF", before=b"", claimed=None, guid=b""):
    """Return a 16-bit file of the RIFF family; with a GUID it is WAVE_FORMAT_EXTENSIBLE."""
    count, data = len(signal), pcm16(signal)
    fmt = struct.pack(
        "<HHIIHH", 0xFFFE if guid else 1, count, RATE, RATE * 2 * count, 2 * count, 16
    )
    fmt += struct.pack("<HHI", 22, 16, 0) + guid if guid else b""
    large = mark != b"RIFF"
    size = claimed if claimed is not None else 0xFFFFFFFF if large else len(data)
    rest = chunk(b"fmt ", fmt) + before + b"data" + struct.pack("<I", size) + data
    if large:
        rest = b"ds64" + struct.pack("<IQQQI", 28, 40 + len(rest), len(data), 0, 0) + rest
    return mark + struct.pack("<I", 0xFFFFFFFF if large else 4 + len(rest)) + b"WAVE" + rest


B_FORMAT = struct.pack("<IHH8B", 1, 0x0721, 0x11D3, 0x86, 0x44, 0xC8, 0xC1, 0xCA, 0, 0, 0)


def fuma(signal):
    """Return an AmbiX signal of first order as W, X, Y, Z."""
    return np.stack([signal[0] / np.sqrt(2), signal[3], signal[1], signal[2]])


def n3d(signal):
    return signal * np.array([1, 3**0.5, 3**0.5, 3**0.5])[:, None]


def with_metadata(signal, normalisation):
    """Return a file with ADM metadata that names a normalisation."""
    text = f"<audioBlockFormat><normalization>{normalisation}</normalization></audioBlockFormat>"
    return wave_of(signal, b"BW64", chunk(b"axml", text.encode()))


def caf_with_layout(signal, tag):
    """Return a CAF file with a channel layout."""
    content = wav(signal, form="CAF")
    at = content.find(b"data")
    layout = b"chan" + struct.pack(">qIII", 12, tag, 0, 0)
    return content[:at] + layout + content[at:]


def encoded(signal, codec, kind, path):
    """Return a file that FFmpeg wrote."""
    import av

    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(codec, rate=RATE, layout="stereo")
        whole = av.AudioFrame.from_ndarray(np.float32(signal), "fltp", "stereo")
        whole.sample_rate = RATE
        context = stream.codec_context
        sizes = {"frame_size": context.frame_size or None}
        cut = av.AudioResampler(context.format.name, "stereo", RATE, **sizes)
        for frame in [*cut.resample(whole), *cut.resample(None), None]:
            for packet in stream.encode(frame):
                container.mux(packet)
    return path.read_bytes()


def element(number, content):
    """Return an element of Matroska."""
    return bytes.fromhex(number) + struct.pack(">Q", len(content) | 1 << 56) + content


def matroska(*signals, seconds=None):
    """Return a Matroska file with a track of 16-bit samples for each signal."""

    def track(number, channels):
        audio = element("B5", struct.pack(">d", RATE)) + element("9F", bytes([channels]))
        entry = element("D7", bytes([number])) + element("73C5", bytes([number]))
        entry += element("83", b"\2") + element("86", b"A_PCM/INT/LIT")
        return element("AE", entry + element("E1", audio + element("6264", bytes([16]))))

    blocks, step = b"", RATE // 10
    for start in range(0, signals[0].shape[1], step):
        for number, signal in enumerate(signals, 1):
            head = struct.pack(">BhB", 0x80 | number, start * 1000 // RATE, 0x80)
            blocks += element("A3", head + pcm16(signal[:, start : start + step]))
    facts = element("2AD7B1", struct.pack(">I", 1000000))
    if seconds:
        facts += element("4489", struct.pack(">d", 1000 * seconds))
    tracks = b"".join(track(k, len(signal)) for k, signal in enumerate(signals, 1))
    segment = element("1549A966", facts) + element("1654AE6B", tracks)
    segment += element("1F43B675", element("E7", b"\0") + blocks)
    head = element("4282", b"matroska") + element("4287", b"\4") + element("4285", b"\2")
    return element("1A45DFA3", head) + element("18538067", segment)
