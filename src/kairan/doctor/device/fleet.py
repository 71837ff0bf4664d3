"""A whole fleet's settings from a CSV file, as an asset list or a printer tool writes it.

    name,server,port,tls,user,from[,tls_version][,auth]

The first line names the columns, in any order and case, English or Japanese; `server` is required,
others are taken as in a device that was left as it came.  Comma, semicolon or tab; UTF-8 (with or
without a byte order mark), UTF-16 or, as Excel in Japan writes it, code page 932.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from kairan.doctor.device.findings import DeviceFinding
from kairan.doctor.device.judge import DeviceSettings, judge_device

FILE_OCTETS_MAX = 64 * 1024 * 1024  # some 500,000 devices
_CELL_CHARACTERS_MAX = 1_000

_COLUMNS: Mapping[str, Sequence[str]] = {
    "name": ("device", "printer", "hostname", "名前", "機器", "機器名", "プリンター"),
    "server": ("host", "smtp", "smtpserver", "smarthost", "サーバー", "サーバ", "smtpサーバー"),
    "port": ("smtpport", "ポート", "ポート番号"),
    "tls": ("ssl", "encryption", "security", "starttls", "暗号化"),
    "user": ("username", "login", "account", "ユーザー", "ユーザー名", "アカウント"),
    "from": ("sender", "fromaddress", "mailfrom", "差出人", "送信者", "送信元"),
    "tlsversion": ("tlsmax", "tlsバージョン"),
    "auth": ("mechanism", "authentication", "認証", "認証方式"),
}
_COLUMN_BY_NAME = {
    name: column for column, others in _COLUMNS.items() for name in (column, *others)
}


class FleetError(Exception):
    """The file cannot be read as a fleet; the sentence ends with what to do."""


@dataclass(frozen=True, slots=True)
class JudgedDevice:
    row: int  # as a spreadsheet counts: the header is 1
    name: str
    settings: DeviceSettings
    findings: tuple[DeviceFinding, ...]


def judge_fleet(file: Path) -> Iterator[JudgedDevice]:
    """One by one; the header is read at once, so that its faults are known before any output."""
    return judge_fleet_text(_text_of(file), str(file))


def judge_fleet_text(text: str, name: str) -> Iterator[JudgedDevice]:
    """The same of a text that was pasted or sent; `name`: how a fault calls it."""
    reader = _reader(text)
    columns = _columns(next(_whole_rows(reader), []), name)
    return _judged(reader, columns)


def _judged(reader: Iterator[list[str]], columns: Sequence[str]) -> Iterator[JudgedDevice]:
    for row, cells in enumerate(_whole_rows(reader), 2):
        if any(cell.strip() for cell in cells):
            trimmed = (cell[:_CELL_CHARACTERS_MAX] for cell in cells)
            values = dict(zip(columns, trimmed, strict=False))
            settings = _settings(values)
            name = values.get("name", "").strip() or f"row {row}"
            yield JudgedDevice(row, name, settings, judge_device(settings))


def _whole_rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise FleetError(
            f"a row cannot be read ({error}); look for a quote that does not close"
        ) from error


def _settings(values: Mapping[str, str]) -> DeviceSettings:
    return DeviceSettings(
        server=values.get("server", ""),
        port=values.get("port", "").strip() or "587",
        tls=values.get("tls", "").strip() or "starttls",
        user=values.get("user", ""),
        sender=values.get("from", ""),
        tls_version=values.get("tlsversion", ""),
        auth=values.get("auth", ""),
    )


def _text_of(file: Path) -> str:
    if file.stat().st_size > FILE_OCTETS_MAX:
        raise FleetError(f"{file} has more than {FILE_OCTETS_MAX} octets; split it")
    octets = file.read_bytes()
    encodings = ("utf-16",) if octets[:2] in {b"\xff\xfe", b"\xfe\xff"} else ("utf-8-sig", "cp932")
    for encoding in encodings:
        try:
            return octets.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FleetError(f"{file} is neither UTF-8 nor UTF-16 nor code page 932; save it as UTF-8")


def _reader(text: str) -> Iterator[list[str]]:
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    return csv.reader(StringIO(text, newline=""), delimiter=delimiter)


def _columns(header: Sequence[str], name: str) -> list[str]:
    plain = [one.strip().lower().translate(_UNSPACED) for one in header]
    columns = [_COLUMN_BY_NAME.get(one, "") for one in plain]
    if "server" not in columns:
        raise FleetError(
            f"{name}: its first line names no column `server`; "
            "write name,server,port,tls,user,from there"
        )
    return columns


_UNSPACED = str.maketrans("", "", " _-")
