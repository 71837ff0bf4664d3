"""What a next hop must be told of a content, or must be able to take.

Whether the header is ASCII decides whether a next hop without SMTPUTF8 may have the message;
whether there are octets beyond ASCII at all, whether it goes out as 8BITMIME.

One rule for contents in memory and in files: RFC 6531 section 3.2 asks what the header holds, not
how large the message is.
"""

import asyncio

from kairan.mail.envelope import Content, ContentFile
from kairan.relay.pieces import pieces_of

_PIECE_OCTETS = 64 * 1024  # most headers end within the first
_SCAN_OCTETS = 256 * 1024  # of a whole file, which is read again from memory when it is sent
_BLANK_LINE = b"\r\n\r\n"


async def wait_ascii_header(content: Content) -> bool:
    """A file is read in a thread: it may be cold, and on a slow disk."""
    if isinstance(content, bytes):
        return content.partition(_BLANK_LINE)[0].isascii()
    try:
        return await asyncio.to_thread(_has_ascii_header, content)
    except OSError:
        return True  # it cannot be sent either: the session that tries will say so


async def wait_has_8bit(content: ContentFile) -> bool:
    try:
        return await asyncio.to_thread(_has_8bit, content)
    except OSError:
        return False  # as above


def _has_8bit(content: ContentFile) -> bool:
    return any(not piece.isascii() for piece in pieces_of(content, _SCAN_OCTETS))


def _has_ascii_header(content: ContentFile) -> bool:
    kept = b""  # what may be the beginning of the blank line
    for piece in pieces_of(content, _PIECE_OCTETS):
        head, blank, _ = (kept + piece).partition(_BLANK_LINE)
        if not head.isascii():
            return False
        if blank:
            return True
        kept = head[-len(_BLANK_LINE) + 1 :]
    return True
