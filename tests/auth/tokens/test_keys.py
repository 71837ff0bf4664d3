"""Issuers' keys: fetched rarely, kept through outages, never from where a token says."""

import asyncio
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from kairan.auth.tokens.jwks import KEYS_MAX, read_jwks
from kairan.auth.tokens.keys import EMPTY_INTERVAL_SECONDS, Keys
from kairan.auth.tokens.settings import IssuerSettings, TokenSettings
from kairan.auth.tokens.trust import is_trustworthy
from kit.token_issuer import EC_KEY, KEYS, OTHER_RSA_KEY, RSA_KEY, jwks, public_jwk

NAME = "https://issuer.test"
SETTINGS = TokenSettings(fetch_timeout_seconds=0.05)
DISCOVERY = json.dumps({"issuer": NAME, "jwks_uri": f"{NAME}/keys"}).encode()


class Site:
    """What the issuer's addresses give; an exception is raised."""

    def __init__(self, **answers):
        self.answers = {f"{NAME}/keys": KEYS, f"{NAME}/.well-known/openid-configuration": DISCOVERY}
        self.fetched = []

    async def __call__(self, url):
        self.fetched.append(url)
        await asyncio.sleep(0)
        answer = self.answers.get(url, OSError("nobody there"))
        if isinstance(answer, Exception):
            raise answer
        return answer


def keyring(site, clock, *, jwks_url=f"{NAME}/keys", settings=SETTINGS):
    issuer = IssuerSettings(NAME, jwks_url=jwks_url)
    return Keys([issuer], settings, fetch=site, clock=clock).of(NAME)


def kids(found):
    return [key.kid for key in found]


async def test_keys_are_found_by_kid_and_algorithm(clock):
    ring = keyring(Site(), clock)
    assert ring.is_empty
    await ring.wait_asked()
    assert kids(ring.find("rsa", "RS256")) == kids(ring.find("rsa", "PS256")) == ["rsa"]
    assert kids(ring.find("ec", "ES256")) == ["ec"]
    assert ring.find("rsa", "ES256") == ring.find("ec", "RS256") == ring.find("k", "RS256") == []
    assert kids(ring.find("", "RS256")) == ["rsa"]


async def test_discovery_leads_to_the_keys(clock):
    site = Site()
    ring = keyring(site, clock, jwks_url="")
    await ring.wait_asked()
    assert site.fetched == [f"{NAME}/.well-known/openid-configuration", f"{NAME}/keys"]
    assert not ring.is_empty


@pytest.mark.parametrize(
    "discovery",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        json.dumps({"issuer": "https://other.test", "jwks_uri": f"{NAME}/keys"}).encode(),
        json.dumps({"issuer": NAME}).encode(),
        json.dumps({"issuer": NAME, "jwks_uri": 7}).encode(),
        json.dumps({"issuer": NAME, "jwks_uri": "http://issuer.test/keys"}).encode(),
        json.dumps({"issuer": NAME, "jwks_uri": "file:///etc/passwd"}).encode(),
        json.dumps({"issuer": NAME, "jwks_uri": "https://["}).encode(),
        b"[" * 100_000,
    ],
)
async def test_a_discovery_that_leads_nowhere_safe_is_not_followed(clock, discovery):
    site = Site()
    site.answers[f"{NAME}/.well-known/openid-configuration"] = discovery
    ring = keyring(site, clock, jwks_url="")
    await ring.wait_asked()
    assert ring.is_empty
    assert len(site.fetched) == 1


async def test_however_many_ask_there_is_one_fetch_in_an_interval(clock):
    site = Site()
    ring = keyring(site, clock)
    await asyncio.gather(*(ring.wait_asked() for _ in range(100)))
    for _ in range(100):
        assert not ring.may_ask
        await ring.wait_asked()
    assert len(site.fetched) == 1
    clock.now += SETTINGS.keys_interval_seconds
    assert ring.may_ask
    await ring.wait_asked()
    assert len(site.fetched) == 2


@pytest.mark.parametrize(
    "answer",
    [OSError("down"), b"", b"{}", b'{"keys":[]}', b'{"keys":[7,{"kty":"oct","k":"eA"}]}', b"\xff"],
)
async def test_while_the_issuer_is_down_its_last_keys_count_for_days(clock, answer):
    site = Site()
    ring = keyring(site, clock)
    await ring.wait_asked()
    site.answers[f"{NAME}/keys"] = answer
    clock.now += SETTINGS.keys_kept_seconds
    await ring.wait_asked()
    assert kids(ring.find("rsa", "RS256")) == ["rsa"]
    assert ring.generation == 1
    clock.now += 1
    assert ring.is_empty
    assert not ring.find("rsa", "RS256")


