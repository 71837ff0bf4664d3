"""Recipients cut into transactions: each address once, those that are none set aside."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from kairan.mail.envelope import Recipient
from kairan.sender.addresses import address_of, recipient_key

Item = TypeVar("Item")


class GivenRecipient(NamedTuple):
    """A recipient as the caller wrote it, and what the server hears; None: it is no address."""

    text: str
    recipient: Recipient | None


def each_once(given: Iterable[str]) -> tuple[GivenRecipient, ...]:
    """Two spellings that Exchange takes for one address are one; the first stands."""
    found: dict[str, GivenRecipient] = {}
    for text in given:
        address = address_of(text)
        recipient = None if address is None else Recipient(address)
        found.setdefault(recipient_key(text), GivenRecipient(text, recipient))
    return tuple(found.values())


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
