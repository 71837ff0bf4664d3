"""Reading CSV as people's tools write it, and saying on which line it is broken.

UTF-8 with or without a byte order mark; the first line names the columns, in any order and case;
RFC 4180 quoting.  `address` is required and is each row's key.
"""

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from kairan.directory.errors import DirectoryError
from kairan.directory.operations import names

Source: TypeAlias = str | Path | BinaryIO


@dataclass(frozen=True, slots=True)
class CsvRow:
    line: int  # where it ends
    address: str
    cells: Mapping[str, str]  # by column in lower case, trimmed


class CsvFile:
    def __init__(self, source: Source, columns: Collection[str]) -> None:
        self._source = source
        self._columns = {column.lower(): column for column in columns}
        self.name = str(source if isinstance(source, str | Path) else _name(source))

    def rows(self) -> Iterator[CsvRow]:
        with self._opened() as file:
            reader = csv.reader(self._decoded(file), strict=True)
            # Held for the whole file: the same address twice is a slip, wherever it stands.
            lines: dict[str, int] = {}
            try:
                header = self._header(next(reader, []))
                for fields in filter(None, reader):
                    row = self._row(reader.line_num, header, fields)
                    self._check_first(row, lines)
                    yield row
            except csv.Error as error:
                raise self.broken(reader.line_num, str(error)) from error

    @contextmanager
    def at(self, line: int) -> Iterator[None]:
        """Puts file and line before what is found wrong here."""
        try:
            yield
        except DirectoryError as error:
            raise self.broken(line, str(error)) from error

    def broken(self, line: int, reason: str) -> DirectoryError:
        return DirectoryError(f"{self.name}:{line}: {reason}")

    def _opened(self) -> AbstractContextManager[BinaryIO]:
        if not isinstance(self._source, str | Path):
            return nullcontext(self._source)
        try:
            return Path(self._source).open("rb")
        except OSError as error:
            raise DirectoryError(f"{self.name} cannot be read: {error.strerror}") from error

    def _decoded(self, file: Iterable[bytes]) -> Iterator[str]:
        for number, octets in enumerate(file, start=1):
            try:
                yield octets.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise self.broken(
                    number, "this is not UTF-8; save the file as CSV UTF-8"
                ) from error

    def _check_first(self, row: CsvRow, lines: dict[str, int]) -> None:
        first = lines.setdefault(row.address, row.line)
        if first != row.line:
            raise self.broken(row.line, f"{row.address} stands on line {first} already")

    def _header(self, fields: Sequence[str]) -> Sequence[str]:
        header = [field.strip().lower() for field in fields]
        for field in header:
            if field not in self._columns:
                known = ", ".join(self._columns.values())
                raise self.broken(1, f"there is no column {field!r}; columns are {known}")
            if header.count(field) > 1:
                raise self.broken(1, f"the column {field!r} stands there twice")
        if "address" not in header:
            raise self.broken(1, "the first line must name the columns, address among them")
        return header

    def _row(self, line: int, header: Sequence[str], fields: Sequence[str]) -> CsvRow:
        if len(fields) != len(header):
            raise self.broken(line, f"{len(fields)} fields, but the header has {len(header)}")
        cells = dict(zip(header, map(str.strip, fields), strict=True))
        with self.at(line):
            return CsvRow(line, names.key(cells["address"]), cells)


def aliases(row: CsvRow) -> Iterator[str]:
    """The column `aliases`, separated by semicolons, as keys."""
    for alias in row.cells.get("aliases", "").split(";"):
        if alias.strip():
            yield names.key(alias)


def _name(file: BinaryIO) -> object:
    return getattr(file, "name", "the input")
