"""People of a reading, in a file without a name.

    4 octets  length of what follows, big-endian
    n         up to BATCH_ROWS people, as one list in msgpack

It is gone with the process, and never read by another.
"""

import tempfile
from collections.abc import Callable, Iterator

import msgspec

from kairan.directory.database.database import BATCH_ROWS
from kairan.directory.sources.values import SourcePerson

_LENGTH_OCTETS = 4

unpacked = msgspec.msgpack.Decoder(list[SourcePerson]).decode


class PackedPeople:
    """People handed on as octets, a batch at once."""

    def __init__(self, hand_on: Callable[[bytes], object]) -> None:
        self._hand_on = hand_on
        self._waiting: list[SourcePerson] = []
        self._encoder = msgspec.msgpack.Encoder()

    def add(self, person: SourcePerson) -> None:
        self._waiting.append(person)
        if len(self._waiting) >= BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """What is handed on last; also of nobody."""
        self._hand_on(self._encoder.encode(self._waiting))
        self._waiting = []


class StagedPeople:
    """Written once, gone through as often as need be."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the reading
        self.packed = PackedPeople(self._write)

    def _write(self, octets: bytes) -> None:
        self._file.write(len(octets).to_bytes(_LENGTH_OCTETS, "big") + octets)

    def __iter__(self) -> Iterator[SourcePerson]:
        self._file.seek(0)
        while length := self._file.read(_LENGTH_OCTETS):
            yield from unpacked(self._file.read(int.from_bytes(length, "big")))
