"""Accounts: what `kairan account` lists, adds, changes and removes."""

import time
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from kairan.api.compose import AddressText, Line
from kairan.api.documented import KEY, answers
from kairan.api.json_bodies import StrictBody, json_body, read_json, without_nulls
from kairan.api.parts import Parts
from kairan.api.problems import ApiError, in_field
from kairan.auth.passwords.generated import generate_password
from kairan.auth.passwords.hashing import hash_password, password_fault
from kairan.directory.model import Account
from kairan.directory.operations.accounts import AccountFields
from kairan.outcomes import http_api

# Beyond it the directory's own rules speak; a body is a megabyte at most.
LIST_MAX = 1_000
AddressInPath = Annotated[AddressText, Path()]
AddressList = Annotated[list[AddressText], Field(max_length=LIST_MAX)]
LineList = Annotated[list[Line], Field(max_length=LIST_MAX)]
_Limit = Annotated[int, Field(ge=1, le=2**31 - 1)]


class AccountShown(BaseModel):
    """Never its password's hash.  A limit that is null is the organisation's; `held_since`: for its volume, seconds since the epoch."""

    address: str
    display_name: str
    aliases: list[str]
    reply_to: str
    enabled: bool
    networks: list[str]
    allowed_apps: list[str]
    policy: str
    messages_per_minute: int | None
    recipients_per_minute: int | None
    connections_max: int | None
    held_since: int | None


class NewAccountShown(AccountShown):
    """`password`: the one that was made, shown this once; empty where the request had one."""

    password: str


class AccountChange(StrictBody):
    """What is not named stays; a list replaces the one before; null sets a limit back to the organisation's."""

    password: Annotated[str, Field(max_length=1_000)] | None = None
    display_name: Line | None = None
    aliases: AddressList | None = None
    reply_to: AddressText | Literal[""] | None = None
    enabled: bool | None = None
    networks: LineList | None = None
    allowed_apps: LineList | None = None
    messages_per_minute: _Limit | None = None
    recipients_per_minute: _Limit | None = None
    connections_max: _Limit | None = None

    _no_nulls = model_validator(mode="after")(
        without_nulls("messages_per_minute", "recipients_per_minute", "connections_max")
    )


class NewAccount(AccountChange):
    """Without a password one is made, and is in the answer."""

    address: AddressText


BODIES = (NewAccount, AccountChange)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["accounts"])
    security = {"security": KEY}

    @router.get(
        "/v1/accounts",
        responses=answers(401, 403, 409, 422),
        summary="The accounts",
        openapi_extra=security,
    )
    async def accounts(request: Request) -> list[AccountShown]:
        """Scope `read`."""
        await parts.reader(request)
        return [_shown(one) for one in await parts.apart(parts.directory.accounts)]

    @router.get(
        "/v1/accounts/{address}",
        responses=answers(401, 403, 404, 409, 422),
        summary="An account",
        openapi_extra=security,
    )
    async def account(request: Request, address: AddressInPath) -> AccountShown:
        """Scope `read`.  By its address or an alias."""
        await parts.reader(request)
        return _shown(await parts.apart(_existing, parts, address))

    @router.post(
        "/v1/accounts",
        status_code=201,
        responses=answers(401, 403, 408, 409, 413, 422),
        summary="Add an account",
        openapi_extra={**security, **json_body(NewAccount)},
    )
    async def add(request: Request) -> NewAccountShown:
        """Scope admin."""
        key = await parts.administrator(request)
        new = await read_json(parts, request, NewAccount)
        made = "" if new.password is not None else generate_password()

        def work() -> Account:
            fields = _fields(parts, new.address, new)
            if made:
                fields["password_hash"] = hash_password(made, parts.configuration.auth)
            parts.directory.add_account(new.address, **fields)
            return _existing(parts, new.address)

        added = await parts.apart(work)
        parts.tell(request, key, "account.add", added.address, after=_told(new))
        return NewAccountShown(**_shown(added).model_dump(), password=made)

    @router.patch(
        "/v1/accounts/{address}",
        responses=answers(401, 403, 404, 408, 409, 413, 422),
        summary="Change an account",
        openapi_extra={**security, **json_body(AccountChange)},
    )
    async def change(request: Request, address: AddressInPath) -> AccountShown:
        """Scope admin.  Another password ends the old one within five seconds."""
        key = await parts.administrator(request)
        wanted = await read_json(parts, request, AccountChange)

        def work() -> Account:
            before = _existing(parts, address)
            parts.directory.set_account(before.address, **_fields(parts, before.address, wanted))
            return _existing(parts, before.address)

        changed = await parts.apart(work)
        parts.tell(request, key, "account.set", changed.address, after=_told(wanted))
        return _shown(changed)

    @router.delete(
        "/v1/accounts/{address}",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 404, 409, 422),
        summary="Remove an account",
        openapi_extra=security,
    )
    async def remove(request: Request, address: AddressInPath) -> Response:
        """Scope admin.  What it has sent is still delivered."""
        key = await parts.administrator(request)

        def work() -> str:
            primary = _existing(parts, address).address
            parts.directory.remove_account(primary)
            return primary

        parts.tell(request, key, "account.remove", await parts.apart(work))
        return Response(status_code=204)

    @router.post(
        "/v1/accounts/{address}/release",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 404, 409, 422),
        summary="Release an account that was held for its volume",
        openapi_extra=security,
    )
    async def release(request: Request, address: AddressInPath) -> Response:
        """Scope admin.  Within five seconds it may send again; for a day its volume is not judged."""
        key = await parts.administrator(request)

        def work() -> str:
            primary = _existing(parts, address).address
            parts.directory.volumes.release(primary, int(time.time()))
            return primary

        parts.tell(request, key, "account.release", await parts.apart(work))
        return Response(status_code=204)

    return router


def _existing(parts: Parts, address: str) -> Account:
    found = parts.directory.account(address)
    if found is None:
        raise ApiError(http_api.NOT_FOUND)
    return found


def _fields(parts: Parts, address: str, wanted: AccountChange) -> AccountFields:
    """Those that were named.  Raises ApiError for a password that must not be."""
    named: dict[str, Any] = wanted.model_dump(exclude_unset=True, exclude={"address", "password"})
    if wanted.password is not None:
        settings = parts.configuration.auth
        if fault := password_fault(wanted.password, address=address, settings=settings):
            raise ApiError(http_api.INVALID, in_field("password", fault))
        named["password_hash"] = hash_password(wanted.password, settings)
    return cast("AccountFields", named)


def _told(wanted: AccountChange) -> dict[str, Any]:
    named: dict[str, Any] = wanted.model_dump(exclude_unset=True, exclude={"address", "password"})
    return named | ({} if wanted.password is None else {"password": "changed"})


def _shown(one: Account) -> AccountShown:
    return AccountShown(
        address=one.address,
        display_name=one.display_name,
        aliases=sorted(one.aliases),
        reply_to=one.reply_to,
        enabled=one.enabled,
        networks=list(one.networks),
        allowed_apps=sorted(one.allowed_apps),
        policy=one.policy,
        messages_per_minute=one.messages_per_minute,
        recipients_per_minute=one.recipients_per_minute,
        connections_max=one.connections_max,
        held_since=one.held_since or None,
    )
