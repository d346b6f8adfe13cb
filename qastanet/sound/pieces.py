"""Sound files read in pieces of one second, so that a long file need not fit in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from qastanet.errors import InputError
from qastanet.lazy import torch
from qastanet.sound.checks import (
    check_audible,
    check_format,
    check_format_pair,
    check_samples,
    check_signal,
)
from qastanet.sound.sampling import PIECE, SAMPLING_RATE, resample, resampled
from qastanet.sound.sound_files import opened, read


class Format(NamedTuple):
    """What the header of a sound file says."""

    channels: int
    samples: int
    rate: int

    @property
    def length(self) -> int:
        """Samples at 48 kHz."""
        return -(-self.samples * SAMPLING_RATE // self.rate)


def format_of(path: str | Path) -> Format:
    """Read the header of a sound file.

    Raises:
        InputError: if it is not a sound file that has a score
    """
    with opened(path) as file:
        found = Format(file.channels, file.frames, file.samplerate)
    check_format(*found, str(path))
    return found


def format_of_pair(reference: str | Path, degraded: str | Path) -> Format:
    """Read the headers of two files, which must agree.

    Raises:
        InputError: if they do not
    """
    names = (str(reference), str(degraded))
    formats = [format_of(path) for path in names]
    shapes = [(each.channels, each.samples) for each in formats]
    check_format_pair(shapes, [each.rate for each in formats], names)
    return formats[0]


def _blocks(file: soundfile.SoundFile, name: str, size: int) -> Iterator[np.ndarray]:
    """Yield the checked samples of an open file, shape (channels, size)."""
    position, peak = 0, 0.0
    while position < file.frames:
        block = file.read(size, dtype="float32", always_2d=True)
        if len(block) < min(size, file.frames - position):
            end = position + len(block)
            raise InputError(f"{name}: ends after {end} of {file.frames} samples; repair the file")
        peak = max(peak, check_samples(block.T, name, position))
        position += len(block)
        yield block.T
    check_audible(peak, name)


def pieces_of_file(path: str | Path) -> Iterator[np.ndarray]:
    """Yield a sound file at 48 kHz in pieces (channels, PIECE), the last one shorter or equal.

    Raises:
        InputError: if the file cannot be read to its end, has samples that are not finite, or is
            all silent
    """
    with opened(path) as file:
        if file.samplerate == SAMPLING_RATE:
            pieces = _blocks(file, str(path), PIECE)
        else:
            rate = file.samplerate
            pieces = resampled(_blocks(file, str(path), rate), rate)
        for piece in pieces:
            yield np.ascontiguousarray(piece)


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
