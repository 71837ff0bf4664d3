"""Where a message is, what happened, how the service does: what `kairan trace`, `status` and `doctor explain` say."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from kairan.api.callers import KEY_BEGINS, account_caller, bearer_of
from kairan.api.documented import ACCOUNT, KEY, answers
from kairan.api.just_accepted import ID_CHARACTERS_MAX
from kairan.api.parts import Parts
from kairan.api.problems import ApiError
from kairan.directory.operations.api_keys import Scope
from kairan.outcomes import http_api
from kairan.runtime.visible import visible
from kairan.status.gather import status
from kairan.trace.search import TraceEvent, TraceReader, search
from kairan.trace.story import EVENTS_OF_ONE_MAX, STATUS, MessageStatus, last_of_recipients

MICRO = 1_000_000
_PAGE_MAX = 1_000
# Search allows a microsecond on either side.
_SLACK = 8
_NAME_MAX = ID_CHARACTERS_MAX
_EARLY_PAUSE_SECONDS = 0.1


class EventShown(BaseModel):
    """As the trace has it; `count`: of refused strangers, so many alike."""

    time: datetime
    event: str
    message_id: str
    sender: str
    recipient: str
    account: str
    client: str
    subject: str
    detail: str
    count: int


class RecipientStatus(BaseModel):
    address: str
    status: MessageStatus
    time: datetime
    detail: str


class MessageFound(BaseModel):
    """`left_out`: events beyond the first hundred, of a mailing to many."""

    id: str
    message_id: str
    account: str
    sender: str
    subject: str
    status: MessageStatus
    recipients: list[RecipientStatus]
    left_out: int


class MessageEvents(BaseModel):
    id: str
    events: list[EventShown]
    left_out: int


class TracePage(BaseModel):
    """The latest first.  `next`: the cursor of the page behind; null at the end."""

    events: list[EventShown]
    next: str | None


class TraceFilters(BaseModel):
    """Those of `kairan trace`; empty: any."""

    since: datetime | None = None
    until: datetime | None = None
    sender: Annotated[str, Field(max_length=_NAME_MAX)] = ""
    recipient: Annotated[str, Field(max_length=_NAME_MAX)] = ""
    message_id: Annotated[str, Field(max_length=_NAME_MAX)] = ""
    account: Annotated[str, Field(max_length=_NAME_MAX)] = ""
    client: Annotated[str, Field(max_length=_NAME_MAX)] = ""
    subject: Annotated[str, Field(max_length=_NAME_MAX, description="A part of it.")] = ""
    status: MessageStatus | None = None
    limit: Annotated[int, Field(ge=1, le=_PAGE_MAX)] = 100
    cursor: Annotated[str, Field(pattern=r"^([0-9]{1,17}\.[0-9]{1,4})?$")] = ""


BODIES: tuple[type[BaseModel], ...] = ()


def routes(parts: Parts) -> APIRouter:
    router = APIRouter()
    both = {"security": [*ACCOUNT, *KEY]}

    @router.get(
        "/v1/messages/{id:path}/events",
        responses=answers(401, 403, 404, 422),
        tags=["messages"],
        summary="All that happened to a message",
        openapi_extra=both,
    )
    async def events(request: Request, id: str) -> MessageEvents:  # noqa: A002 - its name in the path
        """Its account asks for its own messages, a key with the scope `read` for all."""
        found, left_out = await _of_message(parts, request, id)
        return MessageEvents(id=_bare(id), events=[*map(_event, found)], left_out=left_out)

    @router.get(
        "/v1/messages/{id:path}",
        responses=answers(401, 403, 404, 422),
        tags=["messages"],
        summary="Where a message is, recipient by recipient",
        openapi_extra=both,
    )
    async def message(request: Request, id: str) -> MessageFound:  # noqa: A002
        """Its account asks for its own messages, a key with the scope `read` for all."""
        found, left_out = await _of_message(parts, request, id)
        return _message(id, found, left_out)

    @router.get(
        "/v1/trace",
        response_model=TracePage,
        responses=answers(401, 403, 422),
        tags=["trace"],
        summary="Search what happened",
        openapi_extra={"security": KEY},
    )
    async def trace(request: Request, wanted: Annotated[TraceFilters, Query()]) -> Response:
        """Scope `read`."""
        await parts.key_of(request, Scope.READ)
        # Written in the thread: FastAPI would judge a thousand events again, in the event loop.
        return await parts.apart(_written_page, parts, wanted)

    @router.get(
        "/v1/status",
        response_model=dict[str, Any],
        responses=answers(401, 403),
        tags=["status"],
        summary="What the service does now",
        openapi_extra={"security": KEY},
    )
    async def status_(request: Request) -> Mapping[str, Any]:
        """Scope `read`.  As `kairan status --json`."""
        await parts.key_of(request, Scope.READ)
        return await parts.apart(lambda: asdict(status(parts.configuration, now=time.time())))

    return router


# One message.


async def _of_message(
    parts: Parts, request: Request, message_id: str
) -> tuple[list[TraceEvent], int]:
    """Raises ApiError where there is none that the caller may see; of those there is no difference to
    none at all.
    """
    if bearer_of(request).startswith(KEY_BEGINS):
        await parts.key_of(request, Scope.READ)
        account = None
    else:
        caller = account_caller(request)
        await parts.submitter.log_in(caller)
        found = await parts.apart(parts.directory.account, caller.user)
        account = found.address if found is not None else ""
    return await wait_events(parts, message_id, account)


async def wait_events(
    parts: Parts, message_id: str, account: str | None
) -> tuple[list[TraceEvent], int]:
    """Who asks with the 202 in hand may be early, for events are written together: such an id is looked
    for until its events must be there.  Raises ApiError where there is none that `account` (None:
    anybody) may see.
    """
    while True:
        is_early = _bare(message_id) in parts.just_accepted
        try:
            return await parts.apart(_events_of, parts, message_id, account)
        except ApiError:
            if not is_early:
                raise
        await asyncio.sleep(_EARLY_PAUSE_SECONDS)


def _events_of(parts: Parts, message_id: str, account: str | None) -> tuple[list[TraceEvent], int]:
    if not message_id.isprintable() or len(message_id) > _NAME_MAX:
        raise ApiError(http_api.NOT_FOUND)
    with TraceReader(parts.configuration.trace_directory) as reader:
        events, number = reader.events_of(f"<{_bare(message_id)}>", limit=EVENTS_OF_ONE_MAX)
    seen = events if account is None else _of_account(events, account)
    if not seen:
        raise ApiError(http_api.NOT_FOUND)
    return seen, max(0, number - len(events))


def _of_account(events: Sequence[TraceEvent], account: str) -> list[TraceEvent]:
    """Who wrote the Message-ID may have taken another account's: of one that several have sent under,
    an account sees what carries its own name.
    """
    senders = {one.account for one in events if one.event == "RECEIVE"}
    if senders == {account}:
        return list(events)
    return [one for one in events if account and one.account == account]


def _message(message_id: str, events: Sequence[TraceEvent], left_out: int) -> MessageFound:
    received = next((one for one in events if one.event == "RECEIVE"), events[0])
    known = [STATUS[one.event] for one in events if one.event in STATUS]
    last = [one for one in last_of_recipients(events).values() if one.recipient]
    return MessageFound(
        id=_bare(message_id),
        message_id=f"<{_bare(message_id)}>",
        account=received.account,
        sender=received.sender,
        subject=visible(received.subject),
        status=known[-1] if known else MessageStatus.RECEIVED,
        recipients=[
            RecipientStatus(
                address=one.recipient,
                status=STATUS[one.event],
                time=_moment(one.time),
                detail=visible(one.detail),
            )
            for one in last
        ],
        left_out=left_out,
    )


def _bare(message_id: str) -> str:
    return message_id.strip("<>")


def _event(one: TraceEvent) -> EventShown:
    return EventShown(
        time=_moment(one.time),
        event=one.event,
        message_id=visible(one.message_id),
        sender=one.sender,
        recipient=one.recipient,
        account=one.account,
        client=one.client,
        subject=visible(one.subject),
        detail=visible(one.detail),
        count=one.count,
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


# Many.


def _written_page(parts: Parts, wanted: TraceFilters) -> Response:
    return Response(_page(parts, wanted).model_dump_json(), media_type="application/json")


def _page(parts: Parts, wanted: TraceFilters) -> TracePage:
    """A cursor is the time of the last event that was given, and how many of that time were."""
    before, skipped = _read_cursor(wanted.cursor)
    until = seconds_of(wanted.until) if before is None else before / MICRO
    found = search(
        parts.configuration.trace_directory,
        message_id=f"<{_bare(wanted.message_id)}>" if wanted.message_id else None,
        sender=wanted.sender or None,
        recipient=wanted.recipient or None,
        since=seconds_of(wanted.since),
        until=until,
        limit=wanted.limit + skipped + _SLACK,
        also=_also(wanted),
    )[::-1]
    if before is not None:
        found = [one for one in found if _micro(one) <= before][skipped:]
    page = found[: wanted.limit]
    more = len(found) > wanted.limit
    return TracePage(
        events=[*map(_event, page)], next=_cursor(page, before, skipped) if more else None
    )


def _cursor(page: Sequence[TraceEvent], before: int | None, skipped: int) -> str:
    last = _micro(page[-1])
    given = sum(_micro(one) == last for one in page)
    return f"{last}.{given + (skipped if last == before else 0)}"


def _read_cursor(text: str) -> tuple[int | None, int]:
    if not text:
        return None, 0
    micro, _, skipped = text.partition(".")
    return int(micro), int(skipped)


def _micro(one: TraceEvent) -> int:
    return round(one.time * MICRO)


def seconds_of(moment: datetime | None) -> float | None:
    """Without a zone it is UTC, whatever this machine's is."""
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _also(wanted: TraceFilters) -> dict[str, Sequence[str]]:
    also: dict[str, Sequence[str]] = {
        name: [text] for name in ("account", "client", "subject") if (text := getattr(wanted, name))
    }
    if wanted.status is not None:
        also["event"] = [event for event, its in STATUS.items() if its == wanted.status]
    return also
