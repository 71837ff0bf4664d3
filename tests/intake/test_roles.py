"""What each role lets out, and where a password may be said."""

import pytest

from kairan.testing.configuration import listener
from kit.live import PRINTER, Client, make_installation, open_directory, running_service

EXTERNAL = b"stranger@elsewhere.test"
BY_ADDRESS = {"127.0.0.1/32": PRINTER}
LISTENERS = [
    listener("hve", tls="off"),
    listener("client", tls="off"),
    listener("device", tls="off", devices=BY_ADDRESS),
    listener("client", tls="off", external_recipients=True),
    listener("device", devices=BY_ADDRESS),
    listener("device", host="0.0.0.0", tls="off", devices=BY_ADDRESS),
    listener("device", host="0.0.0.0", tls="off", auth_in_clear_text=True, devices=BY_ADDRESS),
]
HVE, CLIENT, DEVICE, OUTSIDE, ENCRYPTED_DEVICE, CLEAR_DEVICE, OPEN_DEVICE = range(7)
ROUTES = {"*": "maildir:maildir"}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    place = tmp_path_factory.mktemp("roles") / "k"
    with running_service(place, listeners=LISTENERS, routes=ROUTES, workers=1) as running:
        yield running


def greeted(service, listener: int) -> Client:
    client = Client(service.ports[listener], service.trust)
    client.reply()
    client.ask(b"EHLO client.test")
    return client


def answer_to_external(service, listener: int) -> str:
    with greeted(service, listener) as client:
        if listener in {HVE, CLIENT, OUTSIDE}:
            client.login()
        assert client.ask(f"MAIL FROM:<{PRINTER}>".encode()).startswith("250")
        return client.ask(b"RCPT TO:<" + EXTERNAL + b">")


@pytest.mark.parametrize("listener", [HVE, CLIENT, DEVICE, ENCRYPTED_DEVICE])
def test_an_organisation_without_external_recipients_binds_every_role(service, listener):
    assert answer_to_external(service, listener).startswith("550 5.7.54")


def test_a_client_listener_that_says_so_lets_mail_out(service):
    assert answer_to_external(service, OUTSIDE).startswith("250")


@pytest.fixture(scope="module")
def open_service(tmp_path_factory):
    """Of an organisation that allows recipients outside."""
    place = tmp_path_factory.mktemp("open") / "k"
    make_installation(place, listeners=LISTENERS, routes=ROUTES, workers=1)
    with open_directory(place) as directory:
        directory.set_organisation(external_recipients_allowed=True)
    with running_service(place, install=False) as running:
        yield running


@pytest.mark.parametrize("listener", [HVE, CLIENT, DEVICE])
def test_an_organisation_with_external_recipients_lets_every_role_out(open_service, listener):
    assert answer_to_external(open_service, listener).startswith("250")


def test_where_tls_is_offered_a_device_listener_hides_auth_until_then(service):
    with greeted(service, ENCRYPTED_DEVICE) as client:
        assert "AUTH" not in client.ask(b"EHLO client.test")
        assert client.ask(b"AUTH LOGIN").startswith("538 5.7.11")
        assert client.ask(f"MAIL FROM:<{PRINTER}>".encode()).startswith("250")
        client.ask(b"RSET")
        client.ask(b"STARTTLS")
        client.start_tls()
        assert "AUTH LOGIN PLAIN" in client.ask(b"EHLO client.test")
        client.login()


def test_a_device_listener_in_clear_text_takes_no_login_beyond_loopback(service):
    with greeted(service, CLEAR_DEVICE) as client:
        assert "AUTH" not in client.ask(b"EHLO client.test")
        assert client.ask(b"AUTH LOGIN").startswith("504 5.7.4")
        assert client.ask(f"MAIL FROM:<{PRINTER}>".encode()).startswith("250")


def test_unless_it_says_so_and_then_the_log_warns(service):
    with greeted(service, OPEN_DEVICE) as client:
        assert "AUTH LOGIN PLAIN" in client.ask(b"EHLO client.test")
        client.login()
    service.wait_log("takes logins in clear text")
