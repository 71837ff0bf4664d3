"""BDAT at wrong moments and with wrong sizes (CVE-2017-16943, CVE-2026-45185)."""

import contextlib
import socket

import pytest

from kit.live import PATIENCE_SECONDS, USER


def test_an_empty_last_chunk_first_is_an_empty_message(service):
    with service.client("device") as client:
        client.envelope()
        assert client.ask(b"BDAT 0 LAST").startswith("250 2.6.0")
        assert client.in_step()


def test_bdat_without_transaction_swallows_its_octets(service):
    with service.client("device") as client:
        client.say(b"BDAT 6 LAST\r\nQUIT\r\n")
        assert client.reply().startswith("503 5.5.2 Need mail command")
        assert client.in_step()


def test_bdat_with_refused_recipients_swallows_its_octets(service):
    with service.client("device") as client:
        assert client.envelope("nobody@kairan.test").startswith("550 5.1.10")
        client.say(b"BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\n")
        assert [r[:9] for r in client.replies(2)] == ["503 5.5.2", "503 5.5.2"]
        assert client.in_step()


@pytest.mark.parametrize("size", [2**63, 2**64 + 5, 10**19, 10_485_761])
def test_a_size_that_no_message_may_have_ends_the_session(service, size):
    with service.client("device") as client:
        client.envelope()
        client.say(b"BDAT %d LAST\r\n" % size)
        assert client.reply().startswith("552 5.3.4")
        assert client.rest() == b""


@pytest.mark.parametrize("size", [b"-1", b"1e3", b"0x10", b"", b"9" * 30, b"5 NEARLY", b"5 LAST 5"])
def test_a_size_that_is_none_ends_the_session(service, size):
    with service.client("device") as client:
        client.envelope()
        assert client.ask(b"BDAT " + size).startswith("501 5.5.4")
        assert client.rest() == b""


def test_a_size_one_too_small_leaves_a_command_that_is_none(service):
    with service.client("device") as client:
        client.envelope()
        client.say(b"BDAT 12 LAST\r\nSubject: x\r\n\r\n")
        assert client.reply().startswith("250 2.6.0")
        assert client.reply().startswith("500 5.3.3")
        assert client.in_step()


def test_a_size_too_large_waits_for_what_was_announced(service):
    with service.client("device") as client:
        client.envelope()
        client.say(b"BDAT 20 LAST\r\nSubject: x\r\n\r\n")
        client.say(b"RSET\r\n")
        assert client.reply().startswith("250 2.6.0")
        assert client.in_step()


def test_data_between_chunks_is_out_of_order(service):
    with service.client("device") as client:
        client.envelope()
        client.say(b"BDAT 4\r\nA: b")
        assert client.reply().startswith("250 2.6.0 CHUNK")
        assert client.ask(b"DATA").startswith("503 5.5.1")
        client.say(b"BDAT 4 LAST\r\n\r\n\r\n")
        assert client.reply().startswith("250 2.6.0")
        assert client.in_step()


def test_after_data_chunks_want_a_new_transaction(service):
    with service.client("device") as client:
        assert client.send(b"Subject: x\r\n").startswith("250")
        client.say(b"BDAT 6 LAST\r\nQUIT\r\n")
        assert client.reply().startswith("503 5.5.2 Need mail command")
        assert client.in_step()


def test_many_small_chunks_beyond_the_size_limit_are_refused_and_forgotten(service):
    with service.client("device") as client:
        client.envelope()
        chunk = b"x" * 4_000_000
        answers = []
        client.say(b"BDAT 14\r\nSubject: x\r\n\r\n")
        assert client.reply().startswith("250 2.6.0")
        for last in (b"", b"", b" LAST"):
            client.say(b"BDAT %d%b\r\n" % (len(chunk), last), chunk)
            answers.append(client.reply()[:9])
        assert answers == ["250 2.6.0", "250 2.6.0", "552 5.3.4"]
        assert client.in_step()


def test_bare_line_feeds_in_chunks_are_refused_unless_the_body_is_binary(service):
    with service.client("device") as client:
        client.envelope()
        client.say(b"BDAT 14 LAST\r\nSubject: x\r\n\n\n")
        assert client.reply().startswith("550 5.6.11")
        client.ask(b"MAIL FROM:<printer@kairan.test> BODY=BINARYMIME")
        client.ask(f"RCPT TO:<{USER}>".encode())
        client.say(b"BDAT 16 LAST\r\nSubject: x\r\n\r\n\n\n")
        assert client.reply().startswith("250 2.6.0")


def close_tls_only(sock):
    """Sends close_notify and gives the bare socket below."""
    sock.setblocking(False)
    with contextlib.suppress(OSError, ValueError):
        sock.unwrap()  # ours is out when it complains that theirs has not come
    bare = socket.socket(fileno=sock.detach())
    bare.settimeout(PATIENCE_SECONDS)
    return bare


def test_after_close_notify_in_a_chunk_no_octet_counts(service):
    """ "Dead.Letter": TLS ends within a chunk, then octets come in the clear."""
    client = service.client().login()
    client.envelope()
    client.say(b"BDAT 60 LAST\r\nSubject: dead-letter\r\n")
    client.sock = close_tls_only(client.sock)
    with client, contextlib.suppress(OSError):
        client.say(b"x", b"x" * 60 + b"\r\nNOOP\r\n")
        assert b"250" not in client.rest()
    with service.client().login() as another:
        assert another.in_step()
    service.wait_empty()
    assert not [m for m in service.messages() if b"dead-letter" in m]


def test_the_last_reply_is_heard_by_a_client_that_is_still_sending(service):
    """An octet that lies unread when a socket closes makes the kernel forget our reply."""
    for _ in range(20):
        with service.client("device") as client:
            client.envelope()
            client.say(b"BDAT 99999999999 LAST\r\n" + b"x" * 500_000)
            assert client.reply().startswith("552 5.3.4")
            assert client.rest() == b""
