"""A handler for Python's logging that sends records by mail, many in one, and never waits.

The SMTPHandler of logging opens a connection for each record, in the thread that logs.  Here a
record is put aside; a thread sends what has come together within a while as one mail.  What does not
fit is counted, and the next mail says how many.
"""

import logging
import threading
from collections.abc import Sequence

from kairan.runtime.library_log import LibraryLog
from kairan.sender.message import Message
from kairan.sender.result import State
from kairan.sender.sync_sender import Sender

log = LibraryLog()

# Some thousand lines, or a few hundred tracebacks; more in one mail nobody reads.
_TEXT_OCTETS_MAX = 256 * 1024
# At the end of the program the last mail has so long to leave.
_CLOSE_SECONDS = 10.0


class MailHandler(logging.Handler):
    """`seconds`: how long records are gathered; the first is not sent before they are over."""

    def __init__(
        self,
        sender: Sender,
        *,
        from_address: str,
        to: Sequence[str],
        subject: str = "Log",
        seconds: float = 60.0,
        level: int = logging.ERROR,
    ) -> None:
        super().__init__(level)
        self._sender = sender
        self._from_address, self._to, self._subject = from_address, tuple(to), subject
        self._seconds = seconds
        self._mail(subject, "")  # a wrong address is said here
        self._texts: list[str] = []
        self._octets = self._left_out = 0
        self._timer: threading.Timer | None = None
        # Not logging's own: what sends may log itself, and must not wait for itself.
        self._records = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.partition(".")[0] == "kairan":
            return  # a mail about a mail that could not be sent would be the next one
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 - logging's way: a record that cannot be written is told
            self.handleError(record)
            return
        with self._records:
            octets = len(text.encode("utf-8", "replace"))
            if self._octets + octets > _TEXT_OCTETS_MAX:
                self._left_out += 1
            else:
                self._texts.append(text)
                self._octets += octets
            if self._timer is None:
                self._timer = threading.Timer(self._seconds, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Sends what has come together, now."""
        with self._records:
            texts, self._texts = self._texts, []
            left_out, self._left_out = self._left_out, 0
            self._octets = 0
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        if texts:
            self._send(texts, left_out)

    def close(self) -> None:
        sending = threading.Thread(target=self.flush, daemon=True)
        sending.start()
        sending.join(_CLOSE_SECONDS)
        super().close()

    def _send(self, texts: Sequence[str], left_out: int) -> None:
        count = len(texts) + left_out
        subject = f"{self._subject}: {count} records" if count > 1 else self._subject
        if left_out:
            texts = (*texts, f"({left_out} more records did not fit)")
        try:
            report = self._sender.send(self._mail(subject, "\n\n".join(texts) + "\n"))
        except Exception:  # whoever logs must not suffer for it, in whatever thread
            log.exception("sender.log-mail-failed", records=count)
            return
        for result in report.results:
            if result.state is not State.SENT:
                log.warning("sender.log-mail-failed", records=count, reason=str(result.reply))

    def _mail(self, subject: str, text: str) -> Message:
        return Message.compose(sender=self._from_address, to=self._to, subject=subject, text=text)
