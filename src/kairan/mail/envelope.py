"""Envelope: who sent it, who receives it, how; and the content that travels under it."""

from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path
from typing import NamedTuple, TypeAlias

from kairan.mail.address import Address


class Notify(IntFlag):
    """RFC 3461 section 4.1.  `UNSET`: the client did not say, so a failure is reported."""

    UNSET = 0
    NEVER = 1
    SUCCESS = 2
    FAILURE = 4
    DELAY = 8


class Recipient(NamedTuple):
    address: Address
    notify: Notify = Notify.UNSET
    orcpt: str = ""  # RFC 3461 section 4.2, as it came: "rfc822;" and xtext
    # The list whose rules this copy follows (its fields, its reports); empty: none.
    via: str = ""


class Envelope(NamedTuple):
    """RFC 5321 section 2.3.1, with what our own reports need beside it.

    `arrived` is seconds since the epoch; `message_id` is the header field's value with its angle
    brackets; `account` the primary address of who logged in (empty: nobody, a bounce of ours).
    """

    sender: Address
    recipients: tuple[Recipient, ...]
    arrived: float
    message_id: str = ""
    account: str = ""
    client: str = ""  # address the message came from, for the trace
    ret: str = ""  # RFC 3461 section 4.3: "FULL", "HDRS" or empty
    envid: str = ""  # RFC 3461 section 4.4, xtext as it came
    body: str = ""  # RFC 6152, 3030: "", "7BIT", "8BITMIME", "BINARYMIME"
    smtputf8: bool = False
    size: int = 0  # octets of the content
    coalesce: bool = False  # its sender asked that equal messages be delivered as one


@dataclass(frozen=True, slots=True)
class ContentFile:
    """A content too large for memory; `path` is a finished file that nobody changes any more.

    `head` stands in the place of the file's first `skipped` octets; `size` is that of the whole.
    """

    path: Path
    size: int
    head: bytes = b""
    skipped: int = 0


# Lines end in CRLF and no dot is stuffed: what RFC 5322 calls the message.  Large ones are files.
Content: TypeAlias = bytes | ContentFile
