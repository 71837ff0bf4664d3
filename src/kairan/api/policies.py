"""Controls that stand before a password: what `kairan policy` lists and changes."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, model_validator
from starlette.requests import Request
from starlette.responses import Response

from kairan.api.accounts import AddressInPath
from kairan.api.compose import Line
from kairan.api.documented import KEY, answers
from kairan.api.json_bodies import StrictBody, json_body, read_json, without_nulls
from kairan.api.parts import Parts
from kairan.api.problems import ApiError
from kairan.auth.explained import explained_logins
from kairan.outcomes import http_api

NameInPath = Annotated[Line, Path(min_length=1)]


class PolicyShown(BaseModel):
    name: str
    allow_basic_auth_smtp: bool
    is_default: bool
    accounts: list[str]


class LoginsExplained(BaseModel):
    """As `kairan policy explain --json` has it: for each role and mechanism what decides, and why."""

    account: str
    verdicts: list[dict[str, Any]]


class PolicyChange(StrictBody):
    allow_basic_auth_smtp: bool


class NewPolicy(PolicyChange):
    name: Line
    allow_basic_auth_smtp: bool = False


class Controls(BaseModel):
    """The organisation's."""

    security_defaults: bool
    smtp_client_authentication_disabled: bool
    default_policy: str


class ControlsChange(StrictBody):
    """What is not named stays.  `default_policy`: a policy's name, or none."""

    security_defaults: bool | None = None
    smtp_client_authentication_disabled: bool | None = None
    default_policy: Line | None = None

    _no_nulls = model_validator(mode="after")(without_nulls())


BODIES = (NewPolicy, PolicyChange, ControlsChange)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["policies"])
    _policies(router, parts)
    _controls(router, parts)
    return router


def _policies(router: APIRouter, parts: Parts) -> None:
    security = {"security": KEY}

    @router.get(
        "/v1/policies",
        responses=answers(401, 403, 409, 422),
        summary="The authentication policies",
        openapi_extra=security,
    )
    async def policies(request: Request) -> list[PolicyShown]:
        """Scope `read`."""
        await parts.reader(request)
        return await parts.apart(_everyone, parts)

    @router.post(
        "/v1/policies",
        status_code=201,
        responses=answers(401, 403, 408, 409, 413, 422),
        summary="Add an authentication policy",
        openapi_extra={**security, **json_body(NewPolicy)},
    )
    async def add(request: Request) -> PolicyShown:
        """Scope admin.  It blocks passwords unless it says that it allows them."""
        key = await parts.administrator(request)
        new = await read_json(parts, request, NewPolicy)

        def work() -> PolicyShown:
            allows = new.allow_basic_auth_smtp
            parts.directory.policies.add(new.name, allow_basic_auth_smtp=allows)
            return _one(parts, new.name)

        added = await parts.apart(work)
        parts.tell(request, key, "policy.add", new.name, after=new.model_dump())
        return added

    @router.patch(
        "/v1/policies/{name}",
        responses=answers(401, 403, 404, 408, 409, 413, 422),
        summary="Change an authentication policy",
        openapi_extra={**security, **json_body(PolicyChange)},
    )
    async def change(request: Request, name: NameInPath) -> PolicyShown:
        """Scope admin."""
        key = await parts.administrator(request)
        wanted = await read_json(parts, request, PolicyChange)

        def work() -> PolicyShown:
            _one(parts, name)
            allows = wanted.allow_basic_auth_smtp
            parts.directory.policies.change(name, allow_basic_auth_smtp=allows)
            return _one(parts, name)

        changed = await parts.apart(work)
        parts.tell(request, key, "policy.change", name, after=wanted.model_dump())
        return changed

    @router.delete(
        "/v1/policies/{name}",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 404, 409, 422),
        summary="Remove a policy that nobody has",
        openapi_extra=security,
    )
    async def remove(request: Request, name: NameInPath) -> Response:
        """Scope admin."""
        key = await parts.administrator(request)

        def work() -> None:
            _one(parts, name)
            parts.directory.policies.remove(name)

        await parts.apart(work)
        parts.tell(request, key, "policy.remove", name)
        return Response(status_code=204)

    @router.put(
        "/v1/policies/{name}/accounts/{address}",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 404, 409, 422),
        summary="Give an account its own policy",
        openapi_extra=security,
    )
    async def assign(request: Request, name: NameInPath, address: AddressInPath) -> Response:
        """Scope admin.  `none` for the name takes it away, and the organisation's default is the account's again."""
        key = await parts.administrator(request)

        def work() -> str:
            if parts.directory.account(address) is None:
                raise ApiError(http_api.NOT_FOUND)
            return parts.directory.policies.assign(name, address)

        primary = await parts.apart(work)
        parts.tell(request, key, "policy.assign", name, account=primary)
        return Response(status_code=204)


def _controls(router: APIRouter, parts: Parts) -> None:
    security = {"security": KEY}

    @router.get(
        "/v1/accounts/{address}/logins",
        responses=answers(401, 403, 404, 409, 422),
        summary="Which control allows or blocks an account's logins",
        openapi_extra=security,
    )
    async def logins(request: Request, address: AddressInPath) -> LoginsExplained:
        """Scope `read`."""
        await parts.reader(request)

        def work() -> LoginsExplained:
            account = parts.directory.account(address)
            if account is None:
                raise ApiError(http_api.NOT_FOUND)
            verdicts = list(explained_logins(account, parts.directory.organisation()))
            return LoginsExplained(account=account.address, verdicts=verdicts)

        return await parts.apart(work)

    @router.get(
        "/v1/controls",
        responses=answers(401, 403, 409, 422),
        summary="The organisation's controls",
        openapi_extra=security,
    )
    async def controls(request: Request) -> Controls:
        """Scope `read`."""
        await parts.reader(request)
        return await parts.apart(_controls_now, parts)

    @router.patch(
        "/v1/controls",
        responses=answers(401, 403, 408, 409, 413, 422),
        summary="Change the organisation's controls",
        openapi_extra={**security, **json_body(ControlsChange)},
    )
    async def change(request: Request) -> Controls:
        """Scope admin.  Workers follow within five seconds."""
        key = await parts.administrator(request)
        wanted = await read_json(parts, request, ControlsChange)
        named: dict[str, Any] = wanted.model_dump(exclude_unset=True)

        def work() -> Controls:
            switches = {name: value for name, value in named.items() if name != "default_policy"}
            if wanted.default_policy is not None:
                parts.directory.policies.set_default(wanted.default_policy)
            if switches:
                parts.directory.set_organisation(**switches)
            return _controls_now(parts)

        changed = await parts.apart(work)
        parts.tell(request, key, "organisation.set", "", after=named)
        return changed


def _everyone(parts: Parts) -> list[PolicyShown]:
    organisation, accounts = parts.directory.organisation(), parts.directory.accounts()
    return [
        PolicyShown(
            name=name,
            allow_basic_auth_smtp=allows,
            is_default=organisation.default_policy == name,
            accounts=[one.address for one in accounts if one.policy == name],
        )
        for name, allows in organisation.policies.items()
    ]


def _one(parts: Parts, name: str) -> PolicyShown:
    found = next((one for one in _everyone(parts) if one.name == name), None)
    if found is None:
        raise ApiError(http_api.NOT_FOUND)
    return found


def _controls_now(parts: Parts) -> Controls:
    organisation = parts.directory.organisation()
    return Controls(
        security_defaults=organisation.security_defaults,
        smtp_client_authentication_disabled=organisation.smtp_client_authentication_disabled,
        default_policy=organisation.default_policy,
    )
