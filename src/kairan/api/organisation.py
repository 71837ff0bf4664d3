"""Accounts, mailboxes and groups: thin calls of what the commands call, each change audited."""

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from kairan.api.callers import client_of
from kairan.api.compose import AddressText, Line
from kairan.api.documented import KEY, answers
from kairan.api.json_bodies import StrictBody, json_body, read_json
from kairan.api.parts import Parts
from kairan.api.problems import ApiError
from kairan.directory.model import Account, Group, Mailbox
from kairan.directory.operations.api_keys import Scope
from kairan.outcomes import http_api

_PAGE_MAX = 1_000
AddressInPath = Annotated[AddressText, Path()]
SECURITY = {"security": KEY}


class AccountShown(BaseModel):
    """Never its password's hash."""

    address: str
    aliases: list[str]
    enabled: bool


class MailboxShown(BaseModel):
    address: str
    name: str
    aliases: list[str]


class GroupShown(BaseModel):
    address: str
    name: str


class Members(BaseModel):
    members: list[str]


class NewMailbox(StrictBody):
    address: AddressText
    name: Line = ""


BODIES = (NewMailbox,)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter()
    _accounts(router, parts)
    _mailboxes(router, parts)
    _groups(router, parts)
    return router


def _accounts(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/v1/accounts",
        responses=answers(401, 403, 409, 422),
        tags=["directory"],
        summary="The accounts",
        openapi_extra=SECURITY,
    )
    async def accounts(request: Request) -> list[AccountShown]:
        """Scope `read`."""
        await parts.key_of(request, Scope.READ)
        return [_account(one) for one in await parts.apart(parts.directory.accounts)]

    @router.get(
        "/v1/accounts/{address}",
        responses=answers(401, 403, 404, 409, 422),
        tags=["directory"],
        summary="An account",
        openapi_extra=SECURITY,
    )
    async def account(request: Request, address: AddressInPath) -> AccountShown:
        """Scope `read`.  By its address or an alias."""
        await parts.key_of(request, Scope.READ)
        found = await parts.apart(parts.directory.account, address)
        if found is None:
            raise ApiError(http_api.NOT_FOUND)
        return _account(found)


def _mailboxes(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/v1/mailboxes",
        responses=answers(401, 403, 409, 422),
        tags=["directory"],
        summary="Mailboxes",
        openapi_extra=SECURITY,
    )
    async def mailboxes(
        request: Request,
        search: Annotated[
            str, Query(max_length=200, description="A part of the address or name.")
        ] = "",
        limit: Annotated[int, Query(ge=1, le=_PAGE_MAX)] = 100,
    ) -> list[MailboxShown]:
        """Scope `read`."""
        await parts.key_of(request, Scope.READ)

        def found() -> list[MailboxShown]:
            matching = parts.directory.mailboxes(search=search)
            return [_mailbox(one) for one in islice(matching, limit)]

        return await parts.apart(found)

    @router.post(
        "/v1/mailboxes",
        status_code=201,
        responses=answers(401, 403, 408, 409, 413, 422),
        tags=["directory"],
        summary="Add a mailbox",
        openapi_extra={**SECURITY, **json_body(NewMailbox)},
    )
    async def add(request: Request) -> MailboxShown:
        """Scope admin."""
        key = await parts.key_of(request, Scope.ADMIN)
        new = await read_json(parts, request, NewMailbox)
        await parts.apart(parts.directory.add_mailbox, new.address, display_name=new.name)
        _tell(parts, request, key.name, "mailbox-add", new.address)
        return MailboxShown(address=new.address, name=new.name, aliases=[])

    @router.delete(
        "/v1/mailboxes/{address}",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 409, 422),
        tags=["directory"],
        summary="Remove a mailbox",
        openapi_extra=SECURITY,
    )
    async def remove(request: Request, address: AddressInPath) -> Response:
        """Scope admin.  Its memberships go with it."""
        key = await parts.key_of(request, Scope.ADMIN)
        await parts.apart(parts.directory.remove_mailbox, address)
        _tell(parts, request, key.name, "mailbox-remove", address)
        return Response(status_code=204)


def _groups(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/v1/groups",
        responses=answers(401, 403, 409, 422),
        tags=["directory"],
        summary="The groups",
        openapi_extra=SECURITY,
    )
    async def groups(request: Request) -> list[GroupShown]:
        """Scope `read`."""
        await parts.key_of(request, Scope.READ)
        return [_group(one) for one in await parts.apart(parts.directory.groups)]

    @router.get(
        "/v1/groups/{address}/members",
        responses=answers(401, 403, 404, 409, 422),
        tags=["directory"],
        summary="A group's direct members",
        openapi_extra=SECURITY,
    )
    async def members(
        request: Request,
        address: AddressInPath,
        limit: Annotated[int, Query(ge=1, le=100_000)] = 10_000,
    ) -> Members:
        """Scope `read`."""
        await parts.key_of(request, Scope.READ)
        return Members(members=await parts.apart(_members, parts, address, limit))

    @router.put(
        "/v1/groups/{address}/members/{member}",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 409, 422),
        tags=["directory"],
        summary="Add a member",
        openapi_extra=SECURITY,
    )
    async def add(request: Request, address: AddressInPath, member: AddressInPath) -> Response:
        """Scope admin."""
        key = await parts.key_of(request, Scope.ADMIN)
        await parts.apart(parts.directory.add_members, address, [member])
        _tell(parts, request, key.name, "group-members-add", address, member=member)
        return Response(status_code=204)

    @router.delete(
        "/v1/groups/{address}/members/{member}",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 409, 422),
        tags=["directory"],
        summary="Take a member out",
        openapi_extra=SECURITY,
    )
    async def remove(request: Request, address: AddressInPath, member: AddressInPath) -> Response:
        """Scope admin."""
        key = await parts.key_of(request, Scope.ADMIN)
        await parts.apart(parts.directory.remove_members, address, [member])
        _tell(parts, request, key.name, "group-members-remove", address, member=member)
        return Response(status_code=204)


def _members(parts: Parts, address: str, limit: int) -> list[str]:
    if parts.directory.group(address) is None:
        raise ApiError(http_api.NOT_FOUND)
    found: list[str] = []
    chunks = parts.directory.members(address)
    for chunk in chunks:
        found += chunk
        if len(found) >= limit:
            break
    return found[:limit]


def _tell(
    parts: Parts, request: Request, key: str, what: str, address: str, **facts: object
) -> None:
    parts.audit(what, key=key, client=client_of(request), address=address, **facts)


def _account(one: Account) -> AccountShown:
    return AccountShown(address=one.address, aliases=sorted(one.aliases), enabled=one.enabled)


def _mailbox(one: Mailbox) -> MailboxShown:
    return MailboxShown(address=one.address, name=one.display_name, aliases=sorted(one.aliases))


def _group(one: Group) -> GroupShown:
    return GroupShown(address=one.address, name=one.display_name)
