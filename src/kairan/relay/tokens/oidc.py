"""Client credentials at any OpenID Connect issuer: Keycloak, Okta, Ping, oidc-provider.

The discovery document says where tokens are given; it must be at the host it speaks for, for the
secret goes there (RFC 8414 section 3.3).
"""

import json
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kairan.relay.tokens.answers import refusal_in, token_in, unreachable
from kairan.relay.tokens.http import HttpAnswer, TokenHttp, TokenHttpError
from kairan.relay.tokens.settings import IdentitySettings
from kairan.relay.tokens.token import Fetched, TokenFault

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 300  # RFC 7523 section 3: short; long enough for clocks that differ


def fetch_of(settings: IdentitySettings) -> Callable[[str], Fetched | TokenFault]:
    def fetch(_: str) -> Fetched | TokenFault:
        try:
            return _ask(settings)
        except (TokenHttpError, OSError, ValueError) as error:
            return unreachable(error)

    return fetch


def _ask(settings: IdentitySettings) -> Fetched | TokenFault:
    http = TokenHttp(ca_file=settings.ca_file)
    issuer = settings.issuer.rstrip("/")
    discovery = _object(http.get(f"{issuer}/.well-known/openid-configuration"))
    endpoint = str(discovery.get("token_endpoint") or "")
    if str(discovery.get("issuer", "")).rstrip("/") != issuer or not endpoint:
        return unreachable(f"{issuer}: the discovery document is not this issuer's")
    form = {"grant_type": "client_credentials", "scope": settings.scope}
    if settings.resource:
        form["resource"] = settings.resource
    headers = {"Accept": "application/json"}
    asked_at = time.time()
    methods = discovery.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    form |= _credentials(settings, endpoint, basic="client_secret_basic" in methods)
    auth = None if "client_id" in form else _basic(settings)
    answer = http.post(endpoint, data=form, headers=headers, auth=auth)
    found = _object(answer)
    if answer.status_code >= 500:
        return unreachable(f"{urlsplit(endpoint).netloc}: answered {answer.status_code}")
    token = token_in(found, asked_at=asked_at) if answer.status_code == 200 else refusal_in(found)
    return token if isinstance(token, TokenFault) else Fetched(token)


def _credentials(settings: IdentitySettings, endpoint: str, *, basic: bool) -> dict[str, str]:
    """Fields of the form; none where the secret goes into a header (RFC 6749 section 2.3.1)."""
    if settings.certificate_file is not None:
        return {
            "client_id": settings.client_id,
            "client_assertion_type": _ASSERTION,
            "client_assertion": _assertion(settings, endpoint),
        }
    if basic:
        return {}
    return {"client_id": settings.client_id, "client_secret": _secret(settings)}


def _basic(settings: IdentitySettings) -> tuple[str, str]:
    return quote(settings.client_id, safe=""), quote(_secret(settings), safe="")


def _secret(settings: IdentitySettings) -> str:
    path = settings.client_secret_file
    return path.read_text(encoding="utf-8").strip() if path else ""


def _assertion(settings: IdentitySettings, endpoint: str) -> str:
    assert settings.certificate_file is not None
    certificate = x509.load_pem_x509_certificate(settings.certificate_file.read_bytes())
    pem = (settings.private_key_file or settings.certificate_file).read_bytes()
    key = serialization.load_pem_private_key(pem, password=None)
    now = int(time.time())
    claims = {
        "iss": settings.client_id,
        "sub": settings.client_id,
        "aud": endpoint,
        "jti": secrets.token_urlsafe(16),
        "iat": now,
        "exp": now + _ASSERTION_SECONDS,
    }
    algorithm = "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256"
    thumbprint = jwt.utils.base64url_encode(certificate.fingerprint(hashes.SHA256())).decode()
    return jwt.encode(claims, pem, algorithm=algorithm, headers={"x5t#S256": thumbprint})


def _object(answer: HttpAnswer) -> dict[str, Any]:
    found = json.loads(answer.text)
    if isinstance(found, dict):
        return found
    raise ValueError("the issuer's answer is no JSON object")
