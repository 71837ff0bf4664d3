"""The inbox: octets received and not yet understood, taken as lines or as content.

A line ends in CRLF (RFC 5321 section 2.3.8).  One with another ending is taken as one line, so
that we stay in step, and is then no command; one beyond its limit is forgotten while it comes, and
told when its end has come.  What is wrong with a line is one of three constants, told apart by
identity, for a client may send the same octets.
"""

from typing import Final

from kairan.smtp.server.grammar import AUTH_LINE_OCTETS_MAX, COMMAND_LINE_OCTETS_MAX

TOO_LONG: Final = b"too long"
AUTH_TOO_LONG: Final = b"AUTH too long"
WRONG_ENDING: Final = b"wrong ending"


# Shorter ones are gathered: a session that waits must not keep an object for every octet that a client
# drips.
_WHOLE_OCTETS = 16 * 1024


class Inbox:
    __slots__ = ("_behind", "_behind_octets", "_buffer", "_position", "_skipped")

    def __init__(self) -> None:
        self._buffer = b""
        # What came while the buffer was not read to its end, as it came: of a large content each octet
        # would otherwise be copied twice more while a disk is waited for.
        self._behind: list[bytes | bytearray] = []
        self._behind_octets = 0
        self._position = 0
        self._skipped = b""  # which of the three a line is whose end has not come

    def __len__(self) -> int:
        return len(self._buffer) - self._position + self._behind_octets

    def add(self, octets: bytes) -> None:
        behind = self._behind
        if not behind and self._position == len(self._buffer):
            self._buffer, self._position = octets, 0
            return
        self._behind_octets += len(octets)
        if len(octets) >= _WHOLE_OCTETS:
            behind.append(octets)
        elif behind and isinstance(behind[-1], bytearray):
            behind[-1] += octets
        else:
            behind.append(bytearray(octets))

    def _join(self) -> None:
        if self._behind:
            self._buffer = b"".join((self._buffer[self._position :], *self._behind))
            self._position = self._behind_octets = 0
            self._behind = []

    def take_all(self) -> bytes:
        self._join()
        octets = self._buffer[self._position :] if self._position else self._buffer
        self._buffer, self._position = b"", 0
        return octets

    def take(self, count: int) -> bytes:
        """So many at most; none only where there are none."""
        if self._behind and self._position == len(self._buffer):
            self._buffer, self._position = bytes(self._behind.pop(0)), 0
            self._behind_octets -= len(self._buffer)
        octets = self._buffer[self._position : self._position + count]
        self._position += len(octets)
        return octets

    def give_back(self, octets: bytes) -> None:
        """The end of what was taken last, which was too much."""
        if octets:
            self._position -= len(octets)
        elif self._position == len(self._buffer):
            self._buffer, self._position = b"", 0

    def take_line(self, *, asking: bool) -> bytes | None:
        """The next line without its end, or what is wrong with it; None: none yet.

        `asking`: within an AUTH dialogue, whose lines may be longer.
        """
        if self._behind:
            self._join()
        buffer, start = self._buffer, self._position
        end = buffer.find(b"\n", start)
        if end < 0:
            if self._skipped or len(buffer) - start > AUTH_LINE_OCTETS_MAX:
                self._skip_long_line(asking=asking)
            return None
        self._position = end + 1
        if self._skipped:
            skipped, self._skipped = self._skipped, b""
            return skipped
        # Most lines are short: one comparison for them.
        if end - start > COMMAND_LINE_OCTETS_MAX:
            kind = self._kind(start, asking=asking)
            if kind is TOO_LONG or end - start > AUTH_LINE_OCTETS_MAX:
                return kind
        if end > start and buffer[end - 1] == 0x0D:
            return buffer[start : end - 1]
        return WRONG_ENDING

    def _skip_long_line(self, *, asking: bool) -> None:
        if not self._skipped:
            self._skipped = self._kind(self._position, asking=asking)
        self._buffer, self._position = b"", 0

    def _kind(self, start: int, *, asking: bool) -> bytes:
        is_auth = asking or self._buffer[start : start + 5].upper() == b"AUTH "
        return AUTH_TOO_LONG if is_auth else TOO_LONG
