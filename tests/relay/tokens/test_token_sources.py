"""Tokens of real issuers: msal against our own, a scripted IMDS, oidc-provider of npm."""

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from kairan.outcomes import catalogue
from kairan.relay.tokens.answers import token_in
from kairan.relay.tokens.check import problem_with
from kairan.relay.tokens.http import TokenHttp, TokenHttpError
from kairan.relay.tokens.identity import fetch_of
from kairan.relay.tokens.settings import IdentityKind, IdentitySettings
from kairan.relay.tokens.token import Fetched, TokenFault
from kairan.runtime.certificates import make_authority
from kairan.testing import running_demo
from peers.oidc_provider import AUDIENCE, CLIENT, SECRET, needs_oidc_provider, oidc_provider


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("tokens") / "demo") as running:
        yield running


def settings_for(demo, secret, **changes):
    authority, _, tenant = demo.oauth["authority"].rpartition("/")
    given = {
        "name": "hve",
        "user": demo.accounts[0].address,
        "authority": authority,
        "tenant": tenant,
        "client_id": demo.oauth["client_id"],
        "client_secret_file": secret,
        "scope": demo.oauth["scope"],
        "ca_file": demo.ca_file,
    }
    return IdentitySettings(**(given | changes))


@pytest.fixture
def secret_file(tmp_path):
    def write(secret):
        path = tmp_path / "secret"
        path.write_text(f"{secret}\n")
        return path

    return write


def claims(token):
    return jwt.decode(token, options={"verify_signature": False})


def test_msal_gets_a_token_of_the_embedded_issuer(demo, secret_file):
    fetch = fetch_of(settings_for(demo, secret_file(demo.oauth["client_secret"])))
    first, second = fetch(""), fetch("")
    assert isinstance(first, Fetched)
    assert claims(first.token.text)["aud"] == demo.oauth["audience"]
    assert 0 < first.token.life_seconds <= 86_400
    assert isinstance(second, Fetched)
    assert second.token.text != first.token.text, "no cache but the keeper's gives one back"


def test_a_wrong_secret_is_the_issuers_refusal_in_its_own_words(demo, secret_file):
    fault = fetch_of(settings_for(demo, secret_file("mistaken")))("")
    assert isinstance(fault, TokenFault)
    assert fault.outcome is catalogue.ACCESS_TOKEN_REFUSED
    assert "invalid_client" in fault.detail
    assert "mistaken" not in fault.detail


def test_an_issuer_that_is_not_there_is_unavailable(demo, secret_file):
    settings = settings_for(demo, secret_file("x"), authority="https://127.0.0.1:9")
    fault = fetch_of(settings)("")
    assert isinstance(fault, TokenFault)
    assert fault.outcome is catalogue.ACCESS_TOKEN_UNAVAILABLE


def test_a_missing_secret_file_is_unavailable_and_named(demo, tmp_path):
    fault = fetch_of(settings_for(demo, tmp_path / "gone"))("")
    assert isinstance(fault, TokenFault)
    assert "gone" in fault.detail


def test_a_certificate_that_is_not_trusted_gives_no_secret_away(demo, secret_file):
    settings = settings_for(demo, secret_file(demo.oauth["client_secret"]), ca_file=None)
    fault = fetch_of(settings)("")
    assert isinstance(fault, TokenFault)
    assert fault.outcome is catalogue.ACCESS_TOKEN_UNAVAILABLE
    assert "certificate" in fault.detail.lower()


def test_a_sign_in_by_device_code_gives_a_token(demo):
    from kairan.relay.tokens.entra import sign_in  # it imports msal

    settings = settings_for(demo, None, kind=IdentityKind.DEVICE_CODE)

    def approve(message):
        code = message.split("approve ")[1].split()[0]
        command = ("app", "approve", code, "--user", settings.user, "-c", demo.configuration)
        subprocess.run([sys.executable, "-m", "kairan", *command], check=True, capture_output=True)

    fetched = sign_in(settings, approve)
    assert isinstance(fetched, Fetched)
    assert claims(fetched.token.text)["aud"] == demo.oauth["audience"]


def test_without_a_sign_in_somebody_must_do_it(demo):
    fault = fetch_of(settings_for(demo, None, kind=IdentityKind.DEVICE_CODE))("")
    assert isinstance(fault, TokenFault)
    assert fault.outcome is catalogue.SIGN_IN_NEEDED


# A managed identity.


