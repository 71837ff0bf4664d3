"""Content: the octets of one message, by DATA or by BDAT, given out as `ContentPiece`.

It only cuts the stream; whether the message is welcome, and what an answer to it means, is the
engine's business.
"""

from dataclasses import dataclass, field

from kairan.smtp.server.data import ChunkLines, DataDecoder
from kairan.smtp.server.events import ContentPiece
from kairan.smtp.server.grammar import BdatCommand
from kairan.smtp.server.inbox import Inbox

# What is looked at in one go.  Without a bound each of many short messages that came at once would
# have all the others copied for it.
PIECE_OCTETS_MAX = 64 * 1024


@dataclass(slots=True)
class ContentReader:
    """One message's content: made by `of_data`, or fed with one `start_chunk` for each BDAT."""

    _decoder: DataDecoder | None = None
    _left: int = 0  # octets of the present chunk
    _last: bool = False
    _binary: bool = False
    _lines: ChunkLines = field(default_factory=ChunkLines)

    @classmethod
    def of_data(cls) -> "ContentReader":
        return cls(DataDecoder())

    def start_chunk(self, command: BdatCommand, *, binary: bool) -> None:
        """RFC 3030 section 2.  `binary`: its line endings are the sender's own affair."""
        self._left, self._last, self._binary = command.size, command.last, binary

    @property
    def bare_line_ending(self) -> bool:
        decoder = self._decoder
        return decoder.bare_line_ending if decoder is not None else self._lines.bare_line_ending

    @property
    def nul(self) -> bool:
        return self._decoder.nul if self._decoder is not None else self._lines.nul

    def read(self, inbox: Inbox) -> ContentPiece | None:
        """The next piece, or None while there is none."""
        if self._decoder is not None:
            return self._read_data(self._decoder, inbox)
        return self._read_chunk(inbox)

    def _read_data(self, decoder: DataDecoder, inbox: Inbox) -> ContentPiece | None:
        while octets := inbox.take(PIECE_OCTETS_MAX):
            piece = decoder.decode(octets)
            inbox.give_back(decoder.rest)
            decoder.rest = b""
            if piece or decoder.finished:
                return ContentPiece(piece, message_end=decoder.finished)
        return None

    def _read_chunk(self, inbox: Inbox) -> ContentPiece | None:
        """An empty chunk is whole though nothing more has come."""
        if self._left and not inbox:
            return None
        piece = inbox.take(self._left)
        self._left -= len(piece)
        chunk_end = not self._left
        message_end = chunk_end and self._last
        if not self._binary:
            self._lines.note(piece)
            if message_end:
                self._lines.finish()
        return ContentPiece(piece, chunk_end=chunk_end, message_end=message_end)
