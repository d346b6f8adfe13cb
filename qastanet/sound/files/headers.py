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

from qastanet.sound.files.flac_length import last_frame

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

FARTHEST = 1 << 26
"""No sound begins behind so many bytes."""


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


def _chunks(
    file: BinaryIO, start: int, form: str, sound: bytes, counted: int = 0, whole: int = 1
) -> tuple[list[tuple[bytes, int, bytes]], int]:
    """Return the chunks before the sound (kind, place, bytes), and the size of that of the sound.

    The file is left behind the head of the latter; a `struct.error` says that there is none. Heads
    have a form, kind and size; so many of their bytes are counted in the size, and chunks are
    filled up to whole units.
    """
    file.seek(start)
    chunks = []
    while True:
        at, head = file.tell(), file.read(struct.calcsize(form))
        kind, size = struct.unpack(form, head)
        if kind == sound:
            return chunks, size - counted
        if not 0 <= size - counted <= FARTHEST - at:
            raise struct.error
        chunks.append((kind, at, head + file.read(size - counted + -size % whole)))


def _wave(file: BinaryIO, mark: bytes) -> Header | None:
    """Read the chunks of a file of the RIFF family."""
    kept, texts, block, sizes = b"", b"", 0, None
    chunks, size = _chunks(file, 12, "<4sI", b"data", whole=2)
    for kind, _, chunk in chunks:
        if kind == b"ds64" and len(chunk) >= 32:
            sizes = struct.unpack("<QQQ", chunk[8:32])
        elif kind == b"fmt " and len(chunk) >= 24:
            block = struct.unpack("<H", chunk[20:22])[0]
            kept = chunk + kept
        elif kind == b"fact":
            kept += chunk
        elif kind in (b"axml", b"iXML"):
            texts += chunk[8:]
    if not block:
        return None
    start, absurd = file.tell(), UNKNOWN
    if mark != b"RIFF":
        absurd = ABSURD
        size = sizes[1] if sizes and (size >= UNKNOWN or size == 0) else size
    held = size_of(file) - start
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
    chunks, size = _chunks(file, 40, "<4s12xQ", b"data", counted=24, whole=8)
    for kind, _, chunk in chunks:
        if kind == b"fmt ":
            rate, _, block = struct.unpack("<IIH", chunk[28:38])
    start = file.tell()
    return _patched(
        file, "data", start, size, ABSURD, block, rate,
        lambda size: {16: struct.pack("<Q", start + size), start - 8: struct.pack("<Q", 24 + size)},
    )  # fmt: skip


def _aiff(file: BinaryIO) -> Header | None:
    """Read the chunks of an AIFF or AIFF-C file."""
    block, rate, frames_at = 0, 0.0, 0
    chunks, size = _chunks(file, 12, ">4sI", b"SSND", whole=2)
    for kind, at, chunk in chunks:
        if kind == b"COMM":
            count, _, bits, power, fraction = struct.unpack(">HIHHQ", chunk[8:26])
            if chunk[26:30] not in (b"", *PLAIN_AIFC):
                return None
            block, frames_at = count * -(-bits // 8), at + 10
            rate = fraction * 2.0 ** ((power & 0x7FFF) - 16383 - 63)  # of 80 bits
    offset = struct.unpack(">II", file.read(8))[0]
    start = file.tell() + offset
    return _patched(
        file, "SSND", start, size - 8 - offset, UNKNOWN, block, rate,
        lambda size: {
            4: struct.pack(">I", min(start + size - 8, 0xFFFFFFFF)),
            frames_at: struct.pack(">I", min(size // block, 0xFFFFFFFF)),
            start - offset - 12: struct.pack(">I", min(size + 8 + offset, 0xFFFFFFFF)),
        },
    )  # fmt: skip


def _caf(file: BinaryIO) -> Header | None:
    """Read the chunks of a CAF file."""
    block, rate, declared = 0, 0.0, None
    chunks, size = _chunks(file, 8, ">4sq", b"data")
    for kind, _, chunk in chunks:
        if kind == b"desc":
            rate, _, _, block, frames = struct.unpack(">d4sIII", chunk[12:36])
            block = block if frames == 1 else 0  # else it is compressed
        elif kind == b"chan":
            tag = struct.unpack(">I", chunk[12:16])[0]
            declared = CAF_LAYOUTS.get(tag & 0xFFFF0000)
    start = file.tell() + 4
    return _patched(
        file, "data", start, size - 4, ABSURD, block, rate,
        lambda size: {start - 12: struct.pack(">q", size + 4)}, declared,
    )  # fmt: skip


def _au(file: BinaryIO, head: bytes) -> Header | None:
    """Read the header of an AU file."""
    order = ">" if head[:4] == b".snd" else "<"
    start, size, encoding, rate, count = struct.unpack(f"{order}5I", head[4:24])
    return _patched(
        file, "data", start, size, UNKNOWN, AU_BYTES.get(encoding, 0) * count, rate,
        lambda size: {8: struct.pack(f"{order}I", min(size, 0xFFFFFFFF))},
    )  # fmt: skip


def _patched(
    file: BinaryIO,
    kind: str,
    start: int,
    size: int,
    absurd: int,
    block: int,
    rate: float,
    changes: Callable[[int], dict[int, bytes]],
    declared: str | None = None,
) -> Header | None:
    """Return a header that is mended where its sizes stand; one of compressed sound is left."""
    held = size_of(file) - start
    if not block or held < 0:
        return Header(kind, start, 0, 0, 1, rate, bytes, declared) if declared else None
    claimed, mended = _known(size, held, absurd), _patching(file, start, changes)
    return Header(kind, start, held, claimed, block, rate, mended, declared)


def _patching(
    file: BinaryIO, start: int, changes: Callable[[int], dict[int, bytes]]
) -> Callable[[int], bytes]:
    """Return what makes the bytes before the sound of a size: those that are there, changed."""

    def mended(size: int) -> bytes:
        file.seek(0)
        head = bytearray(file.read(start))
        for at, content in changes(size).items():
            head[at : at + len(content)] = content
        return bytes(head)

    return mended


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
    mended = _patching(
        file, start, lambda size: {18: (facts >> 36 << 36 | size).to_bytes(8, "big")}
    )
    return Header("STREAMINFO", start, held, total or None, 1, rate, mended, whole=whole)
