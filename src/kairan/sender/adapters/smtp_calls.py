"""In place of `smtplib.SMTP`: the common calls, over held sessions.

    from kairan.sender.adapters.smtp_calls import SMTP     # was: from smtplib import SMTP

    with SMTP("smtp.example.com", 587) as smtp:
        smtp.starttls()
        smtp.login(user, password)
        smtp.send_message(message)

What was a session for each `with` is one for all; `quit` parts from nothing.  Exceptions are smtplib's.
A certificate is always verified: by the system's authorities, or by `ca_file`; the context that
`starttls` takes in smtplib is not needed.
"""

import smtplib
from collections.abc import Sequence
from email.message import Message as AnyEmail
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from kairan.mail.reply import Reply
from kairan.relay.next_hop import TlsPolicy
from kairan.runtime.counted import counted
from kairan.sender.adapters.shared import SenderAccount, sender_for, timeout_of
from kairan.sender.message import Message
from kairan.sender.result import Report, State

RefusedRecipients: TypeAlias = dict[str, tuple[int, bytes]]

_OK = (250, b"2.0.0 Ok")


class SMTP:
    """`ca_file` is ours; all else is smtplib's."""

    default_port = smtplib.SMTP_PORT
    _tls = TlsPolicy.NONE

    def __init__(
        self,
        host: str = "",
        port: int = 0,
        local_hostname: str | None = None,  # noqa: ARG002 - the sender has its own setting
        timeout: object = None,  # of each wait; the calls of smtplib take a mark of socket's as well
        *,
        ca_file: Path | str | None = None,
    ) -> None:
        self._ca_file = Path(ca_file) if ca_file is not None else None
        self._timeout_seconds = timeout_of(timeout)
        self._server = ""
        self._user = self._password = ""
        if host:
            self.connect(host, port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def connect(self, host: str = "localhost", port: int = 0) -> tuple[int, bytes]:
        """Remembers where; the connection is made with the first message, or at `login`."""
        name, _, given = (
            host.rpartition(":") if not port and host.count(":") == 1 else (host, "", "")
        )
        self._server = f"{_bracketed(name)}:{port or int(given or self.default_port)}"
        return 220, b"ready"

    def starttls(self, *_: object, **__: object) -> tuple[int, bytes]:
        self._tls = TlsPolicy.REQUIRE
        return 220, b"2.0.0 Ready to start TLS"

    def login(self, user: str, password: str, **_: object) -> tuple[int, bytes]:
        self._user, self._password = user, password
        refusal = sender_for(self._account()).check()
        if refusal is None:
            return 235, b"2.7.0 Authentication successful"
        raise smtplib.SMTPAuthenticationError(refusal.code, _said(refusal))

    def ehlo(self, name: str = "") -> tuple[int, bytes]:  # noqa: ARG002 - said by each session
        return _OK

    helo = ehlo

    def ehlo_or_helo_if_needed(self) -> None:
        """Each session does."""

    def noop(self) -> tuple[int, bytes]:
        return _OK

    def rset(self) -> tuple[int, bytes]:
        return _OK

    def set_debuglevel(self, debuglevel: int) -> None:
        """Nothing is printed here."""

    def quit(self) -> tuple[int, bytes]:
        return 221, b"2.0.0 Bye"

    def close(self) -> None:
        """The session stays with the process, for the next one who sends."""

    def send_message(
        self,
        msg: AnyEmail,
        from_addr: str | None = None,
        to_addrs: str | Sequence[str] | None = None,
        mail_options: Sequence[str] = (),  # noqa: ARG002 - the sender finds out what is needed
        rcpt_options: Sequence[str] = (),  # noqa: ARG002 - as above
    ) -> RefusedRecipients:
        return self._send(Message.from_email(msg, sender=from_addr, recipients=_listed(to_addrs)))

    def sendmail(
        self,
        from_addr: str,
        to_addrs: str | Sequence[str],
        msg: bytes | str,
        mail_options: Sequence[str] = (),  # noqa: ARG002 - as above
        rcpt_options: Sequence[str] = (),  # noqa: ARG002 - as above
    ) -> RefusedRecipients:
        raw = msg.encode("ascii") if isinstance(msg, str) else msg
        return self._send(Message.from_bytes(raw, sender=from_addr, recipients=_listed(to_addrs)))

    def _send(self, message: Message) -> RefusedRecipients:
        return refused_or_raise(sender_for(self._account()).send(message))

    def _account(self) -> SenderAccount:
        if not self._server:
            raise smtplib.SMTPServerDisconnected("please run connect() first")
        return SenderAccount(
            self._server,
            self._user,
            self._password,
            self._tls,
            self._ca_file,
            self._timeout_seconds,
        )


class SMTP_SSL(SMTP):  # noqa: N801 - smtplib's name
    default_port = smtplib.SMTP_SSL_PORT
    _tls = TlsPolicy.IMPLICIT


def refused_or_raise(report: Report) -> RefusedRecipients:
    """As smtplib tells it: an exception where nobody got it, else those who did not."""
    unknown = report.of(State.UNKNOWN)
    if unknown:
        raise smtplib.SMTPServerDisconnected(
            f"no answer to {report.message_id}: {counted(len(unknown), 'recipient')} may have it or not"
        )
    refused = {
        result.recipient: (result.reply.code, _said(result.reply))
        for result in report.of(State.REFUSED)
    }
    if refused and len(refused) == len(report.results):
        raise smtplib.SMTPRecipientsRefused(refused)
    return refused


def _said(reply: Reply) -> bytes:
    return f"{reply.enhanced} {reply.text}".strip().encode()


def _listed(to_addrs: str | Sequence[str] | None) -> list[str] | None:
    if to_addrs is None:
        return None
    return [to_addrs] if isinstance(to_addrs, str) else list(to_addrs)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
