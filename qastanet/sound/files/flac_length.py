"""The frames of a FLAC file (RFC 9639, section 9): how much sound there is without decoding it."""

import re


def last_frame(tail: bytes, size: int) -> tuple[int, int, bool]:
    """Find the last frame of a FLAC file.

    Args:
        tail: the end of the file
        size: samples of a frame, for files whose frames are all of one size

    Returns:
        the number of its first sample, that of the sample behind it, and whether it is complete; 0,
        0 if there is none
    """
    for at in [found.start() for found in re.finditer(b"\xff[\xf8\xf9]", tail)][::-1]:
        found = _frame(tail[at : at + 16], size)
        if found:
            return found[0], sum(found), _crc(tail[at:], 0x8005, 16) == 0
    return 0, 0, True


def _frame(head: bytes, size: int) -> tuple[int, int] | None:
    """Return the first sample of a FLAC frame and its length; None if it is no head of one."""
    head += bytes(16)  # a frame of silence is shorter than the longest head
    code, coded = head[2] >> 4, 1
    while head[4] >> 7 and coded < 7 and head[4] >> (7 - coded) & 1:
        coded += 1
    number = head[4] & (0x7F if coded == 1 else (1 << (7 - coded)) - 1)
    for byte in head[5 : 4 + coded]:
        number = number << 6 | byte & 63
    at = 4 + coded
    more = {6: 1, 7: 2}.get(code, 0)
    length = int.from_bytes(head[at : at + more], "big") + 1
    if not more:  # sizes that have a number of their own; 0 has none
        sizes = (0, 192, 576, 1152, 2304, 4608, 0, 0, *(256 << k for k in range(8)))
        length = sizes[code]
    at += more + {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if not length or _crc(head[: at + 1], 0x07, 8):
        return None
    return (number if head[1] & 1 else number * size), length


def _crc(content: bytes, polynomial: int, bits: int) -> int:
    """Return a checksum, 0 over what ends with its own."""
    full, table = (1 << bits) - 1, []
    for value in range(256):
        value <<= bits - 8
        for _ in range(8):
            value = (value << 1 ^ (polynomial if value >> bits - 1 else 0)) & full
        table.append(value)
    found = 0
    for byte in content:
        found = (found << 8 ^ table[found >> bits - 8 ^ byte]) & full
    return found
