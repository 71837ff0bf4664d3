"""The text of a destination, read or refused with advice."""

from pathlib import Path

import pytest

from delivery.transport_talk import SETTINGS
from kairan.delivery.transports.destination import read_destination
from kairan.delivery.transports.table import DestinationError, transport_for
from kairan.relay.next_hop import TlsPolicy
from kairan.relay.settings import RelaySettings
from kairan.smtp.client.login import PasswordCredentials
from kit.plain_identity import PlainIdentity

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


# Services that want tokens.

IDENTITIES = {"hve": PlainIdentity("hve@kairan.test"), "other": PlainIdentity("other@kairan.test")}
ONLY = {"hve": IDENTITIES["hve"]}


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("smtp://mail.test:2525?auth=oauth&identity=hve", "mail.test", 2525),
        ("smtp://mail.test?auth=oauth&identity=hve", "mail.test", 587),
        ("smtp://localhost:2525?auth=oauth&identity=hve", "localhost", 2525),
        ("hve://?identity=hve", "smtp.hve.mx.microsoft", 587),
        ("hve://?identity=hve&sessions_max=3", "smtp.hve.mx.microsoft", 587),
        ("hve://hve.partner.test:2587?identity=hve", "hve.partner.test", 2587),
    ],
)
def test_a_token_goes_over_verified_tls_alone_wherever_the_service_is(text, host, port):
    next_hop, _ = read_destination(text, DEFAULTS, IDENTITIES)
    assert (next_hop.host, next_hop.port) == (host, port)
    assert next_hop.identity is IDENTITIES["hve"]
    assert (next_hop.tls, next_hop.verify) == (TlsPolicy.REQUIRE, True)


def test_the_only_identity_need_not_be_named_at_hve():
    next_hop, _ = read_destination("hve://", DEFAULTS, ONLY)
    assert next_hop.identity is ONLY["hve"]


def test_implicit_tls_takes_a_token_as_well():
    next_hop, _ = read_destination("smtps://mail.test?auth=oauth&identity=hve", DEFAULTS, ONLY)
    assert (next_hop.tls, next_hop.port) == (TlsPolicy.IMPLICIT, 465)


WRONG_LOGINS = {
    "smtp://mail.test?auth=oauth": "there are: hve, other",
    "smtp://mail.test?auth=oauth&identity=nobody": "there are: hve, other",
    "smtp://mail.test?identity=hve": "identity needs auth=oauth",
    "smtp://mail.test?auth=ntlm": "auth is password or oauth",
    "smtp://mail.test?auth=password": "auth=password needs a user",
    "smtp://user:pw@mail.test?auth=oauth&identity=hve": "not both",
    "smtp://mail.test?auth=oauth&identity=hve&tls=may": "a login needs tls=require",
    "smtp://mail.test?auth=oauth&identity=hve&tls=none": "a login needs tls=require",
    "smtp://mail.test?auth=oauth&identity=hve&verify=no": "a token goes to a verified server alone",
    "smtps://mail.test?auth=oauth&identity=hve&verify=no": "a token goes to a verified server alone",
    "hve://": "there are: hve, other",
    "hve://?identity=hve&tls=none": "hve:// knows no option 'tls'",
    "hve://?identity=hve&verify=no": "hve:// knows no option 'verify'",
    "hve://?identity=hve&auth=password": "hve:// knows no option 'auth'",
    "hve://user@?identity=hve": "without a user",
    "mx:?auth=oauth&identity=hve": "mx: knows no option 'auth'",
}


@pytest.mark.parametrize("text", WRONG_LOGINS)
def test_a_wrong_login_is_refused_with_advice(text):
    with pytest.raises(DestinationError) as error:
        transport_for(text, SETTINGS, IDENTITIES)
    assert WRONG_LOGINS[text] in str(error.value)


def test_oauth_without_an_identity_in_the_configuration_is_told_so():
    with pytest.raises(DestinationError, match=r"needs an \[\[identity\]\]"):
        transport_for("hve://?identity=hve", SETTINGS)
