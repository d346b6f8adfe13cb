"""What the header of a sound file says of the length of its sound, kind by kind of file.

Each reader returns a `Header`; `qastanet.sound.files.containers` decides, by one rule for all of
them, whether it agrees with what is there. Formats: Microsoft RIFF and EBU Tech 3306 (RF64), ITU-R
BS.2088 (BW64), Sony Wave64, Apple AIFF-C and CAF 1.0, NeXT/Sun audio, RFC 9639 (FLAC).
"""

import os
import re
import struct
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from qastanet.sound.files.flac_frames import last_frame

UNKNOWN = 0x7FFFF000
"""Sizes from here on in 32 bits, and 0, stand for a length that was not known."""

ABSURD = 1 << 40
"""Sizes from here on in 64 bits do the same."""

B_FORMAT = bytes.fromhex("2107d3118644c8c1ca000000")
"""End of the two GUIDs of WAVE_FORMAT_EXTENSIBLE for B-format (integers, floats)."""

CAF_LAYOUTS = {107 << 16: "fuma", 190 << 16: "ambix", 191 << 16: "n3d"}
"""Channel layout tags of CAF, without their number of channels, for ambisonic signals."""

NORMALISATIONS = {"sn3d": "ambix", "n3d": "n3d", "fuma": "fuma"}
"""Normalisation in the metadata of ADM or iXML -> convention."""

AU_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}
"""Encoding of an AU file -> bytes of a sample."""

PLAIN_AIFC = (b"NONE", b"twos", b"sowt", b"raw ", b"in24", b"in32", b"fl32", b"FL32", b"fl64")
"""Kinds of AIFF-C whose samples are as long as they say."""

LARGEST_CHUNK = 1 << 26
"""No chunk before the sound has more bytes."""


class Header(NamedTuple):
    """Where the sound of a file is, and how much there should be."""

    kind: str
    """What the part that holds the sound is called."""
    start: int
    """Where the sound begins, in bytes."""
    held: int
    """How much there is from there on, in bytes (FLAC: samples)."""
    claimed: int | None
    """How much the header claims; None if it gives no length."""
    block: int
    """How much of that is a sample of all channels."""
    rate: float
    """Samples per second."""
    mended: Callable[[int], bytes]
    """Makes what should stand before the sound if there is so much of it."""
    declared: str | None = None
    """Convention that the file names, of `qastanet.sound.conventions.CONVENTIONS`."""
    regular: bool = True
    """Whether libsndfile follows it as it is."""
    whole: bool = True
    """Whether the last block is complete, as far as it can be known."""


def header_of(file: BinaryIO) -> Header | None:
    """Read the header of a file; None if it is of another kind, or not understood."""
    file.seek(0)
    head = file.read(40)
    try:
        if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
            return _wave(file, head[:4])
        if head[:4] == b"riff" and head[24:28] == b"wave":
            return _wave64(file)
        if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
            return _aiff(file)
        if head[:4] == b"caff":
            return _caf(file)
        if head[:4] in (b".snd", b"dns."):
            return _au(file, head)
        if head[:4] == b"fLaC":
            return _flac(file)
    except (struct.error, OverflowError):
        pass  # the library that reads it tells what is wrong
    return None


def size_of(file: BinaryIO) -> int:
    """Return the size of a file in bytes."""
    return file.seek(0, os.SEEK_END)


def followed(file: BinaryIO, start: int, claimed: int) -> bool:
    """Tell whether something else than sound stands where the sound should end."""
    file.seek(start + claimed)
    rest = file.read(12)
    marks = (rest[:4], rest[1:5]) if claimed % 2 else (rest.lstrip(b"\0")[:4],)
    return not any(rest) or any(re.fullmatch(rb"[ -~]{4}", mark) for mark in marks)


def _known(size: int, held: int, absurd: int) -> int | None:
    """Return a size, None if it stands for one that was not known."""
    return size if 0 < size < absurd or 0 < size <= held else None


