"""An issuer of tokens for tests: its keys, its tokens, and an HTTP server that can misbehave.

with TestIssuer() as issuer:
    token = issuer.token(upn="printer@kairan.test", scp="Mail.Send")
"""

import http.server
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

TENANT = "6f1d2b3a-0000-4000-8000-000000000001"
APP, OBJECT = "11111111-aaaa-4000-8000-000000000001", "22222222-bbbb-4000-8000-000000000002"
AUDIENCE = "https://outlook.office365.com"
HOUR = 3_600

# Making an RSA key takes a noticeable time; tests do not depend on which one it is.
RSA_KEY = rsa.generate_private_key(65_537, 2_048)
OTHER_RSA_KEY = rsa.generate_private_key(65_537, 2_048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def public_jwk(key: Any, kid: str, **more: Any) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig", **more}


def jwks(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


KEYS = jwks(public_jwk(RSA_KEY, "rsa"), public_jwk(EC_KEY, "ec"))


def delegated(issuer: str, now: float, **changes: Any) -> dict[str, Any]:
    """As Entra's version 1 for somebody who signed in; a claim changed to None is left out."""
    claims = {
        "iss": issuer,
        "aud": AUDIENCE,
        "tid": TENANT,
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now) + HOUR,
        "scp": "Mail.Send",
        "upn": "printer@kairan.test",
        "appid": APP,
        "oid": "33333333-cccc-4000-8000-000000000003",
    }
    return _changed(claims, changes)


def app_only(issuer: str, now: float, **changes: Any) -> dict[str, Any]:
    """As Entra's version 2 for an application by itself."""
    claims = {
        "iss": issuer,
        "aud": "00000002-0000-0ff1-ce00-000000000000",
        "tid": TENANT,
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now) + HOUR,
        "roles": ["Mail.Send"],
        "azp": APP,
        "oid": OBJECT,
    }
    return _changed(claims, changes)


def _changed(claims: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (claims | changes).items() if value is not None}


def signed(
    claims: dict[str, Any], key: Any = RSA_KEY, kid: str | None = "rsa", **header: Any
) -> str:
    """RS256, or ES256 with a key for it; `alg` in `header` overrides both."""
    algorithm = header.pop("alg", "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256")
    headers = {**({"kid": kid} if kid is not None else {}), **header}
    return jwt.encode(claims, key, algorithm, headers=headers)


@dataclass
class TestIssuer:
    """On a free port; `answers` says what each path gives, and may be changed while it runs."""

    __test__ = False
    delay_seconds: float = 0.0
    status: int = 200
    fetched: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.name = f"http://127.0.0.1:{self._server.server_port}"
        self.answers: dict[str, bytes] = {
            "/.well-known/openid-configuration": json.dumps(
                {"issuer": self.name, "jwks_uri": f"{self.name}/keys"}
            ).encode(),
            "/keys": KEYS,
        }
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def settings(self, *, jwks_url: str = "") -> str:
        where = f'jwks_url = "{jwks_url}"\n' if jwks_url else ""
        return f'\n[[auth.issuers]]\nissuer = "{self.name}"\ntenant = "{TENANT}"\naccount_claim = "upn"\n{where}'

    def token(self, make: Callable[..., dict[str, Any]] = delegated, **changes: Any) -> str:
        return signed(make(self.name, time.time(), **changes))

    def _handler(issuer) -> type[http.server.BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetched.append(self.path)
                time.sleep(issuer.delay_seconds)
                body = issuer.answers.get(self.path, b"")
                with suppress(ConnectionError):
                    self.send_response(issuer.status)
                    self.send_header("Content-Length", str(len(body)))
                    self.send_header("Location", f"{issuer.name}/elsewhere")
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
