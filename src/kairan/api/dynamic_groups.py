"""Groups whose members follow from a filter: what `kairan group` says of them, and how far their mail has come."""

import time
from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, model_validator
from starlette.requests import Request

from kairan.api.accounts import AddressInPath, LineList
from kairan.api.documented import KEY, answers
from kairan.api.groups import GroupChange, group_fields
from kairan.api.json_bodies import StrictBody, json_body, read_json, without_nulls
from kairan.api.parts import Parts
from kairan.api.problems import ApiError
from kairan.directory.dynamic.rules import is_too_much
from kairan.directory.dynamic.wanted import with_conditions, with_filter
from kairan.directory.errors import DirectoryError
from kairan.directory.model import DynamicGroup, ListChange
from kairan.directory.operations.dynamic_groups import Refuses
from kairan.directory.recipient_filter.ldap import ldap_filter
from kairan.directory.recipient_filter.opath import parse
from kairan.outcomes import http_api
from kairan.trace.sends import sends_of

_FILTER_MAX = 100_000  # [recipient_filter] says how long it may be
_FITTING_MAX = 100_000
_SENDS_MAX = 1_000
_WEEK_SECONDS = 7 * 24 * 3600
OpathText = Annotated[str, Field(min_length=1, max_length=_FILTER_MAX)]
_Conditions = Annotated[dict[str, LineList], Field(max_length=18)]
_Refresh = Annotated[int, Field(ge=0, le=2**31 - 1)]


class DynamicFilter(BaseModel):
    """`refresh_seconds` null: as configured; 0: at every message.  Times are seconds since the epoch, 0: never."""

    address: str
    filter: str
    included_recipients: list[str]
    conditions: dict[str, list[str]]
    refresh_seconds: int | None
    refreshed: int
    kept_since: int


class FilterChange(StrictBody):
    """Either `filter` (OPATH), or Exchange's precanned conditions: `included_recipients`, `conditions` by property,
    such as `{"Department": ["Sales"]}`; a condition without a value goes.  `agreed`: also where more members
    change than [dynamic_groups] allows.
    """

    filter: OpathText | None = None
    included_recipients: LineList | None = None
    conditions: _Conditions | None = None
    refresh_seconds: _Refresh | None = None
    agreed: bool = False

    _no_nulls = model_validator(mode="after")(without_nulls("refresh_seconds"))


class NewDynamicGroup(GroupChange, FilterChange):
    address: Annotated[str, Field(max_length=320)]


class Agreement(StrictBody):
    agreed: bool = False


class AskedFilter(StrictBody):
    filter: OpathText


class FilterFits(BaseModel):
    """`count`: of all, `members`: the first 100,000.  `ldap`: the same for a directory server."""

    count: int
    members: list[str]
    ldap: str


class MembersChanged(BaseModel):
    """From the stored list to whom the filter fits; the first of those who came and went."""

    before: int
    after: int
    added: int
    removed: int
    some_added: list[str]
    some_removed: list[str]


class RefreshShown(BaseModel):
    """`is_kept`: it would have changed too much, and the list stayed."""

    at: int
    is_kept: bool
    members: int
    added: int
    removed: int
    by: str
    some_added: list[str]
    some_removed: list[str]


class GroupMessage(BaseModel):
    """How far a message to a group has come; `who`: the latest of those deferred or failed."""

    message_id: str
    group: str
    sender: str
    time: float
    expanded: str
    delivered: int
    deferred: int
    failed: int
    who: list[dict[str, str]]


BODIES = (NewDynamicGroup, FilterChange, Agreement, AskedFilter)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["dynamic groups"])
    _filters(router, parts)
    _lists(router, parts)
    return router


def _filters(router: APIRouter, parts: Parts) -> None:
    security = {"security": KEY}

    @router.post(
        "/v1/dynamic-groups",
        status_code=201,
        responses=answers(401, 403, 408, 409, 413, 422),
        summary="Add a group whose members follow from a filter",
        openapi_extra={**security, **json_body(NewDynamicGroup)},
    )
    async def add(request: Request) -> DynamicFilter:
        """Scope admin."""
        key = await parts.administrator(request)
        new = await read_json(parts, request, NewDynamicGroup)
        now, by = int(time.time()), f"API key {key.name}"

        def work() -> DynamicGroup:
            wanted = _wanted(parts, DynamicGroup(new.address, ""), new)
            tree = parse(wanted.filter, parts.configuration.recipient_filter)
            fields = group_fields(new, but=set(FilterChange.model_fields))
            parts.directory.dynamic_groups.add(wanted, tree, now=now, by=by, **fields)
            return _existing(parts, new.address)

        added = await parts.apart(work)
        parts.tell(request, key, "group.add", added.address, after={"filter": added.filter})
        return _shown(added)

    @router.get(
        "/v1/groups/{address}/filter",
        responses=answers(401, 403, 404, 409, 422),
        summary="What a dynamic group's members follow from",
        openapi_extra=security,
    )
    async def filter_(request: Request, address: AddressInPath) -> DynamicFilter:
        """Scope `read`."""
        await parts.reader(request)
        return _shown(await parts.apart(_existing, parts, address))

    @router.patch(
        "/v1/groups/{address}/filter",
        responses=answers(401, 403, 404, 408, 409, 413, 422),
        summary="Change what a dynamic group's members follow from",
        openapi_extra={**security, **json_body(FilterChange)},
    )
    async def change(request: Request, address: AddressInPath) -> DynamicFilter:
        """Scope admin.  Another filter is another membership at once."""
        key = await parts.administrator(request)
        asked = await read_json(parts, request, FilterChange)
        now, by = int(time.time()), f"API key {key.name}"

        def work() -> DynamicGroup:
            wanted = _wanted(parts, _existing(parts, address), asked)
            tree = parse(wanted.filter, parts.configuration.recipient_filter)
            refuses = _refuses(parts, is_agreed=asked.agreed)
            parts.directory.dynamic_groups.change(wanted, tree, now=now, by=by, refuses=refuses)
            return _existing(parts, wanted.address)

        changed = await parts.apart(work)
        after = asked.model_dump(exclude_unset=True)
        parts.tell(request, key, "group.set", changed.address, after=after)
        return _shown(changed)

    @router.post(
        "/v1/recipient-filter",
        responses=answers(401, 403, 408, 409, 413, 422),
        summary="Whom a recipient filter fits now",
        openapi_extra={**security, **json_body(AskedFilter)},
    )
    async def fits(request: Request) -> FilterFits:
        """Scope `read`."""
        await parts.reader(request)
        asked = await read_json(parts, request, AskedFilter)

        def work() -> FilterFits:
            tree = parse(asked.filter, parts.configuration.recipient_filter)
            found = list(parts.directory.fitting(tree))
            return FilterFits(
                count=len(found), members=found[:_FITTING_MAX], ldap=ldap_filter(tree)
            )

        return await parts.apart(work)


