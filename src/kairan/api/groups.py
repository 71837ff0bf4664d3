"""Groups: what `kairan group` lists, adds, changes and removes, its members, and whom it leads to."""

from collections.abc import Collection
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from kairan.api.accounts import AddressInPath, AddressList
from kairan.api.compose import AddressText, Line
from kairan.api.documented import KEY, answers
from kairan.api.json_bodies import StrictBody, json_body, read_json, without_nulls
from kairan.api.parts import Parts
from kairan.api.problems import ApiError
from kairan.directory.model import Group, ModerationNotifications
from kairan.directory.operations.groups import GroupFields
from kairan.expansion.preview import previewed
from kairan.outcomes import http_api

_MEMBERS_MAX = 100_000


class GroupShown(BaseModel):
    """`is_dynamic`: its members follow from a filter, which `…/filter` shows and changes."""

    address: str
    display_name: str
    is_dynamic: bool
    enabled: bool
    hidden: bool
    owners: list[str]
    require_sender_authentication: bool
    accept_from: list[str]
    reject_from: list[str]
    report_to_originator: bool
    report_to_manager: bool
    moderated: bool
    moderators: list[str]
    bypass: list[str]
    bypass_nested_moderation: bool
    moderation_notifications: ModerationNotifications
    reply_to: str
    list_headers: bool
    unsubscribe: str
    message_octets_max: int | None
    send_window: str


class Members(BaseModel):
    members: list[str]


class GroupPreview(BaseModel):
    """Who would receive a message now, each once; `count`: of all, `members`: the first `limit`.  Of a dynamic
    group also what `kairan group preview --json` has: who has come and gone since the stored list.
    """

    count: int
    members: list[str]
    dynamic: dict[str, Any] | None


class GroupChange(StrictBody):
    """What is not named stays; a list replaces the one before."""

    display_name: Line | None = None
    enabled: bool | None = None
    hidden: bool | None = None
    owners: AddressList | None = None
    require_sender_authentication: bool | None = None
    accept_from: AddressList | None = None
    reject_from: AddressList | None = None
    report_to_originator: bool | None = None
    report_to_manager: bool | None = None
    moderated: bool | None = None
    moderators: AddressList | None = None
    bypass: AddressList | None = None
    bypass_nested_moderation: bool | None = None
    moderation_notifications: ModerationNotifications | None = None
    reply_to: AddressText | Literal[""] | None = None
    list_headers: bool | None = None
    unsubscribe: Line | None = None
    message_octets_max: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    send_window: Line | None = None

    _no_nulls = model_validator(mode="after")(without_nulls("message_octets_max"))


class NewGroup(GroupChange):
    address: AddressText
    members: Annotated[list[AddressText], Field(max_length=10_000, default_factory=list)]


BODIES = (NewGroup, GroupChange)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["groups"])
    _heads(router, parts)
    _members(router, parts)
    return router


def _heads(router: APIRouter, parts: Parts) -> None:
    security = {"security": KEY}

    @router.get(
        "/v1/groups",
        responses=answers(401, 403, 409, 422),
        summary="The groups",
        openapi_extra=security,
    )
    async def groups(request: Request) -> list[GroupShown]:
        """Scope `read`."""
        await parts.reader(request)
        return [_shown(one) for one in await parts.apart(parts.directory.groups)]

    @router.get(
        "/v1/groups/{address}",
        responses=answers(401, 403, 404, 409, 422),
        summary="A group",
        openapi_extra=security,
    )
    async def group(request: Request, address: AddressInPath) -> GroupShown:
        """Scope `read`."""
        await parts.reader(request)
        return _shown(await parts.apart(_existing, parts, address))

    @router.post(
        "/v1/groups",
        status_code=201,
        responses=answers(401, 403, 408, 409, 413, 422),
        summary="Add a group",
        openapi_extra={**security, **json_body(NewGroup)},
    )
    async def add(request: Request) -> GroupShown:
        """Scope admin."""
        key = await parts.administrator(request)
        new = await read_json(parts, request, NewGroup)

        def work() -> Group:
            parts.directory.add_group(new.address, initial_members=new.members, **group_fields(new))
            return _existing(parts, new.address)

        added = await parts.apart(work)
        after = {**group_fields(new), "members": len(new.members)}
        parts.tell(request, key, "group.add", added.address, after=after)
        return _shown(added)

    @router.patch(
        "/v1/groups/{address}",
        responses=answers(401, 403, 404, 408, 409, 413, 422),
        summary="Change a group",
        openapi_extra={**security, **json_body(GroupChange)},
    )
    async def change(request: Request, address: AddressInPath) -> GroupShown:
        """Scope admin."""
        key = await parts.administrator(request)
        wanted = await read_json(parts, request, GroupChange)

        def work() -> Group:
            primary = _existing(parts, address).address
            parts.directory.set_group(primary, **group_fields(wanted))
            return _existing(parts, primary)

        changed = await parts.apart(work)
        parts.tell(request, key, "group.set", changed.address, after=group_fields(wanted))
        return _shown(changed)

    @router.delete(
        "/v1/groups/{address}",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 404, 409, 422),
        summary="Remove a group",
        openapi_extra=security,
    )
    async def remove(request: Request, address: AddressInPath) -> Response:
        """Scope admin.  Its members stay as they are."""
        key = await parts.administrator(request)

        def work() -> str:
            primary = _existing(parts, address).address
            parts.directory.remove_group(primary)
            return primary

        parts.tell(request, key, "group.remove", await parts.apart(work))
        return Response(status_code=204)


