"""Which mail goes before other mail to the same destination: a one-time code before a newsletter.

A job that goes first stands in front of the others that wait in memory, and is never put off for
want of room there.  It does not interrupt: what a session has begun to send goes to its end.
"""

from collections.abc import Mapping

from kairan.delivery.settings import PrioritySettings
from kairan.mail.address import key_of
from kairan.mail.envelope import Envelope
from kairan.mail.header import edited, read_header


class Priority:
    def __init__(self, settings: PrioritySettings) -> None:
        self._accounts = frozenset(map(key_of, settings.accounts))
        self._size_max = settings.size_max
        self._fields: Mapping[bytes, bytes] = {
            name.lower().encode(): value.lower().encode() for name, value in settings.fields
        }

    @property
    def is_set(self) -> bool:
        return bool(self._accounts or self._size_max or self._fields)

    @property
    def reads_header(self) -> bool:
        return bool(self._fields)

    def by_envelope(self, envelope: Envelope) -> bool:
        is_small = 0 < envelope.size <= self._size_max
        return is_small or key_of(envelope.account) in self._accounts

    def by_header(self, head: bytes) -> bool:
        """A field counts by its first word: `X-Priority: 1 (Highest)`."""
        found = []

        def look(name: bytes, value: bytes) -> None:
            wanted = self._fields.get(name)
            words = value.lower().split(None, 1)
            if wanted is not None and words and words[0] == wanted:
                found.append(name)

        edited(head[: read_header(head).end], look)
        return bool(found)
