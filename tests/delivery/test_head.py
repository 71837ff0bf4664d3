"""The beginning of a content."""

import pytest

from kairan.delivery.head import has_more_hops, read_head
from kairan.mail.envelope import ContentFile

COUNTS = [
    (b"", 0),
    (b"Subject: x\r\n\r\nReceived: not here\r\n", 0),
    (b"Received: a\r\nRECEIVED: b\r\nX-Received: c\r\n\tReceived: folded\r\n\r\n", 2),
    (b"X: y\r\nreceived: a", 1),
]


@pytest.mark.parametrize(("head", "count"), COUNTS)
def test_hops_are_received_fields_of_the_header(head, count):
    assert not has_more_hops(head, count)
    assert count == 0 or has_more_hops(head, count - 1)


async def test_a_file_is_read_no_further_than_needed(tmp_path):
    path = tmp_path / "body"
    path.write_bytes(b"x" * 1_000_000)
    assert len(await read_head(ContentFile(path, 1_000_000), 300_000)) == 300_000


async def test_memory_and_file_give_the_same(tmp_path):
    body = b"Subject: x\r\n\r\n" + b"y" * 300_000
    path = tmp_path / "body"
    path.write_bytes(body)
    assert await read_head(body, 0) == await read_head(ContentFile(path, len(body)), 0)
