"""A QR code as SVG: octets, error correction M, versions 1 to 10 (ISO/IEC 18004), 213 octets at most.

7 x 7 finders in three corners, timing lines between them, alignment patterns, format bits twice,
version bits from version 7; the codewords go upwards and downwards in pairs of columns from the
right, and of eight masks the one with the fewest penalties is laid over them.
"""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

# By version, for error correction M: codewords of error correction in a block, and the data codewords of
# each block (table 9).
_BLOCKS: Sequence[tuple[int, tuple[int, ...]]] = (
    (10, (16,)),
    (16, (28,)),
    (26, (44,)),
    (18, (32,) * 2),
    (24, (43,) * 2),
    (16, (27,) * 4),
    (18, (31,) * 4),
    (22, (38, 38, 39, 39)),
    (22, (36, 36, 36, 37, 37)),
    (26, (43, 43, 43, 43, 44)),
)
_ALIGNED: Sequence[tuple[int, ...]] = (
    (), (6, 18), (6, 22), (6, 26), (6, 30), (6, 34), (6, 22, 38), (6, 24, 42), (6, 26, 46), (6, 28, 50),
)  # fmt: skip
_QUIET = 4  # light modules around it
_LEVEL_M = 0b00
_VERSION_BITS_FROM = 7

_Grid = list[list[int]]  # 0 light, 1 dark


class QrError(Exception):
    """More octets than we make codes for."""


def qr_modules(text: str) -> _Grid:
    octets = text.encode()
    version = _version_for(len(octets))
    size = 17 + 4 * version
    grid = [[0] * size for _ in range(size)]
    taken = [[False] * size for _ in range(size)]
    _lay_patterns(grid, taken, version)
    _lay_data(grid, taken, _codewords(octets, version))
    return min((_masked(grid, taken, mask) for mask in range(8)), key=_penalty)


def qr_svg(text: str) -> Markup:
    grid = qr_modules(text)
    size = len(grid) + 2 * _QUIET
    path = "".join(
        f"M{x + _QUIET} {y + _QUIET}h1v1h-1z"
        for y, row in enumerate(grid)
        for x, is_dark in enumerate(row)
        if is_dark
    )
    return Markup(  # noqa: S704 - made of numbers alone
        f'<svg class="qr" role="img" aria-label="QR" viewBox="0 0 {size} {size}" width="{size * 4}" height="{size * 4}">'
        f'<rect class="qr-light" width="{size}" height="{size}"/><path class="qr-dark" d="{path}"/></svg>'
    )


def _version_for(octets: int) -> int:
    for version, (_, blocks) in enumerate(_BLOCKS, 1):
        if 4 + _count_bits(version) + 8 * octets <= 8 * sum(blocks):
            return version
    raise QrError(f"{octets} octets are too many")


def _count_bits(version: int) -> int:
    return 8 if version <= 9 else 16


