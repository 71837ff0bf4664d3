"""Messages that wait for a moderator of their group: what `kairan group moderation` lists and decides."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from starlette.requests import Request

from kairan.api.documented import KEY, answers
from kairan.api.parts import Parts
from kairan.api.problems import ApiError
from kairan.directory.model import ModerationRequest
from kairan.directory.operations.api_keys import Scope
from kairan.directory.operations.moderation import RequestState, state_of
from kairan.outcomes import http_api

BODIES: tuple[type[BaseModel], ...] = ()
_IdInPath = Annotated[str, Path(max_length=64)]
_Verdict = Literal["approve", "reject"]


class ModeratedMessage(BaseModel):
    """Times are seconds since the epoch; `decided` 0: not yet."""

    id: str
    group: str
    sender: str
    message_id: str
    size: int
    moderators: list[str]
    arrived: float
    expires: int
    state: RequestState
    decided_by: str
    decided: int


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["moderation"])

    @router.get(
        "/v1/moderation",
        responses=answers(401, 403, 409, 422),
        summary="Messages that wait for a moderator",
        openapi_extra={"security": KEY},
    )
    async def waiting(
        request: Request,
        everything: Annotated[
            bool, Query(alias="all", description="Also what was decided or has expired.")
        ] = False,
    ) -> list[ModeratedMessage]:
        """Scope `read`.  The oldest first."""
        await parts.reader(request)
        now = time.time()
        found = await parts.apart(parts.directory.moderation.everything)
        shown = [_shown(one, now) for one in found]
        return [one for one in shown if everything or one.state is RequestState.WAITING]

    @router.post(
        "/v1/moderation/{request_id}/{verdict}",
        responses=answers(401, 403, 404, 409, 422),
        summary="Let a message go to the members, or send it back",
        openapi_extra={"security": KEY},
    )
    async def decide(
        request: Request, request_id: _IdInPath, verdict: _Verdict
    ) -> ModeratedMessage:
        """Scope `operate`.  The service sees it within seconds; who is rejected gets a report."""
        key = await parts.key_of(request, Scope.OPERATE)
        now, by = time.time(), f"API key {key.name}"

        def work() -> ModerationRequest:
            moderation = parts.directory.moderation
            if moderation.find(request_id.lower()) is None:
                raise ApiError(http_api.NOT_FOUND)
            return moderation.decide(request_id.lower(), verdict, by=by, now=now)

        decided = await parts.apart(work)
        parts.tell(
            request, key, "group.moderate", decided.id, decision=verdict, group=decided.group
        )
        return _shown(decided, now)

    return router


def _shown(one: ModerationRequest, now: float) -> ModeratedMessage:
    return ModeratedMessage(
        id=one.id,
        group=one.group,
        sender=one.sender,
        message_id=one.message_id,
        size=one.size,
        moderators=list(one.moderators),
        arrived=one.arrived,
        expires=one.expires,
        state=state_of(one, now),
        decided_by=one.decided_by,
        decided=one.decided,
    )
