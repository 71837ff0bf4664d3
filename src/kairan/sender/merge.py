"""A message for each row: an .eml template in Jinja's language, filled with the row's columns.

    From: Payroll <payroll@example.com>
    Subject: Your slip for {{ month }}, {{ name }}

    Dear {{ name }}, …

A mailing makes a million of them, so what is the same in all is made once, and the library's parser of
headers, which takes milliseconds, sees only the fields that are not ASCII or too long for one line.

The header ends at the first blank line of the template, whatever the rows hold: a value with a line
end in it is refused there, or it could add fields (a Bcc) of its own.  Values are escaped where the
body is HTML.  The template runs in Jinja's sandbox and loads nothing; a column that is not in the
row is an error.
"""

import re
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from itertools import islice
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kairan.runtime.kept import kept
from kairan.sender.folding import CRLF
from kairan.sender.message import Message, MessageError, attach

Row = Mapping[str, Any]
# The column with the address, where none is named.
ADDRESS_COLUMNS = ("email", "address", "mail", "to")
_KIND = re.compile(r"^content-type:[ \t]*([\w.+-]+/[\w.+-]+)", re.IGNORECASE | re.MULTILINE)
_KINDS = {"text/plain": "plain", "text/html": "html"}
_FIELD = re.compile(r"([!-9;-~]+)[ \t]*:(.*)")
_LINE_END = re.compile(r"\r\n|\r|\n")
_LINE_OCTETS_MAX = 998  # RFC 5322 section 2.1.1; and what a header's line should have at most
_FIELD_OCTETS_MAX = 78
_BLANK_LINE = re.compile(r"\r?\n\r?\n")
_LINE_ENDS = re.compile("[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")
# What an expression may raise that meets a value it was not written for.
_OF_A_ROW = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_COLUMNS_SHOWN = 20
# Written anew here, for the body as it comes out.
_WRITTEN_HERE = frozenset({"content-type", "content-transfer-encoding", "mime-version"})


class Template:
    """Raises `MessageError`: at once where the template is wrong, later where a row does not fit."""

    def __init__(self, text: str, attachments: Sequence[Path] = ()) -> None:
        header, body = _split(text)
        kind = _KIND.search(header)
        subtype = _KINDS.get(kind[1].lower()) if kind else "plain"
        if subtype is None:
            raise MessageError("a template's Content-Type is text/plain or text/html")
        self._subtype = subtype
        self._attachments = tuple(attachments)
        try:
            self._header = _environment(
                finalize=_one_line, trim_blocks=True, lstrip_blocks=True
            ).from_string(header)
            self._body = _environment(autoescape=subtype == "html").from_string(body)
        except TemplateError as error:
            line = getattr(error, "lineno", None)
            raise MessageError(
                f"the template{f', line {line}' if line else ''}: {str(error).rstrip('.')}; "
                "header and text are each a template of their own"
            ) from error

    def message(self, row: Row, recipient: str, sender: str | None = None) -> Message:
        """For one recipient.  To is the recipient where the template has none."""
        if not recipient:
            raise MessageError("no address in the column that should have one")
        values = {**row, "row": row}
        try:
            fields = _fields(self._header.render(values))
            if not any(name.lower() == "to" for name, _ in fields):
                fields.append(("To", recipient))
            body = self._body.render(values)
            header = b"".join(_written(value, name) for name, value in fields)
            content = header + self._with_text(body)
            return Message.from_bytes(content, recipients=[recipient], sender=sender)
        except UndefinedError as error:
            columns = ", ".join(map(str, islice(row, _COLUMNS_SHOWN)))
            raise MessageError(f"{error}; the row has {columns or 'no columns'}") from error
        except (TemplateError, *_OF_A_ROW) as error:
            raise MessageError(str(error)) from error

    def _with_text(self, text: str) -> bytes:
        """The fields that tell of the body, and the body."""
        octets = _LINE_END.sub("\r\n", text).encode()
        if not octets.endswith(b"\r\n"):
            octets += b"\r\n"
        if self._attachments or len(max(octets.split(b"\r\n"), key=len)) > _LINE_OCTETS_MAX:
            email = EmailMessage(policy=CRLF)
            email.set_content(text, subtype=self._subtype)
            for path in self._attachments:
                attach(email, path)
            return email.as_bytes()
        encoding = "7bit" if octets.isascii() else "8bit"
        return (
            f'Content-Type: text/{self._subtype}; charset="utf-8"\r\n'
            f"Content-Transfer-Encoding: {encoding}\r\nMIME-Version: 1.0\r\n\r\n"
        ).encode() + octets


def _fields(text: str) -> list[tuple[str, str]]:
    """Name and value, unfolded; without those that are written here."""
    found: list[tuple[str, str]] = []
    for line in _LINE_END.split(text):
        if line[:1] in {" ", "\t"} and line.strip() and found:
            found[-1] = found[-1][0], f"{found[-1][1]} {line.strip()}"
        elif field := _FIELD.fullmatch(line):
            found.append((field[1], field[2].strip()))
        elif line.strip():
            raise MessageError("the template's header has a line that is no field")
    return [field for field in found if field[0].lower() not in _WRITTEN_HERE]


# Most fields of a mailing are the same in all its messages.
@kept(octets=256 * 1024, key_octets=512)
def _written(value: str, name: str) -> bytes:
    """What is not ASCII, and what is longer than a line, the standard library's policy writes."""
    if value.isascii() and len(name) + 2 + len(value) <= _FIELD_OCTETS_MAX:
        return f"{name}: {value}\r\n".encode()
    header = CRLF.header_factory(name, value)
    addresses = getattr(header, "addresses", ())
    if all(one.addr_spec.isascii() for one in addresses):
        return CRLF.fold_binary(name, header)
    return CRLF.clone(utf8=True).fold_binary(name, header)  # RFC 6532


def address_column(row: Row, named: str) -> str:
    """Of the first row, which stands for all."""
    wanted = [named] if named else list(ADDRESS_COLUMNS)
    found = next(
        (column for name in wanted for column in row if column.lower() == name.lower()), ""
    )
    if not found:
        columns = ", ".join(row)
        raise MessageError(f"no column {' or '.join(wanted)} in: {columns}; name it (--to-column)")
    return found


def address_in(row: Row, column: str) -> str:
    """Empty where it has none, or a null."""
    value = row.get(column)
    return "" if value is None else str(value).strip()


def _split(text: str) -> tuple[str, str]:
    found = _BLANK_LINE.search(text)
    if found is None:
        raise MessageError("the template has no blank line between header and text")
    return text[: found.start()] + "\n", text[found.end() :]


def _environment(**named: Any) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, keep_trailing_newline=True, loader=None, **named
    )


def _one_line(value: Any) -> Any:
    if _LINE_ENDS.search(str(value)):
        raise MessageError(
            "a value with a line end or control character cannot stand in the header"
        )
    return value
