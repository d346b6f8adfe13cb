"""Reading what libsndfile does not know, with FFmpeg (PyAV): Opus, AAC, AC-3, WavPack, ..."""

import contextlib
import io
from pathlib import Path
from typing import BinaryIO

import numpy as np

from qastanet.errors import InputError
from qastanet.sound.checks import MOST_CHANNELS
from qastanet.sound.files.containers import truncated
from qastanet.sound.options import Options, Sound

CONTAINERS = {
    **{".opus": "ogg", ".ogg": "ogg", ".oga": "ogg", ".webm": "matroska", ".mka": "matroska"},
    **{".mkv": "matroska", ".m4a": "mov", ".mp4": "mov", ".mov": "mov", ".aac": "aac"},
    **{".ac3": "ac3", ".ec3": "eac3", ".eac3": "eac3", ".mp3": "mp3", ".wv": "wv"},
    **{".caf": "caf", ".tta": "tta", ".ape": "ape", ".wma": "asf"},
}
"""Ending of a name -> FFmpeg's name of the container that is expected in it."""

MAGIC = {b"OggS": "ogg", b"\x1aE\xdf\xa3": "matroska", b"wvpk": "wv", b"\x0bw": "ac3"}
"""How files begin that come without an ending, from a pipe."""

TIMED = ("matroska", "mov", "wv", "caf", "tta", "ape", "asf")
"""Containers that tell the duration of their sound."""

TOLERANCE = 0.07
"""Seconds by which that may be off: what encoders add at the ends."""

STRICT = {"err_detect": "crccheck+bitstream+buffer+explode"}
"""Damaged frames are told, not hidden."""


def kind_of(path: Path, head: bytes) -> str | None:
    """Return FFmpeg's name of the container of a file, by its ending, or else by its beginning."""
    known = CONTAINERS.get(path.suffix.lower())
    if known or path.suffix:
        return known
    return next((kind for mark, kind in MAGIC.items() if head.startswith(mark)), None)


def read_ffmpeg(path: Path, content: BinaryIO | None, kind: str, options: Options) -> Sound:
    """Read a file with FFmpeg.

    Args:
        path: its name
        content: what is in it, if it can be read only once
        kind: see `kind_of`
        options: the track, and what may be missing

    Raises:
        InputError: naming the file and the reason
    """
    import av

    av.logging.set_level(av.logging.PANIC)
    warnings: list[str] = []
    try:
        source = str(path) if content is None else io.BytesIO(content.read())
        with av.open(source, format=kind) as container:
            stream = _track(container.streams.audio, path, options.track)
            rate, channels = stream.codec_context.sample_rate, stream.codec_context.channels
            if channels > MOST_CHANNELS:
                raise InputError(f"{path}: {channels} channels; at most {MOST_CHANNELS} are read")
            if kind in ("ac3", "eac3"):
                stream.codec_context.options = STRICT
            pieces = _decoded(container, stream, path, options.allow_truncated, warnings)
            claimed = container.duration / av.time_base if container.duration else 0.0
    except (av.FFmpegError, ValueError, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        reason = str(error).partition(": '")[0].rpartition("] ")[2]
        if kind == "mov":
            reason = "no table of contents: is its end missing?"
        raise InputError(
            f"{path}: cannot be read as sound ({reason}). Copy or encode it again."
        ) from error
    if not pieces:
        raise InputError(f"{path}: holds no samples, or is cut. Copy or encode it again.")
    samples = np.ascontiguousarray(np.concatenate(pieces).reshape(-1, channels).T)
    held = samples.shape[1] / rate
    if kind in TIMED and held < claimed - TOLERANCE:
        said = f"{path}: truncated, ends after {held:.2f} of {claimed:.2f} s"
        warnings += truncated(said, options.allow_truncated)
    return Sound(samples, rate, str(path), warnings=tuple(warnings))


def _track(tracks, path: Path, wanted: int | None):
    """Return the sound track that is asked for, or the only one."""
    if not len(tracks):
        raise InputError(f"{path}: holds no sound, or is cut. Copy or encode it again.")
    if any(track.codec_context is None for track in tracks):
        raise InputError(f"{path}: its sound is coded in a way that is not known")
    told = ", ".join(f"{k}: {t.codec_context.channels} channels" for k, t in enumerate(tracks, 1))
    if wanted is None and len(tracks) > 1:
        raise InputError(f"{path}: {len(tracks)} sound tracks ({told}); choose one with --track")
    if wanted is not None and not 1 <= wanted <= len(tracks):
        raise InputError(f"{path}: no sound track {wanted}; there are {told}")
    return tracks[(wanted or 1) - 1]


def _decoded(container, stream, path: Path, allowed: bool, warnings: list[str]) -> list[np.ndarray]:
    """Decode a track, frame by frame; a damaged frame is refused, or ends what is taken."""
    import av

    packed = av.AudioResampler(format="flt")  # planes of 16 channels cannot be read safely
    pieces, number = [], 0

    def take(frame) -> None:
        for part in packed.resample(frame):
            pieces.append(part.to_ndarray().reshape(-1))

    packets = container.demux(stream)
    while True:
        number += 1
        try:
            packet = next(packets, None)
            if packet is None:
                break
            for frame in packet.decode():
                take(frame)
        except av.FFmpegError as error:
            said = f"{path}: frame {number} is damaged, or cut"
            if not allowed:
                raise InputError(
                    f"{said}. Copy or encode it again, or take what comes before it with "
                    "--allow-truncated."
                ) from error
            warnings.append(said)
            break
    with contextlib.suppress(av.FFmpegError):
        take(None)
    return pieces
