"""Whose name a message carries to a service that knows us by one account: `from=` of a destination.

    keep      as it came; the service may refuse it (High Volume Email since 2026: 5.7.62, 5.6.241)
    rewrite   MAIL FROM and From are the account; the author goes into Reply-To where there is none,
              and as it was into X-Original-From
    refuse    a message that is not the account's is reported, and never offered

On the wire alone: reports and the trace speak of the sender that the message has with us.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kairan.delivery.head import HEADER_OCTETS_MAX, read_head
from kairan.delivery.list_copy import with_fields
from kairan.mail.address import Address, key_of
from kairan.mail.authors import Authors, read_authors
from kairan.mail.envelope import Content, Envelope
from kairan.mail.header import Header, edited, read_header
from kairan.outcomes.catalogue import FROM_NOT_OF_ROUTE
from kairan.outcomes.outcome import Outcome

_ORIGINAL = b"X-Original-From"
# A From of fifty authors; what is longer is nobody's to answer to.
_REPLY_TO_OCTETS_MAX = 900


class FromRule(StrEnum):
    KEEP = "keep"
    REWRITE = "rewrite"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Prepared:
    envelope: Envelope
    content: Content


@dataclass(frozen=True, slots=True)
class AuthorRule:
    rule: FromRule
    account: Address

    async def wait_prepared(self, envelope: Envelope, content: Content) -> Prepared | Outcome:
        """A refusal is the entry by which it is reported."""
        head = await read_head(content, HEADER_OCTETS_MAX)
        header = read_header(head)
        if self.rule is FromRule.REFUSE:
            is_ours = key_of(envelope.sender) == key_of(self.account) and self._is_author(header)
            return Prepared(envelope, content) if is_ours else FROM_NOT_OF_ROUTE
        envelope = envelope._replace(sender=self.account)
        if self._is_author(header):
            return Prepared(envelope, content)
        fields = rewritten(head[: header.end], header, self.account)
        return Prepared(envelope, with_fields(content, fields, skipped=header.end))

    def _is_author(self, header: Header) -> bool:
        """The one author, and nobody else for any reader."""
        if len(header.senders) != 1 or header.sender:
            return False
        authors = read_authors(header.senders[0])
        if not isinstance(authors, Authors) or authors.others:
            return False
        return [key_of(one) for one in authors.addresses] == [key_of(self.account)]


def rewritten(fields: bytes, header: Header, account: Address) -> bytes:
    """The fields with the account as author.  A second From, and Sender, go."""
    original = header.senders[0] if header.senders else b""
    kept = edited(fields, lambda name, _: b"" if name in _NAMES else None)
    new = [b"From: " + _with_account(original, account)]
    if original.strip():
        new.append(_ORIGINAL + b":" + original)
    if not header.has_reply_to and (answers := _reply_to(header.senders)):
        new.append(b"Reply-To: " + answers)
    return kept + b"".join(field + b"\r\n" for field in new)


_NAMES = frozenset({b"from", b"sender", _ORIGINAL.lower()})


def _with_account(value: bytes, account: Address) -> bytes:
    """The name as it was written, where there is one author and his address stands in brackets."""
    authors = read_authors(value)
    address = f"<{account}>".encode()
    if not isinstance(authors, Authors) or len(authors.addresses) != 1 or authors.others:
        return address
    name, bracket, rest = value.strip().rpartition(b"<")
    if not bracket or rest != f"{authors.addresses[0]}>".encode():
        return address
    return name.strip() + b" " + address if name.strip() else address


def _reply_to(values: Sequence[bytes]) -> bytes:
    found = [read_authors(value) for value in values]
    addresses = [
        one for authors in found if isinstance(authors, Authors) for one in authors.addresses
    ]
    text = ",\r\n ".join(f"<{address}>" for address in dict.fromkeys(addresses)).encode()
    return text if len(text) <= _REPLY_TO_OCTETS_MAX else b""
