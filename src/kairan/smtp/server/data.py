"""Where a message ends: DATA up to CRLF.CRLF, and nothing else (RFC 5321 section 4.1.1.4).

A receiver that takes any other sequence for the end can be made to see two messages where the
sender sent one ("SMTP smuggling").  So the end is searched as exactly these five octets, the
CRLF behind the DATA command counting as the first two; a bare CR or LF anywhere else is noted,
and refused by the caller after the true end.  So is a NUL, which neither 7bit nor 8bit content may
hold (RFC 2045 sections 2.7 and 2.8): what is behind it some programs would not see.

Dots are unstuffed piece by piece.  A piece is never cut inside CRLF, and the last four octets
are kept back, for they may be the beginning of the end.

Every octet of every message passes here, so what is asked of them is asked of all at once: one
backward search says of a usual message both that it is whole and that nothing in it is stuffed.
"""

from dataclasses import dataclass

from kairan.smtp.line_endings import has_bare_line_ending

_END = b"\r\n.\r\n"
_KEPT_BACK = len(_END) - 1


@dataclass(slots=True)
class DataDecoder:
    """Decodes one message: `decode` what came, until `finished`; `rest` is what lies behind."""

    bare_line_ending: bool = False
    nul: bool = False
    finished: bool = False
    rest: bytes = b""
    _held: bytes = b""
    _line_start: bool = True  # what has been given out ends in CRLF (or nothing has been)

    def decode(self, data: bytes) -> bytes:
        """The next piece of the message, possibly empty."""
        data = self._held + data if self._held else data
        if self._line_start and data.startswith(b"."):
            if data.startswith(b".\r\n"):
                self._finish(b"", data[3:])
                return b""
        elif data.endswith(_END) and data.rfind(b"\r\n.", 0, -_KEPT_BACK) < 0:
            piece = data[:-3]
            self._finish(piece, b"")
            return piece
        has_dots = b"\r\n." in data
        end = data.find(_END) if has_dots else -1
        if end >= 0:
            piece = data[: end + 2]
            self._finish(piece, data[end + len(_END) :])
            return self._unstuffed(piece, has_dots=has_dots)
        cut = max(len(data) - _KEPT_BACK, 0)
        if cut and data[cut - 1] == 0x0D:
            cut -= 1
        self._held = data[cut:]
        piece = data[:cut]
        if not piece:
            return b""
        self._note(piece)
        unstuffed = self._unstuffed(piece, has_dots=has_dots)
        self._line_start = piece.endswith(b"\r\n")
        return unstuffed

    def _finish(self, piece: bytes, rest: bytes) -> None:
        self.finished, self.rest, self._held = True, rest, b""
        self._note(piece)

    def _note(self, piece: bytes) -> None:
        if has_bare_line_ending(piece):
            self.bare_line_ending = True
        if 0 in piece:
            self.nul = True

    def _unstuffed(self, piece: bytes, *, has_dots: bool) -> bytes:
        """`has_dots`: a line of it, but the first, may begin with one."""
        if self._line_start and piece.startswith(b"."):
            piece = piece[1:]
        return piece.replace(b"\r\n.", b"\r\n") if has_dots else piece


@dataclass(slots=True)
class ChunkLines:
    """Notes bare line endings and NUL in BDAT chunks, which may be cut anywhere, inside CRLF too."""

    bare_line_ending: bool = False
    nul: bool = False
    _pending_cr: bool = False

    def note(self, piece: bytes) -> None:
        if 0 in piece:
            self.nul = True
        judged = b"\r" + piece if self._pending_cr else piece
        self._pending_cr = judged.endswith(b"\r")
        if has_bare_line_ending(judged[:-1] if self._pending_cr else judged):
            self.bare_line_ending = True

    def finish(self) -> None:
        self.bare_line_ending |= self._pending_cr
