"""POST /v1/messages: 202 when, and only when, SMTP has said 250."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import make_msgid
from typing import Annotated, Any
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from kairan.api.bodies import expected, media_type, read_body
from kairan.api.callers import AccountCaller, account_caller
from kairan.api.compose import (
    ComposeError,
    NewMessage,
    composed,
    envelope_addresses,
    from_octets,
)
from kairan.api.documented import ACCOUNT, answers
from kairan.api.idempotency import KEY_CHARACTERS_MAX, Remembered, digest
from kairan.api.parts import Parts
from kairan.api.problems import ApiError, ProblemDocument, RefusedError, language_asked
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.mail.reply import Reply
from kairan.outcomes import catalogue, http_api
from kairan.sender.message import Message
from kairan.spool.operator_view import JobFilter
from kairan.trace.search import search

log = structlog.get_logger()

_JSON = "application/json"
_RAW = "message/rfc822"
_WHOLE_ANSWER = "return=representation"
_PREFER_CHARACTERS_MAX = 200
# Beside the attachments' base64, which is 4/3 of a message: names of fields, escapes.
_JSON_EXTRA_OCTETS = 256 * 1024
# Larger ones are read and built in a thread: 64 KiB take a millisecond.
_AT_ONCE_OCTETS = 64 * 1024
# Of one message id, of which one that is no refusal is enough.
_EVENTS_MAX = 100
SENDER_CHARACTERS_MAX = 320
QUERY_RECIPIENTS_MAX = 1_000


class RefusedRecipient(BaseModel):
    address: str
    problem: ProblemDocument


class MessageAccepted(BaseModel):
    """The message is on disk.  `refused`: recipients who do not get it, each with the reason."""

    id: str
    message_id: str
    accepted: list[str]
    refused: list[RefusedRecipient]


@dataclass(frozen=True, slots=True)
class _AskedMessage:
    """A body and what stands beside it."""

    kind: str
    octets: bytes
    sender: str
    recipients: tuple[str, ...]

    @property
    def digest(self) -> bytes:
        parts = [self.kind.encode(), self.octets, self.sender.encode()]
        return digest(*parts, *(one.encode() for one in self.recipients))

    def message(self, message_id: str) -> Message:
        """Raises ApiError."""
        try:
            if self.kind == _RAW:
                return from_octets(
                    self.octets, message_id, sender=self.sender, recipients=self.recipients
                )
            return composed(NewMessage.model_validate_json(self.octets, strict=False), message_id)
        except ValidationError as error:
            raise ApiError(
                http_api.INVALID, invalid_text(error.errors(include_url=False))
            ) from None
        except ComposeError as error:
            raise ApiError(http_api.INVALID, str(error)) from None


BODIES = (NewMessage,)


def invalid_text(errors: Sequence[Mapping[str, Any]]) -> str:
    """Where and what, of the first few; never the value, which may be a secret."""
    several = [
        f"{'.'.join(str(part) for part in one['loc']) or 'the body'}: {one['msg']}"
        for one in errors[:5]
    ]
    return "; ".join(several)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.post(
        "/v1/messages",
        status_code=202,
        response_model=MessageAccepted,
        responses=answers(401, 403, 408, 409, 413, 415, 422, 429, 503, 504),
        tags=["messages"],
        summary="Send a message",
        openapi_extra={
            "security": ACCOUNT,
            "requestBody": {
                "required": True,
                "content": {
                    _JSON: {"schema": {"$ref": "#/components/schemas/NewMessage"}},
                    _RAW: {"schema": {"type": "string", "format": "binary"}},
                },
            },
        },
    )
    async def send(
        request: Request,
        sender: Annotated[
            str,
            Query(
                max_length=SENDER_CHARACTERS_MAX,
                description="message/rfc822 alone: in place of the header's.",
            ),
        ] = "",
        recipient: Annotated[
            list[str] | None,
            Query(
                max_length=QUERY_RECIPIENTS_MAX,
                description="message/rfc822 alone: in place of the header's.",
            ),
        ] = None,
        idempotency_key: Annotated[
            str | None,
            Header(
                min_length=1,
                max_length=KEY_CHARACTERS_MAX,
                description="A retry with the same key and body sends nothing again, for 24 hours.",
            ),
        ] = None,
        prefer: Annotated[
            str,
            Header(
                max_length=_PREFER_CHARACTERS_MAX,
                description="`return=representation`: no Location, for programs that would go there "
                "before they go on.",
            ),
        ] = "",
    ) -> Response:
        """An HVE account's password (Basic) or access token (Bearer).  202: it is on disk."""
        del sender, recipient, idempotency_key, prefer  # they are here for the document
        return await answer_send(parts, request)

    return router


