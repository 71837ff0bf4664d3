"""The organisation and its accepted domains, as `kairan organisation` and `kairan domain` have them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, model_validator
from starlette.requests import Request
from starlette.responses import Response

from kairan.api.compose import AddressText, Line
from kairan.api.documented import KEY, answers
from kairan.api.json_bodies import StrictBody, json_body, read_json, without_nulls
from kairan.api.parts import Parts

_DomainInPath = Annotated[str, Path(max_length=255)]


class OrganisationShown(BaseModel):
    """`problem`: why reports that have nowhere else to go are lost; empty: they are not."""

    name: str
    postmaster: str
    moderation_address: str
    external_recipients_allowed: bool
    domains: list["AcceptedDomain"]
    problem: str


class AcceptedDomain(BaseModel):
    """`is_relayed`: its mailboxes are at another server's."""

    domain: str
    is_relayed: bool


class OrganisationChange(StrictBody):
    """What is not named stays."""

    name: Line | None = None
    postmaster: AddressText | Literal[""] | None = None
    moderation_address: AddressText | Literal[""] | None = None
    external_recipients_allowed: bool | None = None

    _no_nulls = model_validator(mode="after")(without_nulls())


class NewDomain(StrictBody):
    is_relayed: bool = False


BODIES = (OrganisationChange, NewDomain)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["organisation"])
    security = {"security": KEY}

    @router.get(
        "/v1/organisation",
        responses=answers(401, 403, 409, 422),
        summary="The organisation and its accepted domains",
        openapi_extra=security,
    )
    async def organisation(request: Request) -> OrganisationShown:
        """Scope `read`."""
        await parts.reader(request)
        return await parts.apart(_shown, parts)

    @router.patch(
        "/v1/organisation",
        responses=answers(401, 403, 408, 409, 413, 422),
        summary="Change the organisation's settings",
        openapi_extra={**security, **json_body(OrganisationChange)},
    )
    async def change(request: Request) -> OrganisationShown:
        """Scope admin.  Its controls: `/v1/controls`."""
        key = await parts.administrator(request)
        wanted = await read_json(parts, request, OrganisationChange)
        named: dict[str, Any] = wanted.model_dump(exclude_unset=True)

        def work() -> OrganisationShown:
            parts.directory.set_organisation(**named)
            return _shown(parts)

        changed = await parts.apart(work)
        parts.tell(request, key, "organisation.set", "", after=named)
        return changed

    @router.put(
        "/v1/domains/{domain}",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 408, 409, 413, 422),
        summary="Accept mail for a domain",
        openapi_extra={**security, **json_body(NewDomain)},
    )
    async def add(request: Request, domain: _DomainInPath) -> Response:
        """Scope admin."""
        key = await parts.administrator(request)
        new = await read_json(parts, request, NewDomain)
        await parts.apart(parts.directory.add_accepted_domain, domain, is_relayed=new.is_relayed)
        parts.tell(request, key, "domain.add", domain, after=new.model_dump())
        return Response(status_code=204)

    @router.delete(
        "/v1/domains/{domain}",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 409, 422),
        summary="Accept no more mail for a domain",
        openapi_extra=security,
    )
    async def remove(request: Request, domain: _DomainInPath) -> Response:
        """Scope admin.  It must have no addresses left."""
        key = await parts.administrator(request)
        await parts.apart(parts.directory.remove_accepted_domain, domain)
        parts.tell(request, key, "domain.remove", domain)
        return Response(status_code=204)

    return router


def _shown(parts: Parts) -> OrganisationShown:
    found = parts.directory.organisation()
    return OrganisationShown(
        name=found.name,
        postmaster=found.postmaster,
        moderation_address=found.moderation_address,
        external_recipients_allowed=found.external_recipients_allowed,
        domains=[
            AcceptedDomain(domain=one, is_relayed=one in found.relayed_domains)
            for one in sorted(found.accepted_domains)
        ],
        problem=parts.directory.postmaster_problem(),
    )
