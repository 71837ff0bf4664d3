"""A size announced small and sent large, and limits met in the middle of a body."""

import pytest

from kit.live import USER

LIMIT = 10 * 1024 * 1024
TOO_LARGE = "552 5.3.4 Message size exceeds fixed maximum message size"


def begin(client, size):
    answer = client.ask(b"MAIL FROM:<printer@kairan.test> SIZE=%d" % size)
    client.ask(f"RCPT TO:<{USER}>".encode())
    return answer


@pytest.mark.parametrize("listener", ["device", "starttls"])
def test_too_large_as_announced_is_refused_at_mail(service, listener):
    with service.client(listener) as client:
        if listener == "starttls":
            client.login()
        assert begin(client, LIMIT + 1).startswith(TOO_LARGE)
        assert client.in_step()


def test_the_limit_itself_is_taken(service):
    head = b"Subject: just fits\r\n\r\n"
    with service.client("device") as client:
        assert begin(client, LIMIT).startswith("250")
        client.ask(b"DATA")
        client.say(head + b"x" * (LIMIT - len(head) - 2) + b"\r\n.\r\n")
        assert client.reply().startswith("250 2.6.0")


@pytest.mark.parametrize("announced", [0, 1, 1_000])
def test_announced_small_and_sent_large_is_refused_once_behind_the_dot(service, announced):
    with service.client("device") as client:
        assert begin(client, announced).startswith("250")
        client.ask(b"DATA")
        client.say(b"Subject: liar\r\n\r\n" + (b"x" * 998 + b"\r\n") * 11_000 + b".\r\n")
        assert client.reply().startswith(TOO_LARGE)
        assert client.in_step()
        assert client.send(b"Subject: after the lie\r\n").startswith("250")


def test_announced_large_and_sent_small_is_no_fault(service):
    with service.client("device") as client:
        assert begin(client, LIMIT).startswith("250")
        client.ask(b"DATA")
        client.say(b"Subject: modest\r\n\r\nx\r\n.\r\n")
        assert client.reply().startswith("250")


def test_commands_behind_a_body_that_is_too_large_are_obeyed(service):
    with service.client("device") as client:
        begin(client, 10)
        client.ask(b"DATA")
        client.say(b"A: b\r\n\r\n" + b"x" * (LIMIT + 5) + b"\r\n.\r\nRSET\r\nNOOP\r\n")
        assert client.reply().startswith(TOO_LARGE)
        assert [answer[:3] for answer in client.replies(2)] == ["250", "250"]


def test_endless_content_for_refused_recipients_ends_the_session(service):
    with service.client("device") as client:
        client.envelope("nobody@kairan.test")
        client.ask(b"DATA")
        try:
            for _ in range(30):
                client.say(b"x" * 1_000_000)
        except OSError:
            return  # hung up in the middle, as it should
        assert client.reply().startswith("552 5.3.4")
