"""Commands said in the clear and obeyed after TLS stands (CVE-2011-0411)."""

import base64
import ssl

import pytest

from kit.live import PASSWORD, PRINTER

LOGIN = base64.b64encode(f"\0{PRINTER}\0{PASSWORD}".encode())
INJECTED = {
    "EHLO": b"EHLO injected\r\n",
    "AUTH": b"AUTH PLAIN " + LOGIN + b"\r\n",
    "MAIL": b"MAIL FROM:<printer@kairan.test>\r\n",
    "all": b"EHLO i\r\nAUTH PLAIN " + LOGIN + b"\r\nMAIL FROM:<printer@kairan.test>\r\nRSET\r\n",
    "half a command": b"NO",
}


@pytest.mark.parametrize("injected", INJECTED.values(), ids=INJECTED)
def test_in_the_same_segment_it_is_forgotten(service, injected):
    with service.client(tls=False) as client:
        client.say(b"STARTTLS\r\n" + injected)
        assert client.reply() == "220 2.0.0 SMTP server ready"
        client.start_tls()
        # Had it been obeyed, a reply of its own would come first, or EHLO be done already.
        assert client.ask(b"MAIL FROM:<printer@kairan.test>").startswith("503 5.5.1")
        assert client.ask(b"EHLO honest").startswith("250-mail.kairan.test Hello")
        assert client.ask(b"MAIL FROM:<printer@kairan.test>").startswith("530 5.7.57")


@pytest.mark.parametrize("injected", INJECTED.values(), ids=INJECTED)
def test_in_a_segment_of_its_own_it_spoils_the_handshake(service, injected):
    with service.client(tls=False) as client:
        assert client.ask(b"STARTTLS") == "220 2.0.0 SMTP server ready"
        client.say(injected)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            client.start_tls()


def test_in_the_middle_of_the_handshake_it_spoils_it(service):
    with service.client(tls=False) as client:
        client.ask(b"STARTTLS")
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = service.trust.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        hello = outgoing.read()
        client.say(hello[:40], b"EHLO injected\r\n", hello[40:])
        octets = client.rest()
        assert b"250" not in octets
        assert octets[:1] in {b"", b"\x15"}  # a TLS alert, or nothing


def test_capabilities_of_before_are_not_those_of_after(service):
    with service.client(tls=False) as client:
        before = client.ask(b"EHLO x")
        assert "STARTTLS" in before
        assert "AUTH" not in before
        client.ask(b"STARTTLS")
        client.start_tls()
        after = client.ask(b"EHLO x")
        assert "STARTTLS" not in after
        assert "AUTH LOGIN PLAIN" in after
