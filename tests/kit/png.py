"""PNG files made small: a screenshot has few colours, so each of its pixels becomes an octet of a palette.

Reads what Chromium writes (8 bits, RGB or RGBA, not interlaced) and writes PNG by a palette of at most 256
colours: the commonest as they are, and of the others the low bits are dropped until they are so few
(PNG, third edition).
"""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

_HEAD = b"\x89PNG\r\n\x1a\n"
_COLOURS_MAX = 256
_EXACT = 96  # the commonest stay what they are: the page's own colours


def smaller(png: bytes) -> bytes:
    width, height, channels, rows = _read(png)
    pixels = [[row[at : at + 3] for at in range(0, width * channels, channels)] for row in rows]
    counted = Counter(pixel for row in pixels for pixel in row)
    exact = {one for one, _ in counted.most_common(_EXACT)}
    for dropped in range(8):
        rounded = {one: one if one in exact else _rounded(one, dropped) for one in counted}
        palette = sorted(set(rounded.values()))
        if len(palette) <= _COLOURS_MAX:
            break
    place = {colour: number for number, colour in enumerate(palette)}
    number = {one: place[rounded[one]] for one in counted}
    lines = b"".join(b"\0" + bytes(number[pixel] for pixel in row) for row in pixels)
    return _HEAD + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", b"".join(palette)),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _rounded(pixel: bytes, dropped: int) -> bytes:
    """The middle of the step."""
    mask, half = 0xFF & (0xFF << dropped), (1 << dropped) >> 1
    return bytes(min(255, (value & mask) | half) for value in pixel)


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check


def _read(png: bytes) -> tuple[int, int, int, list[bytes]]:
    assert png.startswith(_HEAD)
    at, data, width, height, channels = len(_HEAD), b"", 0, 0, 0
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            assert (bits, interlaced) == (8, 0)
            channels = {2: 3, 6: 4}[colour]
        elif kind == b"IDAT":
            data += body
        at += 12 + length
    return width, height, channels, list(_lines(zlib.decompress(data), width * channels, channels))


def _lines(data: bytes, length: int, back: int) -> Iterator[bytes]:
    """Section 9: each line is written as differences from what is left of it and above it."""
    above = bytes(length)
    for start in range(0, len(data), length + 1):
        kind, line = data[start], bytearray(data[start + 1 : start + 1 + length])
        if kind == 1:
            for at in range(back, length):
                line[at] = (line[at] + line[at - back]) & 0xFF
        elif kind == 2:
            line = bytearray((one + other) & 0xFF for one, other in zip(line, above, strict=True))
        elif kind == 3:
            for at in range(length):
                left = line[at - back] if at >= back else 0
                line[at] = (line[at] + (left + above[at]) // 2) & 0xFF
        elif kind == 4:
            for at in range(length):
                left, corner = (line[at - back], above[at - back]) if at >= back else (0, 0)
                line[at] = (line[at] + _nearest(left, above[at], corner)) & 0xFF
        above = bytes(line)
        yield above


def _nearest(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda one: abs(guess - one))
