"""Who is connected now, and ending that: `kairan session`."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request

from kairan.api.documented import KEY, answers
from kairan.api.parts import Parts
from kairan.api.problems import ApiError
from kairan.directory.operations.api_keys import Scope
from kairan.intake.control import ask_workers
from kairan.outcomes import http_api

BODIES: tuple[type[BaseModel], ...] = ()
_Account = Annotated[str | None, Query(max_length=320)]
_Address = Annotated[str | None, Query(max_length=64, description="The client's IP address.")]
_Id = Annotated[str | None, Query(alias="id", max_length=64, description="As in the log.")]


class SessionShown(BaseModel):
    """`since`: seconds since the epoch."""

    id: str
    account: str
    address: str
    listener: str
    since: float
    messages: int


class SessionsEnded(BaseModel):
    ended: list[SessionShown]


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["sessions"])

    @router.get(
        "/v1/sessions",
        responses=answers(401, 403, 409, 422),
        summary="The sessions that clients hold now",
        openapi_extra={"security": KEY},
    )
    async def sessions(
        request: Request, account: _Account = None, address: _Address = None
    ) -> list[SessionShown]:
        """Scope `read`."""
        await parts.reader(request)
        return await parts.apart(_asked, parts, "list", account=account, address=address)

    @router.delete(
        "/v1/sessions",
        responses=answers(401, 403, 409, 422),
        summary="End sessions at once",
        openapi_extra={"security": KEY},
    )
    async def end(
        request: Request, account: _Account = None, address: _Address = None, session_id: _Id = None
    ) -> SessionsEnded:
        """Scope `operate`.  What was answered 250 is delivered.  Name at least one of the three."""
        key = await parts.key_of(request, Scope.OPERATE)
        wanted = {"account": account, "address": address, "id": session_id}
        if not any(wanted.values()):
            raise ApiError(http_api.INVALID, "name the sessions to end: account, address or id")
        ended = await parts.apart(_asked, parts, "end", **wanted)
        named = {name: value for name, value in wanted.items() if value}
        parts.tell(request, key, "session.end", "", wanted=named, ended=len(ended))
        return SessionsEnded(ended=ended)

    return router


def _asked(parts: Parts, what: str, **options: str | None) -> list[SessionShown]:
    wanted: dict[str, Any] = {name: value for name, value in options.items() if value}
    if "account" in wanted:
        found = parts.directory.account(wanted["account"])
        # One that has been removed may still hold sessions.
        wanted["account"] = found.address if found else wanted["account"].lower()
    held = ask_workers(parts.configuration.control_directory, what, wanted)
    return [SessionShown(**one) for one in sorted(held, key=lambda one: one["since"])]
