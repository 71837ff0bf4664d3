"""The issuer as a web application: seven addresses, no session, no cookie, no script.

What blocks (the directory, RSA) runs in a few threads: a token costs a millisecond, but a device
login may wait for an import into the directory, and others must not wait with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from kairan.directory.errors import DirectoryError
from kairan.issuer.grants import CLIENT_CREDENTIALS, DEVICE_CODE, Grants, TokenAnswer
from kairan.issuer.settings import IssuerServiceSettings
from kairan.issuer.web.places import Places, speaks_both
from kairan.outcomes import token_endpoint
from kairan.outcomes.token_endpoint import Problem
from kairan.runtime.ip import plain_ip
from kairan.runtime.limited_lines import LimitedLines
from kairan.runtime.repeated_failure import RepeatedFailure
from kairan.trace.refusals import machine_of

log = structlog.get_logger()

# A form holds an id, a secret and a scope: below 1 KiB.
FORM_OCTETS_MAX = 16 * 1024
_FIELDS_MAX = 20
# RFC 6749 section 5.1: tokens are for who asked, not for what stands between.
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# Verifiers may keep the keys for so long; a new one is published before it signs.
_KEYS_CACHE = {"Cache-Control": "public, max-age=300"}
_VERIFICATION_TEXT = """\
Kairan: sign-in of a device

A device or application shows a code such as BCDF-GHJK. It is approved on the server, not here:

    kairan app approve BCDF-GHJK --user ADDRESS

where ADDRESS is the account that it may send as. Approve only what you have started yourself.
"""

_THREADS = 4

Form = Mapping[str, str]


class Web:
    def __init__(self, grants: Grants, help_url: str = "") -> None:
        self._grants = grants
        self._lines = LimitedLines()
        self._trouble = RepeatedFailure()
        self._refusal = partial(_refusal, help_url=help_url)
        self._thread = ThreadPoolExecutor(_THREADS, "kairan-issuer")

    def routes(self) -> list[BaseRoute]:
        places = self._grants.places
        gets: dict[str, Callable[[Request], Awaitable[Response]]] = {
            places.discovery: self._discovery,
            places.discovery_rfc8414: self._discovery,
            places.jwks: self._jwks,
            places.verification: self._verification,
            places.authorization: self._authorization,
        }
        posts: dict[str, Callable[[Request], Awaitable[Response]]] = {
            places.token: self._token,
            places.device_authorization: self._device,
        }
        return [
            *(Route(places.path(url), handler, methods=["GET"]) for url, handler in gets.items()),
            *(Route(places.path(url), handler, methods=["POST"]) for url, handler in posts.items()),
        ]

    def application(self, routes: Sequence[BaseRoute] = ()) -> Starlette:
        """`routes`: what is answered; as a rule its own."""
        return Starlette(
            routes=[*(routes or self.routes())],
            exception_handlers={DirectoryError: self._away, OSError: self._away},
        )

    def close(self) -> None:
        self._thread.shutdown()

    async def _discovery(self, request: Request) -> Response:
        settings, places = self._grants.settings, self._grants.places
        shown = places.asked_by(request.url.scheme) if speaks_both(settings) else places
        return JSONResponse(metadata(shown, settings, issuer=places.issuer))

    async def _authorization(self, _request: Request) -> Response:
        return self._refusal(token_endpoint.NO_LOGIN_PAGE)

    async def _jwks(self, _request: Request) -> Response:
        keys = await self._apart(self._grants.keys.published)
        return JSONResponse({"keys": [key.public() for key in keys]}, headers=_KEYS_CACHE)

    async def _verification(self, _request: Request) -> Response:
        return PlainTextResponse(_VERIFICATION_TEXT)

    async def _token(self, request: Request) -> Response:
        authorization = request.headers.get("authorization", "")
        return await self._answered(
            request, lambda form, source: self._grants.token(authorization, form, source)
        )

    async def _device(self, request: Request) -> Response:
        return await self._answered(request, self._grants.device)

    async def _answered(
        self, request: Request, ask: Callable[[Form, str], TokenAnswer]
    ) -> Response:
        source = plain_ip(request.client.host) if request.client else "unknown"
        try:
            form = await _form(request)
            answer = form if isinstance(form, Problem) else await self._apart(ask, form, source)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        if self._trouble.is_over():
            log.info("issuer.works-again")
        if isinstance(answer, Problem):
            machine = machine_of(source)
            if self._lines.has_room("issuer.refused", error=answer.error, client=machine):
                log.info("issuer.refused", error=answer.error, path=request.url.path, client=source)
            return self._refusal(answer)
        return JSONResponse(answer, headers=_NO_STORE)

    async def _away(self, _request: Request, error: Exception) -> Response:
        """The directory does not answer, or a key cannot be read."""
        if self._trouble.is_new(str(error)):
            log.error("issuer.failed", reason=str(error))
        return self._refusal(token_endpoint.AWAY)

    async def _apart(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


def metadata(places: Places, settings: IssuerServiceSettings, *, issuer: str) -> Mapping[str, Any]:
    """What the issuer says of itself: OpenID Connect Discovery 1.0, and RFC 8414 section 2.

    `issuer`: the name in the tokens, whichever way the question came.
    """
    return {
        "issuer": issuer,
        # It refuses everybody, for there is no login page; msal does not start without one.
        "authorization_endpoint": places.authorization,
        "token_endpoint": places.token,
        "jwks_uri": places.jwks,
        "device_authorization_endpoint": places.device_authorization,
        "grant_types_supported": [CLIENT_CREDENTIALS, DEVICE_CODE],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        # Required, and not empty; this type gives nothing (OAuth 2.0 Multiple Response Types).
        "response_types_supported": ["none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [str(settings.algorithm)],
        "scopes_supported": [f"{settings.audience}/.default"],
    }


async def _form(request: Request) -> Form | Problem:
    """RFC 6749 section 3.2: a parameter stands once; an empty one counts as absent."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return token_endpoint.INVALID_REQUEST
    content = b""
    async for piece in request.stream():
        content += piece
        if len(content) > FORM_OCTETS_MAX:
            return token_endpoint.TOO_LARGE
    return read_form(content)


def read_form(content: bytes) -> Form | Problem:
    try:
        pairs = parse_qsl(content.decode("ascii"), max_num_fields=_FIELDS_MAX)
    except ValueError:
        return token_endpoint.INVALID_REQUEST
    form = dict(pairs)
    return form if len(form) == len(pairs) else token_endpoint.INVALID_REQUEST


def _refusal(problem: Problem, *, help_url: str) -> Response:
    headers = dict(_NO_STORE)
    if problem is token_endpoint.INVALID_CLIENT:  # RFC 6749 section 5.2
        headers["WWW-Authenticate"] = 'Basic realm="kairan"'
    body = {"error": problem.error, "error_description": problem.what.en}
    if help_url:
        body["error_uri"] = f"{help_url}{problem.key}"  # RFC 6749 section 5.2
    return JSONResponse(body, status_code=problem.status, headers=headers)
