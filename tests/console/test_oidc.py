"""Signing in to the console by an identity provider (npm's oidc-provider), and attacks on that."""

import base64
import json
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from console.conftest import Browser, csrf, opened
from kairan.auth.oidc.provider import Provider
from kairan.auth.oidc.settings import OidcRoles, OidcSettings
from kairan.auth.tokens.settings import TokenSettings
from kairan.console.oidc_sign_in import ROUND_TRIP_SECONDS
from kairan.console.roles import ConsoleRole
from kairan.runtime.fetch import HttpFetch
from kit.live import running_service
from kit.ports import free_port
from peers.oidc_provider import SECRET, needs_oidc_provider, oidc_provider

pytestmark = [pytest.mark.peers, needs_oidc_provider]
CONSOLE, OTHER = "the-console", "another-web-application"
ANSWER = "http://127.0.0.1/console/sign-in/oidc/answer"
ROLES = {role: f"Kairan.{role.title()}" for role in ConsoleRole}
PEOPLE = {
    **{role: {"preferred_username": f"{role}@example.com", "roles": ["Staff", ROLES[role]]} for role in ROLES},
    "impostor": {"preferred_username": "admin", "roles": [ROLES["viewer"]]},
    "roleless": {"preferred_username": "admin@example.com", "name": ROLES["admin"]},
    "stranger": {"preferred_username": "x@example.com", "roles": ["Kairan.admin", "", "admin"]},
    "both": {"preferred_username": "both@example.com", "roles": [ROLES["admin"], ROLES["helpdesk"]]},
    "odd": {"preferred_username": "a\u202eb\x1b[31m", "roles": ROLES["viewer"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def issuer(port):
    places = [ANSWER, f"http://127.0.0.1:{port}/console/sign-in/oidc/answer"]
    with oidc_provider(people=PEOPLE, webClients=[CONSOLE, OTHER], redirectUris=places) as found:
        yield found


@pytest.fixture(scope="module")
def secret_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("oidc") / "secret"
    file.write_text(f"{SECRET}\n")
    return file


@pytest.fixture
def settings(issuer, secret_file):
    roles = OidcRoles(**{str(role): (value,) for role, value in ROLES.items()})
    return OidcSettings(
        issuer=issuer.name,
        client_id=CONSOLE,
        client_secret_file=secret_file,
        console_url="http://127.0.0.1",
        label="Example ID",
        roles=roles,
    )


@asynccontextmanager
async def site_of(configuration, settings, tampered=lambda answer: answer):
    """`tampered`: what the token endpoint's answer becomes on its way."""
    async with HttpFetch(timeout_seconds=10, octets_max=262_144) as fetch:

        async def post(*asked):
            status, document = await fetch.post(*asked)
            return status, json.dumps(tampered(json.loads(document))).encode()

        provider = Provider(settings, TokenSettings(), fetch=fetch, post=post, clock=time.monotonic)
        with opened(configuration, provider=provider) as site:
            yield site


@pytest.fixture
async def oidc_site(configuration, settings):
    async with site_of(configuration, settings) as site:
        yield site


async def begun(browser, place="/console/doctor"):
    answer = await browser.get("/sign-in/oidc", params={"next": place})
    assert answer.status_code == 303
    return answer.headers["location"]


def asked(url):
    return dict(parse_qsl(urlsplit(url).query))


def changed(url, **values):
    """Its query with other values; None: without."""
    query = {**asked(url), **values}
    kept = {name: value for name, value in query.items() if value is not None}
    return urlsplit(url)._replace(query=urlencode(kept)).geturl()


async def came_back(issuer, browser, login="operator", **values):
    url = await issuer.wait_signed_in(await begun(browser), login)
    return await browser.http.get(changed(url, **values))


async def is_signed_in(browser):
    return (await browser.get("/doctor")).status_code == 200


async def assert_refused(site, browser, answer, reason="refused"):
    assert answer.status_code == 403
    assert not await is_signed_in(browser)
    what, facts = site.audit[-1]
    assert (what, facts["reason"]) == ("console.sign-in-refused", reason)


# As it is meant.


@pytest.mark.parametrize("role", ROLES)
async def test_who_has_a_role_there_has_it_here(oidc_site, issuer, role):
    browser = oidc_site.browser()
    answer = await came_back(issuer, browser, role)
    assert answer.status_code == 200
    assert 'content="0; url=/console/doctor"' in answer.text
    page = await browser.get("/doctor")
    assert f"<strong>oidc:{role}@example.com</strong> ({role})" in page.text
    for place, roles in (("/overview", ROLES.keys() - {"helpdesk"}), ("/users", {"admin"})):
        assert (await browser.get(place)).status_code == (200 if role in roles else 403)
    facts = dict(oidc_site.audit)["console.sign-in"]
    assert (facts["role"], facts["subject"], facts["issuer"]) == (role, role, issuer.name)


async def test_the_request_has_pkce_and_a_state_and_a_nonce_of_its_own(oidc_site):
    first, second = [asked(await begun(oidc_site.browser())) for _ in range(2)]
    assert first["code_challenge_method"] == "S256"
    assert len(first["code_challenge"]) == 43
    assert first["redirect_uri"] == ANSWER
    made = ("state", "nonce", "code_challenge")
    assert len({one[name] for one in (first, second) for name in made}) == 6


async def test_the_round_trips_cookie_comes_back_from_elsewhere_and_is_for_no_script(oidc_site):
    browser = oidc_site.browser(base_url="https://mail.example.com")
    answer = await browser.get("/sign-in/oidc")
    cookie = next(
        one
        for one in answer.headers.get_list("set-cookie")
        if one.startswith("__Host-kairan-oidc=")
    )
    assert "SameSite=lax" in cookie
    assert "HttpOnly" in cookie
    assert "Secure" in cookie


async def test_who_has_several_roles_gets_the_one_that_may_most(oidc_site, issuer):
    browser = oidc_site.browser()
    await came_back(issuer, browser, "both")
    assert (await browser.get("/users")).status_code == 200


async def test_signing_in_gives_another_session_than_before(oidc_site, issuer):
    browser = oidc_site.browser()
    await browser.sign_in("viewer")
    held = browser.http.cookies["kairan-console"]
    await came_back(issuer, browser, "admin")
    assert (
        await oidc_site.browser(cookies={"kairan-console": held}).get("/doctor")
    ).status_code == 303
    assert await is_signed_in(browser)


async def test_who_signs_out_is_out_and_a_local_administrator_still_gets_in(oidc_site, issuer):
    browser = oidc_site.browser()
    await came_back(issuer, browser)
    token = csrf(await browser.get("/doctor"))
    assert (await browser.post("/sign-out", {"csrf": token})).status_code == 303
    assert not await is_signed_in(browser)
    page = await browser.get("/sign-in")
    assert "Sign in with Example ID" in page.text
    assert (await browser.sign_in("admin")).status_code == 303
    assert await is_signed_in(browser)


async def test_a_session_of_the_provider_ends_as_others_do(oidc_site, issuer):
    browser = oidc_site.browser()
    await came_back(issuer, browser)
    oidc_site.now[0] += 31 * 60
    assert not await is_signed_in(browser)


async def test_a_service_with_the_settings_in_its_file_signs_people_in(tmp_path, issuer, port):
    (tmp_path / "oidc-secret").write_text(f"{SECRET}\n")
    settings = f"""
[api]
enabled = true
port = {port}
[oidc]
issuer = "{issuer.name}"
client_id = "{CONSOLE}"
client_secret_file = "oidc-secret"
console_url = "http://127.0.0.1:{port}"
[oidc.roles]
operator = ["{ROLES["operator"]}"]
"""
    with running_service(tmp_path, settings=settings):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            browser = Browser(client)
            url = await issuer.wait_signed_in(await begun(browser), "operator")
            assert (await client.get(url)).status_code == 200
            page = await browser.get("/doctor")
            assert "<strong>oidc:operator@example.com</strong>" in page.text
            other = await issuer.wait_signed_in(await begun(browser), "admin")
            assert (await client.get(other)).status_code == 403  # that role is not listed


async def test_where_no_provider_is_configured_there_is_no_such_place(site):
    for place in ("/sign-in/oidc", "/sign-in/oidc/answer?code=x&state=y"):
        assert (await site.browser().get(place)).status_code == 404
    assert "oidc" not in (await site.browser().get("/sign-in")).text


# Attacks.


@pytest.mark.parametrize("state", [None, "", "guessed", "é"])
async def test_an_answer_without_our_state_is_refused(oidc_site, issuer, state):
    browser = oidc_site.browser()
    answer = await came_back(issuer, browser, state=state)
    await assert_refused(oidc_site, browser, answer, "state")


async def test_an_answer_in_a_browser_that_did_not_begin_is_refused(oidc_site, issuer):
    """Login CSRF: the attacker signs in as himself and sends the last step to his victim."""
    attacker, victim = oidc_site.browser(), oidc_site.browser()
    url = await issuer.wait_signed_in(await begun(attacker), "viewer")
    await assert_refused(oidc_site, victim, await victim.http.get(url), "state")
    await begun(victim)  # also where the victim is about to sign in himself
    await assert_refused(oidc_site, victim, await victim.http.get(url), "state")


async def test_a_foreign_code_under_our_state_is_refused_by_pkce(oidc_site, issuer):
    attacker, victim = oidc_site.browser(), oidc_site.browser()
    stolen = asked(await issuer.wait_signed_in(await begun(victim), "admin"))["code"]
    answer = await came_back(issuer, attacker, "viewer", code=stolen)
    await assert_refused(oidc_site, attacker, answer)


async def test_an_id_token_with_another_nonce_is_refused(oidc_site, issuer):
    browser = oidc_site.browser()
    for nonce in ("chosen-by-an-attacker", None):
        url = await issuer.wait_signed_in(changed(await begun(browser), nonce=nonce), "admin")
        answer = await browser.http.get(url)
        await assert_refused(oidc_site, browser, answer)
        assert oidc_site.audit[-1][1]["detail"] == "the nonce is not the one that was sent"


async def test_an_answer_counts_once(oidc_site, issuer):
    browser = oidc_site.browser()
    place = await begun(browser)
    held = browser.http.cookies["kairan-oidc"]
    url = await issuer.wait_signed_in(place, "operator")
    assert (await browser.http.get(url)).status_code == 200
    for cookies in ({}, {"kairan-oidc": held}):
        thief = oidc_site.browser(cookies=cookies)
        await assert_refused(oidc_site, thief, await thief.http.get(url), "state")


async def test_a_code_counts_once(oidc_site, issuer):
    browser = oidc_site.browser()
    url = await issuer.wait_signed_in(await begun(browser), "operator")
    await browser.http.get(url)
    other = oidc_site.browser()
    answer = await came_back(issuer, other, "viewer", code=asked(url)["code"])
    await assert_refused(oidc_site, other, answer)


async def test_an_answer_that_took_too_long_is_refused(oidc_site, issuer):
    browser = oidc_site.browser()
    url = await issuer.wait_signed_in(await begun(browser), "operator")
    oidc_site.now[0] += ROUND_TRIP_SECONDS
    await assert_refused(oidc_site, browser, await browser.http.get(url), "state")


@pytest.mark.parametrize("iss", ["https://evil.example", "", None])
async def test_an_answer_of_another_issuer_is_refused(oidc_site, issuer, iss):
    """RFC 9207: mix-up.  This provider says that it names itself, so none is a fault as well."""
    browser = oidc_site.browser()
    answer = await came_back(issuer, browser, iss=iss)
    await assert_refused(oidc_site, browser, answer)


async def test_an_answer_with_a_parameter_twice_is_refused(oidc_site, issuer):
    browser = oidc_site.browser()
    url = await issuer.wait_signed_in(await begun(browser), "operator")
    answer = await browser.http.get(f"{url}&iss={issuer.name}")
    await assert_refused(oidc_site, browser, answer, "state")


@pytest.mark.parametrize("login", ["roleless", "stranger"])
async def test_who_has_no_role_is_told_so_and_not_let_in(oidc_site, issuer, login):
    browser = oidc_site.browser()
    answer = await came_back(issuer, browser, login)
    assert "have no role in this console" in answer.text
    await assert_refused(oidc_site, browser, answer, "no-role")


async def test_who_says_no_at_the_provider_is_not_let_in(oidc_site, issuer):
    browser = oidc_site.browser()
    answer = await came_back(issuer, browser, "nobody")
    await assert_refused(oidc_site, browser, answer, "denied")


async def test_a_name_chosen_there_is_no_name_of_ours(oidc_site, issuer):
    browser = oidc_site.browser()
    await came_back(issuer, browser, "impostor")
    page = await browser.get("/doctor")
    assert "<strong>oidc:admin</strong> (viewer)" in page.text
    assert (await browser.get("/users")).status_code == 403
    odd = oidc_site.browser()
    await came_back(issuer, odd, "odd")
    assert "<strong>oidc:odd</strong>" in (await odd.get("/doctor")).text  # its `sub`


@pytest.mark.parametrize("place", ["https://evil.example/", "//evil.example/", "/\\evil.example",
                                   "/console//evil.example", "/console@evil.example"])  # fmt: skip
async def test_signing_in_by_the_provider_leads_nowhere_else(oidc_site, issuer, place):
    browser = oidc_site.browser()
    url = await issuer.wait_signed_in(await begun(browser, place), "operator")
    answer = await browser.http.get(url)
    assert "evil" not in answer.text
    assert 'content="0; url=/console"' in answer.text


async def test_the_redirect_uri_is_the_one_configured_whatever_host_is_asked(oidc_site):
    answer = await oidc_site.browser().get("/sign-in/oidc", headers={"host": "localhost:9999"})
    assert asked(answer.headers["location"])["redirect_uri"] == ANSWER
    answer = await oidc_site.browser().get("/sign-in/oidc?redirect_uri=https://evil.example/")
    assert "evil" not in answer.headers["location"]


def forged(token, *, key=None, algorithm="RS256", header=None, **claims):
    body = {**jwt.decode(token, options={"verify_signature": False}), **claims}
    if algorithm == "none":
        parts = ({"alg": "none", **(header or {})}, body)
        packed = [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in parts]
        return b".".join((*packed, b"")).decode()
    kid = jwt.get_unverified_header(token)["kid"]
    return jwt.encode(body, key, algorithm, headers={"kid": kid, **(header or {})})


OWN_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
FORGERIES = {
    "alg none": lambda token: forged(token, algorithm="none"),
    "alg None": lambda token: forged(token, algorithm="none", header={"alg": "None"}),
    "no signature": lambda token: token.rpartition(".")[0] + ".",
    "another key": lambda token: forged(token, key=OWN_KEY),
    "HS256 with what is known": lambda token: forged(token, key="k" * 32, algorithm="HS256"),
    "a key it brings along": lambda token: forged(token, key=OWN_KEY, header={
        "jwk": json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OWN_KEY.public_key()))}),
    "other claims": lambda token: ".".join((token.split(".")[0], forged(
        token, key=OWN_KEY, roles=["Kairan.Admin"]).split(".")[1], token.split(".")[2])),
    "no token": lambda _: "",
    "no text": lambda token: {"a": token},
}  # fmt: skip


@pytest.mark.parametrize("kind", FORGERIES)
async def test_an_id_token_that_the_provider_did_not_sign_is_refused(
    configuration, settings, issuer, kind
):
    def tampered(answer):
        return {**answer, "id_token": FORGERIES[kind](answer["id_token"])}

    async with site_of(configuration, settings, tampered) as site:
        browser = site.browser()
        await assert_refused(site, browser, await came_back(issuer, browser))


async def test_a_genuine_id_token_for_another_application_is_refused(
    configuration, settings, issuer
):
    others = []
    foreign = replace(settings, client_id=OTHER)
    async with site_of(
        configuration, foreign, lambda answer: others.append(answer) or answer
    ) as site:
        assert (await came_back(issuer, site.browser(), "admin")).status_code == 200
    swapped = {"id_token": others[0]["id_token"]}
    async with site_of(configuration, settings, lambda answer: {**answer, **swapped}) as site:
        browser = site.browser()
        await assert_refused(site, browser, await came_back(issuer, browser))
        assert site.audit[-1][1]["detail"] == "the ID token is for another audience"


async def test_an_id_token_that_has_expired_is_refused(oidc_site, issuer):
    browser = oidc_site.browser()
    oidc_site.now[0] += 2 * 3_600  # of both: the round trip is young, the token is old
    answer = await came_back(issuer, browser)
    await assert_refused(oidc_site, browser, answer)
    assert oidc_site.audit[-1][1]["detail"] == "it has expired"


async def test_a_provider_that_is_away_keeps_nobody_with_a_password_out(configuration, settings):
    gone = replace(settings, issuer="http://127.0.0.1:1")
    async with site_of(configuration, gone) as site:
        browser = site.browser()
        answer = await browser.get("/sign-in/oidc")
        assert answer.status_code == 503
        assert "cannot be reached" in answer.text
        assert (await browser.sign_in("admin")).status_code == 303


async def test_no_secret_of_the_dance_is_in_the_audit(oidc_site, issuer):
    browser = oidc_site.browser()
    url = await issuer.wait_signed_in(await begun(browser), "operator")
    await browser.http.get(url)
    said = str(oidc_site.audit)
    for values in parse_qs(urlsplit(url).query).values():
        assert values[0] == issuer.name or values[0] not in said
