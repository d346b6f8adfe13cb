"""Sound files read in pieces of one second, so that a long file need not fit in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from qastanet.errors import InputError
from qastanet.lazy import torch
from qastanet.sound.checks import (
    AMBISONIC_CHANNELS,
    check_audible,
    check_format,
    check_format_pair,
    check_samples,
    check_signal,
)
from qastanet.sound.files.containers import Container, looks_like_mp3
from qastanet.sound.files.reading import (
    UnknownFormatError,
    is_pattern,
    open_file,
    read,
    reading,
)
from qastanet.sound.options import Options
from qastanet.sound.sampling import PIECE, SAMPLING_RATE, resample, resampled
from qastanet.storage import is_pipe


class Recording:
    """An open sound file of a pair that is scored as it is, at 48 kHz, one second at a time.

    Iterating yields float32 pieces (channels, PIECE), the last one shorter or equal, from the start
    each time; it raises an InputError if the file cannot be read to its end, has samples that are
    not finite, or is all silent.

    Args:
        file: as it was opened
        name: how messages call it
    """

    def __init__(self, file: soundfile.SoundFile, name: str):
        self.file, self.name = file, name
        check_format(file.channels, file.frames, file.samplerate, name)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.file.channels

    @property
    def length(self) -> int:
        """Samples at 48 kHz."""
        return -(-self.file.frames * SAMPLING_RATE // self.file.samplerate)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Read the file from its start."""
        rate = self.file.samplerate
        with reading(self.name):
            self.file.seek(0)
            pieces = self._blocks(PIECE if rate == SAMPLING_RATE else rate)
            if rate != SAMPLING_RATE:
                pieces = resampled(pieces, rate)
            for piece in pieces:
                yield np.ascontiguousarray(piece)

    def excerpt(self, start: int, size: int) -> np.ndarray:
        """Return samples at the rate of the file as they are, shape (channels, size or fewer)."""
        with reading(self.name):
            self.file.seek(start)
            return self.file.read(size, dtype="float32", always_2d=True).T

    def _blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield the checked samples of the file, shape (channels, size)."""
        file, position, peak = self.file, 0, 0.0
        while position < file.frames:
            block = file.read(size, dtype="float32", always_2d=True)
            if len(block) < min(size, file.frames - position):
                end = position + len(block)
                raise InputError(
                    f"{self.name}: ends after {end} of {file.frames} samples; repair the file"
                )
            peak = max(peak, check_samples(block.T, self.name, position))
            position += len(block)
            yield block.T
        check_audible(peak, self.name)


@contextlib.contextmanager
def recording(path: str | Path) -> Iterator[Recording | None]:
    """Open a sound file to be read piece by piece.

    Args:
        path: sound file

    Yields:
        the recording, open in the block; None if the file must be read as a whole, since libsndfile
        does not read it or something is to be said of it or done to it

    Raises:
        InputError: if it is missing or damaged, or has no score
    """
    if is_pattern(Path(path)) or looks_like_mp3(path) or is_pipe(path):
        yield None
        return
    with contextlib.ExitStack() as stack:
        file = None
        with contextlib.suppress(UnknownFormatError), reading(path):
            file = open_file(path, Options(), stack)
        wanted = file and file.container == Container() and file.frames > 0
        if wanted and (file.channels == 2 or file.channels in AMBISONIC_CHANNELS):
            yield Recording(file, str(path))
        else:
            yield None


def check_recordings(reference: Recording, degraded: Recording) -> None:
    """Refuse two recordings of different formats.

    Raises:
        InputError: if their channels, lengths or rates differ
    """
    files = [each.file for each in (reference, degraded)]
    shapes = [(file.channels, file.frames) for file in files]
    names = (reference.name, degraded.name)
    check_format_pair(shapes, [file.samplerate for file in files], names)


def read_excerpt(path: str | Path, start_s: float = 0.0, duration_s: float = 1.0) -> torch.Tensor:
    """Read an excerpt of a sound file at 48 kHz.

    Args:
        path: sound file
        start_s: where it starts, in seconds
        duration_s: how long it is, in seconds

    Returns:
        float32, shape (channels, samples)

    Raises:
        InputError: if the file has no such excerpt
    """
    samples, rate = read(path)
    first = round(start_s * rate)
    excerpt = samples[:, first : first + round(duration_s * rate)]
    check_signal(excerpt, rate, f"{path} from {start_s} s")
    return torch.from_numpy(resample(excerpt, rate, SAMPLING_RATE))
