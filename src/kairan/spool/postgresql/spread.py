"""Several databases as one intake: each message goes to one of them, which answers for it.

They know nothing of each other.  A message goes where the fewest operations wait, among those that
take mail; one that has not answered for a while gets none while another does.  What was under way to one
that goes away is answered by that one alone (writer.py): to give it to another would be to answer
before it is known what became of it.
"""

import asyncio
from collections.abc import Sequence

from kairan.mail.envelope import Content, ContentFile, Envelope
from kairan.spool.interface import ContentWriter, SpoolId
from kairan.spool.postgresql.shard import PostgresqlSpool


class SpreadIntake:
    """A `SpoolIntake` over shards."""

    def __init__(self, shards: Sequence[PostgresqlSpool]) -> None:
        assert shards, "mail has to go somewhere"
        self._shards = list(shards)

    def refusal(self) -> str | None:
        """None, as long as one takes mail."""
        reasons = [shard.refusal() for shard in self._shards]
        return None if None in reasons else reasons[0]

    def content_writer(self) -> ContentWriter:
        return self._next().content_writer()

    def append(self, envelope: Envelope, content: Content) -> "asyncio.Future[SpoolId]":
        shard = self._writer_of(content) if isinstance(content, ContentFile) else self._next()
        return shard.append(envelope, content)

    def _next(self) -> PostgresqlSpool:
        """In turn, where they are equal."""
        self._shards.append(self._shards.pop(0))
        return min(self._shards, key=_reluctance)

    def _writer_of(self, content: ContentFile) -> PostgresqlSpool:
        for shard in self._shards:
            if shard.has_written(content):
                return shard
        raise ValueError(f"{content.path} was not written by this spool's content_writer")


def _reluctance(shard: PostgresqlSpool) -> tuple[bool, bool, int]:
    """The least is asked first."""
    return shard.refusal() is not None, not shard.is_recording, shard.waiting_operations
