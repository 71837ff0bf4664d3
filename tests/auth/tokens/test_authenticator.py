"""Logging in with a token: what is remembered, what waits, and what forgers get."""

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization

from kairan.auth.settings import AuthSettings
from kairan.auth.tokens.authenticator import TokenAuthenticator
from kairan.auth.tokens.judge import TokenLogin
from kairan.auth.tokens.keys import Keys
from kairan.auth.tokens.settings import IssuerSettings, TokenSettings
from kairan.mail.role import Role
from kairan.outcomes import catalogue as outcomes
from kairan.outcomes.decision import Refuse
from kit.token_issuer import (
    EC_KEY,
    KEYS,
    OBJECT,
    OTHER_RSA_KEY,
    RSA_KEY,
    TENANT,
    app_only,
    delegated,
    jwks,
    public_jwk,
    signed,
)

NOW = 1_764_000_000.0
NAME = "https://issuer.test/v2.0"
HERE = "192.0.2.7"
USER = "printer@kairan.test"
SETTINGS = AuthSettings(
    issuers=(
        IssuerSettings(NAME, jwks_url=f"{NAME}/keys", tenant=TENANT, account_claim="upn"),
        IssuerSettings("https://second.test", jwks_url="https://second.test/keys"),
    ),
    tokens=TokenSettings(failures_free=5),
)


class World:
    """One authenticator, its time of day, and what the issuers' addresses give."""

    def __init__(self, people, clock):
        self.now, self.people, self.clock = NOW, people, clock
        self.answers = {f"{NAME}/keys": KEYS}
        self.fetched = []
        keys = Keys(SETTINGS.issuers, SETTINGS.tokens, fetch=self._fetch, clock=clock)
        self.tokens = TokenAuthenticator(
            SETTINGS, keys, clock=clock, now=lambda: self.now, random=lambda size: b"r" * size
        )

    async def _fetch(self, url):
        self.fetched.append(url)
        await asyncio.sleep(0)
        return self.answers[url]

    def at_once(self, token, *, user=USER, source=HERE, role=Role.HVE):
        return self.tokens.decide(self.people, user, token, source, role=role)

    async def login(self, token, **options):
        """As a session does it."""
        verdict = self.at_once(token, **options)
        if verdict is not None:
            return verdict
        user, source = options.get("user", USER), options.get("source", HERE)
        return await self.tokens.verify(
            self.people, user, token, source, role=options.get("role", Role.HVE)
        )


@pytest.fixture
def world(people, clock):
    return World(people, clock)


def outcome(verdict):
    return verdict.outcome if isinstance(verdict, Refuse) else None


def claims(**changes):
    return delegated(NAME, NOW, **changes)


async def test_the_first_token_of_an_issuer_waits_for_its_keys_and_later_ones_do_not(world):
    token = signed(claims())
    assert world.at_once(token) is None
    login = await world.login(token)
    assert isinstance(login, TokenLogin)
    assert login.account.address == USER
    assert world.at_once(token) == login
    assert world.at_once(signed(claims(), EC_KEY, "ec")) == login
    assert world.at_once(signed(claims(), alg="PS256")) == login
    assert world.at_once(signed(claims(), kid=None)) == login
    assert world.fetched == [f"{NAME}/keys"]


async def test_a_signature_is_checked_once_and_everything_else_at_each_login(
    world, changed, monkeypatch
):
    token = signed(claims())
    await world.login(token)
    monkeypatch.setattr(
        "kairan.auth.tokens.authenticator.signer_of", lambda *_: pytest.fail("not again")
    )
    assert isinstance(world.at_once(token), TokenLogin)
    assert outcome(world.at_once(token, user="off@kairan.test")) is outcomes.OAUTH_UNSUCCESSFUL
    world.now = NOW + 3_000
    assert outcome(world.at_once(token)) is outcomes.TOKEN_EXPIRES_SOON
    world.now = NOW + 3_600
    assert outcome(world.at_once(token)) is outcomes.TOKEN_EXPIRED
    world.now = NOW
    world.people = changed(enabled=False)
    assert outcome(world.at_once(token)) is outcomes.OAUTH_UNSUCCESSFUL


async def test_an_application_that_is_taken_off_the_list_is_out_at_once(world, changed):
    world.people = changed(allowed_apps=frozenset({OBJECT}))
    token = signed(app_only(NAME, NOW))
    assert isinstance(await world.login(token), TokenLogin)
    world.people = changed(allowed_apps=frozenset())
    assert outcome(world.at_once(token)) is outcomes.OAUTH_UNSUCCESSFUL


