"""Captured mail and fault rules, for tests in other languages: only where `[capture]` is on.

`GET /v1/captured-mail?to=…&wait_seconds=10` answers as soon as there is a message that fits.
"""

import asyncio
from enum import Enum
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from kairan.api.callers import client_of
from kairan.api.documented import KEY, answers
from kairan.api.json_bodies import StrictBody, json_body, read_json
from kairan.api.parts import Parts
from kairan.api.problems import ApiError
from kairan.capture import faults
from kairan.capture.faults import FaultRule, FaultStage
from kairan.capture.read import ReadMessage, ReadPart, read_message
from kairan.capture.settings import CapturePlace
from kairan.capture.store import CapturedMessage, CaptureStore, WantedMail
from kairan.directory.operations.api_keys import ApiKey, Scope
from kairan.outcomes import http_api
from kairan.status.fault_rules import wait_followed

SECURITY = {"security": KEY}
TAGS: list[str | Enum] = ["tests"]
_PAGE_MAX = 200
# Below the 30 s after which a connection's time is over (web/server.py).
_WAIT_SECONDS_MAX = 20
_LOOK_SECONDS = 0.1
_TEXT_MAX = 200
_NUMBER_MAX = 2**53 - 1
MailNumber = Annotated[int, Path(ge=1, le=_NUMBER_MAX)]
_PLAIN = r"^[^\x00-\x1f\x7f]*$"
Searched = Annotated[str, Query(max_length=_TEXT_MAX, pattern=_PLAIN)]
SearchedFrom = Annotated[str, Query(alias="from", max_length=_TEXT_MAX, pattern=_PLAIN)]


class MailShown(BaseModel):
    id: int
    kept: float = Field(description="Seconds since the epoch.")
    sender: str = Field(description="Of the envelope; empty in a report.")
    recipients: list[str] = Field(description="Of the envelope, the first 100.")
    recipients_number: int
    from_: str = Field(serialization_alias="from", description="As a reader shows it.")
    subject: str
    message_id: str
    size: int


class HeaderShown(BaseModel):
    name: str
    value: str


class AttachmentShown(BaseModel):
    number: int
    name: str
    type: str
    size: int = Field(description="Octets as they are written in the message.")


class MailWhole(MailShown):
    headers: list[HeaderShown]
    text: str = Field(description="Its first 256 KiB; empty: there is none.")
    html: str = Field(description="As it came; whoever shows it must know that it is a stranger's.")
    attachments: list[AttachmentShown]


class MailsShown(BaseModel):
    number: int = Field(description="That fit, with those beyond `limit`.")
    messages: list[MailShown] = Field(description="The newest first.")


class MailsRemoved(BaseModel):
    removed: int


class FaultShown(BaseModel):
    address: str
    stage: FaultStage
    answer: str = Field(description="A key of the catalogue; empty: none.")
    delay_seconds: float
    drop: bool
    until: float | None = Field(description="Seconds since the epoch; null: until it is removed.")
    by: str


class NewFault(StrictBody):
    address: str = Field(max_length=320, description="An address, `*@example.com` or `*`.")
    answer: str = Field(
        "", max_length=200, description='A key or codes: "recipient-unknown", "432 4.3.2".'
    )
    delay_seconds: float = Field(0.0, ge=0, le=faults.DELAY_SECONDS_MAX)
    drop: bool = False
    stage: str = Field(
        "",
        description="Empty: where the service says the answer.",
        json_schema_extra={"enum": ["", *FaultStage]},
    )
    for_seconds: float | None = Field(None, gt=0, le=10**9)


BODIES = (NewFault,)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter()
    _mails(router, parts)
    _one_mail(router, parts)
    _fault_rules(router, parts)
    return router


