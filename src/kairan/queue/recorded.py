"""The trace that acts on the queue leave."""

import sqlite3
from collections.abc import Callable
from contextlib import ExitStack

from kairan.config.model import Configuration
from kairan.trace.commands import Record, command_trace


def opened_trace(
    configuration: Configuration,
    stack: ExitStack,
    *,
    warn: Callable[[str], None],
    by: str = "",
) -> Record:
    """Opened with its first event: a refused request leaves no file.  It records nothing where it
    cannot be written, but `warn`s: to drop mail may be the cure for a full disk.
    """
    opened: list[Record] = []

    def record(event: str, **facts: object) -> None:
        if not opened:
            opened.append(_open(configuration, stack, warn, by))
        opened[0](event, **facts)

    return record


def _open(
    configuration: Configuration, stack: ExitStack, warn: Callable[[str], None], by: str
) -> Record:
    try:
        return stack.enter_context(
            command_trace(configuration.trace_directory, configuration.trace, by=by)
        )
    except (OSError, sqlite3.Error) as error:
        warn(f"the trace was not written: {error}")
        return _nothing


def _nothing(_event: str, **_facts: object) -> None:
    return
