"""A source's first reading, in a process of its own: it is written here while the rest is read there.

    child    a batch of people, packed  ·  a batch  ·  …  ·  empty  ·  the rest, or why there is none
    parent   writes each batch while the child reads the next

Of a source of which nobody is known yet nobody can be missing, so that its people need not wait until
all of them have been seen.  The first batch is awaited before the directory is locked for the change.
"""

import gc
import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from kairan.directory.errors import DirectoryError
from kairan.directory.sources.ldap.reading import Extent, read_people
from kairan.directory.sources.ldap.server import SourceDownError
from kairan.directory.sources.ldap.staged import PackedPeople, unpacked
from kairan.directory.sources.settings import SourceSettings
from kairan.directory.sources.values import Reading, SourcePerson


class FirstReading:
    """People, once and in order; then the rest."""

    def __init__(self, receiver: Connection, name: str) -> None:
        self._receiver = receiver
        self._name = name
        self._next = self._received()
        self._rest: Reading | None = None

    @property
    def people(self) -> Iterator[SourcePerson]:
        while self._next:
            yield from unpacked(self._next)
            self._next = self._received()

    def rest(self) -> Reading:
        """Behind the last of the people.  Raises SourceDownError, as the child has said."""
        if self._rest is None:
            with _explained(self._name):
                said = self._receiver.recv()
            if not isinstance(said, Reading):
                raise SourceDownError(said)
            self._rest = said
        return self._rest

    def _received(self) -> bytes:
        with _explained(self._name):
            return self._receiver.recv_bytes()


@contextmanager
def first_reading(settings: SourceSettings) -> Iterator[FirstReading]:
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    child = fork.Process(target=_read, args=(settings, sender), daemon=True)
    child.start()
    sender.close()  # so that the end of the child is the end of what it says
    try:
        yield FirstReading(receiver, settings.name)
    finally:
        receiver.close()
        child.terminate()
        child.join()


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise SourceDownError(f"the process that read {name} has ended; try again") from error


def _read(settings: SourceSettings, sender: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal the parent hears, and ends us
    gc.disable()  # entries know nobody who knows them: a quarter of the time went into looking for cycles
    said: Reading | str
    try:
        said = read_people(settings, Extent.WHOLE, "", PackedPeople(sender.send_bytes))
    except DirectoryError as error:
        said = str(error)
    sender.send_bytes(b"")
    sender.send(said)
