r"""Where in a block of a log refusals may stand: by shape, over octets, before anything is decoded.

A log of a gigabyte has millions of lines, nearly all of them good news.  One pattern runs over the
whole block at once; only lines it hits are looked at.  It begins with a set of two characters,
which the `re` module skips to in C; a look-behind in front of them would cost four fifths of the
speed (measured: 145 MB/s without, 40 MB/s with).  For faults of the network, which have no code,
a plain `find` for each telling word is faster than a pattern of them all.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

# 5.7.139, 535 5.7.3, 535-5.7.3, (535, b'5.7.3 …'), 535: 5.7.3, (535): Failed, "550 Mailbox unavailable".
_REPLY = re.compile(rb"[45](?:\.[0-7]\.\d|\d\d(?:[ -][A-Za-z#45<]|, ?b?['\"]|\)?: [A-Z45]))")
# A printer's job log may have nothing but a number in its column of results.
_CSV_REPLY = re.compile(_REPLY.pattern + rb"|(?:SMTP|[Ee]rror|ERR)[^0-9\r\n]{0,20}[45]\d\d")

# What is said of a connection that never came to a reply, by Python, Java, .NET, Node, Go and OpenSSL.
# Long ones: `find` leaps by their length.
NETWORK_WORDS: tuple[bytes, ...] = (
    b" timed out",
    b"connect ETIMEDOUT",
    b"onnection refused",
    b"connect ECONNREFUSED",
    b"actively refused",
    b"Unable to connect to the remote",
    b"service not known",
    b"host is known",
    b"UnknownHostException",
    b"getaddrinfo ENOTFOUND",
    b": no such host",
    b": i/o timeout",
    b"unexpectedly closed",
    b"onnection reset by",
    b" certificate ",
    b"certificate verify failed",
    b"PKIX path building failed",
    b"wrong version number",
    b"packet length too long",
    b"unknown protocol",
    b"look like a TLS handshake",
    b"ecognized SSL message",
    b"Greeting never received",
)
# Entra ID's refusal of a token: it stands in the log of who asks for one, with no reply beside it.
TOKEN_REFUSED = b"AADSTS"


def candidate_lines(
    octets: bytes,
    start: int,
    *,
    reach: int,
    is_csv: bool = False,
    words: Sequence[bytes] = (),
) -> Iterator[tuple[int, int]]:
    """Begin and end of each line that may hold a refusal, in order.

    `words`: of failures that the log's format reports without a code.  Of a longer line, what lies within `reach` of the hit; what follows is looked at by itself.
    """
    hits = _hits(octets, start, (*NETWORK_WORDS, TOKEN_REFUSED, *words))
    pattern = _CSV_REPLY if is_csv else _REPLY
    at, done = start, 0
    while hit := pattern.search(octets, at):
        begin, end = line_around(octets, hit.start(), reach)
        # What the words of earlier lines say comes first.
        while done < len(hits) and hits[done] < begin:
            yield (earlier := line_around(octets, hits[done], reach))
            done = bisect_left(hits, earlier[1], done + 1)
        yield begin, end
        done = bisect_left(hits, end, done)
        at = max(end, hit.end())
    while done < len(hits):
        yield (later := line_around(octets, hits[done], reach))
        done = bisect_left(hits, later[1], done + 1)


def _hits(octets: bytes, start: int, words: Sequence[bytes]) -> list[int]:
    hits = []
    for word in words:
        at = octets.find(word, start)
        while at >= 0:
            hits.append(at)
            at = octets.find(word, at + len(word))
    return sorted(hits)


def line_around(octets: bytes, at: int, reach: int) -> tuple[int, int]:
    """Begin and end of the line at that place, no further off than `reach`."""
    first, last = max(0, at - reach), min(len(octets), at + reach)
    begin = octets.rfind(b"\n", first, at) + 1
    end = octets.find(b"\n", at, last)
    return begin or first, last if end < 0 else end