@contextmanager
def scripted(answer):
    """An HTTP server on loopback: `answer(path, query, headers, body)` gives status and object."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer()

        def do_POST(self):
            self._answer()

        def _answer(self):
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, found = answer(parts.path, parse_qs(parts.query), self.headers, body)
            content = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


MANAGED = IdentitySettings(
    name="vm", user="app@us.test", kind=IdentityKind.MANAGED_IDENTITY, client_id=""
)


@pytest.mark.parametrize("client_id", ["", "1111-2222"])
def test_a_managed_identity_is_asked_for_at_the_machines_own_address(monkeypatch, client_id):
    asked = []

    def imds(path, query, headers, _body):
        asked.append((path, query, headers["Metadata"]))
        return 200, {"access_token": "machine-token", "expires_in": "86399", "resource": "x"}

    settings = IdentitySettings(**{**vars_of(MANAGED), "client_id": client_id})
    with scripted(imds) as url:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", url)
        fetched = fetch_of(settings)("")
    assert isinstance(fetched, Fetched)
    assert (fetched.token.text, fetched.token.life_seconds) == ("machine-token", 86_399)
    path, query, metadata = asked[0]
    assert (path, metadata) == ("/metadata/identity/oauth2/token", "true")
    assert query["resource"] == ["https://outlook.office365.com"]
    assert query.get("client_id", [""]) == [client_id]


@pytest.mark.parametrize(
    ("status", "answer", "outcome"),
    [
        (400, {"error": "invalid_request", "error_description": "Identity not found"}, "REFUSED"),
        (429, {"error": "too_many_requests"}, "UNAVAILABLE"),
        (500, b"<html>", "UNAVAILABLE"),
        (200, b"\xff" * 300_000, "UNAVAILABLE"),
        (200, {"access_token": "two words", "expires_in": "60"}, "REFUSED"),
    ],
)
def test_what_a_managed_identity_answers_instead_is_said(monkeypatch, status, answer, outcome):
    with scripted(lambda *_: (status, answer)) as url:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", url)
        fault = fetch_of(MANAGED)("")
    assert isinstance(fault, TokenFault)
    assert fault.outcome is getattr(catalogue, f"ACCESS_TOKEN_{outcome}")


def vars_of(settings):
    return asdict(settings)


# Any OpenID Connect issuer.


def oidc_settings(issuer, secret, **changes):
    given = {
        "name": "oidc",
        "user": "app@us.test",
        "kind": IdentityKind.OIDC,
        "issuer": issuer,
        "client_id": CLIENT,
        "client_secret_file": secret,
        "scope": "Mail.Send",
        "resource": AUDIENCE,
    }
    return IdentitySettings(**(given | changes))


@needs_oidc_provider
def test_oidc_provider_gives_a_token_and_refuses_a_wrong_secret(secret_file):
    with oidc_provider(lifetimeSeconds=900) as issuer:
        fetched = fetch_of(oidc_settings(issuer.name, secret_file(SECRET)))("")
        fault = fetch_of(oidc_settings(issuer.name, secret_file("wrong")))("")
    assert isinstance(fetched, Fetched)
    assert claims(fetched.token.text)["aud"] == AUDIENCE
    assert fetched.token.life_seconds == 900
    assert isinstance(fault, TokenFault)
    assert fault.outcome is catalogue.ACCESS_TOKEN_REFUSED


def discovery(url, **changes):
    return {"issuer": url, "token_endpoint": f"{url}/token"} | changes


def oidc_issuer(token, **changes):
    """A scripted issuer; `token` answers the token endpoint."""
    place = {}

    def answer(path, query, headers, body):
        url = f"http://{headers['Host']}"
        if path.endswith("openid-configuration"):
            return 200, discovery(url, **changes)
        place["seen"] = (headers, {k: v[0] for k, v in parse_qs(body.decode()).items()})
        return token

    return scripted(answer), place


GIVEN = (200, {"access_token": "t", "expires_in": 60})


def test_a_discovery_document_of_another_issuer_gets_no_secret(secret_file):
    running, place = oidc_issuer(GIVEN, issuer="https://elsewhere.test")
    with running as url:
        fault = fetch_of(oidc_settings(url, secret_file(SECRET)))("")
    assert isinstance(fault, TokenFault)
    assert not place


def test_a_token_endpoint_in_clear_text_beyond_this_machine_gets_no_secret(secret_file):
    running, _ = oidc_issuer(GIVEN, token_endpoint="http://issuer.test/token")
    with running as url:
        fault = fetch_of(oidc_settings(url, secret_file(SECRET)))("")
    assert isinstance(fault, TokenFault)
    assert "https" in fault.detail


def test_the_secret_goes_where_the_issuer_wants_it(secret_file):
    running, place = oidc_issuer(
        GIVEN, token_endpoint_auth_methods_supported=["client_secret_post"]
    )
    with running as url:
        assert isinstance(fetch_of(oidc_settings(url, secret_file(SECRET)))(""), Fetched)
    headers, form = place["seen"]
    assert form["client_secret"] == SECRET
    assert headers["Authorization"] is None


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((302, b""), "UNAVAILABLE"),
        ((503, {"error": "temporarily_unavailable"}), "UNAVAILABLE"),
        ((200, b"[]"), "UNAVAILABLE"),
        ((200, {"access_token": 7}), "REFUSED"),
        ((200, {"access_token": "a\r\nb"}), "REFUSED"),
        ((400, {"error": "invalid_scope", "error_description": "no\r\nsuch"}), "REFUSED"),
    ],
)
def test_an_answer_without_a_token_is_a_reason(secret_file, answer, outcome):
    running, _ = oidc_issuer(answer)
    with running as url:
        fault = fetch_of(oidc_settings(url, secret_file(SECRET)))("")
    assert isinstance(fault, TokenFault)
    assert fault.outcome is getattr(catalogue, f"ACCESS_TOKEN_{outcome}")
    assert fault.reply.wire.count(b"\r\n") == 1


def test_a_certificate_signs_an_assertion_that_the_issuer_can_check(tmp_path):
    issued = make_authority("payroll", now=datetime.now(UTC))
    pem = tmp_path / "application.pem"
    pem.write_bytes(issued.key_pem + issued.certificate_pem)
    running, place = oidc_issuer(GIVEN)
    with running as url:
        settings = oidc_settings(url, None, certificate_file=pem)
        assert isinstance(fetch_of(settings)(""), Fetched)
    _, form = place["seen"]
    said = jwt.decode(
        form["client_assertion"],
        issued.certificate.public_key(),
        algorithms=["ES256", "RS256"],
        audience=f"{url}/token",
    )
    assert said["iss"] == said["sub"] == form["client_id"] == CLIENT
    assert 0 < said["exp"] - said["iat"] <= 300


# Rules.


@pytest.mark.parametrize("life", ["3600", 3600, 3600.0])
def test_a_life_is_read_as_number_or_text(life):
    token = token_in({"access_token": "t", "expires_in": life}, asked_at=1_000.0)
    assert token.expires == 4_600.0


@pytest.mark.parametrize("life", [None, "", "soon", [], {}])
def test_a_life_that_is_none_is_an_hour(life):
    token = token_in({"access_token": "t", "expires_in": life}, asked_at=1_000.0)
    assert token.expires == 4_600.0


@pytest.mark.parametrize("url", ["http://issuer.test/", "ftp://127.0.0.1/", "file:///etc/passwd"])
def test_secrets_leave_this_machine_by_https_alone(url):
    with pytest.raises(TokenHttpError, match="https"):
        TokenHttp().post(url, data={"client_secret": "x"})


GOOD = IdentitySettings(
    name="hve", user="app@us.test", tenant="t", client_id="c", client_secret_file="secret"
)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({}, None),
        ({"name": "../key"}, "name"),
        ({"name": ""}, "name"),
        ({"user": "app"}, "user"),
        ({"client_id": ""}, "client_id"),
        ({"tenant": ""}, "tenant"),
        ({"client_secret_file": None}, "client_secret_file"),
        ({"client_secret_file": None, "certificate_file": "c.pem"}, None),
        ({"kind": IdentityKind.OIDC, "tenant": ""}, "issuer"),
        ({"kind": IdentityKind.OIDC, "tenant": "", "issuer": "https://i.test"}, None),
        ({"kind": IdentityKind.MANAGED_IDENTITY, "client_id": "", "tenant": ""}, None),
        ({"kind": IdentityKind.DEVICE_CODE, "client_secret_file": None}, None),
        ({"renew_seconds": 10.0}, "renew_seconds"),
        ({"authority": "http://login.test"}, "authority"),
        ({"authority": "https://"}, "authority"),
        ({"kind": IdentityKind.OIDC, "issuer": "issuer.test"}, "issuer"),
        ({"kind": IdentityKind.OIDC, "issuer": "http://127.0.0.1:80/x"}, None),
        ({"kind": IdentityKind.OIDC, "issuer": "http://127.0.0.1.evil.test/"}, "issuer"),
        ({"kind": IdentityKind.OIDC, "issuer": "http://localhost@evil.test/"}, "issuer"),
    ],
)
def test_settings_that_cannot_work_are_named(changes, wrong):
    found = problem_with(IdentitySettings(**(vars_of(GOOD) | changes)))
    assert (found[0] if found else None) == wrong
