"""People of a reading, in a file without a name.

    4 octets  length of what follows, big-endian
    n         up to BATCH_ROWS people, as one list in msgpack

It is gone with the process, and never read by another.
"""

import tempfile
from collections.abc import Iterator

import msgspec

from kairan.directory.database.database import BATCH_ROWS
from kairan.directory.sources.values import SourcePerson

_LENGTH_OCTETS = 4


class StagedPeople:
    """Written once, gone through as often as need be."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the reading
        self._waiting: list[SourcePerson] = []
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(list[SourcePerson])

    def add(self, person: SourcePerson) -> None:
        self._waiting.append(person)
        if len(self._waiting) >= BATCH_ROWS:
            self._write()

    def _write(self) -> None:
        octets = self._encoder.encode(self._waiting)
        self._file.write(len(octets).to_bytes(_LENGTH_OCTETS, "big") + octets)
        self._waiting = []

    def __iter__(self) -> Iterator[SourcePerson]:
        self._write()
        self._file.seek(0)
        while length := self._file.read(_LENGTH_OCTETS):
            yield from self._decoder.decode(self._file.read(int.from_bytes(length, "big")))
