"""Carving: the messages on the pages of a damaged database, whether a tree still leads there or not.

A damaged page that is the root of the table, or lies above others, hides all below it from SQL,
though the leaves are whole.  So every page is looked at for itself (SQLite's file format, section
1.6): a leaf of `message` has rows of a number, three numbers, a sealed envelope and a blob.  The
envelope's seal decides; whether the content reads is found when it is asked for, as ever.

A page that the database has given back keeps its old rows.  The pointer map (section 1.8: queue.db
has one, for it gives back its room) says which those are; where that does not read either, a row
counts, for twice is better than never.
"""

import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from kairan.spool.record import DamagedRecordError, decode_envelope
from kairan.spool.sqlite.recovery.wal import PAGE_OCTETS

# Section 1.6, of a table's leaf with pages of 4096: what lies on the page itself.
_LEAF = 0x0D
_LOCAL_MAX = PAGE_OCTETS - 35
_LOCAL_MIN = (PAGE_OCTETS - 12) * 32 // 255 - 23
_OVERFLOW_OCTETS = PAGE_OCTETS - 4
_FIRST_BLOB = 12  # serial types: even numbers from here are blobs
_REAL = 7
_INTEGER_OCTETS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_CONSTANTS = {8: 0, 9: 1}
_COLUMNS = 6
# Section 1.8: a page of the map holds 5 octets for each of the pages behind it.
_MAPPED_PAGES = PAGE_OCTETS // 5
_MAP_FIRST = 2
_FREE = 2


class SalvagedRow(NamedTuple):
    """Of the table message."""

    id: int
    arrived: float
    size: int
    crc: int
    envelope: bytes
    body: bytes | None


class _NotARowError(ValueError):
    """What lies here is not a row of `message`."""


def messages(data: memoryview) -> Iterator[SalvagedRow]:
    """`data`: the file.  The same message may come more than once."""
    for number in range(2, len(data) // PAGE_OCTETS + 1):
        page = _page(data, number)
        if page[0] == _LEAF and not _is_free(data, number):
            for cell in _cells(page):
                with suppress(_NotARowError, IndexError, struct.error):
                    yield _row(data, page, cell)


def _page(data: memoryview, number: int) -> memoryview:
    if not 0 < number <= len(data) // PAGE_OCTETS:
        raise _NotARowError("beyond the end")
    return data[(number - 1) * PAGE_OCTETS : number * PAGE_OCTETS]


def _is_free(data: memoryview, number: int) -> bool:
    group = (number - _MAP_FIRST) // (_MAPPED_PAGES + 1)
    chart = _MAP_FIRST + group * (_MAPPED_PAGES + 1)
    return number != chart and _page(data, chart)[5 * (number - chart - 1)] == _FREE


def _cells(page: memoryview) -> Sequence[int]:
    (count,) = struct.unpack_from(">H", page, 3)
    count = min(count, (PAGE_OCTETS - 8) // 2)
    return struct.unpack_from(f">{count}H", page, 8)


def _row(data: memoryview, page: memoryview, cell: int) -> SalvagedRow:
    length, place = _varint(page, cell)
    message, place = _varint(page, place)
    record = _payload(data, page, place, length)
    types, place = _types(record)
    values = list(_values(record, types, place))
    _, arrived, size, crc, envelope, body = values
    if not (
        isinstance(arrived, int | float)
        and isinstance(size, int)
        and isinstance(crc, int)
        and isinstance(envelope, bytes)
        and (body is None or isinstance(body, bytes))
    ):
        raise _NotARowError("other columns")
    try:
        decode_envelope(envelope)
    except DamagedRecordError as error:
        raise _NotARowError(str(error)) from error
    return SalvagedRow(message, float(arrived), size, crc, envelope, body)


def _varint(octets: memoryview | bytes, place: int) -> tuple[int, int]:
    """Section 1.6: 7 bits an octet, the ninth whole; the number and where the next begins."""
    number = 0
    for offset in range(8):
        octet = octets[place + offset]
        number = number << 7 | octet & 0x7F
        if octet < 0x80:
            return number, place + offset + 1
    return number << 8 | octets[place + 8], place + 9


def _payload(data: memoryview, page: memoryview, place: int, length: int) -> bytes:
    if length > len(data):
        raise _NotARowError("longer than the file")
    local = length
    if length > _LOCAL_MAX:
        local = _LOCAL_MIN + (length - _LOCAL_MIN) % _OVERFLOW_OCTETS
        local = local if local <= _LOCAL_MAX else _LOCAL_MIN
    octets = bytearray(page[place : place + local])
    if local < length:
        (follows,) = struct.unpack_from(">I", page, place + local)
        while len(octets) < length:
            more = _page(data, follows)
            octets += more[4 : 4 + length - len(octets)]
            (follows,) = struct.unpack_from(">I", more)
    if len(octets) != length:
        raise _NotARowError("cut short")
    return bytes(octets)


def _types(record: bytes) -> tuple[list[int], int]:
    header, place = _varint(record, 0)
    types: list[int] = []
    while place < header and len(types) <= _COLUMNS:
        one, place = _varint(record, place)
        types.append(one)
    if len(types) != _COLUMNS or types[0] != 0:
        raise _NotARowError("other columns")
    return types, header


def _values(record: bytes, types: Sequence[int], place: int) -> Iterator[object]:
    for one in types:
        octets = 0
        if one == 0:
            yield None
        elif one in _CONSTANTS:
            yield _CONSTANTS[one]
        elif one in _INTEGER_OCTETS:
            octets = _INTEGER_OCTETS[one]
            yield int.from_bytes(record[place : place + octets], "big", signed=True)
        elif one == _REAL:
            octets = 8
            yield struct.unpack_from(">d", record, place)[0]
        elif one >= _FIRST_BLOB and one % 2 == 0:
            octets = (one - _FIRST_BLOB) // 2
            yield record[place : place + octets]
        else:
            raise _NotARowError("other columns")
        place += octets
    if place != len(record):
        raise _NotARowError("cut short")
