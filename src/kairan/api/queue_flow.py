"""Why mail waits, and what an operator has paused: `kairan queue why`, `pause` and `resume`."""

from typing import Annotated, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from kairan.api.callers import client_of
from kairan.api.documented import KEY, answers
from kairan.api.json_bodies import StrictBody, json_body, read_json
from kairan.api.parts import Parts
from kairan.api.problems import ApiError, language_asked
from kairan.api.queue import JobIdText
from kairan.config.model import Configuration
from kairan.delivery.pauses import PauseKind, read_pauses
from kairan.directory.operations.api_keys import ApiKey, Scope
from kairan.doctor.answer import Language, say
from kairan.outcomes import http_api
from kairan.queue import pauses
from kairan.queue.errors import NotInQueueError
from kairan.queue.jobs import Selection
from kairan.queue.routing import Routing
from kairan.queue.why import answers as why_answers
from kairan.spool.operator_view import JobFilter
from kairan.status.why import SENTENCES, Waiting, Why

_NAME_MAX = 1_000
_Name = Annotated[str, Field(max_length=_NAME_MAX)]


class WaitingJob(BaseModel):
    """As `kairan queue why --json` has it.  `next_try` null: it depends on somebody, or the service does not
    answer; `expires` null: not as long as this lasts.  Both are seconds since the epoch.
    """

    id: str
    recipients: list[str]
    waiting: Waiting
    because: str
    routes: list[str]
    to: str
    destination: str
    attempts: int
    last_reply: str
    kind: str
    key: str
    meaning: str
    causes: list[str]
    remedies: list[str]
    next_try: float | None
    expires: float | None


class QueuePause(BaseModel):
    """`since`: seconds since the epoch."""

    kind: PauseKind
    name: str
    by: str
    since: float


class NewPause(StrictBody):
    """A route by its pattern, or a destination by its name, as a route's `to` has it."""

    route: _Name = ""
    destination: _Name = ""

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if bool(self.route) is bool(self.destination):
            raise PydanticCustomError("which", "say which: route, or destination")
        return self


class EndedPause(BaseModel):
    kind: PauseKind
    name: str


class PauseFilters(BaseModel):
    route: _Name = ""
    destination: _Name = ""
    everything: bool = False


BODIES = (NewPause,)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["queue"])
    security = {"security": KEY}

    @router.get(
        "/v1/queue/{id}/why",
        responses=answers(401, 403, 404, 422),
        summary="Why a message, or one of its jobs, waits",
        openapi_extra=security,
    )
    async def why(request: Request, id: Annotated[JobIdText, Path()]) -> list[WaitingJob]:  # noqa: A002 - its name in the path
        """Scope `read`.  In the language asked for by Accept-Language."""
        await parts.reader(request)
        return await parts.apart(_why, parts.configuration, id, language_asked(request))

    @router.get(
        "/v1/queue-pauses",
        responses=answers(401, 403, 422),
        summary="What operators have paused",
        openapi_extra=security,
    )
    async def paused(request: Request) -> list[QueuePause]:
        """Scope `read`."""
        await parts.reader(request)
        return await parts.apart(_pauses, parts.configuration)

    @router.post(
        "/v1/queue-pauses",
        status_code=201,
        responses=answers(401, 403, 408, 409, 413, 422),
        summary="Deliver nothing by a route or to a destination",
        openapi_extra={**security, **json_body(NewPause)},
    )
    async def pause(request: Request) -> list[QueuePause]:
        """Scope `operate`.  Mail for it is accepted and waits, and does not expire meanwhile."""
        key = await parts.key_of(request, Scope.OPERATE)
        asked = await read_json(parts, request, NewPause)
        return await parts.apart(_paused, parts, asked, key, client_of(request))

    @router.delete(
        "/v1/queue-pauses",
        responses=answers(401, 403, 409, 422),
        summary="Deliver again what was paused",
        openapi_extra=security,
    )
    async def resume(
        request: Request, wanted: Annotated[PauseFilters, Query()]
    ) -> list[EndedPause]:
        """Scope `operate`.  A route, a destination, or everything; what is ended is the answer."""
        key = await parts.key_of(request, Scope.OPERATE)
        chosen = (bool(wanted.route), bool(wanted.destination), wanted.everything)
        if chosen.count(True) != 1:
            raise ApiError(http_api.INVALID, "say which: route, destination, or everything")
        return await parts.apart(_resumed, parts, wanted, key, client_of(request))

    return router


def _why(configuration: Configuration, name: str, language: Language) -> list[WaitingJob]:
    try:
        found = why_answers(
            configuration, Selection((name,), JobFilter()), Routing(configuration).of
        )
    except NotInQueueError as error:
        raise ApiError(http_api.NOT_FOUND, str(error)) from None
    return [_waiting(job, answer, language) for job, answer in found]


def _waiting(job: str, answer: Why, language: Language) -> WaitingJob:
    first = answer.meanings[0] if answer.meanings else None
    return WaitingJob(
        id=job,
        recipients=[recipient.address for recipient in answer.job.recipients],
        waiting=answer.waiting,
        because=say(SENTENCES[answer.waiting], language),
        routes=list(answer.routes),
        to=answer.to,
        destination=answer.destination,
        attempts=answer.job.attempts,
        last_reply=answer.last_reply,
        kind=answer.kind or "",
        key=first.key if first else "",
        meaning=say(first.when, language) if first else "",
        causes=[say(one, language) for one in first.causes] if first else [],
        remedies=[say(one, language) for one in first.remedies] if first else [],
        next_try=answer.next_try,
        expires=answer.expires,
    )


def _pauses(configuration: Configuration) -> list[QueuePause]:
    return [
        QueuePause(kind=one.kind, name=one.name, by=one.by, since=one.since)
        for one in read_pauses(configuration.pauses_file)
    ]


def _paused(parts: Parts, asked: NewPause, key: ApiKey, client: str) -> list[QueuePause]:
    configuration = parts.configuration
    names = pauses.pause(
        configuration, route=asked.route, destination=asked.destination, by=f"API key {key.name}"
    )
    _tell(parts, "queue.paused", key, client, names)
    return [one for one in _pauses(configuration) if (str(one.kind), one.name) in names]


def _resumed(parts: Parts, wanted: PauseFilters, key: ApiKey, client: str) -> list[EndedPause]:
    configuration = parts.configuration
    if wanted.everything:
        ended = pauses.resume_all(configuration)
    else:
        ended = pauses.resume(configuration, route=wanted.route, destination=wanted.destination)
    _tell(parts, "queue.resumed", key, client, ended)
    return [EndedPause(kind=PauseKind(kind), name=name) for kind, name in ended]


def _tell(parts: Parts, what: str, key: ApiKey, client: str, names: list[pauses.Key]) -> None:
    facts = [{"kind": kind, "name": name} for kind, name in names]
    parts.audit(what, key=key.name, client=client, pauses=facts)
