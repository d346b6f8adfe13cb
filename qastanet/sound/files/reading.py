"""Reading sound files of many kinds, and noticing when one is damaged.

libsndfile (soundfile) reads WAV in all its forms, RF64, W64, FLAC, Ogg, AIFF and CAF; what it does
not read goes to FFmpeg (`qastanet.sound.files.ffmpeg`). A pipe is read once, into memory. A pattern
such as `scene_*.wav` names a set of mono files, one per channel.
"""

import contextlib
import functools
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from qastanet.errors import InputError
from qastanet.sound.checks import MOST_CHANNELS
from qastanet.sound.files.containers import examine, looks_like_mp3, truncated
from qastanet.sound.files.ffmpeg import kind_of, read_ffmpeg
from qastanet.sound.options import Options, Sound
from qastanet.storage import is_pipe, read_once

STREAMED = (0xFFFFFFFF, 0)
"""Sizes in the header of a file that was written to a pipe; its length is that of the file."""

WITHOUT_HEADER = (".raw", ".pcm")
"""Endings of bare samples."""

B_FORMAT_ORDER = "WYZX"
"""Letters that files of a set may be called by, in the order of AmbiX."""


class UnknownFormatError(InputError):
    """A file that libsndfile does not read."""


def read(path: str | Path, options: Options | None = None) -> tuple[np.ndarray, int]:
    """Read a sound file, or a set of mono files named by a pattern with `*`.

    Args:
        path: file, or pattern; the files of a set are taken in the natural order of their names
        options: the track, and whether a header may disagree with the content

    Returns:
        samples, float32, shape (channels, samples), full scale 1.0; and the sampling rate in Hz

    Raises:
        InputError: naming the file and the reason, if it is missing, damaged or no sound
    """
    return read_sound(path, options)[:2]


def read_sound(path: str | Path, options: Options | None = None) -> Sound:
    """Read a sound file, or a set, with what the file says of itself; see `read`."""
    path, options = Path(path), options or Options()
    if is_pattern(path):
        return _read_set(path, options)
    try:
        with reading(path), contextlib.ExitStack() as stack, _quiet(path):
            file = open_file(path, options, stack)
            if options.track not in (None, 1):
                raise InputError(f"{path}: no sound track {options.track}; there is one")
            claimed, found = file.frames, file.container
            samples = file.read(dtype="float32", always_2d=True)
        warnings = found.warnings
        if len(samples) < claimed:
            said = f"{path}: truncated, ends after {len(samples)} of {claimed} samples"
            warnings += truncated(said, options.allow_truncated)
        samples = np.ascontiguousarray(samples.T)
        return Sound(samples, file.samplerate, str(path), found.declared, found.notes, warnings)
    except MemoryError as error:
        raise InputError(
            f"{path}: its header claims {claimed} samples, more than the memory holds. Copy or "
            "encode it again."
        ) from error
    except UnknownFormatError:
        content = _content(path)
        head = content.read(4) if content else b""
        kind = kind_of(path, head)
        if kind and (content or path.stat().st_size):
            if content:
                content.seek(0)
            return read_ffmpeg(path, content, kind, options)
        raise


def open_file(
    path: str | Path, options: Options, stack: contextlib.ExitStack
) -> soundfile.SoundFile:
    """Open a sound file with libsndfile, after a look at its header, until the stack is left.

    The file has a `container`, which says what that found; errors are for `reading` to tell.

    Raises:
        InputError: if the file is missing, not a file, or its header and content disagree
    """
    if re.match(r"[a-z][a-z0-9+.-]+:/", str(path), re.IGNORECASE):
        raise InputError(f"{path}: is an address; download the file first")
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file. Check the path.")
    if path.is_dir():
        raise InputError(f"{path}: is a folder. Name one sound file.")
    raw = stack.enter_context(_content(path) or open(path, "rb"))
    found = examine(raw, str(path), options.strict, options.allow_truncated)
    if path.suffix.lower() in WITHOUT_HEADER:
        _refuse_bare(raw, path)
    source = found.source or os.fsencode(path) if os.name == "posix" else path
    if found.source is None and (is_pipe(path) or path.suffix.lower() in WITHOUT_HEADER):
        raw.seek(0)
        source = io.BytesIO(raw.read())  # without a name, whose ending would count
    with _quiet(path):
        file = stack.enter_context(soundfile.SoundFile(source))
    file.container = found
    _check_header(file, path)
    return file


