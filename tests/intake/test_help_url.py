"""With `help_url` every refusal on the wire ends with the address of its explanation."""

import socket

import pytest

from kairan.testing.configuration import kairan_toml
from kit.live import PRINTER, make_installation, running_service

HELP = "https://docs.example.com/errors/#"


@pytest.fixture(scope="module")
def helpful(tmp_path_factory):
    place = tmp_path_factory.mktemp("help") / "k"
    make_installation(place, workers=1)
    file = place / "kairan.toml"
    file.write_text(file.read_text().replace("[server]\n", f'[server]\nhelp_url = "{HELP}"\n'))
    with running_service(place, install=False) as running:
        yield running


def test_a_command_out_of_order_and_a_recipient_who_is_not_there(helpful):
    with helpful.client().login() as client:
        assert client.ask(b"DATA").endswith(f"] See {HELP}need-mail")
        client.ask(f"MAIL FROM:<{PRINTER}>".encode())
        answer = client.ask(b"RCPT TO:<nobody@kairan.test>")
        assert answer.startswith("550 5.1.10 ")
        assert answer.endswith(f"] See {HELP}recipient-unknown")


def test_a_login_that_is_refused(helpful):
    with helpful.client() as client:
        answer = client.ask(b"AUTH PLAIN AGEAYg==")
        assert answer.startswith("535 5.7.3 ")
        assert f"] See {HELP}" in answer


def test_a_connection_that_is_refused_before_there_is_a_session(helpful):
    with socket.create_connection(("127.0.0.1", helpful.port("proxy"))) as unknown:
        unknown.sendall(b"EHLO without.a.proxy.header\r\n")
        answer = unknown.makefile("rb").readline()
        assert answer.endswith(f" See {HELP}proxy-required\r\n".encode())


def test_what_is_accepted_ends_as_ever(helpful):
    with helpful.client().login() as client:
        answer = client.send(b"Subject: well\r\n")
        assert answer.endswith("] Queued mail for delivery")


def test_without_the_setting_a_refusal_ends_as_exchanges_does(service):
    with service.client().login() as client:
        assert client.ask(b"DATA").endswith("]")
    assert "help_url" not in kairan_toml(listeners=[], routes={})
