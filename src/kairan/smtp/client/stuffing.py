"""The content of a message on its way out: CRLF and nothing else, and after DATA its dots stuffed.

RFC 5321 section 4.5.2 doubles a dot that begins a line.  A CR or LF that stands alone becomes a
CRLF (section 2.3.8 forbids to send it): a weak receiver could take what follows for the end of
this message and the start of another, which is how mail is smuggled.
"""

import re

from kairan.smtp.line_endings import has_bare_line_ending

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


def _only_crlf(data: bytes) -> bytes:
    return _BARE.sub(b"\r\n", data) if has_bare_line_ending(data) else data


class Stuffer:
    """Pieces of any size in, octets for the wire out; `finish` adds the end of the data."""

    __slots__ = ("_carry", "_line_start")

    def __init__(self) -> None:
        self._carry = b""  # a CR whose LF may come with the next piece
        self._line_start = True

    def piece(self, data: bytes) -> bytes:
        if self._carry:
            data, self._carry = self._carry + data, b""
        if data.endswith(b"\r"):
            data, self._carry = data[:-1], b"\r"
        if not data:
            return b""
        data = _only_crlf(data)
        stuffed = data.replace(b"\r\n.", b"\r\n..")
        if self._line_start and data.startswith(b"."):
            stuffed = b"." + stuffed
        self._line_start = data.endswith(b"\r\n")
        return stuffed

    def finish(self) -> bytes:
        """RFC 5321 section 4.1.1.4: the last line ends in CRLF, whether the content did or not."""
        return b".\r\n" if self._line_start and not self._carry else b"\r\n.\r\n"


def whole_lines(content: bytes) -> bytes:
    """As a server has it that was sent `stuff(content)`: for BDAT, which needs no dots."""
    data = _only_crlf(content)
    return data if not data or data.endswith(b"\r\n") else data + b"\r\n"


def stuff(content: bytes) -> bytes:
    """A whole content with the final dot: as a `Stuffer` that is given one piece."""
    data = _only_crlf(content)
    first = b"." if data.startswith(b".") else b""
    last = b".\r\n" if not data or data.endswith(b"\r\n") else b"\r\n.\r\n"
    return b"".join((first, data.replace(b"\r\n.", b"\r\n.."), last))
