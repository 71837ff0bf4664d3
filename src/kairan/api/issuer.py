"""The service's own issuer: its keys, tokens made to measure, logins that wait for approval (`kairan app`)."""

import time
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request

from kairan.api.apps import existing_app
from kairan.api.compose import AddressText, Line
from kairan.api.documented import KEY, answers
from kairan.api.json_bodies import StrictBody, json_body, read_json
from kairan.api.parts import Parts
from kairan.api.policies import NameInPath
from kairan.api.problems import ApiError
from kairan.directory.errors import DirectoryError
from kairan.issuer.keys.ring import KeyRing, key_ring
from kairan.issuer.made_to_measure import AskedFor, MadeToken, made_token
from kairan.issuer.rotation import Rotation, rotate
from kairan.outcomes import http_api

_SECONDS_MAX = 10 * 365 * 86_400
_Seconds = Annotated[int, Field(ge=-_SECONDS_MAX, le=_SECONDS_MAX)]


class NewIssuerKey(StrictBody):
    """`compromised`: it signs at once, and every token of an older key ends."""

    compromised: bool = False


class IssuerKeyMade(BaseModel):
    """`signs_from`: seconds since the epoch; `withdrawn`: how many keys ended."""

    kid: str
    signs_from: int
    withdrawn: int


class NewToken(StrictBody):
    """What differs from the token that the app would get.  `user`: the account it is to be used for; `delegated`: as if that
    user had signed in.  `lifetime`, `not_before`: seconds from now; a negative lifetime has expired so long ago.
    """

    user: AddressText | None = None
    lifetime: _Seconds | None = None
    permissions: Annotated[list[Line], Field(max_length=100, default_factory=list)]
    delegated: bool = False
    audience: Line = ""
    tenant: Line = ""
    not_before: _Seconds = 0


class TokenMade(BaseModel):
    """`expires`: seconds since the epoch."""

    access_token: str
    expires: int


class LoginApproval(StrictBody):
    """`code`: as the device shows it; `account`: as which it may send."""

    code: Line
    account: AddressText


class LoginApproved(BaseModel):
    app: str
    account: str


BODIES = (NewIssuerKey, NewToken, LoginApproval)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["issuer"])

    @router.post(
        "/v1/issuer/keys",
        status_code=201,
        responses=answers(401, 403, 408, 409, 413, 422),
        summary="Make the issuer's next signing key",
        openapi_extra={"security": KEY, **json_body(NewIssuerKey)},
    )
    async def rotate_(request: Request) -> IssuerKeyMade:
        """Scope admin.  Published now, it signs after `issuer.key_lead_seconds`."""
        key = await parts.administrator(request)
        asked = await read_json(parts, request, NewIssuerKey)
        _check_issuer(parts)
        made = await parts.apart(_rotated, parts, is_compromised=asked.compromised)
        parts.tell(request, key, "app.rotate", "", **asdict(made))
        return IssuerKeyMade(**asdict(made))

    @router.post(
        "/v1/apps/{name}/token",
        status_code=201,
        responses=answers(401, 403, 404, 408, 409, 413, 422),
        summary="A token made to measure, so that a failure can be rehearsed",
        openapi_extra={"security": KEY, **json_body(NewToken)},
    )
    async def token(request: Request, name: NameInPath) -> TokenMade:
        """Scope admin.  No limit of the app applies."""
        key = await parts.administrator(request)
        asked = await read_json(parts, request, NewToken)
        _check_issuer(parts)
        made = await parts.apart(_made, parts, name, asked)
        parts.tell(request, key, "app.token", name, account=made.account)
        return TokenMade(access_token=made.text, expires=made.expires)

    @router.post(
        "/v1/device-logins/approve",
        responses=answers(401, 403, 408, 409, 413, 422),
        summary="Approve a device's login (RFC 8628)",
        openapi_extra={"security": KEY, **json_body(LoginApproval)},
    )
    async def approve(request: Request) -> LoginApproved:
        """Scope admin.  Only what somebody you have just spoken to has started: the code says nothing about who asks."""
        key = await parts.administrator(request)
        asked = await read_json(parts, request, LoginApproval)

        def work() -> tuple[str, str, str]:
            login = parts.directory.device_logins.approve(
                asked.code.strip().upper(), asked.account, now=int(time.time())
            )
            return existing_app(parts, login.client_id).name, login.account, login.client_id

        app, account, client_id = await parts.apart(work)
        parts.tell(request, key, "app.approve", "", account=account, client_id=client_id)
        return LoginApproved(app=app, account=account)

    return router


def _check_issuer(parts: Parts) -> None:
    """Its keys are made at its start, and not by who asks here."""
    if not parts.configuration.issuer.enabled:
        raise DirectoryError("this service has no issuer; write `enabled = true` in [issuer]")


def _key_ring(parts: Parts) -> KeyRing:
    configuration = parts.configuration
    return key_ring(configuration.issuer, configuration.issuer_directory, parts.directory)


def _rotated(parts: Parts, *, is_compromised: bool) -> Rotation:
    return rotate(
        _key_ring(parts),
        parts.configuration.issuer,
        parts.directory.withdrawn_keys,
        is_compromised=is_compromised,
        now=int(time.time()),
    )


def _made(parts: Parts, name: str, asked: NewToken) -> MadeToken:
    app, user = existing_app(parts, name), ""
    if asked.user is not None:
        account = parts.directory.account(asked.user)
        if account is None:
            raise ApiError(http_api.NOT_FOUND, f"there is no account {asked.user}")
        user = account.address
    wanted = AskedFor(**{**asked.model_dump(), "user": user})
    settings = parts.configuration.issuer
    return made_token(app, wanted, settings, _key_ring(parts), now=int(time.time()))
