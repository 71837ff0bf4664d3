"""Webhooks: what `kairan webhook` lists, adds, tests and removes."""

import time
from contextlib import closing
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from kairan.api.documented import KEY, answers
from kairan.api.json_bodies import StrictBody, json_body, read_json
from kairan.api.parts import Parts
from kairan.api.policies import NameInPath
from kairan.api.problems import ApiError
from kairan.outcomes import http_api
from kairan.webhooks.hook import TOLD_EVENTS, Webhook, WebhookEvent, shown_host
from kairan.webhooks.place import open_webhooks
from kairan.webhooks.reading import cursors_now
from kairan.webhooks.sending import body_of, webhook_sender
from kairan.webhooks.store import WebhookStore
from kairan.webhooks.told import of_test

_URL_MAX = 2_000


class WebhookShown(BaseModel):
    """`waiting`: events it has not taken yet; `failures`: tries since it last took one; `next_try`: seconds
    since the epoch, null where nothing has failed.
    """

    name: str
    url: str
    events: list[WebhookEvent]
    created: int
    sent: int
    waiting: int
    dropped: int
    failures: int
    next_try: int | None
    last_answer: str


class WebhookWithSecret(WebhookShown):
    """`secret` signs each request, and is shown this once."""

    secret: str


class NewWebhook(StrictBody):
    """`events`: of what it is to hear; without them of all."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    url: Annotated[str, Field(min_length=1, max_length=_URL_MAX)]
    events: Annotated[list[WebhookEvent], Field(max_length=len(WebhookEvent), default_factory=list)]


class WebhookTested(BaseModel):
    """`answer`: the receiver's, or why there was none."""

    taken: bool
    answer: str


BODIES = (NewWebhook,)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["webhooks"])
    security = {"security": KEY}

    @router.get(
        "/v1/webhooks",
        responses=answers(401, 403, 422),
        summary="The webhooks",
        openapi_extra=security,
    )
    async def webhooks(request: Request) -> list[WebhookShown]:
        """Scope admin, for the path of a webhook is often a secret itself."""
        await parts.administrator(request)
        return await parts.apart(_everyone, parts)

    @router.get(
        "/v1/webhooks/{name}",
        responses=answers(401, 403, 404, 422),
        summary="A webhook",
        openapi_extra=security,
    )
    async def webhook(request: Request, name: NameInPath) -> WebhookShown:
        """Scope admin."""
        await parts.administrator(request)
        return await parts.apart(_one, parts, name)

    @router.post(
        "/v1/webhooks",
        status_code=201,
        responses=answers(401, 403, 408, 409, 413, 422),
        summary="Add a webhook",
        openapi_extra={**security, **json_body(NewWebhook)},
    )
    async def add(request: Request) -> WebhookWithSecret:
        """Scope admin.  It hears of what happens from now on."""
        key = await parts.administrator(request)
        asked = await read_json(parts, request, NewWebhook)
        added = await parts.apart(_added, parts, asked)
        host = shown_host(asked.url)
        parts.tell(request, key, "webhook.add", asked.name, host=host, events=added.events)
        return added

    @router.delete(
        "/v1/webhooks/{name}",
        status_code=204,
        response_class=Response,
        responses=answers(401, 403, 404, 422),
        summary="Remove a webhook",
        openapi_extra=security,
    )
    async def remove(request: Request, name: NameInPath) -> Response:
        """Scope admin.  What waits for it is not sent any more."""
        key = await parts.administrator(request)
        await parts.apart(_removed, parts, name)
        parts.tell(request, key, "webhook.remove", name)
        return Response(status_code=204)

    @router.post(
        "/v1/webhooks/{name}/test",
        responses=answers(401, 403, 404, 422),
        summary="Send a webhook an event `test` now",
        openapi_extra=security,
    )
    async def send_test(request: Request, name: NameInPath) -> WebhookTested:
        """Scope admin.  Signed as all others, once, and to no address that the others may not go to."""
        key = await parts.administrator(request)
        hook = await parts.apart(_found, parts, name)
        tested = await _tested(parts, hook)
        parts.tell(request, key, "webhook.test", name, taken=tested.taken)
        return tested

    return router


def _store(parts: Parts) -> WebhookStore:
    return open_webhooks(parts.configuration)


def _everyone(parts: Parts) -> list[WebhookShown]:
    now = time.time()
    with closing(_store(parts)) as store:
        return [_shown(one, store.waiting(one.number, now).everything) for one in store.everyone()]


def _one(parts: Parts, name: str) -> WebhookShown:
    found = next((one for one in _everyone(parts) if one.name == name), None)
    if found is None:
        raise ApiError(http_api.NOT_FOUND)
    return found


def _found(parts: Parts, name: str) -> Webhook:
    with closing(_store(parts)) as store:
        return _named(store, name)


def _named(store: WebhookStore, name: str) -> Webhook:
    found = next((one for one in store.everyone() if one.name == name), None)
    if found is None:
        raise ApiError(http_api.NOT_FOUND)
    return found


def _added(parts: Parts, asked: NewWebhook) -> WebhookWithSecret:
    events = [one for one in asked.events or TOLD_EVENTS if one is not WebhookEvent.TEST]
    now = time.time()
    with closing(_store(parts)) as store:
        cursors = cursors_now(parts.configuration.trace_directory, now)
        hook = store.add(asked.name, asked.url, events, cursors, now)
    return WebhookWithSecret(**_shown(hook, 0).model_dump(), secret=hook.secret)


def _removed(parts: Parts, name: str) -> None:
    with closing(_store(parts)) as store:
        store.remove(_named(store, name).name)


async def _tested(parts: Parts, hook: Webhook) -> WebhookTested:
    now = time.time()
    hostname = parts.configuration.hostname
    body = body_of(hostname, [of_test(hostname, hook.name, now).body])
    async with webhook_sender(parts.configuration.webhooks) as sender:
        answer = await sender.post(hook.url, hook.secret, body, int(now))
    return WebhookTested(taken=answer.is_taken, answer=answer.text)


def _shown(hook: Webhook, waiting: int) -> WebhookShown:
    return WebhookShown(
        name=hook.name,
        url=hook.url,
        events=sorted(hook.events),
        created=int(hook.created),
        sent=hook.sent,
        waiting=waiting,
        dropped=hook.dropped,
        failures=hook.failures,
        next_try=int(hook.next_try) if hook.failures else None,
        last_answer=hook.last_answer,
    )
