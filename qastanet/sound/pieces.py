"""Sound files read in pieces of one second, so that a long file need not fit in memory."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from qastanet.audio import check_format, check_format_pair, opened, resample
from qastanet.errors import InputError
from qastanet.fast import PIECE
from qastanet.gammatone import SAMPLING_RATE


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
    position, silent = 0, True
    while position < file.frames:
        block = file.read(size, dtype="float32", always_2d=True)
        if len(block) < min(size, file.frames - position):
            end = position + len(block)
            raise InputError(f"{name}: ends after {end} of {file.frames} samples; repair the file")
        bad = np.argwhere(~np.isfinite(block))
        if len(bad):
            sample, channel = bad[0]
            raise InputError(
                f"{name}: {block[sample, channel]} in channel {channel}, sample "
                f"{position + sample}; repair or cut the signal"
            )
        silent = silent and not block.any()
        position += len(block)
        yield block.T
    if silent:
        raise InputError(f"{name}: all samples are 0 (digital silence); check the file")


def resampled(blocks: Iterable[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    """Resample a signal block by block, with the same result as `qastanet.audio.resample`.

    The polyphase filter reaches 10 max(up, down) / up samples to either side. Each block is
    resampled together with its neighbours' ends, and what belongs to these is cut off.

    Args:
        blocks: one second each, shape (channels, rate), the last one shorter or equal
        rate: of the blocks in Hz

    Yields:
        one second each at 48 kHz, the last one shorter or equal
    """
    divisor = math.gcd(rate, SAMPLING_RATE)
    up, down = SAMPLING_RATE // divisor, rate // divisor
    margin = down * math.ceil((10 * max(up, down) / up + 1) / down)
    before, current = None, None

    def piece(after: np.ndarray | None) -> np.ndarray:
        """Resample the current block."""
        parts = [current]
        if before is not None:
            parts.insert(0, before[:, -margin:])
        if after is not None:
            parts.append(after[:, :margin])
        first = margin * up // down if before is not None else 0
        stop = first - (-current.shape[-1] * up // down)
        return resample(np.concatenate(parts, axis=1), rate, SAMPLING_RATE)[:, first:stop]

    for block in blocks:
        if current is not None:
            yield piece(block)
            before = current
        current = block
    if current is not None:
        yield piece(None)


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
