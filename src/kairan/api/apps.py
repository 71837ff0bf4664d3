"""Applications of the service's own issuer: what `kairan app` lists, adds, changes and removes."""

import time
import uuid
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from kairan.api.accounts import AddressList, LineList
from kairan.api.compose import AddressText, Line
from kairan.api.documented import KEY, answers
from kairan.api.json_bodies import StrictBody, json_body, read_json, without_nulls
from kairan.api.parts import Parts
from kairan.api.policies import NameInPath
from kairan.api.problems import ApiError
from kairan.auth.made_secrets import hash_secret, make_secret
from kairan.directory.model import App, AppSecret
from kairan.directory.operations.apps import AppFields
from kairan.outcomes import http_api

_DEFAULT_PERMISSION = "Mail.Send"  # as `kairan app add`
_DAY_SECONDS = 86_400
_KEPT_DAYS_MAX = 365


class AppShown(BaseModel):
    """Never its secret, which is kept nowhere."""

    name: str
    client_id: str
    object_id: str
    permissions: list[str]
    accounts: list[str]
    enabled: bool
    old_secret_until: int | None


class AppWithSecret(AppShown):
    """`client_secret` is shown this once."""

    client_secret: str


class NewApp(StrictBody):
    """`accounts`: which it may send as."""

    name: Annotated[Line, Field(min_length=1)]
    accounts: Annotated[list[AddressText], Field(max_length=1_000, default_factory=list)]
    permissions: Annotated[
        list[Line], Field(max_length=100, default_factory=lambda: [_DEFAULT_PERMISSION])
    ]


class AppChange(StrictBody):
    """What is not named stays.  `allow`, `forbid`: accounts that it may send as, or may no more."""

    enabled: bool | None = None
    permissions: LineList | None = None
    allow: AddressList | None = None
    forbid: AddressList | None = None

    _no_nulls = model_validator(mode="after")(without_nulls())


class NewSecret(StrictBody):
    """`keep_days`: how long the old one stays valid; 0: it ends now."""

    keep_days: Annotated[int, Field(ge=0, le=_KEPT_DAYS_MAX)] = 7


BODIES = (NewApp, AppChange, NewSecret)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["apps"])
    security = {"security": KEY}

    @router.get(
        "/v1/apps",
        responses=answers(401, 403, 409, 422),
        summary="The applications",
        openapi_extra=security,
    )
    async def apps(request: Request) -> list[AppShown]:
        """Scope `read`."""
        await parts.reader(request)

        def work() -> list[AppShown]:
            return [_shown(parts, one) for one in parts.directory.apps.everyone()]

        return await parts.apart(work)

    @router.get(
        "/v1/apps/{name}",
        responses=answers(401, 403, 404, 409, 422),
        summary="An application",
        openapi_extra=security,
    )
    async def app(request: Request, name: NameInPath) -> AppShown:
        """Scope `read`.  By its name or one of its ids."""
        await parts.reader(request)
        return await parts.apart(lambda: _shown(parts, existing_app(parts, name)))

    @router.post(
        "/v1/apps",
        status_code=201,
        responses=answers(401, 403, 408, 409, 413, 422),
        summary="Register an application",
        openapi_extra={**security, **json_body(NewApp)},
    )
    async def add(request: Request) -> AppWithSecret:
        """Scope admin."""
        key = await parts.administrator(request)
        asked = await read_json(parts, request, NewApp)
        secret = make_secret()
        new = App(
            name=asked.name,
            client_id=str(uuid.uuid4()),
            object_id=str(uuid.uuid4()),
            permissions=frozenset(asked.permissions),
            secrets=(AppSecret(hash_secret(secret)),),
        )

        def work() -> AppWithSecret:
            parts.directory.apps.add(new, accounts=asked.accounts)
            return _with_secret(parts, new.client_id, secret)

        added = await parts.apart(work)
        parts.tell(request, key, "app.add", new.name, after=asked.model_dump())
        return added

    @router.patch(
        "/v1/apps/{name}",
        responses=answers(401, 403, 404, 408, 409, 413, 422),
        summary="Change an application",
        openapi_extra={**security, **json_body(AppChange)},
    )
    async def change(request: Request, name: NameInPath) -> AppShown:
        """Scope admin.  Disabled, it gets no new token; what is forbidden ends within five seconds."""
        key = await parts.administrator(request)
        wanted = await read_json(parts, request, AppChange)
        changed = await parts.apart(_changed, parts, name, wanted)
        after = wanted.model_dump(exclude_unset=True)
        parts.tell(request, key, "app.set", changed.name, after=after)
        return changed

    @router.delete(
        "/v1/apps/{name}",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 404, 409, 422),
        summary="Remove an application",
        openapi_extra=security,
    )
    async def remove(request: Request, name: NameInPath) -> Response:
        """Scope admin.  Its tokens are refused within five seconds."""
        key = await parts.administrator(request)

        def work() -> str:
            return parts.directory.apps.remove(existing_app(parts, name).client_id).name

        parts.tell(request, key, "app.remove", await parts.apart(work))
        return Response(status_code=204)

    @router.post(
        "/v1/apps/{name}/secret",
        status_code=201,
        responses=answers(401, 403, 404, 408, 409, 413, 422),
        summary="Give an application a new secret",
        openapi_extra={**security, **json_body(NewSecret)},
    )
    async def replace(request: Request, name: NameInPath) -> AppWithSecret:
        """Scope admin."""
        key = await parts.administrator(request)
        asked = await read_json(parts, request, NewSecret)
        secret, now = make_secret(), int(time.time())
        old_until = now + asked.keep_days * _DAY_SECONDS if asked.keep_days else None

        def work() -> AppWithSecret:
            client_id = existing_app(parts, name).client_id
            hashed = hash_secret(secret)
            parts.directory.apps.replace_secret(client_id, hashed, old_until=old_until, now=now)
            return _with_secret(parts, client_id, secret)

        changed = await parts.apart(work)
        parts.tell(request, key, "app.secret", changed.name, old_secret_until=old_until)
        return changed

    return router


def existing_app(parts: Parts, name: str) -> App:
    found = parts.directory.apps.find(name)
    if found is None:
        raise ApiError(http_api.NOT_FOUND)
    return found


def _changed(parts: Parts, name: str, wanted: AppChange) -> AppShown:
    apps, client_id = parts.directory.apps, existing_app(parts, name).client_id
    fields: AppFields = {}
    if wanted.permissions is not None:
        fields["permissions"] = wanted.permissions
    if wanted.enabled is not None:
        fields["enabled"] = wanted.enabled
    apps.forbid(client_id, wanted.forbid or ())
    apps.allow(client_id, wanted.allow or ())
    return _shown(parts, apps.change(client_id, **fields))


def _with_secret(parts: Parts, client_id: str, secret: str) -> AppWithSecret:
    shown = _shown(parts, existing_app(parts, client_id))
    return AppWithSecret(**shown.model_dump(), client_secret=secret)


def _shown(parts: Parts, one: App) -> AppShown:
    return AppShown(
        name=one.name,
        client_id=one.client_id,
        object_id=one.object_id,
        permissions=sorted(one.permissions),
        accounts=list(parts.directory.apps.accounts_of(one)),
        enabled=one.enabled,
        old_secret_until=next((s.expires for s in one.secrets if s.expires), None),
    )
