"""Where a service keeps its queue, for commands: shards in its folder, and a database.

Shards are told apart by numbers, which stand before the dash of an id: 0-81.2.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from kairan.spool.operator_view import OperatorView
from kairan.spool.sqlite.operator.view import ShardView

_PREFIX = "shard-"
# The number of the database, where there is one: beyond any number of workers.
DATABASE_SHARD = 1_000


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
    url: str | None = None

    def shards(self) -> list[int]:
        names = (path.name.removeprefix(_PREFIX) for path in self.directory.glob(f"{_PREFIX}*"))
        found = sorted(int(name) for name in names if name.isdecimal())
        return found if self.url is None else [*found, DATABASE_SHARD]

    def is_database(self, shard: int) -> bool:
        return self.url is not None and shard == DATABASE_SHARD

    def name(self, shard: int) -> str:
        """For people, who look it up by this."""
        return "spool.url" if self.is_database(shard) else str(self._folder(shard))

    def view(self, shard: int) -> OperatorView:
        """Raises an OperatorError where it cannot be looked at."""
        if self.url is not None and self.is_database(shard):
            # Here, not above: a service without the database need not have its driver.
            from kairan.spool.postgresql.view import DatabaseView  # noqa: PLC0415

            return DatabaseView(self.url)
        return self.folder_view(shard)

    def folder_view(self, shard: int) -> ShardView:
        """Of one that is no database."""
        return ShardView(self._folder(shard))

    def _folder(self, shard: int) -> Path:
        return self.directory / f"{_PREFIX}{shard}"
