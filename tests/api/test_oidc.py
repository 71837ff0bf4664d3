"""Access tokens of an identity provider (npm's oidc-provider) at the HTTP API, and what is none."""

import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from kairan.api.application import application
from kairan.api.process import opened, provider_of
from kairan.auth.made_secrets import hash_secret, make_secret
from kairan.auth.oidc.settings import OidcRoles, OidcScopes, OidcSettings
from kairan.config.installation import Installation, install
from kairan.config.read import read
from kairan.directory.operations.api_keys import ApiKey, Scope
from kairan.directory.store import Directory
from kairan.runtime.fetch import HttpFetch
from peers.oidc_provider import needs_oidc_provider, oidc_provider

pytestmark = [pytest.mark.peers, needs_oidc_provider]
AUDIENCE, ELSEWHERE, CONSOLE = "https://kairan.example.com", "https://elsewhere.example", "console"
PROGRAMS = {
    "reader": ["Kairan.Read", "Kairan.Unknown"],
    "operator": ["Kairan.Read", "Kairan.Operate"],
    "administrator": ["Kairan.Admin"],
    "stranger": ["Mail.Send", "admin", "Kairan.admin"],
    "roleless": [],
}
ASKED = {
    "read": ("GET", "/v1/accounts", None),
    "operate": ("POST", "/v1/queue/retry", {"ids": ["0-x"]}),
    "admin": ("PUT", "/v1/policies/none/accounts/nobody%40example.com", None),
}
ALLOWED = {"reader": 1, "operator": 2, "administrator": 3}
OWN_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def issuer():
    audiences = {AUDIENCE: AUDIENCE, ELSEWHERE: ELSEWHERE, "urn:console": CONSOLE}
    with oidc_provider(programs=PROGRAMS, audiences=audiences) as found:
        yield found


@pytest.fixture(scope="module")
def configuration(tmp_path_factory, issuer):
    place = tmp_path_factory.mktemp("oidc-api") / "kairan"
    wanted = Installation(place=place, hostname="mail.example.com", domain="example.com")
    found, _ = read(install(wanted, now=datetime.now(UTC)))
    with Directory.open(found.directory_url):
        pass
    oidc = OidcSettings(
        issuer=issuer.name,
        client_id=CONSOLE,
        roles=OidcRoles(admin=("Kairan.Admin",)),
        api_audience=AUDIENCE,
        api_scopes=OidcScopes(("Kairan.Read",), ("Kairan.Operate",), ("Kairan.Admin",)),
    )
    return replace(found, oidc=oidc)


@asynccontextmanager
async def answering(configuration):
    async with HttpFetch(timeout_seconds=10, octets_max=262_144) as fetch:
        with opened(configuration, provider_of(configuration, fetch)) as parts:
            transport = httpx.ASGITransport(application(parts), client=("192.0.2.7", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                yield client


@pytest.fixture
async def client(configuration):
    async with answering(configuration) as client:
        yield client


async def asked(client, token, what="read"):
    method, place, body = ASKED[what]
    headers = {"authorization": f"Bearer {token}"}
    return await client.request(method, place, json=body, headers=headers)


@pytest.mark.parametrize("program", ALLOWED)
async def test_a_token_may_what_its_claim_says_and_no_more(client, issuer, program):
    token = issuer.token(program, AUDIENCE)
    statuses = [(await asked(client, token, what)).status_code for what in ASKED]
    refused = [status in {401, 403} for status in statuses]
    assert refused == [number >= ALLOWED[program] for number in range(3)]
    assert 401 not in statuses


async def test_a_change_is_in_the_audit_under_the_name_that_the_token_has(
    client, issuer, configuration
):
    headers = {"authorization": f"Bearer {issuer.token('administrator', AUDIENCE)}"}
    new = {"address": "made.by.token@example.com"}
    assert (await client.post("/v1/mailboxes", json=new, headers=headers)).status_code == 201
    await client.aclose()
    with Directory.open(configuration.directory_url) as directory:
        assert directory.mailbox("made.by.token@example.com")


@pytest.mark.parametrize("program", ["stranger", "roleless"])
async def test_a_token_without_a_value_that_is_listed_is_forbidden(client, issuer, program):
    answer = await asked(client, issuer.token(program, AUDIENCE))
    assert answer.status_code == 403
    assert "claim" in answer.json()["detail"]


def tampered(token, **changes):
    claims = {**jwt.decode(token, options={"verify_signature": False}), **changes}
    kid = jwt.get_unverified_header(token)["kid"]
    return jwt.encode(claims, OWN_KEY, "RS256", headers={"kid": kid})


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("another audience", lambda issuer: issuer.token("administrator", ELSEWHERE)),
        ("an ID token's audience", lambda issuer: issuer.token("administrator", "urn:console")),
        ("another key", lambda issuer: tampered(issuer.token("administrator", AUDIENCE))),
        ("alg none", lambda issuer: jwt.encode({"iss": issuer.name, "aud": AUDIENCE}, "", "none")),
        ("another issuer", lambda issuer: tampered(issuer.token("reader", AUDIENCE), iss="https://evil.example")),
        ("no signature", lambda issuer: issuer.token("administrator", AUDIENCE).rpartition(".")[0] + "."),
        ("nothing of it", lambda _: "aaaa.bbbbbbbbbbbbbbbbbbbbbb.cccc"),
    ],
)  # fmt: skip
async def test_what_is_no_token_for_us_is_refused_and_counted(client, issuer, kind, made):
    token = made(issuer)
    answers = [await asked(client, token) for _ in range(12)]
    assert answers[0].status_code == 401, kind
    assert answers[-1].status_code == 429  # as wrong keys are
    assert token.split(".")[1] not in answers[0].text


async def test_a_token_that_has_expired_is_refused(configuration):
    with oidc_provider(
        programs=PROGRAMS, audiences={AUDIENCE: AUDIENCE}, lifetimeSeconds=1
    ) as short:
        oidc = replace(configuration.oidc, issuer=short.name)
        async with answering(replace(configuration, oidc=oidc)) as client:
            token = short.token("administrator", AUDIENCE)
            ends = jwt.decode(token, options={"verify_signature": False})["exp"]
            while time.time() < ends:
                time.sleep(0.05)  # noqa: ASYNC251 - nothing else is to run
            answer = await asked(client, token)
    assert (answer.status_code, answer.json()["detail"]) == (401, "it has expired")


async def test_where_none_is_configured_no_token_is_taken(configuration, issuer):
    token = issuer.token("administrator", AUDIENCE)
    for oidc in (OidcSettings(), replace(configuration.oidc, api_audience="")):
        async with answering(replace(configuration, oidc=oidc)) as client:
            assert (await asked(client, token)).status_code == 401


async def test_an_issuer_that_was_never_reached_is_no_reason_to_call_a_token_wrong(
    configuration, issuer
):
    gone = replace(configuration.oidc, issuer="http://127.0.0.1:1")
    async with answering(replace(configuration, oidc=gone)) as client:
        token = tampered(issuer.token("reader", AUDIENCE), iss=gone.issuer)
        assert (await asked(client, token)).status_code == 503


async def test_keys_are_taken_beside(client, configuration):
    secret = make_secret()
    with Directory.open(configuration.directory_url) as directory:
        directory.api_keys.add(ApiKey("beside", hash_secret(secret), Scope.READ, 0, None))
    assert (await asked(client, secret)).status_code == 200
