"""Whether a message's header is ASCII, which decides whether a next hop without SMTPUTF8 may have it.

One rule for contents in memory and in files: RFC 6531 section 3.2 asks what the header holds, not
how large the message is.
"""

import asyncio
from pathlib import Path

from kairan.mail import Content

_PIECE_OCTETS = 64 * 1024  # most headers end within the first; a file's body is not read
_BLANK_LINE = b"\r\n\r\n"


async def wait_ascii_header(content: Content) -> bool:
    """A file is read in a thread: it may be cold, and on a slow disk."""
    if isinstance(content, bytes):
        return content.partition(_BLANK_LINE)[0].isascii()
    try:
        return await asyncio.to_thread(_has_ascii_header, content.path)
    except OSError:
        return True  # nobody can send it: the session that tries will say so


def _has_ascii_header(path: Path) -> bool:
    kept = b""  # what may be the beginning of the blank line
    with path.open("rb") as file:
        while piece := file.read(_PIECE_OCTETS):
            head, blank, _ = (kept + piece).partition(_BLANK_LINE)
            if not head.isascii():
                return False
            if blank:
                return True
            kept = head[-len(_BLANK_LINE) + 1 :]
    return True
