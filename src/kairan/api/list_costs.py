"""What messages to lists cost, and who would do better with a list: `kairan group cost` and `kairan group advise`."""

import time
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from kairan.api.documented import KEY, answers
from kairan.api.just_accepted import ID_CHARACTERS_MAX
from kairan.api.looking import seconds_of
from kairan.api.parts import Parts
from kairan.api.problems import ApiError
from kairan.doctor.list_advice import HabitLimits, ListKind, advice_record, advised
from kairan.outcomes import http_api
from kairan.trace.keys import DAY_SECONDS
from kairan.trace.usage import single_sends
from kairan.usage.list_cost import list_cost_record, list_sends

_SPAN_SECONDS = 30 * DAY_SECONDS
# Of a trace; more recipients or runs than this are asked for by nobody.
_NUMBER_MAX = 1_000_000


class ListCost(BaseModel):
    """`expanded`: recipients behind the list; `billed`: those to whom it was delivered, each once a message."""

    messages: int
    expanded: int
    delivered: int
    failed: int
    billed: int
    cost: float


class CostOfGroup(ListCost):
    """A message to several groups stands at the first.  Empty: one message that went to no list."""

    group: str


class CostOfMessage(ListCost):
    message_id: str
    time: str
    account: str
    from_: str = Field(alias="from")
    groups: list[str]


class CostsShown(BaseModel):
    currency: str
    price_per_million: float
    groups: list[CostOfGroup]
    messages: list[CostOfMessage]
    total: ListCost


class SuggestedList(BaseModel):
    """`name`: a group that exists, or the filter of a dynamic one; `more`: whom it reaches beside them."""

    kind: ListKind
    name: str
    members: int
    more: int


class ListSaves(BaseModel):
    messages: int
    recipients: int
    cost: float
    seconds: float


class AdviceShown(BaseModel):
    """`is_personal`: each message had a subject of its own; where the text differs too, keep single messages."""

    account: str
    runs: int
    messages: int
    recipients: list[str]
    seconds: float
    is_personal: bool
    list: SuggestedList
    saves: ListSaves


class CostQuery(BaseModel):
    """Times are UTC unless they name a zone; without any it is the last 30 days."""

    group: Annotated[str, Field(max_length=320, description="Empty: any.")] = ""
    message_id: Annotated[
        str, Field(max_length=ID_CHARACTERS_MAX, description="One message, to a list or not.")
    ] = ""
    since: datetime | None = None
    until: datetime | None = None


class AdviceQuery(BaseModel):
    since: Annotated[datetime | None, Field(description="Without: 30 days ago.")] = None
    recipients: Annotated[int, Field(ge=2, le=_NUMBER_MAX, description="Fewer are no list.")] = (
        HabitLimits().recipients_min
    )
    runs: Annotated[
        int, Field(ge=1, le=_NUMBER_MAX, description="So often is again and again.")
    ] = HabitLimits().runs_min


BODIES: tuple[type[BaseModel], ...] = ()


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["groups"])
    security = {"security": KEY}

    @router.get(
        "/v1/group-costs",
        responses=answers(401, 403, 404, 422),
        summary="What messages to groups cost",
        openapi_extra=security,
    )
    async def costs(request: Request, wanted: Annotated[CostQuery, Query()]) -> CostsShown:
        """Scope `read`.  As `kairan group cost`; `GET /v1/reports/usage?by=group` counts the same by day of
        delivery.
        """
        await parts.reader(request)
        return CostsShown.model_validate(await parts.apart(_costs, parts, wanted))

    @router.get(
        "/v1/group-advice",
        responses=answers(401, 403, 409, 422),
        summary="Who sends one by one what a group would send at once",
        openapi_extra=security,
    )
    async def advice(
        request: Request, wanted: Annotated[AdviceQuery, Query()]
    ) -> list[AdviceShown]:
        """Scope `read`.  As `kairan group advise`."""
        await parts.reader(request)
        found = await parts.apart(_advice, parts, wanted)
        return [AdviceShown.model_validate(one) for one in found]

    return router


def _costs(parts: Parts, wanted: CostQuery) -> dict[str, Any]:
    configuration = parts.configuration
    sends = list_sends(
        configuration.trace_directory,
        group=wanted.group,
        message_id=wanted.message_id,
        since=_begin(wanted.since),
        until=_moment(wanted.until, time.time()),
    )
    if wanted.message_id and not sends:
        raise ApiError(http_api.NOT_FOUND)
    return list_cost_record(sends, configuration.billing)


def _advice(parts: Parts, wanted: AdviceQuery) -> list[dict[str, Any]]:
    configuration = parts.configuration
    sends = single_sends(configuration.trace_directory, _begin(wanted.since), time.time())
    limits = HabitLimits(recipients_min=wanted.recipients, runs_min=wanted.runs)
    found = advised(sends, limits, parts.directory, configuration.delivery.expansion)
    return [advice_record(*one, configuration.billing) for one in found]


def _begin(since: datetime | None) -> float:
    return _moment(since, time.time() - _SPAN_SECONDS)


def _moment(asked: datetime | None, otherwise: float) -> float:
    """Nothing is before 1970, or to come."""
    seconds = seconds_of(asked)
    return otherwise if seconds is None else min(max(seconds, 0.0), time.time())
