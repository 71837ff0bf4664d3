"""Listeners: roles, TLS from the first octet, devices, and a balancer in front."""

import base64
import re
import socket
import struct

import pytest

from kairan.cli import sample
from kairan.testing.configuration import listener
from kit.live import (
    LISTENERS,
    PASSWORD,
    PAYROLL,
    PRINTER,
    USER,
    Client,
    make_installation,
    running_service,
)

V2 = b"\r\n\r\n\x00\r\nQUIT\n"


def test_the_greeting_is_exchanges_and_names_the_session(service):
    with service.client(tls=False) as client:
        assert re.fullmatch(
            r"220 mail\.kairan\.test Microsoft ESMTP MAIL Service ready at "
            r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4} \[[0-9A-F]{16}\]",
            client.greeting,
        )


def test_implicit_tls_greets_behind_the_handshake_and_offers_auth(service):
    with service.client("implicit") as client:
        capabilities = client.ask(b"EHLO x")
        assert "STARTTLS" not in capabilities
        assert "AUTH LOGIN PLAIN" in capabilities
        client.login(PAYROLL)
        answer = client.send(b"From: payroll@kairan.test\r\nSubject: x\r\n", sender=PAYROLL)
        assert answer.startswith("250")


def test_starttls_inside_tls_is_refused(service):
    with service.client() as client:
        assert client.ask(b"STARTTLS").startswith("503 5.5.1 Already using TLS")


def test_a_listed_device_sends_without_login_and_tls_as_its_account(service):
    with service.client("device") as client:
        assert client.ask(f"MAIL FROM:<{PAYROLL}>".encode()).startswith("550 5.7.60")
        answer = client.send(b"Subject: by-device\r\n\r\nx", sender="scanner@kairan.test")
        assert answer.startswith("250")
    stored = service.wait_message(b"by-device")
    assert b"From: <scanner@kairan.test>" in stored
    assert b"with ESMTP" in stored


def test_a_device_that_logs_in_is_the_account_it_logs_in_as(service):
    with service.client("device") as client:
        assert client.auth(PAYROLL, PASSWORD).startswith("235")
        assert client.ask(f"MAIL FROM:<{PRINTER}>".encode()).startswith("550 5.7.60")
        assert client.ask(f"MAIL FROM:<{PAYROLL}>".encode()).startswith("250")


def test_helo_is_enough_for_a_device_and_stands_in_received(service):
    with Client(service.port("device"), service.trust) as client:
        client.reply()
        assert client.ask(b"HELO old-printer") == "250 mail.kairan.test Hello [127.0.0.1]"
        assert client.send(b"Subject: by-helo\r\n\r\nx").startswith("250")
    stored = service.wait_message(b"by-helo")
    assert b"from old-printer ([127.0.0.1])" in stored
    assert b"with SMTP" in stored


def test_an_address_that_is_no_listed_device_is_not_let_in(tmp_path):
    others = {"devices": {"192.0.2.0/24": PRINTER}}
    listeners = [{**one, **others} if one["role"] == "device" else one for one in LISTENERS]
    with (
        running_service(tmp_path / "k", listeners=listeners, workers=1) as service,
        Client(service.port("device"), service.trust) as client,
    ):
        assert client.reply() == "550 5.7.1 Source address is not a listed device"
        assert client.rest() == b""


def proxied(service, header):
    client = service.client("proxy")
    client.say(header)
    return client


def v2_from(address):
    body = socket.inet_aton(address) + socket.inet_aton("10.0.0.1") + b"\0\1\0\2"
    return V2 + struct.pack("!BBH", 0x21, 0x11, len(body)) + body