def _members(router: APIRouter, parts: Parts) -> None:
    security = {"security": KEY}

    @router.get(
        "/v1/groups/{address}/members",
        responses=answers(401, 403, 404, 409, 422),
        summary="A group's direct members",
        openapi_extra=security,
    )
    async def members(
        request: Request,
        address: AddressInPath,
        limit: Annotated[int, Query(ge=1, le=_MEMBERS_MAX)] = 10_000,
    ) -> Members:
        """Scope `read`."""
        await parts.reader(request)
        return Members(members=await parts.apart(_some_members, parts, address, limit))

    @router.get(
        "/v1/groups/{address}/preview",
        responses=answers(401, 403, 404, 409, 422),
        summary="Who would receive a message to it now",
        openapi_extra=security,
    )
    async def preview(
        request: Request,
        address: AddressInPath,
        limit: Annotated[int, Query(ge=1, le=_MEMBERS_MAX)] = 1_000,
    ) -> GroupPreview:
        """Scope `read`.  Groups within it are opened."""
        await parts.reader(request)
        return await parts.apart(_previewed, parts, address, limit)

    @router.put(
        "/v1/groups/{address}/members/{member}",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 404, 409, 422),
        summary="Add a member",
        openapi_extra=security,
    )
    async def add(request: Request, address: AddressInPath, member: AddressInPath) -> Response:
        """Scope admin."""
        key = await parts.administrator(request)
        await parts.apart(_existing, parts, address)
        await parts.apart(parts.directory.add_members, address, [member])
        parts.tell(request, key, "group.add-members", address, members=[member])
        return Response(status_code=204)

    @router.delete(
        "/v1/groups/{address}/members/{member}",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 404, 409, 422),
        summary="Take a member out",
        openapi_extra=security,
    )
    async def remove(request: Request, address: AddressInPath, member: AddressInPath) -> Response:
        """Scope admin."""
        key = await parts.administrator(request)
        await parts.apart(_existing, parts, address)
        await parts.apart(parts.directory.remove_members, address, [member])
        parts.tell(request, key, "group.remove-members", address, members=[member])
        return Response(status_code=204)


def _existing(parts: Parts, address: str) -> Group:
    found = parts.directory.group(address)
    if found is None:
        raise ApiError(http_api.NOT_FOUND)
    return found


def _some_members(parts: Parts, address: str, limit: int) -> list[str]:
    found: list[str] = []
    for chunk in parts.directory.members(_existing(parts, address).address):
        found += chunk
        if len(found) >= limit:
            break
    return found[:limit]


def _previewed(parts: Parts, address: str, limit: int) -> GroupPreview:
    configuration = parts.configuration
    found = previewed(
        parts.directory,
        configuration.dynamic_groups,
        configuration.delivery.expansion,
        _existing(parts, address),
    )
    count, members = found.pop("count"), found.pop("members")
    return GroupPreview(count=count, members=members[:limit], dynamic=found or None)


def group_fields(wanted: GroupChange, *, but: Collection[str] = ()) -> GroupFields:
    """Those that were named."""
    own = {"address", "members", *but}
    named: dict[str, Any] = wanted.model_dump(exclude_unset=True, exclude=own)
    return cast("GroupFields", named)


def _shown(one: Group) -> GroupShown:
    return GroupShown(
        address=one.address,
        display_name=one.display_name,
        is_dynamic=one.is_dynamic,
        enabled=one.enabled,
        hidden=one.hidden,
        owners=sorted(one.owners),
        require_sender_authentication=one.require_sender_authentication,
        accept_from=sorted(one.accept_from),
        reject_from=sorted(one.reject_from),
        report_to_originator=one.report_to_originator,
        report_to_manager=one.report_to_manager,
        moderated=one.moderated,
        moderators=sorted(one.moderators),
        bypass=sorted(one.bypass),
        bypass_nested_moderation=one.bypass_nested_moderation,
        moderation_notifications=one.moderation_notifications,
        reply_to=one.reply_to,
        list_headers=one.list_headers,
        unsubscribe=one.unsubscribe,
        message_octets_max=one.message_octets_max,
        send_window=one.send_window,
    )
