"""Who changed what: the audit, as `kairan audit` reads it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request

from kairan.api.documented import KEY, answers
from kairan.api.parts import Parts
from kairan.trace.audit_search import AuditWanted, search_audit

BODIES: tuple[type[BaseModel], ...] = ()
_Word = Annotated[str, Query(max_length=1_000)]


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["audit"])

    @router.get(
        "/v1/audit",
        responses=answers(401, 403, 422),
        summary="Who changed what, by command, console or API",
        openapi_extra={"security": KEY},
    )
    async def audit(
        request: Request,
        since: datetime | None = None,
        until: datetime | None = None,
        what: Annotated[str, Query(max_length=1_000, description="Or how that begins.")] = "",
        about: _Word = "",
        word: Annotated[
            str, Query(max_length=1_000, description="Stands anywhere in the line.")
        ] = "",
        logins: Annotated[
            bool, Query(description="Also who logged in to send, and who got tokens.")
        ] = False,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> list[dict[str, Any]]:
        """Scope admin.  The latest last; each line as it is in the audit's files."""
        await parts.administrator(request)
        wanted = AuditWanted(
            since=since.timestamp() if since else None,
            until=until.timestamp() if until else None,
            what=what,
            about=about,
            word=word,
            logins=logins,
        )
        folder = parts.configuration.audit_directory
        return await parts.apart(search_audit, folder, wanted, limit=limit)

    return router