async def test_a_token_of_a_withdrawn_key_is_out_though_it_was_remembered(world, clock):
    token = signed(claims())
    await world.login(token)
    world.answers[f"{NAME}/keys"] = jwks(public_jwk(OTHER_RSA_KEY, "new"))
    clock.now += SETTINGS.tokens.keys_interval_seconds
    assert isinstance(await world.login(signed(claims(), OTHER_RSA_KEY, "new")), TokenLogin)
    assert outcome(await world.login(token)) is outcomes.OAUTH_UNSUCCESSFUL


async def test_memory_holds_neither_tokens_nor_more_of_them_than_its_bound(people, clock):
    settings = replace(SETTINGS, tokens=replace(SETTINGS.tokens, verified_max=3))
    world = World(people, clock)
    world.tokens._settings = settings.tokens
    for number in range(10):
        token = signed(claims(jti=str(number), groups=["payroll"] * 500))
        await world.login(token)
    assert "payroll" not in repr(vars(world.tokens))
    assert len(world.tokens._genuine) == 3
    assert token not in repr(vars(world.tokens))
    assert token.rpartition(".")[2] not in repr(vars(world.tokens))


async def test_long_tokens_are_remembered_up_to_their_octets(world, monkeypatch):
    tokens = [signed(claims(jti=f"{number}", groups="g" * 4_000)) for number in range(4)]
    monkeypatch.setattr("kairan.auth.tokens.authenticator._GENUINE_OCTETS_MAX", 3 * len(tokens[0]))
    for token in tokens:
        assert isinstance(await world.login(token), TokenLogin)
    assert len(world.tokens._genuine) == 3
    assert world.tokens._genuine_octets <= 3 * len(tokens[0])


async def test_unknown_keys_cost_one_fetch_in_an_interval_however_many_there_are(world, clock):
    flood = [signed(claims(), kid=f"k{number}") for number in range(50)]
    options = [{"source": f"192.0.2.{n}"} for n in range(50)]
    verdicts = await asyncio.gather(
        *(world.login(token, **o) for token, o in zip(flood, options, strict=True))
    )
    assert {outcome(verdict) for verdict in verdicts} == {outcomes.OAUTH_UNSUCCESSFUL}
    assert len(world.fetched) == 1
    assert isinstance(await world.login(signed(claims())), TokenLogin)
    assert len(world.fetched) == 1
    clock.now += SETTINGS.tokens.keys_interval_seconds
    assert world.at_once(flood[0]) is None
    await world.login(flood[0])
    assert len(world.fetched) == 2


async def test_an_issuer_that_was_never_reached_is_no_fault_of_the_token(world, clock):
    world.answers.clear()
    token = signed(claims())
    for _ in range(20):
        assert outcome(await world.login(token)) is outcomes.TOKEN_ISSUER_UNREACHABLE
    world.answers[f"{NAME}/keys"] = KEYS
    clock.now += SETTINGS.tokens.keys_interval_seconds
    assert isinstance(await world.login(token), TokenLogin)


async def test_without_an_issuer_every_token_is_refused(people, clock):
    keys = Keys((), TokenSettings(), fetch=None, clock=clock)
    settings = AuthSettings()
    tokens = TokenAuthenticator(settings, keys, clock=clock, now=lambda: NOW, random=bytes)
    verdict = tokens.decide(people, USER, signed(claims()), HERE, role=Role.HVE)
    assert outcome(verdict) is outcomes.OAUTH_UNSUCCESSFUL


async def test_refused_tokens_slow_their_address_down_and_nobody_else(world):
    good, forged = signed(claims()), signed(claims(), OTHER_RSA_KEY)
    await world.login(good)
    heard = {outcome(await world.login(f"{forged}{n}")) for n in range(20)}
    assert heard == {outcomes.OAUTH_UNSUCCESSFUL, outcomes.AUTH_THROTTLED}
    assert isinstance(world.at_once(good), TokenLogin)
    other = signed(claims(jti="other"))
    assert isinstance(await world.login(other, source="198.51.100.7"), TokenLogin)
    neighbours = signed(claims(jti="behind the same NAT, the next hour"))
    assert isinstance(await world.login(neighbours), TokenLogin)


async def test_a_genuine_token_is_nobodys_guess(world):
    await world.login(signed(claims()))
    for number in range(50):
        token = signed(claims(exp=NOW - number))
        assert outcome(await world.login(token)) is outcomes.TOKEN_EXPIRED