async def answer_send(parts: Parts, request: Request) -> Response:
    """What the route above does, and what is called without it: what FastAPI does for a request costs more
    than reading the message.  Raises ApiError, RefusedError.
    """
    caller = account_caller(request)
    kind = media_type(request)
    if kind not in {_JSON, _RAW}:
        raise ApiError(http_api.MEDIA_TYPE)
    sender, recipients = _in_place_of_the_header(request)
    idempotency_key = request.headers.get("idempotency-key")
    if idempotency_key is not None and not 0 < len(idempotency_key) <= KEY_CHARACTERS_MAX:
        raise ApiError(
            http_api.INVALID, f"Idempotency-Key: must have 1 to {KEY_CHARACTERS_MAX} characters"
        )
    prefer = request.headers.get("prefer", "")
    if len(prefer) > _PREFER_CHARACTERS_MAX:
        raise ApiError(
            http_api.INVALID, f"Prefer: must have {_PREFER_CHARACTERS_MAX} characters at most"
        )
    most = parts.configuration.admission.message_octets_max
    limit = most if kind == _RAW else most * 4 // 3 + _JSON_EXTRA_OCTETS
    with parts.bodies.room_for(expected(request, limit)):
        octets = await read_body(request, limit)
        sending = _Sending(parts, caller, _AskedMessage(kind, octets, sender, recipients), request)
        if idempotency_key is None:
            accepted = await sending.send(sending.new_message_id())
        else:
            accepted = await sending.send_once(idempotency_key)
        return _answer(accepted, is_all=_WHOLE_ANSWER in prefer.lower().replace(" ", ""))


def _in_place_of_the_header(request: Request) -> tuple[str, tuple[str, ...]]:
    if not request.scope["query_string"]:
        return "", ()
    query = request.query_params
    sender, recipients = query.get("sender", ""), query.getlist("recipient")
    if len(sender) > SENDER_CHARACTERS_MAX:
        raise ApiError(http_api.INVALID, f"sender: must have {SENDER_CHARACTERS_MAX} characters")
    if len(recipients) > QUERY_RECIPIENTS_MAX:
        raise ApiError(http_api.INVALID, f"recipient: {QUERY_RECIPIENTS_MAX} at most")
    return sender, tuple(recipients)


# Keys whose request is being answered by this process.
_IN_PROGRESS: set[bytes] = set()


