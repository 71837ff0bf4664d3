"""A shard in a temporary directory, and letters to put in it."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.shard import SqliteSpool

SETTINGS = SpoolSettings(
    free_octets_min=0, free_inodes_min=0, reserve_octets=0, look_interval_seconds=0.02
)

OpenSpool = Callable[..., Awaitable[SqliteSpool]]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "shard-0"


@pytest.fixture
def letter() -> Callable[..., Envelope]:
    def make(*recipients: str, **fields: object) -> Envelope:
        return Envelope(
            sender=Address("printer@kairan.test"),
            recipients=tuple(Recipient(Address(r)) for r in recipients or ("user001@kairan.test",)),
            arrived=time.time(),
            **fields,
        )

    return make


@pytest_asyncio.fixture
async def open_spool(directory: Path) -> AsyncIterator[OpenSpool]:
    """`await open_spool(ready_jobs_max=10, disk=…)`: settings and arguments of `open` together."""
    opened: list[SqliteSpool] = []

    async def make(**options: object) -> SqliteSpool:
        arguments = {k: options.pop(k) for k in ("clock", "disk", "connect") if k in options}
        spool = await SqliteSpool.open(directory, replace(SETTINGS, **options), **arguments)
        opened.append(spool)
        return spool

    yield make
    for spool in opened:
        await spool.close()