async def test_oauthbearer_may_leave_the_account_to_the_token(world, changed):
    assert isinstance(await world.login(signed(claims()), user=""), TokenLogin)
    world.people = changed(smtp_client_authentication_disabled=True)
    for user in ("", USER):
        assert isinstance(world.at_once(signed(claims()), user=user), TokenLogin)
    verdict = world.at_once(signed(claims()), user="", role=Role.CLIENT)
    assert outcome(verdict).enhanced == "5.7.139"
    world.people = changed(allowed_apps=frozenset({OBJECT}))
    application = signed(app_only(NAME, NOW))
    assert outcome(await world.login(application, user="")) is outcomes.OAUTH_UNSUCCESSFUL


# Attack class: forged tokens.  Each would log in if one check were missing.


def part(value):
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unsigned(**header):
    return f"{part({'alg': 'none', 'typ': 'JWT', **header})}.{part(claims())}."


def hs256_with_the_public_key(kind):
    """The key confusion of CVE-2015-9235: what is public serves as the secret."""
    secrets = {
        "pem": RSA_KEY.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "jwk": json.dumps(public_jwk(RSA_KEY, "rsa")).encode(),
    }
    text = f"{part({'alg': 'HS256', 'kid': 'rsa'})}.{part(claims())}"
    digest = hmac.new(secrets[kind], text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def with_another_payload():
    header, _, signature = signed(claims(upn="payroll@kairan.test")).split(".")
    return f"{header}.{part(claims())}.{signature}"


def zero_signature():
    """CVE-2022-21449: r = s = 0."""
    header, payload, _ = signed(claims(), EC_KEY, "ec").split(".")
    return f"{header}.{payload}.{base64.urlsafe_b64encode(bytes(64)).decode().rstrip('=')}"


TWICE = '{"upn":"a","upn":"b"}'
FORGED = {
    "no algorithm": unsigned(),
    "no algorithm, known key": unsigned(kid="rsa"),
    "no signature": signed(claims()).rpartition(".")[0] + ".",
    "HS256 with the public key": hs256_with_the_public_key("pem"),
    "HS256 with the JWK": hs256_with_the_public_key("jwk"),
    "another's key, this one's name": signed(claims(), OTHER_RSA_KEY),
    "another's key, no name": signed(claims(), OTHER_RSA_KEY, kid=None),
    "its own key in the header": signed(
        claims(), OTHER_RSA_KEY, jwk=public_jwk(OTHER_RSA_KEY, "rsa")
    ),
    "jku": signed(claims(), OTHER_RSA_KEY, jku="https://evil.test/keys"),
    "x5u": signed(claims(), OTHER_RSA_KEY, x5u="https://evil.test/chain"),
    "kid as a path": signed(claims(), OTHER_RSA_KEY, kid="../../dev/null"),
    "kid as SQL": signed(claims(), OTHER_RSA_KEY, kid="' OR 1=1 --"),
    "ES256 claimed of an RSA key": signed(claims(), EC_KEY, "rsa"),
    "another payload": with_another_payload(),
    "zero signature": zero_signature(),
    "unknown issuer": signed(claims(iss="https://evil.test")),
    "issuer without its path": signed(claims(iss="https://issuer.test")),
    "issuer with a slash": signed(claims(iss=NAME + "/")),
    "issuer in other letters": signed(claims(iss=NAME.upper())),
    "issuer with a look-alike": signed(claims(iss=NAME.replace("i", "\u0456", 1))),
    "no issuer": signed(claims(iss=None)),
    "the second issuer's name, the first one's key": signed(claims(iss="https://second.test")),
    "wrong audience": signed(claims(aud="https://graph.microsoft.com")),
    "wrong tenant": signed(claims(tid="x")),
    "from the future": signed(claims(nbf=NOW + 3_600)),
    "somebody else's": signed(claims(upn="payroll@kairan.test")),
    "account with a NUL": signed(claims(upn="printer@kairan.test\0")),
    "account in full-width letters": signed(claims(upn="\uff50rinter@kairan.test")),
    "nested": f"{part({'alg': 'RS256', 'cty': 'JWT'})}.{part(signed(claims()))}.c2ln",
    "five parts": signed(claims()) + ".a.b",
    "huge": signed(claims(filler="x" * 10_000)),
    "a claim twice": f"{part({'alg': 'RS256'})}.{part(TWICE)}.c2ln",
    "empty": "",
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_token_is_refused(world, name):
    await world.login(signed(claims()))
    verdict = await world.login(FORGED[name])
    expected = (
        outcomes.TOKEN_ISSUER_UNREACHABLE
        if "second issuer" in name
        else outcomes.OAUTH_UNSUCCESSFUL
    )
    assert outcome(verdict) is expected
    assert all(url.startswith((NAME, "https://second.test")) for url in world.fetched)
