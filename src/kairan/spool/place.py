"""Where a service keeps its queue, for commands: shards in its folder, and databases.

Shards are told apart by numbers, which stand before the dash of an id: 0-81.2.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit
from uuid import uuid4

from kairan.runtime.operator_error import OperatorError
from kairan.runtime.secret_text import without_login

if TYPE_CHECKING:  # the configuration has a place in it, and few commands look at the queue
    from kairan.spool.operator_view import JobFilter, OperatorView
    from kairan.spool.sqlite.operator.view import ShardView

SHARD_PREFIX = "shard-"
# The number of the first database, and so on in the order of their URLs: beyond any number of workers.
DATABASE_SHARD = 1_000

# Why shards could not be looked at, in a sentence each that names the shard.
Unseen: TypeAlias = list[OperatorError]


def node_id(directory: Path) -> str:
    """Which node this is, to the others; made once, at random."""
    file = directory / "node-id"
    try:
        return file.read_text("ascii").strip()
    except FileNotFoundError:
        pass
    made = file.with_name(f"node-id.{os.getpid()}")
    made.write_text(f"{uuid4()}\n", "ascii")
    with suppress(FileExistsError):  # another worker was first
        os.link(made, file)
    made.unlink()
    return file.read_text("ascii").strip()


def url_problem(url: str) -> str | None:
    """What is wrong with `[spool] url`, or None; nobody is asked."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        return "write postgresql://USER@HOST/DATABASE"
    if find_spec("asyncpg") is None:
        return "needs the driver asyncpg; install it with: pip install 'asyncpg>=0.30'"
    return None


@dataclass(frozen=True, slots=True)
class SpoolPlace:
    directory: Path
    urls: tuple[str, ...] = ()

    def shards(self) -> list[int]:
        return [*self.folders(), *self.databases()]

    def folders(self) -> list[int]:
        paths = self.directory.glob(f"{SHARD_PREFIX}*")
        names = (path.name.removeprefix(SHARD_PREFIX) for path in paths)
        return sorted(int(name) for name in names if name.isdecimal())

    def databases(self) -> range:
        return range(DATABASE_SHARD, DATABASE_SHARD + len(self.urls))

    def is_database(self, shard: int) -> bool:
        return shard in self.databases()

    def name(self, shard: int) -> str:
        """For people, who look it up by this."""
        if self.is_database(shard):
            return f"spool.url {without_login(self._url(shard))}"
        return str(self.folder(shard))

    def view(self, shard: int) -> "OperatorView":
        """Raises an OperatorError where it cannot be looked at."""
        if self.is_database(shard):
            # Here, not above: a service without the database need not have its driver.
            from kairan.spool.postgresql.view import DatabaseView  # noqa: PLC0415

            return DatabaseView(self._url(shard))
        return self.folder_view(shard)

    def views(
        self, wanted: Iterable[tuple[int, "JobFilter"]], unseen: Unseen | None = None
    ) -> Iterator[tuple[int, "JobFilter", "OperatorView"]]:
        """One after the other.  What keeps one from being looked at is added to `unseen`, or, where nobody
        takes it, raised after the others.
        """
        missing: Unseen = [] if unseen is None else unseen
        for shard, conditions in wanted:
            try:
                view = self.view(shard)
            except OperatorError as error:
                missing.append(error)
                continue
            with view:
                yield shard, conditions, view
        if unseen is None and missing:
            raise missing[0]

    def folder_view(self, shard: int) -> "ShardView":
        """Of one that is no database."""
        from kairan.spool.sqlite.operator.view import ShardView  # noqa: PLC0415 - as the head says

        return ShardView(self.folder(shard))

    def _url(self, shard: int) -> str:
        return self.urls[shard - DATABASE_SHARD]

    def folder(self, shard: int) -> Path:
        return self.directory / f"{SHARD_PREFIX}{shard}"
