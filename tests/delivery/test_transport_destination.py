"""The text of a destination, read or refused with advice."""

from pathlib import Path

import pytest

from delivery.transport_talk import SETTINGS
from kairan.delivery.transports.destination import read_destination
from kairan.delivery.transports.table import DestinationError, transport_for
from kairan.relay.next_hop import TlsPolicy
from kairan.relay.settings import RelaySettings
from kairan.smtp.client.login import PasswordCredentials

DEFAULTS = RelaySettings()
VERIFIED = {"tls": TlsPolicy.REQUIRE, "verify": True}
OPPORTUNISTIC = {"tls": TlsPolicy.MAY, "verify": False}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("smtp://mx.test", {"host": "mx.test", "port": 25, "lmtp": False, **VERIFIED}),
        ("smtp://192.0.2.7:2525", VERIFIED),
        ("smtp://10.0.0.1", VERIFIED),
        ("smtp://[2001:db8::1]", VERIFIED),
        ("smtp://localhost.example.test", VERIFIED),
        ("lmtp://mx.test", VERIFIED),
        ("smtp://127.0.0.1:25", OPPORTUNISTIC),
        ("smtp://127.9.9.9", OPPORTUNISTIC),
        ("smtp://localhost", OPPORTUNISTIC),
        ("smtp://LOCALHOST.", OPPORTUNISTIC),
        ("lmtp://[::1]:24", OPPORTUNISTIC),
        ("smtp://localhost?tls=require", VERIFIED),
        ("smtp://user:pw@127.0.0.1", VERIFIED),
        ("smtp://mx.test?verify=no", {"tls": TlsPolicy.REQUIRE, "verify": False}),
        ("smtp://mx.test?tls=may", OPPORTUNISTIC),
        ("smtp://mx.test:2525?tls=none", {"port": 2525, "tls": TlsPolicy.NONE}),
        ("smtp://[::1]:2525", {"host": "::1", "port": 2525}),
        ("smtps://mx.test", {"port": 465, "tls": TlsPolicy.IMPLICIT, "verify": True}),
        ("smtp://mx.test?tls=require", {"tls": TlsPolicy.REQUIRE, "verify": True}),
        ("smtp://mx.test?tls=require&verify=no", {"verify": False}),
        ("smtp://mx.test?tls=may", {"verify": False}),
        ("lmtp://mx.test", {"port": 24, "lmtp": True}),
        ("lmtp:///run/dovecot/lmtp", {"socket_path": "/run/dovecot/lmtp", "tls": TlsPolicy.NONE}),
        (
            "smtp://user:p%40ss@mx.test",
            {"credentials": PasswordCredentials("user", "p@ss"), "tls": TlsPolicy.REQUIRE},
        ),
    ],
)
def test_destination(text, expected):
    destination, _ = read_destination(text, DEFAULTS)
    assert {name: getattr(destination, name) for name in expected} == expected


def test_options_override_the_defaults_one_by_one():
    text = "smtp://mx.test?sessions_max=3&recipients_max=7&idle_seconds=1.5&hostname=we.test"
    _, settings = read_destination(text, DEFAULTS)
    assert (settings.sessions_max, settings.recipients_max) == (3, 7)
    assert (settings.idle_seconds, settings.hostname) == (1.5, "we.test")
    assert settings.age_seconds == DEFAULTS.age_seconds


def test_password_from_a_file(tmp_path):
    file = tmp_path / "password"
    file.write_text("s3cret\n")
    destination, _ = read_destination(f"smtp://user@mx.test?password_file={file}", DEFAULTS)
    assert destination.credentials == PasswordCredentials("user", "s3cret")


WRONG = {
    "smpt://mx.test": "write maildir:DIR",
    "mx.test": "write maildir:DIR",
    "smtp://": "write smtp://HOST:PORT",
    "smtp://mx.test/path": "write smtp://HOST:PORT",
    "smtp://mx.test:port": "port must be a number",
    "smtp://mx.test:99999": "port must be a number",
    "smtp://mx.test?verifiy=yes": "unknown option 'verifiy'",
    "smtp://mx.test?tls=yes": "tls is none, may or require",
    "smtp://mx.test?verify=maybe": "verify is yes or no",
    "smtp://mx.test?sessions_max=0": "sessions_max must be a number above 0",
    "smtp://mx.test?sessions_max=nan": "sessions_max must be a number above 0",
    "smtp://mx.test?idle_seconds=nan": "idle_seconds must be a number above 0",
    "smtp://mx.test?ca=/no/such/file": "there is no file /no/such/file",
    "smtp://user@mx.test": "needs user and password",
    "smtp://user:pw@mx.test?tls=none": "a login needs tls=require",
    "smtp://user:pw@mx.test?tls=may": "a login needs tls=require",
    "lmtp://user:pw@mx.test?tls=none": "a login needs tls=require",
    "maildir:relative/path": "from the root on",
    "maildir:": "from the root on",
    "mx:example.test": "write mx: alone",
    "mx:?password_file=x": "knows no option 'password_file'",
    "mx:?tls=may&verify=yes": "verify=yes needs tls=require",
    "smtp://mx.test?tls=may&verify=yes": "verify=yes needs tls=require",
    "smtp://localhost?verify=yes": "verify=yes needs tls=require",
    "smtp://mx.test?tls=none&verify=yes": "verify=yes needs tls=require",
    "mx:?tls=yes": "tls is none, may or require",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_destination_is_refused_with_advice(text):
    with pytest.raises(DestinationError) as error:
        transport_for(text, SETTINGS)
    assert WRONG[text] in str(error.value)


def test_no_error_shows_a_password():
    with pytest.raises(DestinationError) as error:
        transport_for("smtp://user:hunter2@mx.test?tls=may", SETTINGS)
    assert "hunter2" not in str(error.value)
    assert "user@mx.test" in str(error.value)


async def test_each_kind_says_how_much_it_takes(tmp_path: Path):
    for text in (f"maildir:{tmp_path}", "lmtp://x.test:24", "smtp://x.test", "mx:"):
        transport = transport_for(text, SETTINGS)
        assert transport.recipients_max > 0
        assert transport.concurrency_max > 0
        await transport.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mx:", OPPORTUNISTIC),
        ("mx:?tls=require", {"tls": TlsPolicy.REQUIRE, "verify": False}),
        ("mx:?verify=yes", VERIFIED),
        ("mx:?tls=require&verify=yes", VERIFIED),
    ],
)
async def test_mx_encrypts_where_it_is_offered_and_verifies_where_it_is_written(text, expected):
    transport = transport_for(text, SETTINGS)
    template = transport._template
    assert {name: getattr(template, name) for name in expected} == expected
    await transport.close()
