"""What a sound file says of itself, and whether its header and its content agree.

One rule decides: the samples that are there count. A header without a length (of a file that was
written to a pipe), with a wrapped one, or with one that is a little off, is mended, and it is said;
a file that lacks more than a twentieth of what it claims, or ends within a sample, is truncated.
"""

import io
import os
import re
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

from qastanet.errors import InputError

UNKNOWN = 0x7FFFF000
"""Sizes from here on in 32 bits, and 0, stand for a length that was not known."""

ABSURD = 1 << 40
"""Sizes from here on in 64 bits do the same."""

TOLERATED = 0.05
"""This share of the claimed sound may be missing."""

B_FORMAT = bytes.fromhex("2107d3118644c8c1ca000000")
"""End of the two GUIDs of WAVE_FORMAT_EXTENSIBLE for B-format (integers, floats)."""

CAF_LAYOUTS = {107 << 16: "fuma", 190 << 16: "ambix", 191 << 16: "n3d"}
"""Channel layout tags of CAF, without their number of channels, for ambisonic signals."""

AC3_KBPS = (
    *(32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640),
)
"""Bit rates of AC-3."""

NORMALISATIONS = {"sn3d": "ambix", "n3d": "n3d", "fuma": "fuma"}
"""Normalisation in the metadata of ADM or iXML -> convention."""


class Container(NamedTuple):
    """What a look at the header of a file found."""

    source: BinaryIO | None = None
    """The file with a header that agrees with its content; None if nothing had to be mended."""
    declared: str | None = None
    """Convention that the file names, of `qastanet.sound.conventions.CONVENTIONS`."""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class _Chunks(NamedTuple):
    """The parts of a file of the RIFF family."""

    kept: bytes
    """The chunks that describe the sound."""
    texts: bytes
    """Metadata."""
    block: int
    """Bytes of a sample of all channels."""
    start: int
    """Where the sound begins."""
    claimed: int
    """Bytes of sound that the header claims."""
    regular: bool
    """Whether libsndfile follows the chunks."""


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
    file.seek(0)
    head = file.read(12)
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:] == b"WAVE":
        return _wave(file, head[:4], name, strict, allow_truncated)
    if head[:4] == b"caff":
        return Container(declared=_caf_convention(file.read(1 << 16)))
    if head[:5] == b"OggS\0" and not _ends(file):
        if not allow_truncated:
            raise InputError(
                f"{name}: truncated, ends before the last page of its stream. Copy or encode it "
                "again, or take what is there with --allow-truncated."
            )
        return Container(warnings=(f"{name}: truncated, ends before the last page",))
    if head[:2] == b"\x0bw" and (said := _cut_ac3(file)):
        if not allow_truncated:
            raise InputError(
                f"{name}: truncated, {said}. Copy or encode it again, or take what is there with "
                "--allow-truncated."
            )
        return Container(warnings=(f"{name}: truncated, {said}",))
    return Container()


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


def _wave(file: BinaryIO, mark: bytes, name: str, strict: bool, allowed: bool) -> Container:
    """Look at a file of the RIFF family."""
    chunks = _chunks(file, mark)
    if chunks is None:
        return Container()  # libsndfile tells what is wrong
    declared = "fuma" if B_FORMAT in chunks.kept else None
    if found := re.search(rb"<normalization>\s*(\w+)", chunks.texts, re.IGNORECASE):
        declared = NORMALISATIONS.get(found[1].decode("ascii", "replace").lower(), declared)
    held = file.seek(0, os.SEEK_END) - chunks.start
    size, said = _true_size(file, chunks, held, mark)
    if not said and chunks.regular:
        return Container(declared=declared)
    note = warning = ()
    if said:
        rate = struct.unpack("<I", chunks.kept[12:16])[0] or 1
        lengths = [
            f"{n // chunks.block} samples ({n / chunks.block / rate:.2f} s)" for n in (size,)
        ]
        text = f"{name}: {said}, {lengths[0]} are there"
        missing = chunks.claimed - held
        cut = said.startswith("its header claims") and (
            held % chunks.block or missing > TOLERATED * chunks.claimed
        )
        if strict or (cut and not allowed):
            remedy = (
                "leave --strict out" if not cut else "take what is there with --allow-truncated"
            )
            raise InputError(
                f"{name}: truncated, its header (data) claims {chunks.claimed} bytes but the file "
                f"holds {held}. Copy or encode it again, or {remedy}."
            )
        note, warning = ((text,), ()) if said.startswith("its header gives") else ((), (text,))
    size -= size % chunks.block
    header = b"WAVE" + chunks.kept + b"data" + struct.pack("<I", min(size, 0xFFFFFFFF))
    start = b"RIFF" + struct.pack("<I", min(len(header) + size, 0xFFFFFFFF))
    if len(header) + size >= 0xFFFFFFFF:
        sizes = struct.pack("<QQQI", len(header) + size + 36, size, size // chunks.block, 0)
        header = b"WAVEds64" + struct.pack("<I", 28) + sizes + header[4:]
        start = b"RF64\xff\xff\xff\xff"
    return Container(_Spliced(start + header, file, chunks.start, size), declared, note, warning)


def _chunks(file: BinaryIO, mark: bytes) -> _Chunks | None:
    """Read the chunks before the sound; None if there is no sound, or no description of it."""
    kept, texts, block, sizes, regular = b"", b"", 0, None, mark == b"RIFF"
    file.seek(12)
    while len(head := file.read(8)) == 8:
        kind, size = head[:4], struct.unpack("<I", head[4:])[0]
        if kind == b"data":
            if mark != b"RIFF" and sizes:
                size = sizes[1] if size >= UNKNOWN or size == 0 else size
            return _Chunks(kept, texts, block, file.tell(), size, regular) if block else None
        if size > 1 << 26:
            return None
        content = file.read(size + size % 2)
        if kind == b"ds64" and len(content) >= 24:
            sizes = struct.unpack("<QQQ", content[:24])
        elif kind == b"fmt " and len(content) >= 16:
            block = struct.unpack("<H", content[12:14])[0]
            kept = head + content + kept
        elif kind == b"fact":
            kept += head + content
        elif kind in (b"axml", b"iXML"):
            texts += content
    return None


def _true_size(file: BinaryIO, chunks: _Chunks, held: int, mark: bytes) -> tuple[int, str]:
    """Return how many bytes of sound there are, and what the header says instead."""
    claimed = chunks.claimed
    if claimed == 0 and held < chunks.block:
        return 0, ""
    absurd = ABSURD if mark != b"RIFF" else UNKNOWN
    if claimed == 0 or (claimed >= absurd and claimed > held):
        return held, "its header gives no length"
    if claimed > held:
        return held, f"its header claims {claimed // chunks.block} samples"
    file.seek(chunks.start + claimed)
    rest = file.read(10)
    plain = (rest[:4], rest[1:5]) if claimed % 2 else (rest[:4],)
    chunk = any(re.fullmatch(rb"[ -~]{4}", mark) for mark in plain)
    if held - claimed >= chunks.block and not chunk and any(rest):
        return held, f"its header tells of {claimed // chunks.block} samples only"
    return claimed, ""


def _caf_convention(head: bytes) -> str | None:
    """Return the convention that the channel layout of a CAF file names."""
    at = head.find(b"chan")
    if at < 0 or len(head) < at + 16:
        return None
    tag = struct.unpack(">I", head[at + 12 : at + 16])[0]
    return CAF_LAYOUTS.get(tag & 0xFFFF0000)


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
