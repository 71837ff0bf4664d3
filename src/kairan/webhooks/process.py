"""The process of the webhooks: its life, and what it works with."""

import asyncio
import os
import signal
from contextlib import ExitStack
from functools import partial

from kairan.config.model import Configuration
from kairan.directory.store import Directory
from kairan.runtime import logs
from kairan.runtime.watchdog import Supervision, keep_beating
from kairan.status.look import look
from kairan.web.server import ORPHANED
from kairan.webhooks.place import open_webhooks
from kairan.webhooks.tasks import Webhooks

# Beside the workers it has the rest of the processor: what is told a second later is as true.
_NICE = 10


def run(configuration: Configuration, supervision: Supervision) -> int:
    """The whole life of the process, until SIGTERM or SIGINT."""
    logs.start_thread()
    os.nice(_NICE)
    return asyncio.run(_live(configuration, supervision))


async def _live(configuration: Configuration, supervision: Supervision) -> int:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(supervision.lifeline, partial(os._exit, ORPHANED))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    keep_beating(supervision.beat)
    with ExitStack() as stack:
        url = configuration.directory_url
        directory = stack.enter_context(Directory.open(url, migrate=False))
        store = stack.enter_context(open_webhooks(configuration))
        webhooks = Webhooks(
            configuration.webhooks,
            configuration.hostname,
            configuration.trace_directory,
            store,
            partial(look, configuration, directory),
            configuration.alerts.interval_seconds,
        )
        running = asyncio.create_task(webhooks.run())
        supervision.ready()
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
        await webhooks.close()
        if not stopping.is_set():
            await running  # what it died of
    return 0