def _codewords(octets: bytes, version: int) -> bytes:
    correction, blocks = _BLOCKS[version - 1]
    bits = f"{0b0100:04b}{len(octets):0{_count_bits(version)}b}" + "".join(
        f"{one:08b}" for one in octets
    )
    room = 8 * sum(blocks)
    bits += "0" * min(4, room - len(bits))
    bits += "0" * (-len(bits) % 8)
    data = bytearray(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    data += bytes((0xEC, 0x11) * room)[: sum(blocks) - len(data)]
    cut, at = [], 0
    for length in blocks:
        cut.append(bytes(data[at : at + length]))
        at += length
    checks = [_remainder(one, correction) for one in cut]
    return bytes(_interleaved(cut)) + bytes(_interleaved(checks))


def _interleaved(blocks: Sequence[bytes]) -> Iterator[int]:
    for at in range(max(map(len, blocks))):
        yield from (one[at] for one in blocks if at < len(one))


# Reed and Solomon over GF(256), by x^8 + x^4 + x^3 + x^2 + 1.


def _times(one: int, other: int) -> int:
    product = 0
    for bit in range(7, -1, -1):
        product = (product << 1) ^ (0x11D if product & 0x80 else 0)
        product ^= one if other >> bit & 1 else 0
    return product & 0xFF


def _remainder(data: bytes, length: int) -> bytes:
    divisor, root = [0] * (length - 1) + [1], 1
    for _ in range(length):
        for at in range(length):
            divisor[at] = _times(divisor[at], root)
            if at + 1 < length:
                divisor[at] ^= divisor[at + 1]
        root = _times(root, 2)
    found = [0] * length
    for one in data:
        factor = one ^ found[0]
        found = [*found[1:], 0]
        found = [value ^ _times(divisor[at], factor) for at, value in enumerate(found)]
    return bytes(found)


# Where what lies.


def _lay_patterns(grid: _Grid, taken: list[list[bool]], version: int) -> None:
    size = len(grid)

    def put(x: int, y: int, value: int) -> None:
        if 0 <= x < size and 0 <= y < size:
            grid[y][x], taken[y][x] = value, True

    for at in range(size):
        put(6, at, 1 - at % 2)
        put(at, 6, 1 - at % 2)
    for left, top in ((0, 0), (size - 7, 0), (0, size - 7)):
        for y in range(-1, 8):
            for x in range(-1, 8):
                ring = max(abs(x - 3), abs(y - 3))
                put(left + x, top + y, int(ring not in {2, 4}))
    middles = _ALIGNED[version - 1]
    corners = {(6, 6), (6, size - 7), (size - 7, 6)}
    for middle_y in middles:
        for middle_x in middles:
            if (middle_x, middle_y) in corners:
                continue
            for y in range(-2, 3):
                for x in range(-2, 3):
                    put(middle_x + x, middle_y + y, int(max(abs(x), abs(y)) != 1))
    for at in range(9):
        put(8, at, grid[at][8])
        put(at, 8, grid[8][at])
    for at in range(8):
        put(size - 1 - at, 8, 0)
        put(8, size - 1 - at, 0)
    if version >= _VERSION_BITS_FROM:
        bits = version << 12 | _checked(version << 12, 0x1F25, 12)
        for at in range(18):
            put(size - 11 + at % 3, at // 3, bits >> at & 1)
            put(at // 3, size - 11 + at % 3, bits >> at & 1)


def _checked(value: int, generator: int, degree: int) -> int:
    """The remainder of a BCH code."""
    while value.bit_length() > degree:
        value ^= generator << (value.bit_length() - generator.bit_length())
    return value


def _lay_data(grid: _Grid, taken: list[list[bool]], codewords: bytes) -> None:
    bits = (byte >> bit & 1 for byte in codewords for bit in range(7, -1, -1))
    for x, y in _places(len(grid)):
        if not taken[y][x]:
            grid[y][x] = next(bits, 0)


def _places(size: int) -> Iterator[tuple[int, int]]:
    right, goes_up = size - 1, True
    while right > 0:
        if right == 6:
            right -= 1
        for step in range(size):
            y = size - 1 - step if goes_up else step
            yield right, y
            yield right - 1, y
        right, goes_up = right - 2, not goes_up


_MASKS = (
    lambda x, y: (x + y) % 2,
    lambda _, y: y % 2,
    lambda x, _: x % 3,
    lambda x, y: (x + y) % 3,
    lambda x, y: (x // 3 + y // 2) % 2,
    lambda x, y: x * y % 2 + x * y % 3,
    lambda x, y: (x * y % 2 + x * y % 3) % 2,
    lambda x, y: ((x + y) % 2 + x * y % 3) % 2,
)


def _masked(grid: _Grid, taken: list[list[bool]], mask: int) -> _Grid:
    size = len(grid)
    found = [
        [value ^ int(not taken[y][x] and _MASKS[mask](x, y) == 0) for x, value in enumerate(row)]
        for y, row in enumerate(grid)
    ]
    data = (_LEVEL_M << 3 | mask) << 10
    bits = (data | _checked(data, 0x537, 10)) ^ 0x5412
    for at in range(15):
        bit = bits >> at & 1
        first = at if at < 6 else at + 1 if at < 8 else size - 15 + at
        found[first][8] = bit
        second = size - 1 - at if at < 8 else 15 - at if at < 9 else 14 - at
        found[8][second] = bit
    found[size - 8][8] = 1
    return found


def _penalty(grid: _Grid) -> int:
    """Section 7.8.3: runs, squares, what looks like a finder, and the share of dark modules."""
    size = len(grid)
    lines = [*grid, *(list(column) for column in zip(*grid, strict=True))]
    points = sum(_line_penalty(line) for line in lines)
    for y in range(size - 1):
        for x in range(size - 1):
            four = grid[y][x] + grid[y][x + 1] + grid[y + 1][x] + grid[y + 1][x + 1]
            points += 3 if four in {0, 4} else 0
    dark = sum(map(sum, grid))
    return points + 10 * int(abs(dark * 20 - size * size * 10) / (size * size))


def _line_penalty(line: Sequence[int]) -> int:
    points, run = 0, 1
    for before, value in zip(line, [*line[1:], -1], strict=True):
        if before == value:
            run += 1
            continue
        points += run - 2 if run >= 5 else 0
        run = 1
    text = "".join(map(str, line))
    for pattern in ("10111010000", "00001011101"):
        at = text.find(pattern)
        while at >= 0:
            points += 40
            at = text.find(pattern, at + 1)
    return points
