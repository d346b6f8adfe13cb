"""What a sound file says of itself, and whether its header and its content agree.

One rule decides: the samples that are there count. A header without a length (of a file that was
written to a pipe), with a wrapped one, or with one that is a little off, is mended, and it is said;
a file that lacks more than a twentieth of what it claims, or ends within a sample, is truncated.
"""

import io
import os
from pathlib import Path
from typing import BinaryIO, NamedTuple

from qastanet.errors import InputError
from qastanet.sound.files.headers import Header, followed, header_of, size_of

TOLERATED = 0.05
"""This share of the claimed sound may be missing."""

AC3_KBPS = (
    *(32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640),
)
"""Bit rates of AC-3."""


class Container(NamedTuple):
    """What a look at the header of a file found."""

    source: BinaryIO | None = None
    """The file with a header that agrees with its content; None if nothing had to be mended."""
    declared: str | None = None
    """Convention that the file names, of `qastanet.sound.conventions.CONVENTIONS`."""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def examine(
    file: BinaryIO, name: str, strict: bool = False, allow_truncated: bool = False
) -> Container:
    """Look at the header of a sound file.

    Args:
        file: open file
        name: how to call it in a message
        strict: refuse a file whose header and content disagree
        allow_truncated: take what is there of a truncated file

    Raises:
        InputError: if it is truncated, naming both lengths
    """
    if header := header_of(file):
        return _judged(file, header, name, strict, allow_truncated)
    file.seek(0)
    head = file.read(12)
    said = ""
    if head[:5] == b"OggS\0" and not _ends(file):
        said = "ends before the last page of its stream"
    elif head[:2] == b"\x0bw":
        said = _cut_ac3(file)
    return Container(
        warnings=truncated(f"{name}: truncated, {said}", allow_truncated) if said else ()
    )


def truncated(said: str, allowed: bool) -> tuple[str]:
    """Return what is said of a truncated file as its warning, if it is allowed.

    Raises:
        InputError: if it is not
    """
    if not allowed:
        raise InputError(
            f"{said}. Copy or encode it again, or take what is there with --allow-truncated."
        )
    return (said,)


def _cut_ac3(file: BinaryIO) -> str:
    """Say that the last frame of an AC-3 or E-AC-3 stream is cut; empty if it is not.

    The decoder hides it. Sizes of frames: ETSI TS 102 366, sections 4.4.1 and E.1.3.1.
    """
    file.seek(0)
    content, at, number = file.read(), 0, 0
    while at + 6 <= len(content) and content[at : at + 2] == b"\x0bw":
        number += 1
        if content[at + 5] >> 3 > 10:  # E-AC-3
            size = 2 * (((content[at + 2] & 7) << 8 | content[at + 3]) + 1)
        else:
            rate, code = content[at + 4] >> 6, content[at + 4] & 63
            if rate == 3 or code >= 2 * len(AC3_KBPS):
                return ""  # the decoder tells what is wrong
            kbps = AC3_KBPS[code // 2]
            size = (4 * kbps, 2 * (kbps * 96000 // 44100 + code % 2), 6 * kbps)[rate]
        at += size
    if at > len(content) or 0 < len(content) - at < 6:
        return f"its frame {number} is cut"
    return ""


def _judged(file: BinaryIO, header: Header, name: str, strict: bool, allowed: bool) -> Container:
    """Hold what a header claims against what is there."""
    size, said = _true_size(file, header)
    if not said and header.regular:
        return Container(declared=header.declared)
    note = warning = ()
    if said:
        samples = size // header.block
        text = f"{name}: {said}, {samples} samples ({samples / (header.rate or 1):.2f} s) are there"
        claimed = header.claimed or 0
        cut = claimed > header.held and (
            header.held % header.block
            or not header.whole
            or claimed - header.held > TOLERATED * claimed
        )
        if strict or (cut and not allowed):
            remedy = "take what is there with --allow-truncated" if cut else "leave --strict out"
            unit = "samples" if header.kind == "STREAMINFO" else "bytes"
            told = f"claims {claimed} {unit}" if claimed else "gives no length"
            held = f"{header.held}" if claimed else f"{header.held} {unit}"
            raise InputError(
                f"{name}: truncated, its header ({header.kind}) {told} but the file holds {held}. "
                f"Copy or encode it again, or {remedy}."
            )
        note, warning = ((), (text,)) if header.claimed else ((text,), ())
    size -= size % header.block
    there = size_of(file) - header.start if header.kind == "STREAMINFO" else size
    spliced = _Spliced(header.mended(size), file, header.start, there)
    return Container(spliced, header.declared, note, warning)


def _true_size(file: BinaryIO, header: Header) -> tuple[int, str]:
    """Return how much sound there is, and what the header says instead."""
    held, claimed, block = header.held, header.claimed, header.block
    if claimed is None:
        return (held, "its header gives no length") if held >= block else (0, "")
    if claimed > held:
        return held, f"its header claims {claimed // block} samples"
    flac = header.kind == "STREAMINFO"
    if held - claimed >= block and (flac or not followed(file, header.start, claimed)):
        return held, f"its header tells of {claimed // block} samples only"
    return claimed, ""


def _ends(file: BinaryIO) -> bool:
    """Tell whether an Ogg file has the page that ends its stream, or the one of another behind."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - (1 << 17), 0))
    tail = file.read()
    at = tail.rfind(b"OggS")
    if at < 0 or len(tail) < at + 27:
        return False
    held = len(tail) - at - 27 - tail[at + 26]
    return bool(tail[at + 5] & 4) and held >= sum(tail[at + 27 : at + 27 + tail[at + 26]])


class _Spliced(io.RawIOBase):
    """A header, and a part of a file behind it, as one file."""

    def __init__(self, header: bytes, file: BinaryIO, start: int, size: int):
        self.header, self.file, self.start = header, file, start
        self.size, self.at = len(header) + size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.at = offset + (0, self.at, self.size)[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer) -> int:
        wanted = min(len(buffer), max(self.size - self.at, 0))
        if self.at < len(self.header):
            part = self.header[self.at : self.at + wanted]
        else:
            self.file.seek(self.start + self.at - len(self.header))
            part = self.file.read(wanted)
        buffer[: len(part)] = part
        self.at += len(part)
        return len(part)

    def close(self) -> None:
        self.file.close()
        super().close()


def looks_like_mp3(path: str | Path) -> bool:
    """Tell whether a name is that of MPEG audio, whose library talks to the console."""
    return Path(path).suffix.lower() in (".mp3", ".mp2", ".mpga")
