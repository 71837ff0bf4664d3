"""Reading CSV as people's tools write it, and saying on which lines it is broken.

UTF-8 with or without a byte order mark, UTF-16 with one or, as Excel in Japan writes it, code page
932; comma, semicolon or tab, whichever the first line has most of; RFC 4180 quoting.  The first line
names the columns, in any order and case.  `address` is required and is each row's key.

All broken rows are gathered, so that one run shows what there is to mend; `finish` raises them.
"""

import csv
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from kairan.directory.errors import DirectoryError
from kairan.directory.operations import names
from kairan.outcomes.outcome import Text

CsvSource: TypeAlias = str | Path | BinaryIO

# A million mailboxes with all attributes; what is larger is no list of people.
FILE_OCTETS_MAX = 512 * 1024 * 1024
# More are not read with patience; how many there are is said.
PROBLEMS_MAX = 100

_YES_NO = {
    **dict.fromkeys(("yes", "true", "1", "on"), True),
    **dict.fromkeys(("no", "false", "0", "off"), False),
}
# What other programs call it.
_ADDRESS_NAMES = frozenset(
    {
        "email",
        "e-mail",
        "mail",
        "emailaddress",
        "email address",
        "primarysmtpaddress",
        "メールアドレス",
        "アドレス",
    }
)
# Signs of western text that was read as Japanese: an ideograph behind one of our letters, a single
# half-width kana before one, a code point of private use.
_DOUBTFUL = re.compile(
    r"[A-Za-z](?P<ideograph>[\u4e00-\u9fff])"
    r"|(?<![\uff61-\uff9f])[\uff61-\uff9f](?=[A-Za-z])"
    r"|[\ue000-\uf8ff]"
)
# In code page 932 rare ideographs (JIS level 2) begin where the accented letters of Latin-1 stand;
# the common ones, as in "Web担当", begin below.
_RARE = 0xE0


@dataclass(frozen=True, slots=True)
class RowProblem:
    line: int
    said: Text


class ImportRefusedError(DirectoryError):
    """Rows are broken, so nothing of the file was written."""

    def __init__(self, file: str, problems: Sequence[RowProblem], number: int) -> None:
        more = number - len(problems)
        in_english = [f"{file}:{one.line}: {one.said.en}" for one in problems]
        in_japanese = [f"{file}:{one.line}: {one.said.ja}" for one in problems]
        if more > 0:
            in_english.append(f"{file}: and {more} more")
            in_japanese.append(f"{file}: ほか {more} 件")
        super().__init__(Text("\n".join(in_english), "\n".join(in_japanese)))
        self.file = file
        self.problems = tuple(problems)
        self.number = number


@dataclass(frozen=True, slots=True)
class CsvRow:
    line: int  # where it ends
    address: str
    cells: Mapping[str, str]  # by column in lower case, trimmed


