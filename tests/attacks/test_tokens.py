"""Tokens that are forged, issuers that misbehave, sessions that outlive their login.

What each forgery is refused for stands in tests/auth/test_bearer.py; here is what only the whole can
show: the service goes on, asks the issuer seldom, and never asks anybody else.
"""

import base64
import time

import pytest

from kit.live import PASSWORD, PRINTER, USER, running_service, wait_for
from kit.token_issuer import KEYS, OTHER_RSA_KEY, TestIssuer, delegated, public_jwk, signed

OK = "235 2.7.0 Authentication successful"


@pytest.fixture
def issuer():
    with TestIssuer() as made:
        yield made


@pytest.fixture
def start(tmp_path):
    """A service that believes this issuer, with further settings of [auth.tokens]."""

    def running(issuer, *, tokens="", jwks_url=""):
        settings = issuer.settings(jwks_url=jwks_url) + f"[auth.tokens]\n{tokens}\n"
        return running_service(tmp_path / "k", settings=settings, workers=1)

    return running


def offer(client, token):
    text = f"user={PRINTER}\1auth=Bearer {token}\1\1"
    return client.ask(b"AUTH XOAUTH2 " + base64.b64encode(text.encode()))


def login_with(service, token):
    with service.client() as client:
        return offer(client, token)


def forged(issuer, **header):
    return signed(delegated(issuer.name, time.time()), OTHER_RSA_KEY, **header)


def assert_well(service):
    assert service.process.poll() is None
    assert "Traceback" not in "".join(service.log)
    with service.client().login(PRINTER, PASSWORD) as client:
        assert client.in_step()


def test_a_flood_of_unknown_keys_reaches_the_issuer_once(issuer, start):
    with start(issuer, tokens="keys_interval_seconds = 3600.0") as service:
        assert login_with(service, issuer.token()) == OK
        for number in range(60):
            assert login_with(service, forged(issuer, kid=f"k{number}")).startswith("535 5.7.127")
        assert issuer.fetched == ["/.well-known/openid-configuration", "/keys"]
        assert login_with(service, issuer.token()) == OK


def test_a_token_does_not_choose_where_its_key_comes_from(issuer, start):
    with TestIssuer() as evil, start(issuer) as service:
        own = public_jwk(OTHER_RSA_KEY, "rsa")
        evil.answers["/keys"] = b'{"keys":[]}'
        for header in ({"jku": f"{evil.name}/keys"}, {"x5u": f"{evil.name}/x"}, {"jwk": own}):
            assert login_with(service, forged(issuer, **header)).startswith("535 5.7.127")
        claims = delegated(evil.name, time.time())
        assert login_with(service, signed(claims)).startswith("535 5.7.127")
        assert evil.fetched == []
        assert_well(service)


BROKEN = {
    "no key set": {"/keys": b"<html>"},
    "an empty set": {"/keys": b'{"keys":[]}'},
    "nothing": {"/keys": b""},
    "a key set of a million octets": {"/keys": KEYS + b" " * 1_000_000},
    "a discovery of another issuer": {
        "/.well-known/openid-configuration": b'{"issuer":"https://x.test","jwks_uri":"https://x"}'
    },
    "a discovery that is no JSON": {"/.well-known/openid-configuration": b"[" * 10_000},
}


@pytest.fixture(scope="module")
def unlucky(tmp_path_factory):
    """A service that has never had a key, and its issuer."""
    place = tmp_path_factory.mktemp("unlucky") / "k"
    with TestIssuer(status=503) as issuer:
        settings = issuer.settings() + "[auth.tokens]\nkeys_interval_seconds = 0.01\n"
        with running_service(place, settings=settings, workers=1) as service:
            yield service, issuer


@pytest.mark.parametrize("fault", BROKEN)
def test_an_issuer_whose_answers_are_broken_is_named_in_the_log(unlucky, monkeypatch, fault):
    service, issuer = unlucky
    monkeypatch.setattr(issuer, "answers", issuer.answers | BROKEN[fault])
    monkeypatch.setattr(issuer, "status", 200)
    assert login_with(service, issuer.token()).startswith("454 4.7.0 Temporary authentication")
    assert login_with(service, "").startswith("501 5.5.126")
    service.wait_log("auth.issuer-keys-not-fetched")
    assert_well(service)


@pytest.mark.parametrize("status", [301, 404, 500])
def test_an_issuer_that_says_no_or_elsewhere_is_not_followed(unlucky, monkeypatch, status):
    service, issuer = unlucky
    monkeypatch.setattr(issuer, "status", status)
    assert login_with(service, issuer.token()).startswith("454 4.7.0")
    assert "/elsewhere" not in issuer.fetched
    assert_well(service)


def test_an_issuer_that_does_not_answer_holds_nobody_else_up(issuer, start):
    issuer.delay_seconds = 3_600
    with start(issuer, tokens="fetch_timeout_seconds = 1.0") as service:
        with service.client() as waiting:
            text = f"user={PRINTER}\1auth=Bearer {issuer.token()}\1\1".encode()
            waiting.say(b"AUTH XOAUTH2 " + base64.b64encode(text) + b"\r\n")
            assert_well(service)
            assert waiting.reply().startswith("454 4.7.0")
        issuer.delay_seconds = 0


def test_an_issuer_that_is_down_keeps_nobody_out(start):
    with TestIssuer() as issuer, start(issuer) as service:
        assert login_with(service, issuer.token()) == OK
        issuer.__exit__()
        assert login_with(service, issuer.token(jti="later")) == OK
        assert login_with(service, forged(issuer, kid="new")).startswith("535 5.7.127")
        assert_well(service)


def test_a_session_ends_with_its_token_and_its_running_message_does_not(issuer, start):
    with start(issuer, tokens="margin_seconds = 0.0") as service, service.client() as client:
        expires = time.time() + 3
        assert offer(client, issuer.token(exp=expires)) == OK
        client.begin(USER)
        time.sleep(max(0.0, expires - time.time()) + 0.1)
        client.say(b"Subject: begun in time\r\n\r\nhello\r\n.\r\n")
        assert client.reply().startswith("250 2.6.0")
        answer = client.ask(f"MAIL FROM:<{PRINTER}>".encode())
        assert answer.startswith("421 4.7.0 Access token has expired")
        assert client.rest() == b""
        assert service.wait_message(b"begun in time")
        refusal = wait_for(
            lambda: next((e for e in service.events() if "token-session" in e.detail), None),
            "the refusal in the trace",
        )
        assert "mechanism=XOAUTH2" in refusal.detail