async def test_a_key_that_was_withdrawn_counts_no_longer(clock):
    site = Site()
    ring = keyring(site, clock)
    await ring.wait_asked()
    site.answers[f"{NAME}/keys"] = jwks(public_jwk(OTHER_RSA_KEY, "new"))
    clock.now += SETTINGS.keys_interval_seconds
    await ring.wait_asked()
    assert kids(ring.find("", "RS256")) == ["new"]
    assert ring.generation == 2


async def test_an_issuer_that_is_still_starting_is_asked_again_soon(clock):
    site = Site()
    site.answers.clear()
    ring = keyring(site, clock)
    await ring.wait_asked()
    assert not ring.may_ask
    clock.now += EMPTY_INTERVAL_SECONDS
    assert ring.may_ask


async def test_an_issuer_that_does_not_answer_keeps_nobody_waiting_for_long(clock):
    async def silent(_url):
        await asyncio.sleep(3_600)
        return b""

    ring = keyring(silent, clock)
    await ring.wait_asked()
    assert ring.is_empty


async def test_a_client_that_hangs_up_does_not_take_the_fetch_along(clock):
    ring = keyring(Site(), clock)
    asking = asyncio.create_task(ring.wait_asked())
    await asyncio.sleep(0)
    asking.cancel()
    await ring.wait_asked()
    assert not ring.is_empty


async def test_too_long_an_answer_is_none(clock):
    settings = TokenSettings(fetch_octets_max=len(KEYS) - 1)
    ring = keyring(Site(), clock, settings=settings)
    await ring.wait_asked()
    assert ring.is_empty


async def test_in_the_background_keys_are_there_before_anybody_asks(clock):
    site = Site()
    keys = Keys([IssuerSettings(NAME)], SETTINGS, fetch=site, clock=clock)
    running = asyncio.create_task(keys.run())
    while keys.of(NAME).is_empty:
        await asyncio.sleep(0)
    running.cancel()
    assert len(site.fetched) == 2


SMALL = rsa.generate_private_key(65_537, 1_024)
P384 = ec.generate_private_key(ec.SECP384R1())
GOOD = public_jwk(RSA_KEY, "good")


@pytest.mark.parametrize(
    "jwk",
    [
        public_jwk(SMALL, "x"),
        public_jwk(P384, "x"),
        {**GOOD, "use": "enc"},
        {**GOOD, "alg": "HS256"},
        {**GOOD, "alg": "RS512"},
        {**GOOD, "kty": "oct", "k": "c2VjcmV0"},
        {**GOOD, "kty": "OKP", "crv": "Ed25519"},
        {**GOOD, "n": "!"},
        {**GOOD, "n": 7},
        {**GOOD, "e": "AA"},
        {**GOOD, "kid": 7},
        {**public_jwk(EC_KEY, "x"), "x": "AA"},
        {**public_jwk(EC_KEY, "x"), "crv": "secp256k1"},
        {"kty": "RSA"},
        {},
        [],
        None,
    ],
)
def test_a_key_that_we_cannot_use_does_not_spoil_the_others(jwk):
    assert {key.kid for key in read_jwks(jwks(jwk, GOOD))} == {"good"}


def test_an_issuer_with_thousands_of_keys_costs_no_memory():
    assert len(read_jwks(jwks(*[GOOD] * 1_000))) <= 2 * KEYS_MAX


def test_what_an_issuer_should_keep_private_is_not_read():
    assert read_jwks(jwks({**GOOD, "d": "AQAB", "p": "x"}))


@pytest.mark.parametrize(
    ("url", "trustworthy"),
    [
        ("https://issuer.test/keys", True),
        ("http://127.0.0.1:8080/keys", True),
        ("http://localhost/keys", True),
        ("http://[::1]:80/", True),
        ("http://issuer.test/keys", False),
        ("http://127.0.0.1@issuer.test/", False),
        ("http://localhost.issuer.test/", False),
        ("ftp://127.0.0.1/", False),
        ("file:///etc/passwd", False),
        ("https://", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_keys_come_by_https_or_from_this_machine(url, trustworthy):
    assert is_trustworthy(url) is trustworthy
