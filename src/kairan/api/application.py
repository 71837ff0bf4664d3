"""The web application: the API's routes, what others mount beside them, and every error as a document."""

from collections.abc import Sequence
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from kairan import __version__
from kairan.api import (
    accounts,
    apps,
    audit,
    captured,
    devices,
    doctor,
    dynamic_groups,
    groups,
    imports,
    issuer,
    list_costs,
    looking,
    mailboxes,
    messages,
    moderation,
    organisation,
    policies,
    queue,
    queue_flow,
    reports,
    sessions,
    webhooks,
)
from kairan.api.callers import client_of
from kairan.api.documented import SECURITY_SCHEMES
from kairan.api.messages import invalid_text
from kairan.api.parts import Parts
from kairan.api.problems import (
    ApiError,
    ProblemDocument,
    RefusedError,
    language_asked,
    written,
)
from kairan.directory.errors import DirectoryUnavailableError, said_of
from kairan.doctor.answer import say
from kairan.outcomes import http_api
from kairan.outcomes.http_api import API_PROBLEMS, ApiProblem
from kairan.outcomes.outcome import Text
from kairan.runtime.limited_lines import LimitedLines
from kairan.runtime.operator_error import BAD_INPUT, OperatorError
from kairan.runtime.repeated_failure import RepeatedFailure
from kairan.trace.refusals import machine_of

log = structlog.get_logger()

# Each has its routes, and the models of the bodies that it reads itself (BODIES).
_PARTS = (
    messages,
    looking,
    queue,
    queue_flow,
    imports,
    accounts,
    apps,
    issuer,
    devices,
    policies,
    organisation,
    mailboxes,
    groups,
    dynamic_groups,
    list_costs,
    moderation,
    sessions,
    doctor,
    captured,
    reports,
    audit,
    webhooks,
)
_SEND = ("POST", "/v1/messages")
_BY_STATUS = {one.status: one for one in (*reversed(API_PROBLEMS),)}
_DESCRIPTION = """\
Send mail, ask where it is, and operate the service. Every refusal is a problem document (RFC 9457) with the
catalogue's key, causes and remedies, in English or Japanese (`Accept-Language`)."""


def application(parts: Parts, extra_routes: Sequence[BaseRoute] = ()) -> FastAPI:
    """`extra_routes`: what other packages answer in the same process."""
    refusals = _Refusals(parts)
    web = _Web(
        title="Kairan",
        version=__version__,
        description=_DESCRIPTION,
        # Its pages would load scripts from other hosts.
        docs_url=None,
        redoc_url=None,
        # A redirect would name the host that the client says.
        redirect_slashes=False,
    )
    for part in _PARTS:
        web.include_router(part.routes(parts))
    web.router.routes.extend(extra_routes)
    web.parts, web.refusals = parts, refusals
    for error, handler in refusals.handlers().items():
        web.add_exception_handler(error, handler)
    web.openapi = lambda: _document(web)  # type: ignore[method-assign]  # FastAPI's own way
    return web


class _Web(FastAPI):
    """Mail is answered before all that FastAPI and Starlette do for a request (thirteen layers, each for
    something that this one has not): 2,000 of them a second want the time.
    """

    parts: Parts
    refusals: "_Refusals"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (scope["method"], scope["path"]) != _SEND:
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await messages.answer_send(self.parts, request)
        except Exception as error:  # noqa: BLE001 - of all kinds there is an answer
            response = await self.refusals.answer(request, error)
        await response(scope, receive, send)


def _document(web: FastAPI) -> dict[str, Any]:
    if web.openapi_schema is None:
        document = get_openapi(
            title=web.title,
            version=web.version,
            description=web.description,
            routes=web.routes,
            openapi_version="3.1.0",
        )
        schemas = document["components"]["schemas"]
        for model in (body for part in _PARTS for body in part.BODIES):
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        document["components"]["securitySchemes"] = SECURITY_SCHEMES
        web.openapi_schema = document
    return web.openapi_schema


class _Refusals:
    """Exceptions as answers; nothing refused is mute."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lines = LimitedLines()
        self._trouble = RepeatedFailure()

    def handlers(self) -> dict[Any, Any]:
        return {
            ApiError: self._api_error,
            RefusedError: self._refused,
            RequestValidationError: self._invalid,
            HTTPException: self._http,
            ClientDisconnect: self._gone,
            OperatorError: self._operator_error,
            OSError: self._failed,
            Exception: self._defect,
        }

    async def answer(self, request: Request, error: Exception) -> Response:
        handlers = self.handlers()
        kind = next(one for one in type(error).__mro__ if one in handlers)
        response = await handlers[kind](request, error)
        assert isinstance(response, Response)
        return response

    async def _api_error(self, request: Request, error: ApiError) -> Response:
        detail = say(error.detail, language_asked(request))
        return self._say(request, error.problem, detail, rows=error.rows)

    async def _refused(self, request: Request, error: RefusedError) -> Response:
        problem = self._parts.problems.of_reply(
            error.reply, language_asked(request), at_login=error.at_login
        )
        self._log(request, problem)
        return written(problem)

    async def _invalid(self, request: Request, error: RequestValidationError) -> Response:
        return self._say(request, http_api.INVALID, invalid_text(error.errors()))

    async def _http(self, request: Request, error: HTTPException) -> Response:
        """Starlette's own: no such place, no such method, a body that is no JSON."""
        found = _BY_STATUS.get(error.status_code, http_api.INVALID)
        return self._say(request, found, "", dict(error.headers or {}))

    async def _gone(self, _request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody is there to read it

    async def _operator_error(self, request: Request, error: OperatorError) -> Response:
        if error.exit_code == BAD_INPUT and not isinstance(error, DirectoryUnavailableError):
            detail = say(said_of(error), language_asked(request))
            return self._say(request, http_api.CONFLICT, detail)
        # The directory is asked before it is known who asks, so its place is not told.
        detail = "" if isinstance(error, DirectoryUnavailableError) else str(error)
        return self._away(request, error, detail)

    async def _failed(self, request: Request, error: Exception) -> Response:
        return self._away(request, error)

    def _away(self, request: Request, error: Exception, detail: str = "") -> Response:
        if self._trouble.is_new(str(error)):
            log.error("api.failed", reason=str(error))
        return self._say(request, http_api.AWAY, detail)

    async def _defect(self, request: Request, error: Exception) -> Response:
        log.error("api.defect", path=request.url.path, exc_info=error)
        return self._say(request, http_api.DEFECT)

    def _say(
        self,
        request: Request,
        problem: ApiProblem,
        detail: str = "",
        headers: dict[str, str] | None = None,
        rows: Sequence[tuple[int, Text]] = (),
    ) -> Response:
        document = self._parts.problems.of_api(problem, detail, language_asked(request), rows)
        self._log(request, document)
        return written(document, headers)

    def _log(self, request: Request, problem: ProblemDocument) -> None:
        client = client_of(request)
        if self._lines.has_room("api.refused", error=problem.key, client=machine_of(client)):
            log.info(
                "api.refused",
                rule=problem.key,
                code=problem.code,
                detail=problem.detail[:200],
                status=problem.status,
                method=request.method,
                path=request.url.path[:200],
                client=client,
            )