def _wave(file: BinaryIO, mark: bytes) -> Header | None:
    """Read the chunks of a file of the RIFF family."""
    kept, texts, block, sizes = b"", b"", 0, None
    file.seek(12)
    while len(head := file.read(8)) == 8:
        kind, size = head[:4], struct.unpack("<I", head[4:])[0]
        if kind == b"data":
            break
        if size > LARGEST_CHUNK:
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
    else:
        return None
    start, absurd = file.tell(), UNKNOWN
    if mark != b"RIFF":
        absurd = ABSURD
        size = sizes[1] if sizes and (size >= UNKNOWN or size == 0) else size
    held = size_of(file) - start
    if not block:
        return None
    declared = "fuma" if B_FORMAT in kept else None
    if found := re.search(rb"<normalization>\s*(\w+)", texts, re.IGNORECASE):
        declared = NORMALISATIONS.get(found[1].decode("ascii", "replace").lower(), declared)
    rate = struct.unpack("<I", kept[12:16])[0]

    def mended(size: int) -> bytes:
        header = b"WAVE" + kept + b"data" + struct.pack("<I", min(size, 0xFFFFFFFF))
        if len(header) + size < 0xFFFFFFFF:
            return b"RIFF" + struct.pack("<I", len(header) + size) + header
        sizes = struct.pack("<QQQI", len(header) + size + 36, size, size // block, 0)
        return b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", 28) + sizes + header[4:]

    claimed, regular = _known(size, held, absurd), mark == b"RIFF"
    return Header("data", start, held, claimed, block, rate, mended, declared, regular)


def _wave64(file: BinaryIO) -> Header | None:
    """Read the chunks of a Wave64 file, whose sizes count their own heads and end at 8 bytes."""
    block = rate = 0
    file.seek(40)
    while len(head := file.read(24)) == 24:
        kind, size = head[:4], struct.unpack("<Q", head[16:])[0]
        if kind == b"data":
            break
        if not 24 <= size <= LARGEST_CHUNK:
            return None
        content = file.read(size - 24 + -size % 8)
        if kind == b"fmt ":
            rate, _, block = struct.unpack("<IIH", content[4:14])
    else:
        return None
    start = file.tell()
    held = size_of(file) - start
    return _patched(
        file, "data", start, held, _known(size - 24, held, ABSURD), block, rate,
        lambda size: {16: struct.pack("<Q", start + size), start - 8: struct.pack("<Q", 24 + size)},
    )  # fmt: skip


def _aiff(file: BinaryIO) -> Header | None:
    """Read the chunks of an AIFF or AIFF-C file."""
    block, rate, frames_at = 0, 0.0, 0
    file.seek(12)
    while len(head := file.read(8)) == 8:
        kind, size = struct.unpack(">4sI", head)
        if kind == b"SSND":
            break
        if size > LARGEST_CHUNK:
            return None
        at, content = file.tell(), file.read(size + size % 2)
        if kind == b"COMM":
            count, _, bits, power, fraction = struct.unpack(">HIHHQ", content[:18])
            if content[18:22] not in (b"", *PLAIN_AIFC):
                return None
            block, frames_at = count * -(-bits // 8), at + 2
            rate = fraction * 2.0 ** ((power & 0x7FFF) - 16383 - 63)  # of 80 bits
    else:
        return None
    offset = struct.unpack(">II", file.read(8))[0]
    start = file.tell() + offset
    held = size_of(file) - start
    return _patched(
        file, "SSND", start, held, _known(size - 8 - offset, held, UNKNOWN), block, rate,
        lambda size: {
            4: struct.pack(">I", min(start + size - 8, 0xFFFFFFFF)),
            frames_at: struct.pack(">I", min(size // block, 0xFFFFFFFF)),
            start - offset - 12: struct.pack(">I", min(size + 8 + offset, 0xFFFFFFFF)),
        },
    )  # fmt: skip


def _caf(file: BinaryIO) -> Header | None:
    """Read the chunks of a CAF file."""
    block, rate, declared = 0, 0.0, None
    file.seek(8)
    while len(head := file.read(12)) == 12:
        kind, size = struct.unpack(">4sq", head)
        if kind == b"data":
            break
        if not 0 <= size <= LARGEST_CHUNK:
            return None
        content = file.read(size)
        if kind == b"desc":
            rate, _, _, block, frames = struct.unpack(">d4sIII", content[:24])
            block = block if frames == 1 else 0  # else it is compressed
        elif kind == b"chan":
            tag = struct.unpack(">I", content[:4])[0]
            declared = CAF_LAYOUTS.get(tag & 0xFFFF0000)
    else:
        return None
    start = file.tell() + 4
    held = size_of(file) - start
    return _patched(
        file, "data", start, held, _known(size - 4, held, ABSURD), block, rate,
        lambda size: {start - 12: struct.pack(">q", size + 4)}, declared,
    )  # fmt: skip


def _au(file: BinaryIO, head: bytes) -> Header | None:
    """Read the header of an AU file."""
    order = ">" if head[:4] == b".snd" else "<"
    start, size, encoding, rate, count = struct.unpack(f"{order}5I", head[4:24])
    held = size_of(file) - start
    return _patched(
        file, "data", start, held, _known(size, held, UNKNOWN),
        AU_BYTES.get(encoding, 0) * count, rate,
        lambda size: {8: struct.pack(f"{order}I", min(size, 0xFFFFFFFF))},
    )  # fmt: skip


def _patched(
    file: BinaryIO,
    kind: str,
    start: int,
    held: int,
    claimed: int | None,
    block: int,
    rate: float,
    changes: Callable[[int], dict[int, bytes]],
    declared: str | None = None,
) -> Header | None:
    """Return a header that is mended where its sizes stand; one of compressed sound is left."""
    if not block or held < 0:
        return Header(kind, start, 0, 0, 1, rate, bytes, declared) if declared else None

    def mended(size: int) -> bytes:
        file.seek(0)
        head = bytearray(file.read(start))
        for at, content in changes(size).items():
            head[at : at + len(content)] = content
        return bytes(head)

    return Header(kind, start, held, claimed, block, rate, mended, declared)


def _flac(file: BinaryIO) -> Header | None:
    """Read STREAMINFO and the last frame of a FLAC file, whose number tells how much there is."""
    file.seek(4)
    last, info, start = False, b"", 0
    while not last and len(head := file.read(4)) == 4:
        last, kind, size = head[0] >> 7, head[0] & 127, int.from_bytes(head[1:], "big")
        content = file.read(size)
        info = content if kind == 0 else info
        start = file.tell()
    if len(info) < 34:
        return None
    facts = int.from_bytes(info[10:18], "big")
    rate, total = facts >> 44, facts & (1 << 36) - 1
    end = size_of(file)
    largest = int.from_bytes(info[7:10], "big") or 1 << 17
    file.seek(max(start, end - 2 * largest))
    tail = file.read()
    first, last_end, whole = last_frame(tail, int.from_bytes(info[2:4], "big"))
    tagged = tail[-128:-125] == b"TAG" or b"APETAGEX" in tail[-160:]  # behind the last frame
    if not last_end or (last_end == total and (whole or tagged)):
        return None
    held = last_end if whole else first

    def mended(size: int) -> bytes:
        file.seek(0)
        head = bytearray(file.read(start))
        head[18:26] = (facts >> 36 << 36 | size).to_bytes(8, "big")
        return bytes(head)

    return Header("STREAMINFO", start, held, total or None, 1, rate, mended, whole=whole)
