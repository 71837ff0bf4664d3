"""The beginning of a content: for the loop guard and for what a report gives back."""

import asyncio

from kairan.mail.envelope import Content, ContentFile

HEADER_OCTETS_MAX = 256 * 1024  # the intake accepts no longer header


async def read_head(content: Content, octets: int) -> bytes:
    """At most `octets` of it, and all of the header.  A file is read in a thread: it may be
    large, cold, and on a slow disk.
    """
    octets = max(octets, HEADER_OCTETS_MAX)
    if isinstance(content, bytes):
        return content[:octets]
    return await asyncio.to_thread(_read, content, octets)


def _read(content: ContentFile, octets: int) -> bytes:
    head = content.head[:octets]
    with content.path.open("rb") as file:
        file.seek(content.skipped)
        return head + file.read(octets - len(head))


def has_more_hops(head: bytes, most: int) -> bool:
    """By Received fields: RFC 5321 section 6.3 finds loops by them."""
    end = head.find(b"\r\n\r\n", 0, HEADER_OCTETS_MAX)
    header = head[: HEADER_OCTETS_MAX if end < 0 else end]
    if header.count(b"\n") < most:  # not even as many lines, as nearly always
        return False
    header = header.lower()
    return header.count(b"\r\nreceived:") + header.startswith(b"received:") > most
