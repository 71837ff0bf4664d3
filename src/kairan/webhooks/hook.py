"""A webhook: who is told, and of what."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from kairan.runtime.operator_error import BAD_INPUT, OperatorError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_URL_CHARACTERS_MAX = 2_000


class WebhookError(OperatorError):
    """The sentence ends with what to do."""

    exit_code = BAD_INPUT


class WebhookEvent(StrEnum):
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"  # by an operator; as final as the two above
    DELAYED = "delayed"
    QUEUE_TOO_OLD = "queue-too-old"
    DEVICE_QUIET = "device-quiet"
    TEST = "test"  # of `kairan webhook test` alone


TOLD_EVENTS = tuple(one for one in WebhookEvent if one is not WebhookEvent.TEST)


@dataclass(frozen=True, slots=True)
class Webhook:
    """`secret`: in clear, for it signs; webhooks.db is its owner's alone to read."""

    number: int
    name: str
    url: str
    secret: str = field(repr=False)
    events: frozenset[WebhookEvent]
    created: float  # seconds since the epoch
    failures: int = 0  # since it last took something
    next_try: float = 0.0
    last_answer: str = ""
    sent: int = 0
    dropped: int = 0


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise WebhookError(
            f'"{name}" is no name; write letters, digits, dots and hyphens, up to 64'
        )


def check_url(url: str) -> None:
    """Its shape; its address is judged when it is dialled, for a name may mean another one then."""
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.scheme in {"https", "http"} and parts.hostname and parts.port != 0)
    except ValueError:
        is_whole = False
    if not is_whole or not url.isascii() or not url.isprintable() or " " in url:
        raise WebhookError("write an address such as https://app.example.com/mail-events")
    if len(url) > _URL_CHARACTERS_MAX:
        raise WebhookError(
            f"the address has more than {_URL_CHARACTERS_MAX} characters; shorten it"
        )
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise WebhookError(
            "leave user, password and fragment out of the address; the signature says who we are"
        )


def shown_host(url: str) -> str:
    """What may stand in a log: paths of webhooks are often secrets themselves."""
    return urlsplit(url).hostname or ""
