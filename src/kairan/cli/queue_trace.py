"""The trace that commands on the queue leave."""

import sqlite3
from contextlib import ExitStack

from kairan.cli.output import say
from kairan.config.model import Configuration
from kairan.trace.commands import Record, command_trace


def opened_trace(configuration: Configuration, stack: ExitStack) -> Record:
    """Opened with its first event: a refused command leaves no file.  It records nothing where it
    cannot be written: to drop mail may be the cure for a full disk.
    """
    opened: list[Record] = []

    def record(event: str, **facts: object) -> None:
        if not opened:
            opened.append(_open(configuration, stack))
        opened[0](event, **facts)

    return record


def _open(configuration: Configuration, stack: ExitStack) -> Record:
    try:
        return stack.enter_context(
            command_trace(configuration.trace_directory, configuration.trace)
        )
    except (OSError, sqlite3.Error) as error:
        say(f"warning: the trace was not written: {error}", to_operator=True)
        return _nothing


def _nothing(_event: str, **_facts: object) -> None:
    return