def _mails(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/v1/captured-mail",
        responses=answers(401, 403, 409, 422),
        tags=TAGS,
        summary="Captured mail, the newest first",
        openapi_extra=SECURITY,
    )
    async def mails(
        request: Request,
        to: Searched = "",
        sender: SearchedFrom = "",
        subject: Searched = "",
        text: Searched = "",
        limit: Annotated[int, Query(ge=1, le=_PAGE_MAX)] = 50,
        before: Annotated[int | None, Query(ge=1, le=_NUMBER_MAX)] = None,
        count: Annotated[int, Query(ge=0, le=_PAGE_MAX, description="What to wait for.")] = 1,
        wait_seconds: Annotated[
            float,
            Query(ge=0, le=_WAIT_SECONDS_MAX, description="Until `count` fit, so long at most."),
        ] = 0,
    ) -> MailsShown:
        """Scope `operate`.  Parts of what is searched for, whatever the case."""
        await parts.key_of(request, Scope.OPERATE)
        store, wanted = _store(parts), WantedMail(to, sender, subject, text)
        end = asyncio.get_running_loop().time() + wait_seconds
        number = await parts.apart(store.number, wanted)
        while number < count and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(_LOOK_SECONDS)
            number = await parts.apart(store.number, wanted)
        found = await parts.apart(store.found, wanted, before=before, limit=limit)
        return MailsShown(number=number, messages=[_shown(one) for one in found])

    @router.delete(
        "/v1/captured-mail",
        responses=answers(401, 403, 409, 422),
        tags=TAGS,
        summary="Delete captured mail",
        openapi_extra=SECURITY,
    )
    async def remove(
        request: Request,
        to: Searched = "",
        sender: SearchedFrom = "",
        subject: Searched = "",
        text: Searched = "",
    ) -> MailsRemoved:
        """Scope `operate`.  All that fits; without a search, everything."""
        key = await parts.key_of(request, Scope.OPERATE)
        wanted = WantedMail(to, sender, subject, text)
        removed = await parts.apart(_store(parts).remove_found, wanted)
        _tell(parts, request, key, "captured-mail.delete", messages=removed)
        return MailsRemoved(removed=removed)


def _one_mail(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/v1/captured-mail/{number}",
        responses=answers(401, 403, 404, 409, 422),
        tags=TAGS,
        summary="A captured message",
        openapi_extra=SECURITY,
    )
    async def mail(request: Request, number: MailNumber) -> MailWhole:
        """Scope `operate`.  With its header, text, HTML and attachments."""
        await parts.key_of(request, Scope.OPERATE)
        return await parts.apart(_whole, _store(parts), number)

    @router.get(
        "/v1/captured-mail/{number}/source",
        response_class=Response,
        responses={
            200: {
                "description": "The message as it was delivered.",
                "content": {"message/rfc822": {}},
            },
            **answers(401, 403, 404, 409, 422),
        },
        tags=TAGS,
        summary="A captured message as it was delivered",
        openapi_extra=SECURITY,
    )
    async def source(request: Request, number: MailNumber) -> Response:
        """Scope `operate`."""
        await parts.key_of(request, Scope.OPERATE)
        octets = await parts.apart(_content, _store(parts), number)
        return _octets(octets, "message/rfc822")

    @router.get(
        "/v1/captured-mail/{number}/attachments/{part}",
        response_class=Response,
        responses={
            200: {"description": "Decoded.", "content": {"application/octet-stream": {}}},
            **answers(401, 403, 404, 409, 422),
        },
        tags=TAGS,
        summary="An attachment",
        openapi_extra=SECURITY,
    )
    async def attachment(
        request: Request, number: MailNumber, part: Annotated[int, Path(ge=1, le=_NUMBER_MAX)]
    ) -> Response:
        """Scope `operate`.  By its number in the message."""
        await parts.key_of(request, Scope.OPERATE)
        octets = await parts.apart(_part_of, _store(parts), number, part)
        return _octets(octets, "application/octet-stream")

    @router.delete(
        "/v1/captured-mail/{number}",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 404, 409, 422),
        tags=TAGS,
        summary="Delete a captured message",
        openapi_extra=SECURITY,
    )
    async def remove(request: Request, number: MailNumber) -> Response:
        """Scope `operate`."""
        key = await parts.key_of(request, Scope.OPERATE)
        if not await parts.apart(_store(parts).remove, number):
            raise ApiError(http_api.NOT_FOUND)
        _tell(parts, request, key, "captured-mail.delete", messages=1)
        return Response(status_code=204)