@dataclass(frozen=True, slots=True)
class _Sending:
    parts: Parts
    caller: AccountCaller
    asked: _AskedMessage
    request: Request

    def new_message_id(self) -> str:
        return make_msgid(domain=self.parts.configuration.hostname)

    async def send(self, message_id: str) -> MessageAccepted:
        """Raises RefusedError, ApiError."""
        message = await self._message(message_id)
        try:
            addresses = envelope_addresses(message)
        except ComposeError as error:
            raise ApiError(http_api.INVALID, str(error)) from None
        if len(addresses) > self.parts.configuration.admission.recipients_max:
            raise RefusedError(catalogue.TOO_MANY_RECIPIENTS.reply)
        if len(message.content) > self.parts.configuration.admission.message_octets_max:
            raise RefusedError(catalogue.MESSAGE_TOO_LARGE.reply)
        envelope = _envelope(message, addresses)
        replies = await self.parts.submitter.send(self.caller, envelope, message.content)
        return self._accepted(message.message_id, addresses, replies)

    async def _message(self, message_id: str) -> Message:
        if len(self.asked.octets) <= _AT_ONCE_OCTETS:
            return self.asked.message(message_id)
        return await self.parts.apart(self.asked.message, message_id)

    def _accepted(
        self, message_id: str, addresses: Sequence[Address], replies: Sequence[Reply]
    ) -> MessageAccepted:
        answered = list(zip(addresses, replies, strict=True))
        accepted = [str(address) for address, reply in answered if reply.is_positive]
        if not accepted:
            raise RefusedError(replies[0])
        refused = [
            RefusedRecipient(address=address, problem=self._problem(reply))
            for address, reply in answered
            if not reply.is_positive
        ]
        bare = message_id.strip("<>")
        self.parts.just_accepted.add(bare)
        return MessageAccepted(id=bare, message_id=message_id, accepted=accepted, refused=refused)

    def _problem(self, reply: Reply) -> ProblemDocument:
        return self.parts.problems.of_reply(reply, language_asked(self.request))

    async def send_once(self, idempotency_key: str) -> MessageAccepted:
        """Who it is comes first: a stranger neither fills the table nor learns an answer."""
        await self.parts.submitter.log_in(self.caller)
        key = digest(
            self.caller.user.lower().encode("utf-8", "surrogatepass"),
            idempotency_key.encode("utf-8", "surrogatepass"),
        )
        if key in _IN_PROGRESS:
            raise ApiError(http_api.IN_PROGRESS)
        _IN_PROGRESS.add(key)
        try:
            return await self._send_once(key)
        finally:
            _IN_PROGRESS.discard(key)

    async def _send_once(self, key: bytes) -> MessageAccepted:
        memory = self.parts.idempotency
        known = await memory.begin(key, self.asked.digest, self.new_message_id())
        if not known.is_same:
            raise ApiError(http_api.KEY_REUSED)
        if known.answer is not None:
            return MessageAccepted.model_validate_json(known.answer)
        answer = None if known.is_new else await self._taken_before(known)
        try:
            answer = answer or await self.send(known.message_id)
        except RefusedError:
            await memory.forget(key)
            raise
        except ApiError as error:
            if error.problem is not http_api.UNKNOWN_OUTCOME:
                await memory.forget(key)
            raise
        await memory.answered(key, answer.model_dump_json())
        return answer

    async def _taken_before(self, known: Remembered) -> MessageAccepted | None:
        """A process that died between SMTP's 250 and its own answer left the message in the queue or in
        the trace.  What a worker was storing in that moment is there a little later.
        """
        message = await self._message(known.message_id)
        for seconds in (0.0, self.parts.configuration.trace.settled_seconds):
            await asyncio.sleep(seconds)
            if await self.parts.apart(self._is_taken, message.message_id, known.created):
                addresses = envelope_addresses(message)
                return MessageAccepted(
                    id=message.message_id.strip("<>"),
                    message_id=message.message_id,
                    accepted=[str(address) for address in addresses],
                    refused=[],
                )
        return None

    def _is_taken(self, message_id: str, since: int) -> bool:
        configuration = self.parts.configuration
        wanted = JobFilter(message_id=message_id, also=lambda one: one.envelope.arrived >= since)
        spool = configuration.spool_place
        for shard in spool.shards():
            with spool.view(shard) as view:
                if next(view.list(wanted), None) is not None:
                    return True
        # Any but a refusal: of one that was killed, the RECEIVE may not have reached the disk.
        events = search(
            configuration.trace_directory, message_id=message_id, since=since, limit=_EVENTS_MAX
        )
        return any(one.event != "REFUSE" for one in events)


def _envelope(message: Message, addresses: Sequence[Address]) -> Envelope:
    return Envelope(
        sender=message.sender,
        recipients=tuple(Recipient(address) for address in addresses),
        arrived=time.time(),
        message_id=message.message_id,
        body="" if message.content.isascii() else "8BITMIME",
        smtputf8=not (
            message.has_ascii_header
            and message.sender.isascii()
            and all(one.isascii() for one in addresses)
        ),
        size=len(message.content),
    )


def _answer(accepted: MessageAccepted, *, is_all: bool) -> Response:
    """A relative place (RFC 9110 section 10.2.2): what the client calls this host is not believed.

    `is_all`: Power Automate asks the Location of a 202 again and again until it is done, and
    answers its flow with what it finds there; who prefers the answer itself (RFC 7240 section 4.2) gets no Location.
    """
    headers = {"Cache-Control": "no-store"}
    if is_all:
        headers["Preference-Applied"] = _WHOLE_ANSWER
    else:
        # The @ of every id may stand in a path (RFC 3986 section 3.3).
        headers["Location"] = f"/v1/messages/{quote(accepted.id, safe='/@')}"
    return Response(accepted.model_dump_json(), 202, headers, media_type=_JSON)
