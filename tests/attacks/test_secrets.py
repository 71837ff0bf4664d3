"""Whoever reads logs, traces or the spool learns no password and no token.

Secrets are sown in every way a client can send them, rightly, wrongly and in the wrong place; then
everything that the service has written is searched, as it is and in base64.
"""

import base64
import re
from pathlib import Path

import pytest

from kit.live import (
    PASSWORD,
    PAYROLL,
    PRINTER,
    USER,
    make_installation,
    open_directory,
    running_service,
)
from kit.token_issuer import OBJECT, TestIssuer, app_only

OFFERED = '\n[intake]\nmechanisms = ["LOGIN", "PLAIN", "XOAUTH2", "OAUTHBEARER"]\n'
WRONG = "a wrong password that somebody mistyped"


def b64(text):
    return base64.b64encode(text.encode())


def forms_of(secret):
    """As text, and what of its base64 does not depend on what stands around it."""
    yield secret.encode()
    for padding in ("", "x", "xx"):
        yield base64.b64encode((padding + secret).encode())[4:-4]


def found_in(octets, secrets):
    return [name for name, secret in secrets.items() if any(f in octets for f in forms_of(secret))]


def found_anywhere(service, secrets):
    """Which secrets stand where: all files of the service, and what it has printed."""
    places = {path: path.read_bytes() for path in service.place.rglob("*") if path.is_file()}
    places[Path("log")] = "".join(service.log).encode()
    found = {path: found_in(octets, secrets) for path, octets in places.items()}
    return {path.name: names for path, names in found.items() if names}


@pytest.fixture(scope="module")
def issuer():
    with TestIssuer() as made:
        yield made


@pytest.fixture
def service(issuer, tmp_path):
    make_installation(tmp_path / "k", settings=issuer.settings() + OFFERED)
    with open_directory(tmp_path / "k") as directory:
        directory.set_account(PRINTER, allowed_apps=frozenset({OBJECT}))
    with running_service(tmp_path / "k", install=False) as running:
        yield running


def sown(service, tokens):
    """Each line a client may send a secret in, and lines that are broken around one."""
    yield [b"AUTH PLAIN " + b64(f"\0{PRINTER}\0{WRONG}")]
    yield [b"AUTH PLAIN " + b64(f"\0{PRINTER}\0{PASSWORD}")]
    yield [b"AUTH LOGIN", b64(PAYROLL), b64(WRONG)]
    yield [b"AUTH LOGIN", b64(PRINTER), b64(PASSWORD)]
    yield [b"AUTH PLAIN " + b64(PASSWORD), b"AUTH PLAIN " + PASSWORD.encode()]
    yield [PASSWORD.encode(), b64(PASSWORD), b"MAIL FROM:<" + b64(PASSWORD) + b">"]
    yield [b"AUTH CRAM-MD5 " + b64(PASSWORD)]
    for token in tokens.values():
        text = f"user={PRINTER}\1auth=Bearer {token}\1\1"
        yield [b"AUTH XOAUTH2 " + b64(text)]
        yield [b"AUTH XOAUTH2", b64(text)]
        yield [b"AUTH XOAUTH2 " + token.encode()]
        yield [b"AUTH XOAUTH2 " + b64(f"auth=Bearer {token}\1user={PRINTER}\1\1")]
        yield [b"AUTH XOAUTH2 " + b64(text.replace(PRINTER, token))]
        yield [b"AUTH OAUTHBEARER " + b64(f"n,a={PRINTER},\1auth=Bearer {token}\1\1"), b64("\1")]
        yield [b"AUTH PLAIN " + b64(f"\0{PRINTER}\0{token}")]


def test_no_secret_is_written_anywhere(service, issuer):
    tokens = {
        "a good token": issuer.token(app_only),
        "an expired token": issuer.token(exp=1),
        "a token without permission": issuer.token(scp="User.Read"),
        "a forged token": issuer.token()[:-9] + "forgedsig",
    }
    answers = []
    for lines in sown(service, tokens):
        with service.client() as client:
            answers += [client.ask(line) for line in lines]
            if answers[-1].startswith("235"):
                assert client.send(b"Subject: sown\r\n\r\nhi", USER).startswith("250")
    codes = {answer[:11].rstrip() for answer in answers}
    assert {"235 2.7.0 A", "535 5.7.3 A", "501 5.5.128", "501 5.5.129", "535 5.7.127"} <= codes
    service.wait_empty()
    assert service.stop() == 0
    signatures = {f"signature of {name}": text.rpartition(".")[2] for name, text in tokens.items()}
    secrets = {"the password": PASSWORD, "a wrong password": WRONG, **tokens, **signatures}
    assert found_anywhere(service, secrets) == {}
    assert not re.search(r"auth=Bearer (?!…)", "".join(service.log))
    assert found_in("".join(answers).encode(), secrets) == []


def test_the_search_finds_what_is_there(service):
    (service.place / "planted.log").write_bytes(b"x" + b64(f"user\0{PASSWORD}\0") + b"y")
    assert found_anywhere(service, {"it": PASSWORD, "else": WRONG}) == {"planted.log": ["it"]}