def _fault_rules(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/v1/faults",
        responses=answers(401, 403, 409, 422),
        tags=TAGS,
        summary="The fault rules in force",
        openapi_extra=SECURITY,
    )
    async def rules(request: Request) -> list[FaultShown]:
        """Scope `operate`."""
        await parts.key_of(request, Scope.OPERATE)
        found = await parts.apart(faults.rules_in_force, _place(parts).directory, _now(parts))
        return [_rule(one) for one in found]

    @router.post(
        "/v1/faults",
        status_code=201,
        responses=answers(401, 403, 408, 409, 413, 422),
        tags=TAGS,
        summary="Set a fault rule",
        openapi_extra={**SECURITY, **json_body(NewFault)},
    )
    async def add(request: Request) -> FaultShown:
        """Scope `operate`.  In the place of the rule for the same address and stage; when this answers,
        the service follows it.
        """
        key = await parts.key_of(request, Scope.OPERATE)
        place = _place(parts)
        new = await read_json(parts, request, NewFault)
        try:
            rule = faults.fault_rule(
                new.address,
                answer=new.answer,
                delay_seconds=new.delay_seconds,
                drop=new.drop,
                stage=new.stage,
                for_seconds=new.for_seconds,
                by=f"{key.name} (API)",
                now=_now(parts),
            )
        except faults.FaultRuleError as error:
            raise ApiError(http_api.INVALID, str(error)) from None
        version = await parts.apart(faults.add_fault, place.directory, rule)
        await parts.apart(wait_followed, parts.configuration, version)
        _tell(parts, request, key, "fault.add", address=rule.address, stage=str(rule.stage))
        return _rule(rule)

    @router.delete(
        "/v1/faults",
        responses=answers(401, 403, 409, 422),
        tags=TAGS,
        summary="Remove fault rules",
        openapi_extra=SECURITY,
    )
    async def remove(
        request: Request, address: Searched = "", stage: FaultStage | None = None
    ) -> MailsRemoved:
        """Scope `operate`.  Of an address, at a stage; without either, all of them."""
        key = await parts.key_of(request, Scope.OPERATE)
        directory = _place(parts).directory
        removed, version = await parts.apart(
            faults.remove_faults, directory, address, stage or "", _now(parts)
        )
        await parts.apart(wait_followed, parts.configuration, version)
        _tell(parts, request, key, "fault.remove", address=address, stage=stage or "")
        return MailsRemoved(removed=removed)


def _store(parts: Parts) -> CaptureStore:
    if parts.capture is None:
        raise ApiError(http_api.CAPTURE_OFF)
    return parts.capture


def _place(parts: Parts) -> CapturePlace:
    place = parts.configuration.capture_place
    if place is None:
        raise ApiError(http_api.CAPTURE_OFF)
    return place


def _now(parts: Parts) -> float:
    return parts.callers.clock()


def _content(store: CaptureStore, number: int) -> bytes:
    content = store.content(number)
    if content is None:
        raise ApiError(http_api.NOT_FOUND)
    return content


def _part_of(store: CaptureStore, number: int, wanted: int) -> bytes:
    read = read_message(_content(store, number))
    part = next((one for one in read.parts if one.number == wanted), None)
    if part is None:
        raise ApiError(http_api.NOT_FOUND)
    return read.octets(part)


def _whole(store: CaptureStore, number: int) -> MailWhole:
    found, content = store.message(number), store.content(number)
    if found is None or content is None:
        raise ApiError(http_api.NOT_FOUND)
    read = read_message(content)
    return MailWhole(
        **_shown(found).model_dump(),
        headers=[HeaderShown(name=name, value=value) for name, value in read.fields],
        text=_text(read, read.text_part),
        html=_text(read, read.html_part),
        attachments=[
            AttachmentShown(
                number=one.number, name=one.safe_name, type=one.kind, size=one.end - one.begin
            )
            for one in read.attachments
        ],
    )


def _text(read: ReadMessage, part: ReadPart | None) -> str:
    return read.text(part) if part is not None else ""


def _shown(one: CapturedMessage) -> MailShown:
    return MailShown(
        id=one.id,
        kept=one.kept,
        sender=one.sender,
        recipients=list(one.recipients),
        recipients_number=one.recipients_number,
        from_=one.author,
        subject=one.subject,
        message_id=one.message_id,
        size=one.size,
    )


def _octets(octets: bytes, media_type: str) -> Response:
    """Of strangers: whoever opens it in a browser saves it."""
    headers = {
        "Content-Disposition": "attachment",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "no-store",
    }
    return Response(octets, media_type=media_type, headers=headers)


def _rule(one: FaultRule) -> FaultShown:
    return FaultShown(
        address=one.address,
        stage=one.stage,
        answer=one.answer,
        delay_seconds=one.delay_seconds,
        drop=one.drop,
        until=one.until,
        by=one.by,
    )


def _tell(parts: Parts, request: Request, key: ApiKey, what: str, **facts: object) -> None:
    parts.audit(what, key=key.name, client=client_of(request), **facts)
