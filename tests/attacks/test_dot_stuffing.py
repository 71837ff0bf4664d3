"""Dots at line starts and at the edges of segments: body in is body out."""

import random

import pytest

from kairan.smtp.client.stuffing import stuff

BODIES = {
    "dots": b".\r\n..\r\n...\r\n.a\r\n",
    "a lone dot between lines": b"a\r\n.\r\nb\r\n",
    "dot last": b"a\r\n.",
    "no line end": b"a",
    "empty lines": b"\r\n\r\n\r\n",
    "dots in the middle": b"a.b\r\na.\r\n",
    "long": (b"." * 70 + b"\r\n") * 3_000,
}


def pieces_of(octets, seed):
    rng = random.Random(seed)
    while octets:
        size = rng.choice((1, 1, 2, 3, 5, 1_000, 20_000))
        yield octets[:size]
        octets = octets[size:]


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("verb", ["DATA", "BDAT"])
def test_what_went_in_comes_out(service, name, verb):
    body, marker = BODIES[name], f"<{verb}-{name}>".encode()
    head = b"Subject: " + marker + b"\r\nX-Last: 1\r\n\r\n"
    with service.client("device") as client:
        client.envelope()
        if verb == "DATA":
            client.ask(b"DATA")
            client.say(*pieces_of(stuff(head + body), seed=name))
        else:
            chunks = [*pieces_of(head + body, seed=name), b""]
            commands = [b"BDAT %d\r\n%b" % (len(c), c) for c in chunks[:-1]]
            client.say(b"".join(commands), b"BDAT 0 LAST\r\n")
            client.replies(len(commands))
        assert client.reply().startswith("250 2.6.0")
        assert client.in_step()
    stored = service.wait_message(marker).replace(b"\r\n", b"\n")
    expected = (head + body).partition(b"X-Last")[2].replace(b"\r\n", b"\n")
    assert stored.partition(b"X-Last")[2].rstrip(b"\n") == expected.rstrip(b"\n")
