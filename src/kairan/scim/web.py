"""SCIM as a web application: what HTTP says of it, and nothing of what it does.

What blocks runs in threads of its own: a group of 10,000 that is written must not keep the issuer's
tokens waiting, nor its own next request.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from scim2_models import Context, Error, ResourceType, Schema
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router

from kairan.directory.errors import DirectoryError
from kairan.directory.operations.scim_resources import PushedKind
from kairan.outcomes import scim_endpoint
from kairan.outcomes.scim_endpoint import ScimProblem
from kairan.runtime.ip import plain_ip
from kairan.runtime.limited_lines import LimitedLines
from kairan.runtime.repeated_failure import RepeatedFailure
from kairan.scim.bodies import read_object
from kairan.scim.callers import ScimCallers
from kairan.scim.documents import CONFIG, PROVIDER, SCHEMA_NAMES
from kairan.scim.endpoint import ScimAnswer, ScimEndpoint, list_of
from kairan.scim.errors import ScimRequestError
from kairan.trace.refusals import machine_of

log = structlog.get_logger()

PATH = "/scim/v2"
_MEDIA_TYPE = "application/scim+json"
# Writes are one at a time in the database anyway; the second thread answers questions meanwhile.
_THREADS = 2
_KINDS = {"Users": PushedKind.USER, "Groups": PushedKind.GROUP}


class ScimWeb:
    def __init__(self, endpoint: ScimEndpoint, callers: ScimCallers, *, url: str = "") -> None:
        """`url`: what clients call this service, where that is not what they ask for."""
        self._endpoint = endpoint
        self._callers = callers
        self._url = url
        self._lines = LimitedLines()
        self._trouble = RepeatedFailure()
        self._thread = ThreadPoolExecutor(_THREADS, "kairan-scim")

    def route(self) -> Mount:
        return Mount(PATH, app=Router([Route("/{path:path}", _Everything(self._answered))]))

    def close(self) -> None:
        self._thread.shutdown()

    async def _answered(self, request: Request) -> Response:
        source = plain_ip(request.client.host) if request.client else "unknown"
        try:
            answer = await self._judged(request, source)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except ScimRequestError as error:
            return self._refused(request, source, error)
        except DirectoryError as error:
            if self._trouble.is_new(str(error)):
                log.error("scim.failed", reason=str(error))
            return self._refused(request, source, ScimRequestError(scim_endpoint.AWAY))
        if self._trouble.is_over():
            log.info("scim.works-again")
        headers = {"Location": answer.location} if answer.location else {}
        if answer.content is None:
            return Response(status_code=answer.status, headers=headers)
        return _written(answer.content, answer.status, headers)

    async def _judged(self, request: Request, source: str) -> ScimAnswer:
        """The token first: who has none has nothing read, and learns nothing of what there is."""
        authorization = request.headers.get("authorization", "")
        problem = await self._apart(self._callers.refusal, authorization, source)
        if problem is not None:
            raise ScimRequestError(problem)
        octets = await self._body(request)
        answer: ScimAnswer = await self._apart(self._done, request, octets)
        return answer

    async def _body(self, request: Request) -> bytes:
        limit = self._endpoint.settings.body_octets_max
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:12]) > limit:
            raise ScimRequestError(scim_endpoint.TOO_LARGE, f"{limit} octets are read")
        content = bytearray()
        async for piece in request.stream():
            content += piece
            if len(content) > limit:
                raise ScimRequestError(scim_endpoint.TOO_LARGE, f"{limit} octets are read")
        return bytes(content)

    def _done(self, request: Request, octets: bytes) -> ScimAnswer:
        base = f"{self._url or str(request.base_url).rstrip('/').removesuffix(PATH)}{PATH}"
        first, _, id_ = request.path_params["path"].strip("/").partition("/")
        if first in _DISCOVERY:
            return _discovered(request.method, first, id_, base)
        kind = _KINDS.get(first)
        if kind is None or "/" in id_:
            if first.startswith(".") or id_.startswith("."):
                raise ScimRequestError(scim_endpoint.NOT_IMPLEMENTED)
            raise ScimRequestError(scim_endpoint.NOT_FOUND)
        if id_ == ".search":
            raise ScimRequestError(scim_endpoint.NOT_IMPLEMENTED)
        return self._resource(request, kind, id_, octets, base)

    def _resource(
        self, request: Request, kind: PushedKind, id_: str, octets: bytes, base: str
    ) -> ScimAnswer:
        endpoint, query = self._endpoint, dict(request.query_params)
        match request.method, bool(id_):
            case "GET", False:
                return endpoint.search(kind, query, base)
            case "POST", False:
                return endpoint.create(kind, read_object(octets), base)
            case "GET", True:
                return endpoint.read(kind, id_, query, base)
            case "PUT", True:
                return endpoint.replace(kind, id_, read_object(octets), base)
            case "PATCH", True:
                return endpoint.patch(kind, id_, read_object(octets), base)
            case "DELETE", True:
                return endpoint.delete(kind, id_)
            case _:
                raise ScimRequestError(scim_endpoint.METHOD_NOT_ALLOWED)

    def _refused(self, request: Request, source: str, error: ScimRequestError) -> Response:
        problem = error.problem
        if self._lines.has_room("scim.refused", error=problem.key, client=machine_of(source)):
            log.info(
                "scim.refused",
                error=problem.key,
                detail=error.at_fault,
                method=request.method,
                path=request.url.path,
                client=source,
            )
        return _refusal(problem, error.at_fault)

    async def _apart(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


class _Everything:
    """All methods of all paths: those that are not known have an answer of SCIM, too."""

    def __init__(self, answered: Callable[[Request], Awaitable[Response]]) -> None:
        self._answered = answered

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        response = await self._answered(Request(scope, receive, send))
        await response(scope, receive, send)


def _discovered(method: str, what: str, id_: str, base: str) -> ScimAnswer:
    """RFC 7644 section 4."""
    if method != "GET":
        raise ScimRequestError(scim_endpoint.METHOD_NOT_ALLOWED)
    found = _DISCOVERY[what]
    if what == "ServiceProviderConfig":
        if id_:
            raise ScimRequestError(scim_endpoint.NOT_FOUND)
        return ScimAnswer(200, {**found[""], "meta": _meta(what, base, what)})
    if id_:
        if id_ not in found:
            raise ScimRequestError(scim_endpoint.NOT_FOUND)
        return ScimAnswer(200, _located(found[id_], what, id_, base))
    resources = [_located(one, what, key, base) for key, one in found.items()]
    return ScimAnswer(200, list_of(resources, total=len(resources)))


def _located(found: Mapping[str, Any], what: str, id_: str, base: str) -> Mapping[str, Any]:
    return {**found, "meta": _meta(what.removesuffix("s"), base, f"{what}/{id_}")}


def _meta(kind: str, base: str, place: str) -> Mapping[str, str]:
    return {"resourceType": kind, "location": f"{base}/{place}"}


def _dumped(document: ResourceType | Schema) -> dict[str, Any]:
    return document.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)


_DISCOVERY: Mapping[str, Mapping[str, dict[str, Any]]] = {
    "ServiceProviderConfig": {"": CONFIG.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)},
    "ResourceTypes": {str(one.id): _dumped(one) for one in PROVIDER.resource_types},
    "Schemas": {
        str(one.id): {**_dumped(one), "name": SCHEMA_NAMES.get(str(one.id), one.name)}
        for one in PROVIDER.schemas
    },
}


def _written(content: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> Response:
    octets = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(octets, status, headers, media_type=_MEDIA_TYPE)


def _refusal(problem: ScimProblem, at_fault: str) -> Response:
    detail = f"{problem.what.en} {at_fault}".strip()
    error = Error(status=problem.status, scim_type=problem.scim_type or None, detail=detail)
    headers = {}
    if problem is scim_endpoint.UNAUTHORIZED:  # RFC 6750 section 3
        headers["WWW-Authenticate"] = 'Bearer realm="kairan"'
    return _written(error.model_dump(scim_ctx=Context.DEFAULT), problem.status, headers)
