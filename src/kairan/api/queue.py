"""The queue: what `kairan queue` lists, shows and does, through the same functions."""

import time
from itertools import islice
from typing import Annotated, Any, Self

import structlog
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from kairan.api.callers import client_of
from kairan.api.documented import KEY, answers
from kairan.api.json_bodies import StrictBody, json_body, read_json
from kairan.api.parts import Parts
from kairan.api.problems import ApiError
from kairan.config.model import Configuration
from kairan.directory.operations.api_keys import ApiKey, Scope
from kairan.outcomes import http_api
from kairan.queue.acts import QueueAct, carry_out, done_word, touched
from kairan.queue.errors import NotInQueueError
from kairan.queue.jobs import FoundJob, Selection, found, record, show, statistics
from kairan.queue.routing import Routing
from kairan.spool.operator_view import JobFilter
from kairan.spool.place import Unseen

log = structlog.get_logger()

_PAGE_MAX = 1_000
# Each opens its shard once.
_IDS_MAX = 200
_NAME_MAX = 1_000
JobIdText = Annotated[str, Field(pattern=r"^[0-9]{1,4}-[0-9]{1,18}(\.[0-9]{1,18})?$")]
_Name = Annotated[str, Field(max_length=_NAME_MAX)]


class QueuedJob(BaseModel):
    """As `kairan queue list --json` has it."""

    id: str
    message_id: str
    sender: str
    recipients: list[str]
    route: str
    held: bool
    attempts: int
    arrived: str
    due: str
    size: int
    detail: str


class QuarantinedThing(BaseModel):
    """What could not be read; `kairan queue list --quarantined`."""

    what: str
    reason: str
    shard: int


class QueuePage(BaseModel):
    """`more`: there are further ones; ask with a larger limit, or for fewer.  `unseen`: of several databases
    those that did not answer, a sentence each; what they have is missing here.
    """

    jobs: list[QueuedJob]
    quarantined: list[QuarantinedThing]
    more: bool
    unseen: list[str]


class QueuedMessage(BaseModel):
    """A message's jobs, and its header as it will go out."""

    jobs: list[QueuedJob]
    size: int
    header: str


class QueueNumbers(BaseModel):
    messages: int
    recipients: int
    held: int
    deferred: int
    quarantined: int
    oldest_age_seconds: float
    unseen: Annotated[list[str], Field(description="As `QueuePage` has it.")]


class QueueFilters(BaseModel):
    """Those of `kairan queue list`; several narrow it."""

    sender: _Name = ""
    recipient: _Name = ""
    route: Annotated[str, Field(max_length=_NAME_MAX, description="A route's pattern.")] = ""
    message_id: _Name = ""
    held: bool | None = None
    limit: Annotated[int, Field(ge=1, le=_PAGE_MAX)] = 100


class QueueChange(StrictBody):
    """Which jobs: `ids` (of messages, 0-81, or jobs, 0-81.2), or conditions, or `everything`.  With `dry_run`
    nothing is done, and the answer says how many jobs it would touch.  Otherwise conditions and `everything`
    need `at_most`: where they would touch more jobs than that, nothing is done.
    """

    ids: Annotated[list[JobIdText], Field(max_length=_IDS_MAX, default_factory=list)]
    sender: _Name = ""
    recipient: _Name = ""
    route: _Name = ""
    message_id: _Name = ""
    everything: bool = False
    dry_run: bool = False
    at_most: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        conditions = any((self.sender, self.recipient, self.route, self.message_id))
        if (bool(self.ids), conditions, self.everything).count(True) != 1:
            raise PydanticCustomError("which", "say which: ids, conditions, or everything")
        return self


class QueueChanged(BaseModel):
    """`jobs`: how many were changed, or with `dry_run` would be."""

    act: QueueAct
    jobs: int
    dry_run: bool


