"""Devices: what `kairan device` lists, adds, changes and removes, and when each was last heard of."""

from typing import Annotated, Any, cast

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from kairan.api.accounts import LineList
from kairan.api.compose import AddressText, Line
from kairan.api.documented import KEY, answers
from kairan.api.json_bodies import StrictBody, json_body, read_json, without_nulls
from kairan.api.parts import Parts
from kairan.api.policies import NameInPath
from kairan.api.problems import ApiError, in_field
from kairan.auth.passwords.generated import generate_password
from kairan.auth.passwords.hashing import hash_password, password_fault
from kairan.directory.devices import Device, Sighting
from kairan.directory.operations.devices import DeviceFields
from kairan.outcomes import http_api


class DeviceShown(BaseModel):
    """`seen`, `refused`: the last time, in seconds since the epoch, 0: never; `refusal`: the catalogue's key."""

    name: str
    account: str
    place: str
    networks: list[str]
    login: str
    has_password: bool
    enabled: bool
    seen: int
    client: str
    refused: int
    refusal: str


class DeviceWithPassword(DeviceShown):
    """`password`: the one that was made, shown this once; empty where none was."""

    password: str


class DeviceChange(StrictBody):
    """What is not named stays; an empty password takes it away, and the account's is the device's, too."""

    account: AddressText | None = None
    place: Line | None = None
    networks: LineList | None = None
    login: Line | None = None
    enabled: bool | None = None
    password: Annotated[str, Field(max_length=1_000)] | None = None

    _no_nulls = model_validator(mode="after")(without_nulls())


class NewDevice(DeviceChange):
    """`generate`: a password is made, and is in the answer."""

    name: Annotated[Line, Field(min_length=1)]
    account: AddressText
    generate: bool = False


BODIES = (NewDevice, DeviceChange)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["devices"])
    security = {"security": KEY}

    @router.get(
        "/v1/devices",
        responses=answers(401, 403, 409, 422),
        summary="The devices",
        openapi_extra=security,
    )
    async def devices(request: Request) -> list[DeviceShown]:
        """Scope `read`."""
        await parts.reader(request)

        def work() -> list[DeviceShown]:
            seen = parts.directory.devices.sightings()
            found = parts.directory.devices.everyone()
            return [_shown(one, seen.get(one.name, Sighting())) for one in found]

        return await parts.apart(work)

    @router.get(
        "/v1/devices/{name}",
        responses=answers(401, 403, 404, 409, 422),
        summary="A device",
        openapi_extra=security,
    )
    async def device(request: Request, name: NameInPath) -> DeviceShown:
        """Scope `read`.  By its name or its login."""
        await parts.reader(request)
        return await parts.apart(lambda: _seen(parts, _existing(parts, name)))

    @router.post(
        "/v1/devices",
        status_code=201,
        responses=answers(401, 403, 408, 409, 413, 422),
        summary="Add a device",
        openapi_extra={**security, **json_body(NewDevice)},
    )
    async def add(request: Request) -> DeviceWithPassword:
        """Scope admin."""
        key = await parts.administrator(request)
        new = await read_json(parts, request, NewDevice)
        made = generate_password() if new.generate else ""

        def work() -> DeviceShown:
            fields = _fields(parts, new.login or "", new, made)
            return _seen(parts, parts.directory.devices.add(new.name, **fields))

        added = await parts.apart(work)
        parts.tell(request, key, "device.add", added.name, after=_told(new))
        return DeviceWithPassword(**added.model_dump(), password=made)

    @router.patch(
        "/v1/devices/{name}",
        responses=answers(401, 403, 404, 408, 409, 413, 422),
        summary="Change a device",
        openapi_extra={**security, **json_body(DeviceChange)},
    )
    async def change(request: Request, name: NameInPath) -> DeviceShown:
        """Scope admin."""
        key = await parts.administrator(request)
        wanted = await read_json(parts, request, DeviceChange)

        def work() -> DeviceShown:
            before = _existing(parts, name)
            login = before.login if wanted.login is None else wanted.login
            fields = _fields(parts, login, wanted, "")
            return _seen(parts, parts.directory.devices.change(before.name, **fields))

        changed = await parts.apart(work)
        parts.tell(request, key, "device.set", changed.name, after=_told(wanted))
        return changed

    @router.delete(
        "/v1/devices/{name}",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 404, 409, 422),
        summary="Remove a device",
        openapi_extra=security,
    )
    async def remove(request: Request, name: NameInPath) -> Response:
        """Scope admin.  Its sessions end at their next message."""
        key = await parts.administrator(request)

        def work() -> str:
            return parts.directory.devices.remove(_existing(parts, name).name).name

        parts.tell(request, key, "device.remove", await parts.apart(work))
        return Response(status_code=204)

    return router


def _existing(parts: Parts, name: str) -> Device:
    found = parts.directory.devices.find(name)
    if found is None:
        raise ApiError(http_api.NOT_FOUND)
    return found


def _fields(parts: Parts, login: str, wanted: DeviceChange, made: str) -> DeviceFields:
    """Those that were named.  Raises ApiError for a password that must not be."""
    own = {"name", "generate", "password"}
    named: dict[str, Any] = wanted.model_dump(exclude_unset=True, exclude=own)
    settings, password = parts.configuration.auth, wanted.password
    if password and (fault := password_fault(password, address=login, settings=settings)):
        raise ApiError(http_api.INVALID, in_field("password", fault))
    if password is not None or made:
        named["password_hash"] = (
            hash_password(password or made, settings) if password or made else ""
        )
    return cast("DeviceFields", named)


def _told(wanted: DeviceChange) -> dict[str, Any]:
    own = {"name", "generate", "password"}
    named: dict[str, Any] = wanted.model_dump(exclude_unset=True, exclude=own)
    return named | ({} if wanted.password is None else {"password": "changed"})


def _seen(parts: Parts, one: Device) -> DeviceShown:
    return _shown(one, parts.directory.devices.sightings().get(one.name, Sighting()))


def _shown(one: Device, sighting: Sighting) -> DeviceShown:
    return DeviceShown(
        name=one.name,
        account=one.account,
        place=one.place,
        networks=list(one.networks),
        login=one.login,
        has_password=bool(one.password_hash),
        enabled=one.enabled,
        seen=sighting.seen,
        client=sighting.client,
        refused=sighting.refused,
        refusal=sighting.refusal,
    )
