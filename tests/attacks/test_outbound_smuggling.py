"""We pass on what makes a weak receiver see two messages.

The peer is weak: it reads lines up to LF and takes "." CRLF behind any of them for the end.
"""

import pytest

from kairan.testing.peer import DEFAULT_CAPABILITIES, ScriptedPeer
from kit.live import USER, in_thread, running_service, wait_for

CONTENTS = {
    "dots to be stuffed": b"a\r\n..\r\n.b\r\nMAIL FROM:<x@kairan.test>\r\n",
    "space before the dot": b"a\r\n .\r\nMAIL FROM:<x@kairan.test>\r\n",
}
BARE = [
    b"a\n.\r\nMAIL FROM:<x@kairan.test>\r\n",
    b"a\r.\r\nb\r\n",
    b"a\r\n.\nb\r\n",
    b"a\n.\nb\r\n",
]


@pytest.fixture(scope="module", params=["next hop knows BINARYMIME", "next hop does not"])
def gateway(request, tmp_path_factory):
    offers = list(DEFAULT_CAPABILITIES)
    if "not" not in request.param:
        offers.append("BINARYMIME")
    with in_thread(ScriptedPeer(capabilities=offers)) as peer:
        place = tmp_path_factory.mktemp("gateway") / "k"
        routes = {USER: f"smtp://127.0.0.1:{peer.port}?tls=none", "*": "maildir:maildir"}
        with running_service(place, routes=routes, workers=1) as service:
            yield service, peer


def passed_on(peer, marker):
    return [message.content for message in peer.messages if marker in message.content]


@pytest.mark.parametrize("name", CONTENTS)
def test_what_may_come_in_goes_out_as_one_message(gateway, name):
    service, peer = gateway
    marker = f"outbound {name}".encode()
    with service.client("device") as client:
        stuffed = CONTENTS[name].replace(b"\r\n.", b"\r\n..")
        assert client.send(b"Subject: " + marker + b"\r\n\r\n" + stuffed[:-2]).startswith("250")
    [content] = wait_for(lambda: passed_on(peer, marker), "the message at the next hop")
    assert content.endswith(CONTENTS[name])
    assert content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r")


@pytest.mark.parametrize("number", range(len(BARE)))
def test_bare_line_endings_of_binary_mail_leave_as_chunks_or_not_at_all(gateway, number):
    service, peer = gateway
    marker = b"binary-%d" % number
    content = b"Subject: " + marker + b"\r\n\r\n" + BARE[number]
    with service.client("device") as client:
        client.ask(b"MAIL FROM:<printer@kairan.test> BODY=BINARYMIME")
        client.ask(f"RCPT TO:<{USER}>".encode())
        client.say(b"BDAT %d LAST\r\n" % len(content), content)
        assert client.reply().startswith("250 2.6.0")
    service.wait_empty()
    if "BINARYMIME" in peer.capabilities:
        [sent] = passed_on(peer, marker)
        assert sent.endswith(BARE[number])
    else:
        assert passed_on(peer, marker) == []


def test_no_sender_was_smuggled(gateway):
    _, peer = gateway
    assert {message.sender.partition(">")[0] for message in peer.messages} <= {
        "<printer@kairan.test",
        "<",
    }