def _lists(router: APIRouter, parts: Parts) -> None:
    security = {"security": KEY}

    @router.post(
        "/v1/groups/{address}/refresh",
        responses=answers(401, 403, 404, 408, 409, 413, 422),
        summary="Find the members of a dynamic group now",
        openapi_extra={**security, **json_body(Agreement)},
    )
    async def refresh(request: Request, address: AddressInPath) -> MembersChanged:
        """Scope admin.  Where more would change than [dynamic_groups] allows, 409 without `agreed`."""
        key = await parts.administrator(request)
        asked = await read_json(parts, request, Agreement)
        now, by = int(time.time()), f"API key {key.name}"

        def work() -> ListChange:
            group = _existing(parts, address)
            tree = parse(group.filter, parts.configuration.recipient_filter)
            refuses = _refuses(parts, is_agreed=asked.agreed)
            return parts.directory.dynamic_groups.refresh(
                group.address, tree, now=now, by=by, refuses=refuses
            )

        change = await parts.apart(work)
        parts.tell(request, key, "group.refresh", address, change=asdict(change))
        return MembersChanged(**asdict(change))

    @router.get(
        "/v1/groups/{address}/history",
        responses=answers(401, 403, 404, 409, 422),
        summary="What the refreshes of a dynamic group changed",
        openapi_extra=security,
    )
    async def history(request: Request, address: AddressInPath) -> list[RefreshShown]:
        """Scope `read`.  The newest first."""
        await parts.reader(request)

        def work() -> list[RefreshShown]:
            group = _existing(parts, address)
            found = parts.directory.dynamic_groups.history(group.address)
            return [RefreshShown.model_validate(asdict(one)) for one in found]

        return await parts.apart(work)

    @router.get(
        "/v1/group-sends",
        responses=answers(401, 403, 409, 422),
        summary="How far messages to groups have come",
        openapi_extra=security,
    )
    async def sends(
        request: Request,
        group: Annotated[str, Query(max_length=320, description="Empty: any.")] = "",
        since: Annotated[datetime | None, Query(description="Without: seven days ago.")] = None,
        limit: Annotated[int, Query(ge=1, le=_SENDS_MAX)] = 20,
    ) -> list[GroupMessage]:
        """Scope `read`.  The latest so many, the latest last."""
        await parts.reader(request)
        begins = since.timestamp() if since is not None else time.time() - _WEEK_SECONDS
        folder = parts.configuration.trace_directory

        def work() -> list[GroupMessage]:
            found = sends_of(folder, group, since=begins, limit=limit)
            return [GroupMessage.model_validate(asdict(one)) for one in found]

        return await parts.apart(work)


def _existing(parts: Parts, address: str) -> DynamicGroup:
    found = parts.directory.dynamic_groups.one(address)
    if found is None:
        raise ApiError(http_api.NOT_FOUND)
    return found


def _wanted(parts: Parts, before: DynamicGroup, asked: FilterChange) -> DynamicGroup:
    after = before
    if "refresh_seconds" in asked.model_fields_set:
        after = replace(after, refresh_seconds=asked.refresh_seconds)
    is_precanned = asked.included_recipients is not None or asked.conditions is not None
    if asked.filter is not None:
        if is_precanned:
            raise DirectoryError(
                "a filter says all; conditions and included recipients go without one, as in Exchange"
            )
        return with_filter(after, asked.filter)
    if is_precanned:
        return with_conditions(
            after,
            parts.configuration.recipient_filter,
            included_recipients=asked.included_recipients or (),
            conditions=asked.conditions or {},
        )
    if not after.filter:
        raise DirectoryError("a dynamic group needs a filter, or included recipients")
    return after


def _refuses(parts: Parts, *, is_agreed: bool) -> Refuses:
    settings = parts.configuration.dynamic_groups
    return lambda change: not is_agreed and is_too_much(change, settings)


def _shown(one: DynamicGroup) -> DynamicFilter:
    return DynamicFilter(
        address=one.address,
        filter=one.filter,
        included_recipients=list(one.included_recipients),
        conditions={name: list(values) for name, values in one.conditions.items()},
        refresh_seconds=one.refresh_seconds,
        refreshed=one.refreshed,
        kept_since=one.kept_since,
    )
