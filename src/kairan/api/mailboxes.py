"""Mailboxes: what `kairan mailbox` lists, adds, changes and removes."""

from itertools import islice
from typing import Annotated, Any, cast

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
from kairan.directory.model import MAILBOX_ATTRIBUTES, Mailbox
from kairan.directory.operations.mailboxes import MailboxFields
from kairan.outcomes import http_api

_PAGE_MAX = 1_000


class MailboxShown(BaseModel):
    """`attributes`: those that are set."""

    address: str
    name: str
    aliases: list[str]
    hidden: bool
    enabled: bool
    attributes: dict[str, str]


class MailboxChange(StrictBody):
    """What is not named stays; a list replaces the one before; of `attributes` an empty text unsets one."""

    name: Line | None = None
    aliases: AddressList | None = None
    hidden: bool | None = None
    enabled: bool | None = None
    attributes: Annotated[dict[str, Line], Field(max_length=len(MAILBOX_ATTRIBUTES))] | None = None

    _no_nulls = model_validator(mode="after")(without_nulls())


class NewMailbox(MailboxChange):
    address: AddressText


BODIES = (NewMailbox, MailboxChange)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["mailboxes"])
    security = {"security": KEY}

    @router.get(
        "/v1/mailboxes",
        responses=answers(401, 403, 409, 422),
        summary="Mailboxes",
        openapi_extra=security,
    )
    async def mailboxes(
        request: Request,
        search: Annotated[
            str, Query(max_length=200, description="A part of the address or name.")
        ] = "",
        limit: Annotated[int, Query(ge=1, le=_PAGE_MAX)] = 100,
    ) -> list[MailboxShown]:
        """Scope `read`."""
        await parts.reader(request)

        def found() -> list[MailboxShown]:
            matching = parts.directory.mailboxes(search=search)
            return [_shown(one) for one in islice(matching, limit)]

        return await parts.apart(found)

    @router.get(
        "/v1/mailboxes/{address}",
        responses=answers(401, 403, 404, 409, 422),
        summary="A mailbox",
        openapi_extra=security,
    )
    async def mailbox(request: Request, address: AddressInPath) -> MailboxShown:
        """Scope `read`.  By its address or an alias."""
        await parts.reader(request)
        return _shown(await parts.apart(_existing, parts, address))

    @router.post(
        "/v1/mailboxes",
        status_code=201,
        responses=answers(401, 403, 408, 409, 413, 422),
        summary="Add a mailbox",
        openapi_extra={**security, **json_body(NewMailbox)},
    )
    async def add(request: Request) -> MailboxShown:
        """Scope admin."""
        key = await parts.administrator(request)
        new = await read_json(parts, request, NewMailbox)

        def work() -> Mailbox:
            parts.directory.add_mailbox(new.address, **_fields(new))
            return _existing(parts, new.address)

        added = await parts.apart(work)
        parts.tell(request, key, "mailbox.add", added.address, after=_fields(new))
        return _shown(added)

    @router.patch(
        "/v1/mailboxes/{address}",
        responses=answers(401, 403, 404, 408, 409, 413, 422),
        summary="Change a mailbox",
        openapi_extra={**security, **json_body(MailboxChange)},
    )
    async def change(request: Request, address: AddressInPath) -> MailboxShown:
        """Scope admin."""
        key = await parts.administrator(request)
        wanted = await read_json(parts, request, MailboxChange)

        def work() -> Mailbox:
            primary = _existing(parts, address).address
            parts.directory.set_mailbox(primary, **_fields(wanted))
            return _existing(parts, primary)

        changed = await parts.apart(work)
        parts.tell(request, key, "mailbox.set", changed.address, after=_fields(wanted))
        return _shown(changed)

    @router.delete(
        "/v1/mailboxes/{address}",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 404, 409, 422),
        summary="Remove a mailbox",
        openapi_extra=security,
    )
    async def remove(request: Request, address: AddressInPath) -> Response:
        """Scope admin.  Its memberships go with it."""
        key = await parts.administrator(request)

        def work() -> str:
            primary = _existing(parts, address).address
            parts.directory.remove_mailbox(primary)
            return primary

        parts.tell(request, key, "mailbox.remove", await parts.apart(work))
        return Response(status_code=204)

    return router


def _existing(parts: Parts, address: str) -> Mailbox:
    found = parts.directory.mailbox(address)
    if found is None:
        raise ApiError(http_api.NOT_FOUND)
    return found


def _fields(wanted: MailboxChange) -> MailboxFields:
    """Those that were named."""
    named: dict[str, Any] = wanted.model_dump(exclude_unset=True, exclude={"address"})
    if "name" in named:
        named["display_name"] = named.pop("name")
    return cast("MailboxFields", named)


def _shown(one: Mailbox) -> MailboxShown:
    return MailboxShown(
        address=one.address,
        name=one.display_name,
        aliases=sorted(one.aliases),
        hidden=one.hidden,
        enabled=one.enabled,
        attributes=dict(one.attributes),
    )