class CsvFile:
    def __init__(
        self, source: CsvSource, columns: Collection[str], *, ignores_others: bool = False
    ) -> None:
        """`ignores_others`: further columns may stand there; else they are slips of the pen."""
        self._source = source
        self._columns = {column.lower(): column for column in columns}
        self._ignores_others = ignores_others
        self._problems: list[RowProblem] = []
        self._number = 0
        self.name = str(source if isinstance(source, str | Path) else _name(source))

    def rows(self) -> Iterator[CsvRow]:
        """Those that are in order; the others are noted."""
        with self._opened() as file:
            reader = self._reader(file)
            # Held for the whole file: the same address twice is a slip, wherever it stands.
            lines: dict[str, int] = {}
            try:
                header = self._header(next(reader, []))
                for fields in reader:
                    row = (
                        self._row(reader.line_num, header, fields)
                        if any(map(str.strip, fields))
                        else None
                    )
                    if row is not None and self._is_first(row, lines):
                        yield row
            except csv.Error as error:
                self.note(reader.line_num, Text(str(error), f"CSV を読み取れません: {error}"))

    @contextmanager
    def at(self, line: int) -> Iterator[None]:
        """Notes what is found wrong here, and goes on behind it."""
        try:
            yield
        except DirectoryError as error:
            self.note(line, error.said)

    def note(self, line: int, said: Text) -> None:
        self._number += 1
        if len(self._problems) < PROBLEMS_MAX:
            self._problems.append(RowProblem(line, said))

    @property
    def is_full(self) -> bool:
        """No further problem would be shown."""
        return self._number >= PROBLEMS_MAX

    def finish(self) -> None:
        """Behind the last row.  Raises ImportRefusedError where one was broken."""
        if self._number:
            problems = sorted(self._problems, key=lambda one: one.line)
            raise ImportRefusedError(self.name, problems, self._number)

    def _refused(self, line: int, said: Text) -> ImportRefusedError:
        """Nothing behind it can be read."""
        return ImportRefusedError(self.name, [RowProblem(line, said)], 1)

    def _opened(self) -> AbstractContextManager[BinaryIO]:
        if not isinstance(self._source, str | Path):
            if self._source.seekable():
                return nullcontext(self._source)
            return nullcontext(BytesIO(self._source.read(FILE_OCTETS_MAX + 1)))
        try:
            return Path(self._source).open("rb")
        except OSError as error:
            raise DirectoryError(
                Text(
                    f"{self.name} cannot be read: {error.strerror}",
                    f"{self.name} を読み取れません: {error.strerror}",
                )
            ) from error

    def _reader(self, file: BinaryIO) -> Any:  # of csv: rows, and `line_num`
        if file.seek(0, 2) > FILE_OCTETS_MAX:
            raise DirectoryError(
                Text(
                    f"{self.name} has more than {FILE_OCTETS_MAX} octets; split it",
                    f"{self.name} は {FILE_OCTETS_MAX} オクテットを超えています。分割してください",
                )
            )
        file.seek(0)
        encoding = self._encoding(file)
        file.seek(0)
        lines = TextIOWrapper(file, encoding, newline="")
        first = next(lines, "")
        delimiter = max(",;\t", key=first.count)
        return csv.reader(_detached(lines, first), delimiter=delimiter, strict=True)

    def _encoding(self, file: BinaryIO) -> str:
        if file.read(2) in {b"\xff\xfe", b"\xfe\xff"}:
            return "utf-16"
        file.seek(0)
        broken = _first_broken(file, "utf-8")
        if not broken:
            return "utf-8-sig"
        file.seek(0)
        if not _first_broken(file, "cp932"):
            return "cp932"
        said = Text(
            "this is neither UTF-8 nor code page 932; save the file as CSV UTF-8",
            "UTF-8 でもコード ページ 932 でもありません。ファイルを CSV UTF-8 で保存してください",
        )
        raise self._refused(broken, said)

    def _is_first(self, row: CsvRow, lines: dict[str, int]) -> bool:
        first = lines.setdefault(row.address, row.line)
        if first != row.line:
            said = Text(
                f"{row.address} stands on line {first} already",
                f"{row.address} は {first} 行目に既にあります",
            )
            self.note(row.line, said)
        return first == row.line

    def _header(self, fields: Sequence[str]) -> Sequence[str]:
        """A column without a name is one that a spreadsheet has left; it holds nothing of ours."""
        plain = [field.strip().lower() for field in fields]
        has_address = "address" in plain
        header = [
            "address" if name in _ADDRESS_NAMES and not has_address else name for name in plain
        ]
        for field in filter(None, header):
            if field not in self._columns and not self._ignores_others:
                known = ", ".join(self._columns.values())
                said = Text(
                    f"there is no column {field!r}; columns are {known}",
                    f"{field!r} という列はありません。使用できる列: {known}",
                )
                raise self._refused(1, said)
            if header.count(field) > 1 and field in self._columns:
                said = Text(
                    f"the column {field!r} stands there twice", f"列 {field!r} が重複しています"
                )
                raise self._refused(1, said)
        if "address" not in header:
            said = Text(
                "the first line must name the columns, address among them",
                "1 行目には列名が必要です。address 列も含めてください",
            )
            raise self._refused(1, said)
        return header

    def _row(self, line: int, header: Sequence[str], fields: Sequence[str]) -> CsvRow | None:
        if len(fields) != len(header):
            said = Text(
                f"{len(fields)} fields, but the header has {len(header)}",
                f"フィールドが {len(fields)} 個ありますが、見出しは {len(header)} 個です",
            )
            self.note(line, said)
            return None
        named = zip(header, map(str.strip, fields), strict=True)
        cells = {name: value for name, value in named if name in self._columns}
        with self.at(line):
            return CsvRow(line, names.key(cells["address"]), cells)
        return None


def _detached(lines: TextIOWrapper, first: str) -> Iterator[str]:
    """The file is its opener's to close, and not the wrapper's that reads it."""
    try:
        yield from chain([first] if first else [], lines)
    finally:
        lines.detach()


def _first_broken(lines: Iterable[bytes], encoding: str) -> int:
    """The number of the first line that is not in this encoding; 0: there is none."""
    for number, octets in enumerate(lines, start=1):
        try:
            text = octets.decode(encoding)
        except UnicodeDecodeError:
            return number
        if encoding == "cp932" and _is_western(text):
            return number
    return 0


def _is_western(text: str) -> bool:
    ideographs = (found["ideograph"] for found in _DOUBTFUL.finditer(text))
    return any(one is None or one.encode("cp932")[0] >= _RARE for one in ideographs)


def words(cell: str) -> list[str]:
    """A list in a cell: separated by semicolons, or by commas where the file's are semicolons."""
    return [word.strip() for word in re.split("[;,]", cell) if word.strip()]


def yes_or_no(name: str, cell: str) -> bool:
    found = _YES_NO.get(cell.lower())
    if found is None:
        raise DirectoryError(
            Text(
                f"{name} is yes or no, not {cell!r}",
                f"{name} は yes または no です（{cell!r} は不可）",
            )
        )
    return found


def aliases(row: CsvRow) -> Iterator[str]:
    """The column `aliases`, as keys."""
    return map(names.key, words(row.cells.get("aliases", "")))


def _name(file: BinaryIO) -> object:
    return getattr(file, "name", "the input")
