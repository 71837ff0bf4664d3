"""Commands where none belong: behind DATA, before the greeting, in a refused body."""

from kit.live import PRINTER, USER, Client


def test_a_body_for_fifty_refused_recipients_is_never_read_as_commands(service):
    with service.client("device") as client:
        recipients = [b"RCPT TO:<nobody%d@kairan.test>\r\n" % n for n in range(50)]
        client.say(
            b"MAIL FROM:<printer@kairan.test>\r\n" + b"".join(recipients) + b"DATA\r\n",
        )
        answers = client.replies(52)
        assert answers[0].startswith("250")
        assert {answer[:10] for answer in answers[1:51]} == {"550 5.1.10"}
        assert answers[51].startswith("354")
        client.say(b"RSET\r\nMAIL FROM:<printer@kairan.test>\r\nQUIT\r\n.\r\n")
        assert client.reply().startswith("503 5.5.2 Need rcpt command")
        assert client.in_step()


def test_the_same_in_one_write(service):
    with service.client("device") as client:
        recipients = [b"RCPT TO:<nobody%d@kairan.test>\r\n" % n for n in range(50)]
        client.say(
            b"MAIL FROM:<printer@kairan.test>\r\n"
            + b"".join(recipients)
            + b"DATA\r\nMAIL FROM:<printer@kairan.test>\r\nRSET\r\n.\r\nVRFY in-step\r\n"
        )
        answers = client.replies(54)
        assert answers[51].startswith("354")
        assert answers[52].startswith("503 5.5.2 Need rcpt command")
        assert answers[53] == "252 2.1.5 Cannot VRFY user"


def test_what_comes_behind_data_before_354_is_content(service):
    with service.client("device") as client:
        client.say(
            f"MAIL FROM:<{PRINTER}>\r\nRCPT TO:<{USER}>\r\nDATA\r\n"
            f"Subject: blind-content\r\n\r\nMAIL FROM:<{PRINTER}>\r\nQUIT\r\n.\r\n".encode()
        )
        assert [answer[:3] for answer in client.replies(4)] == ["250", "250", "354", "250"]
        assert client.in_step()
    assert b"QUIT" in service.wait_message(b"blind-content")


def test_a_body_sent_blindly_after_a_refused_sender_ends_the_session(service):
    with service.client("device") as client:
        client.say(
            b"MAIL FROM:<boss@kairan.test>\r\nRCPT TO:<user001@kairan.test>\r\nDATA\r\n"
            b"MAIL FROM:<printer@kairan.test>\r\nRCPT TO:<user001@kairan.test>\r\n.\r\n"
        )
        assert [answer[:9] for answer in client.replies(3)] == [
            "550 5.7.6",
            "503 5.5.2",
            "503 5.5.2",
        ]
        assert client.rest() == b""


def test_who_speaks_before_the_greeting_is_not_let_in(service):
    with service.frozen():
        client = Client(service.port("device"), service.trust)
        client.say(b"EHLO early\r\nMAIL FROM:<printer@kairan.test>\r\nQUIT\r\n")
    with client:
        assert client.rest() in {b"554 5.5.0 Client spoke before the greeting\r\n", b""}


def test_who_connects_and_waits_is_let_in(service):
    with service.frozen():
        client = Client(service.port("device"), service.trust)
    with client:
        assert client.reply().startswith("220 mail.kairan.test")


def test_replies_come_in_the_order_of_the_commands_however_they_are_cut(service):
    octets = b"NOOP\r\nFOO\r\nVRFY x\r\nRSET\r\nEXPN y\r\n" * 4
    with service.client("device") as client:
        client.say(*[octets[n : n + 3] for n in range(0, len(octets), 3)])
        codes = [answer[:3] for answer in client.replies(20)]
        assert codes == ["250", "500", "252", "250", "502"] * 4
