"""A cache whose bound is in octets, for answers to what a peer chooses.

`lru_cache` counts entries: 4,096 of them are half a megabyte, or a gigabyte if each key is a header
of 256 KiB that a stranger wrote.  Here a long key is answered without being kept, so that the number
of entries bounds the memory too.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from inspect import signature
from typing import Any, TypeVar, cast

# What an entry costs beside its key: places in the table, and the objects of a small answer.
ENTRY_OCTETS = 512
# Key and answer hold the text about twice, and Python keeps what is not Latin in up to four octets.
OCTETS_OF_ONE = 4


Work = TypeVar("Work", bound=Callable[..., Any])


def kept(*, octets: int, key_octets: int) -> Callable[[Work], Work]:
    """Decorates a pure function whose first argument is the octets or text that a peer chose.

    `octets`: what all answers together may cost.  `key_octets`: a longer argument is not kept.
    """
    entries = octets // (OCTETS_OF_ONE * key_octets + ENTRY_OCTETS)
    assert entries > 0, "not even one answer fits"

    def decorate(work: Work) -> Work:
        remembered = lru_cache(maxsize=entries)(work)

        @wraps(work)
        def answer(key: Any, *rest: Any, **named: Any) -> Any:
            if len(key) > key_octets:
                return work(key, *rest, **named)
            return remembered(key, *rest, **named)

        # Most take nothing beside the key and are asked several times for each message: without the
        # tuple and the dictionary of the other arguments that is half as dear.
        @wraps(work)
        def answer_to_key(key: Any) -> Any:
            return work(key) if len(key) > key_octets else remembered(key)

        is_of_key = len(signature(work).parameters) == 1
        return cast("Work", answer_to_key if is_of_key else answer)

    return decorate