@pytest.mark.parametrize(
    ("header", "address"),
    [
        (b"PROXY TCP4 203.0.113.9 10.0.0.1 1 587\r\n", "203.0.113.9"),
        (b"PROXY TCP6 2001:db8::9 ::1 1 587\r\n", "IPv6:2001:db8::9"),
        (b"PROXY TCP6 ::ffff:203.0.113.8 ::1 1 587\r\n", "203.0.113.8"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (v2_from("203.0.113.10"), "203.0.113.10"),
    ],
)
def test_a_listed_balancer_tells_who_the_client_is(service, header, address):
    with proxied(service, header) as client:
        assert client.reply().startswith("220 ")
        assert f"Hello [{address}]" in client.ask(b"EHLO x")


def test_the_header_may_come_octet_by_octet(service):
    with service.client("proxy") as client:
        header = v2_from("203.0.113.11")
        client.say(*[header[n : n + 1] for n in range(len(header))])
        assert client.reply().startswith("220 ")
        assert "Hello [203.0.113.11]" in client.ask(b"EHLO x")


@pytest.mark.parametrize("octets", [b"EHLO x\r\n", b"PROXY TCP4 nonsense\r\n", b"\x16\x03\x01\0"])
def test_a_listed_balancer_must_tell_it(service, octets):
    with proxied(service, octets) as client:
        assert client.reply() == "421 4.7.0 PROXY header required"
        assert client.rest() == b""


@pytest.mark.parametrize("listener", ["device", "starttls"])
def test_from_anybody_else_the_header_is_a_bad_command(service, listener):
    with service.client(listener, tls=False) as client:
        answer = client.ask(b"PROXY TCP4 203.0.113.9 10.0.0.1 1 587")
        assert answer.startswith("500 5.3.3")
        assert "Hello [127.0.0.1]" in client.ask(b"EHLO x")


def test_the_forwarded_address_counts_for_the_message_too(service):
    with proxied(service, b"PROXY TCP4 203.0.113.12 10.0.0.1 1 587\r\n") as client:
        client.reply()
        client.ask(b"EHLO app.test")
        client.ask(b"STARTTLS")
        client.start_tls()
        client.ask(b"EHLO app.test")
        client.login()
        assert client.send(b"Subject: by-balancer\r\n\r\nx").startswith("250")
    stored = service.wait_message(b"by-balancer")
    assert b"Received: from app.test ([203.0.113.12])" in stored
    assert b"with ESMTPSA" in stored


def test_tls_off_on_loopback_takes_logins_in_clear(tmp_path):
    place = tmp_path / "k"
    make_installation(place, listeners=[listener("hve", tls="off")], workers=1)
    with (
        running_service(place, install=False) as service,
        Client(service.ports[0], service.trust) as client,
    ):
        client.reply()
        assert "AUTH LOGIN PLAIN" in client.ask(b"EHLO x")
        text = base64.b64encode(f"\0{PRINTER}\0{PASSWORD}".encode())
        assert client.ask(b"AUTH PLAIN " + text).startswith("235")
        assert client.envelope(USER) == "250 2.1.5 Recipient OK"


@pytest.mark.parametrize("field", [b"Message-ID: nonsense", b"Message-ID: two words"])
def test_a_malformed_message_id_stays_the_only_one(service, field):
    marker = field.split()[-1]
    with service.client().login() as client:
        answer = client.send(field + b"\r\nSubject: malformed " + marker + b"\r\n\r\nx")
        assert re.match(r"250 2\.6\.0 <(nonsense|[0-9a-f]{24}@mail\.kairan\.test)> \[", answer)
    stored = service.wait_message(b"Subject: malformed " + marker)
    assert stored.lower().count(b"message-id:") == 1
    assert field in stored


def test_postmaster_without_a_domain_reaches_the_organisations(service):
    postmaster = sample.address("postmaster")
    with service.client("device") as client:
        answer = client.send(b"Subject: to-whom-it-concerns\r\n\r\nx", "PostMaster")
        assert answer.startswith("250")
    service.wait_message(b"to-whom-it-concerns", postmaster)


def test_ipv6_is_written_as_a_literal(service):
    header = b"PROXY TCP6 2001:db8::7 2001:db8::1 4000 587\r\n"
    with service.client("proxy") as client:
        client.say(header)
        client.greeting = client.reply()
        assert "Hello [IPv6:2001:db8::7]" in client.ask(b"EHLO client.test")
        client.ask(b"STARTTLS")
        client.start_tls()
        client.ask(b"EHLO client.test")
        client.login()
        assert client.send(b"Subject: by-ipv6\r\n\r\nx").startswith("250")
    stored = service.wait_message(b"by-ipv6")
    assert b"Received: from client.test ([IPv6:2001:db8::7])" in stored
