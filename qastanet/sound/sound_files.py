"""Reading sound files of many kinds, and noticing when one is damaged.

libsndfile (soundfile) reads WAV in all its forms, RF64, W64, FLAC, Ogg, AIFF and CAF; what it does
not read goes to FFmpeg (PyAV) if the ending of the name is one of CONTAINERS. A pattern such as
`scene_*.wav` names a set of mono files, one per channel.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from qastanet.errors import InputError

CONTAINERS = {
    **{".opus": "ogg", ".ogg": "ogg", ".oga": "ogg", ".webm": "matroska", ".mka": "matroska"},
    **{".m4a": "mov", ".mp4": "mov", ".aac": "aac", ".ac3": "ac3", ".ec3": "eac3", ".mp3": "mp3"},
}
"""Ending of a name -> FFmpeg's name of the container that is expected in it."""

MOST_CHANNELS = 64
"""Files with more channels are refused before they are read."""

STREAMED = (0xFFFFFFFF, 0)
"""Sizes in the header of a WAV file that was written to a pipe; its length is that of the file."""


class UnknownFormatError(InputError):
    """A file that libsndfile does not read."""


def read(path: str | Path) -> tuple[np.ndarray, int]:
    """Read a sound file, or a set of mono files named by a pattern with `*`.

    Args:
        path: file, or pattern; the files of a set are taken in the natural order of their names

    Returns:
        samples, float32, shape (channels, samples), full scale 1.0; and the sampling rate in Hz

    Raises:
        InputError: naming the file and the reason, if it is missing, damaged or no sound
    """
    path = Path(path)
    if "*" in path.name:
        return _read_set(path)
    try:
        with opened(path) as file:
            claimed = file.frames
            samples = file.read(dtype="float32", always_2d=True)
            if len(samples) < claimed:
                raise InputError(
                    f"{path}: truncated, ends after {len(samples)} of {claimed} samples. Copy or "
                    "encode it again."
                )
            return np.ascontiguousarray(samples.T), file.samplerate
    except MemoryError as error:
        raise InputError(
            f"{path}: its header claims {claimed} samples, more than the memory holds. Copy or "
            "encode it again."
        ) from error
    except UnknownFormatError:
        if path.suffix.lower() in CONTAINERS and path.stat().st_size:
            return _read_ffmpeg(path)
        raise


def plain(path: str | Path) -> bool:
    """Tell whether a file can be read piece by piece with `opened`.

    Raises:
        InputError: if it is missing or damaged
    """
    if "*" in Path(path).name:
        return False
    try:
        with opened(path):
            return True
    except UnknownFormatError:
        return False


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[soundfile.SoundFile]:
    """Open a sound file with libsndfile, after a look at its header.

    Raises:
        InputError: if the file is missing, not a file, damaged or not readable, also in the block;
            UnknownFormatError if libsndfile cannot make anything of it
    """
    path = Path(path)
    try:
        if not path.exists():
            raise InputError(f"{path}: no such file. Check the path.")
        if path.is_dir():
            raise InputError(f"{path}: is a folder. Name one sound file.")
        name = os.fsencode(path) if os.name == "posix" else path  # names need not be UTF-8
        with soundfile.SoundFile(name) as file:
            _check_header(file, path)
            yield file
    except soundfile.LibsndfileError as error:
        reason = error.error_string.strip(" .") or "damaged"
        raise UnknownFormatError(
            f"{path}: cannot be read as sound ({reason}). Give a WAV, FLAC, Ogg, Opus, AAC, AC-3 "
            "or MP3 file."
        ) from error
    except (OSError, ValueError) as error:  # no permission, name too long, a null in the name
        if isinstance(error, InputError):
            raise
        raise InputError(f"{str(path)[:200]}: cannot be read ({error})") from error


def _check_header(file: soundfile.SoundFile, path: Path) -> None:
    """Refuse files with absurd numbers of channels, or less content than they claim."""
    if file.channels > MOST_CHANNELS:
        raise InputError(f"{path}: {file.channels} channels; at most {MOST_CHANNELS} are read")
    pattern = r"^\s*(\w+)(?: size)?\s*: (\w+) \(should be (\d+)\)"
    for chunk, claimed, held in re.findall(pattern, file.extra_info, re.M | re.I):
        if int(claimed, 0) not in STREAMED and int(claimed, 0) > int(held):
            raise InputError(
                f"{path}: truncated, its header ({chunk}) claims {int(claimed, 0)} bytes but the "
                f"file holds {held}. Copy or encode it again."
            )


def _read_ffmpeg(path: Path) -> tuple[np.ndarray, int]:
    """Read with FFmpeg: Opus with ambisonics, AAC, AC-3, MP3, ..."""
    import av  # takes a fifth of a second

    pieces = []
    try:
        with av.open(str(path), format=CONTAINERS[path.suffix.lower()]) as container:
            if not container.streams.audio:
                raise InputError(f"{path}: holds no sound")
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise InputError(f"{path}: its sound is coded in a way that is not known")
            rate, channels = stream.codec_context.sample_rate, stream.codec_context.channels
            if channels > MOST_CHANNELS:
                raise InputError(f"{path}: {channels} channels; at most {MOST_CHANNELS} are read")
            packed = av.AudioResampler(format="flt")  # planes of 16 channels cannot be read safely
            for frame in [*container.decode(stream), None]:
                for part in packed.resample(frame):
                    pieces.append(part.to_ndarray().reshape(-1, channels))
    except (av.FFmpegError, ValueError, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: cannot be read as sound ({error})") from error
    if not pieces:
        raise InputError(f"{path}: holds no samples")
    return np.ascontiguousarray(np.concatenate(pieces).T), rate


def _read_set(pattern: Path) -> tuple[np.ndarray, int]:
    """Read mono files as the channels of one signal."""
    files = sorted(pattern.parent.glob(pattern.name), key=_natural)
    if not files:
        raise InputError(f"{pattern}: no file has such a name")
    if len(files) > MOST_CHANNELS:
        raise InputError(f"{pattern}: {len(files)} files; at most {MOST_CHANNELS} are read")
    first, rate = read(files[0])
    channels = [first]
    for file in files[1:]:
        samples, other = read(file)
        if other != rate or samples.shape[1] != first.shape[1]:
            raise InputError(
                f"{file}: {samples.shape[1]} samples at {other} Hz, but {files[0].name} has "
                f"{first.shape[1]} at {rate} Hz; the files of a set must agree"
            )
        channels.append(samples)
    for file, samples in zip(files, channels, strict=True):
        if len(samples) != 1:
            raise InputError(f"{file}: {len(samples)} channels; a set is made of mono files")
    return np.concatenate(channels), rate


def _natural(path: Path) -> list:
    """Return a key that sorts ch2 before ch10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]
