"""Is the sender a member of a group, directly or through others?  For accept and reject lists."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from kairan.directory.model import Snapshot


class MembersSource(Protocol):
    def members(self, group: str) -> Iterator[Sequence[str]]:
        """The direct members of a group, piece by piece; blocks while it reads."""


class Membership:
    """Answers for one sender, each group read at most once."""

    def __init__(
        self, keys: frozenset[str], snapshot: Snapshot, source: MembersSource, *, groups_max: int
    ) -> None:
        self._keys = keys
        self._snapshot = snapshot
        self._source = source
        self._groups_max = groups_max
        self._answers: dict[str, bool] = {}

    def of(self, address: str) -> bool:
        """False for what is no group (a person was compared before)."""
        if address not in self._answers:
            self._answers[address] = self._search(address)
        return self._answers[address]

    def _search(self, address: str) -> bool:
        """Breadth first, so that one cursor is open at a time; a loop ends at what was seen."""
        seen = {address}
        waiting = [address]
        for group in waiting:
            if self._snapshot.group(group) is None:
                continue
            for piece in self._source.members(group):
                if not self._keys.isdisjoint(piece):
                    return True
                inner = [m for m in piece if m not in seen and self._snapshot.group(m) is not None]
                seen.update(inner)
                waiting.extend(inner[: self._groups_max - len(waiting)])
        return False