@contextlib.contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Tell what goes wrong in the block as a fault of a file.

    Raises:
        InputError: naming the file; UnknownFormatError if libsndfile cannot make anything of it
    """
    try:
        yield
    except soundfile.LibsndfileError as error:
        reason = error.error_string.strip(" .") or "damaged"
        raise UnknownFormatError(
            f"{path}: cannot be read as sound ({reason}). Give a WAV, FLAC, Ogg, Opus, AAC, AC-3 "
            "or MP3 file."
        ) from error
    except (OSError, ValueError, TypeError) as error:  # no permission, name too long, a null in it
        if isinstance(error, InputError):
            raise
        raise InputError(f"{str(path)[:200]}: cannot be read ({error})") from error


def _content(path: Path) -> io.BytesIO | None:
    """Return what is in a pipe, which is read once; None for a file."""
    return io.BytesIO(_of_pipe(str(path))) if is_pipe(path) else None


_of_pipe = functools.lru_cache(maxsize=8)(read_once)


def _refuse_bare(file, path: Path) -> None:
    """Refuse samples without a header; a file of another kind may have the ending, too."""
    file.seek(0)
    if file.read(4) not in (b"RIFF", b"RF64", b"BW64", b"fLaC", b"OggS", b"FORM", b"caff", b"riff"):
        raise InputError(
            f"{path}: has no header that tells its rate and channels; convert it, for example with "
            "sox -t raw -e signed -b 16 -r 48000 -c 4 x.raw x.wav"
        )


@contextlib.contextmanager
def _quiet(path: Path) -> Iterator[None]:
    """Keep the library for MPEG audio from writing to the console."""
    if not looks_like_mp3(path):
        yield
        return
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _check_header(file: soundfile.SoundFile, path: Path) -> None:
    """Refuse files with absurd numbers of channels, or less content than they claim."""
    if file.channels > MOST_CHANNELS:
        raise InputError(f"{path}: {file.channels} channels; at most {MOST_CHANNELS} are read")
    pattern = r"^\s*(\w+)(?: size)?\s*: (\w+) \(should be (\d+)\)"
    if file.container.source is not None:
        return
    for chunk, claimed, held in re.findall(pattern, file.extra_info, re.M | re.I):
        if chunk in ("RIFF", "RF64", "BW64"):
            continue  # the size of the whole plays no part
        if int(claimed, 0) not in STREAMED and int(claimed, 0) > int(held):
            raise InputError(
                f"{path}: truncated, its header ({chunk}) claims {int(claimed, 0)} bytes but the "
                f"file holds {held}. Copy or encode it again."
            )


def is_pattern(path: Path) -> bool:
    """Tell whether a name stands for a set of files; a file of that name is a file."""
    with contextlib.suppress(OSError, ValueError):
        return "*" in path.name and not path.is_file()
    return False


def files_of(name: str | Path) -> list[Path]:
    """Return the files that a name stands for, in the order of the channels.

    Args:
        name: file, or a pattern with `*`, in which all other letters stand for themselves

    Raises:
        InputError: if it is a pattern that no file fits

    Example:
        >>> files_of("scene.wav")
        [PosixPath('scene.wav')]
    """
    path = Path(name)
    if not is_pattern(path):
        return [path]
    wanted = re.compile(".*".join(map(re.escape, re.split(r"\*+", path.name))), re.DOTALL)
    with contextlib.suppress(OSError):
        found = [
            path.parent / entry
            for entry in os.listdir(path.parent)
            if wanted.fullmatch(entry) and not entry.startswith(".")
        ]
        if found:
            return sorted(found, key=_natural)
    raise InputError(f"{path}: no file has such a name")


def _read_set(pattern: Path, options: Options) -> Sound:
    """Read mono files as the channels of one signal."""
    files = files_of(pattern)
    if len(files) > MOST_CHANNELS:
        raise InputError(f"{pattern}: {len(files)} files; at most {MOST_CHANNELS} are read")
    letters = "".join(file.stem[-1:] for file in files).upper()
    notes: tuple[str, ...] = ()
    if sorted(letters) == sorted(B_FORMAT_ORDER) and _apart(files):
        files = [files[letters.index(letter)] for letter in B_FORMAT_ORDER]
        notes = (
            f"{pattern}: taken in the order W, Y, Z, X of AmbiX, by the names; that W has its full "
            "level (SN3D) is assumed",
        )
    sounds = [read_sound(file, options) for file in files]
    first = sounds[0]
    for file, sound in zip(files, sounds, strict=True):
        if sound.rate != first.rate or sound.samples.shape[1] != first.samples.shape[1]:
            raise InputError(
                f"{file}: {sound.samples.shape[1]} samples at {sound.rate} Hz, but {files[0].name} "
                f"has {first.samples.shape[1]} at {first.rate} Hz; the files of a set must agree"
            )
    for file, sound in zip(files, sounds, strict=True):
        if len(sound.samples) != 1:
            raise InputError(f"{file}: {len(sound.samples)} channels; a set is made of mono files")
    notes += tuple(note for sound in sounds for note in sound.notes)
    warnings = tuple(warning for sound in sounds for warning in sound.warnings)
    samples = np.concatenate([sound.samples for sound in sounds])
    return Sound(samples, first.rate, str(pattern), None, notes, warnings)


def _apart(files: list[Path]) -> bool:
    """Tell whether names differ in their last letter only, and it stands apart from a word."""
    stems = {file.stem[:-1] for file in files}
    return len(stems) == 1 and not stems.pop()[-1:].isalpha()


def _natural(path: Path) -> list:
    """Return a key that sorts ch2 before ch10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", path.name)]
