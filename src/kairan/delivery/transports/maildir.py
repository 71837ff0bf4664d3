"""Maildirs: `DIR/<address>/{tmp,new,cur}`, a file per message and recipient.

A file in new/ is the message with `Return-Path:` and `Delivered-To:` at its top and lines that
end in LF alone, as every reader of Maildirs on Unix expects: CRLF becomes LF.

A message counts as delivered if and only if its file is whole and synced, has its name in new/,
and new/ is synced.  What stays in tmp/ was being written when we stopped; maildir(5) has readers
remove it after 36 hours.
"""

import asyncio
import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kairan.delivery.transport import Deferred, Delivered, RecipientResult
from kairan.delivery.transports.context import TransportContext
from kairan.delivery.transports.maildir_names import file_name, folder_name
from kairan.delivery.transports.settings import TransportSettings
from kairan.delivery.transports.table import DestinationError
from kairan.mail.envelope import Content, Envelope, Recipient
from kairan.mail.reply import Reply
from kairan.outcomes import catalogue
from kairan.relay.pieces import pieces_of

DELIVERED = Reply.of(250, "2.1.5", "Delivered to the mailbox")
_CLOSING = catalogue.RELAY_BUSY.reply_with("(the service is stopping)")

PIECE_OCTETS = 256 * 1024  # of a large content, per thread
_FOLDERS = ("tmp", "new", "cur")


@dataclass(frozen=True, slots=True)
class _Written:
    """A file that is synced in tmp/ and wants its place in new/."""

    tmp: Path
    new: Path


def make(destination: str, context: TransportContext) -> "MaildirTransport":
    base = Path(destination.partition(":")[2])
    if not base.is_absolute():
        raise DestinationError(f"{destination}: write the folder from the root on")
    return MaildirTransport(base, context.settings)


class MaildirTransport:
    def __init__(self, base: Path, settings: TransportSettings) -> None:
        self._base = base
        self._settings = settings
        self._relay = f"maildir:{base}"
        self._creating = threading.Lock()
        self._threads = ThreadPoolExecutor(settings.maildir_threads, thread_name_prefix="maildir")
        self._closed = False

    @property
    def recipients_max(self) -> int:
        return self._settings.maildir_recipients_max

    @property
    def concurrency_max(self) -> int:
        return self._settings.maildir_concurrency_max

    @property
    def is_remote(self) -> bool:
        return False

    async def deliver(
        self, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> Sequence[RecipientResult]:
        """The recipients are shared out to the threads, so that their syncs run side by side."""
        if self._closed:
            return [Deferred(_CLOSING, self._relay) for _ in recipients]
        # Two recipients per thread at least: handing over costs as much as a small file.
        shares = min(self._settings.maildir_threads, max(1, len(recipients) // 2))
        loop = asyncio.get_running_loop()
        jobs = [
            loop.run_in_executor(
                self._threads, self._deliver_share, envelope, recipients[n::shares], content
            )
            for n in range(shares)
        ]
        results: list[RecipientResult] = [Deferred(_CLOSING, self._relay)] * len(recipients)
        for n, share in enumerate(await asyncio.gather(*jobs)):
            results[n::shares] = share
        return results

    async def close(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)

    # In a thread.

    def _deliver_share(
        self, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> list[RecipientResult]:
        """Every step for all recipients before the next step: later syncs find their work done."""
        written = [self._try_write(envelope, recipient, content) for recipient in recipients]
        renamed = [_try(_rename, item) for item in written]
        synced = [_try(_sync_new, item) for item in renamed]
        return [self._result(item) for item in synced]

    def _result(self, item: _Written | OSError) -> RecipientResult:
        if isinstance(item, OSError):
            return Deferred(_reply_for(item), self._relay)
        return Delivered(DELIVERED, self._relay)

    def _try_write(
        self, envelope: Envelope, recipient: Recipient, content: Content
    ) -> _Written | OSError:
        folder = self._base / folder_name(recipient.address)
        name = file_name()
        written = _Written(folder / "tmp" / name, folder / "new" / name)
        head = f"Return-Path: <{envelope.sender}>\nDelivered-To: {recipient.address}\n".encode()
        try:
            try:
                _write(written.tmp, head, content)
            except FileNotFoundError:
                self._create(folder)
                _write(written.tmp, head, content)
        except OSError as error:
            with suppress(OSError):
                written.tmp.unlink()
            return error
        return written

    def _create(self, folder: Path) -> None:
        """A mailbox's first message.  Its name in the parent must be as durable as the message."""
        with self._creating:
            for name in _FOLDERS:
                (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in (folder, self._base, self._base.parent):
                _sync(path)


def _reply_for(error: OSError) -> Reply:
    reason = os.strerror(error.errno or errno.EIO)
    return catalogue.MAILBOX_NOT_WRITABLE.reply_with(f"({reason})")


def _try(step: Callable[[_Written], None], item: _Written | OSError) -> _Written | OSError:
    """One more step for what has not failed yet."""
    if isinstance(item, OSError):
        return item
    try:
        step(item)
    except OSError as error:
        return error
    return item


def _write(path: Path, head: bytes, content: Content) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(head)
        for piece in _pieces_with_lf(content):
            file.write(piece)
        file.flush()
        os.fsync(descriptor)


def _pieces_with_lf(content: Content) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content.replace(b"\r\n", b"\n")
        return
    carry = b""  # a CR whose LF may come with the next piece
    for read in pieces_of(content, PIECE_OCTETS):
        piece = carry + read
        carry = b"\r" if piece.endswith(b"\r") else b""
        yield piece[: len(piece) - len(carry)].replace(b"\r\n", b"\n")
    yield carry


def _rename(item: _Written) -> None:
    try:
        item.tmp.rename(item.new)
    except OSError:
        with suppress(OSError):
            item.tmp.unlink()
        raise


def _sync_new(item: _Written) -> None:
    _sync(item.new.parent)


def _sync(folder: Path) -> None:
    """RFC 5321 section 6.1: a name that a power cut takes away was no delivery."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