BODIES = (QueueChange,)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["queue"])

    @router.get(
        "/v1/queue",
        responses=answers(401, 403, 422),
        summary="What waits for delivery",
        openapi_extra={"security": KEY},
    )
    async def list_(request: Request, wanted: Annotated[QueueFilters, Query()]) -> QueuePage:
        """Scope `read`.  A job is a message, a route and the recipients that go there together."""
        await parts.key_of(request, Scope.READ)
        return await parts.apart(_page, parts.configuration, wanted)

    @router.get(
        "/v1/queue-numbers",
        responses=answers(401, 403, 422),
        summary="How much waits, and for how long",
        openapi_extra={"security": KEY},
    )
    async def numbers(request: Request) -> QueueNumbers:
        """Scope `read`."""
        await parts.key_of(request, Scope.READ)
        unseen: Unseen = []
        spool = parts.configuration.spool_place
        counts = await parts.apart(statistics, spool, time.time(), unseen)
        return QueueNumbers.model_validate({**counts, "unseen": [*map(str, unseen)]})

    @router.get(
        "/v1/queue/{id}",
        responses=answers(401, 403, 404, 422),
        summary="A message that waits: its jobs and its header",
        openapi_extra={"security": KEY},
    )
    async def show_(request: Request, id: Annotated[JobIdText, Path()]) -> QueuedMessage:  # noqa: A002 - its name in the path
        """Scope `operate`, for the header says what a message is about."""
        await parts.key_of(request, Scope.OPERATE)
        return await parts.apart(_shown, parts.configuration, id)

    @router.post(
        "/v1/queue/{act}",
        responses=answers(401, 403, 404, 408, 409, 413, 422),
        summary="Retry, hold, release or drop jobs",
        openapi_extra={"security": KEY, **json_body(QueueChange)},
    )
    async def change(request: Request, act: QueueAct) -> QueueChanged:
        """Scope `operate`.  What is dropped is gone, and nobody gets a report.  The trace of each recipient and
        the audit say which key did it.
        """
        key = await parts.key_of(request, Scope.OPERATE)
        asked = await read_json(parts, request, QueueChange)
        return await parts.apart(_changed, parts, act, asked, key, client_of(request))

    return router


# Looking.


def _page(configuration: Configuration, wanted: QueueFilters) -> QueuePage:
    conditions = _conditions(
        configuration, wanted.sender, wanted.recipient, wanted.route, wanted.message_id, wanted.held
    )
    selection = Selection((), conditions)
    unseen: Unseen = []
    jobs = list(islice(found(configuration.spool_place, selection, unseen), wanted.limit + 1))
    routing = Routing(configuration)
    records = [record(one, routing.of) for one in jobs[: wanted.limit]]
    return QueuePage(
        jobs=[_job(one) for one in records if not one["quarantined"]],
        quarantined=[QuarantinedThing(**one) for one in records if one["quarantined"]],
        more=len(jobs) > wanted.limit,
        unseen=[*map(str, unseen)],
    )


def _shown(configuration: Configuration, name: str) -> QueuedMessage:
    try:
        message = show(configuration.spool_place, name)
    except NotInQueueError as error:
        raise ApiError(http_api.NOT_FOUND, str(error)) from None
    shard = int(name.partition("-")[0])
    routing = Routing(configuration)
    records = [record(FoundJob(shard, item), routing.of) for item in message.jobs]
    return QueuedMessage(
        jobs=[_job(one) for one in records if not one["quarantined"]],
        size=message.size,
        header=message.header.decode("utf-8", "backslashreplace"),
    )


def _job(facts: dict[str, Any]) -> QueuedJob:
    return QueuedJob(**facts)


def _conditions(
    configuration: Configuration,
    sender: str,
    recipient: str,
    route: str,
    message_id: str,
    held: bool | None = None,
) -> JobFilter:
    routing = Routing(configuration)
    return JobFilter(
        sender=sender or None,
        recipient=recipient or None,
        message_id=message_id or None,
        held=held,
        also=(lambda item: route in routing.of(item.job)) if route else None,
    )


# Acting.


def _changed(
    parts: Parts, act: QueueAct, asked: QueueChange, key: ApiKey, client: str
) -> QueueChanged:
    configuration = parts.configuration
    conditions = _conditions(
        configuration, asked.sender, asked.recipient, asked.route, asked.message_id
    )
    selection = Selection(tuple(asked.ids), conditions, asked.everything)
    try:
        # Also so that of several ids either all are there, or nothing is done.
        number = touched(configuration, act, selection)
        if asked.dry_run:
            return QueueChanged(act=act, jobs=number, dry_run=True)
        _check_meant(asked, number)
        changed = carry_out(
            configuration, act, selection, now=time.time(), warn=_warn, by=f"API key {key.name}"
        )
    except NotInQueueError as error:
        raise ApiError(http_api.NOT_FOUND, str(error)) from None
    which = asked.model_dump(exclude_defaults=True, exclude={"at_most"})
    what = f"queue.{done_word(act)}"
    parts.audit(what, key=key.name, client=client, jobs=changed, selection=which)
    return QueueChanged(act=act, jobs=changed, dry_run=False)


def _check_meant(asked: QueueChange, number: int) -> None:
    if asked.at_most is None and not asked.ids:
        raise ApiError(http_api.CONFLICT, f"it would touch {number} jobs; say so by at_most")
    if asked.at_most is not None and number > asked.at_most:
        raise ApiError(http_api.CONFLICT, f"it would touch {number} jobs, not {asked.at_most}")


def _warn(sentence: str) -> None:
    log.warning("api.trace-not-written", reason=sentence)
