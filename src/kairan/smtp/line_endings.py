"""Whether every line ends in CRLF, asked of what comes in and of what goes out.

RFC 5321 section 2.3.8: a CR or LF alone is no line ending, and must not be sent.
"""

import re

_BARE_CR = re.compile(rb"\r(?!\n)")
_NO_LINE_ENDING = bytes(octet for octet in range(256) if octet not in b"\r\n")


def has_bare_line_ending(octets: bytes) -> bool:
    """Whether a CR or LF stands alone in `octets`, cut inside no CRLF.

    Where no CR does, a LF that does shows when all other octets are left out.
    """
    if _BARE_CR.search(octets):
        return True
    endings = octets.translate(None, _NO_LINE_ENDING)
    return endings != b"\r\n" * (len(endings) // 2)
