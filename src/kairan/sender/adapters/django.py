"""An e-mail backend for Django, over held sessions.

    EMAIL_BACKEND = "kairan.sender.adapters.django.EmailBackend"
    EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD     as for Django's own
    EMAIL_USE_TLS = True
    KAIRAN_CA_FILE = "ca.pem"        # where the server's certificate has a private authority

EMAIL_TIMEOUT counts for each wait for the server, as in Django, and after that time nothing is tried
again; without it a server may take what RFC 5321 grants it.  A client's certificate
(EMAIL_SSL_CERTFILE) is refused, for none would be shown.

Django makes a connection for each `send_mail`; here all of a process share theirs, and a message to
many goes out in batches.
"""

import smtplib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage

from kairan.relay.next_hop import TlsPolicy
from kairan.sender.adapters.shared import SenderAccount, sender_for, timeout_of
from kairan.sender.adapters.smtp_calls import refused_or_raise
from kairan.sender.addresses import address_of
from kairan.sender.message import Message


class EmailBackend(BaseEmailBackend):  # type: ignore[misc]
    """Attributes as Django's own has them."""

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        username: str | None = None,
        password: str | None = None,
        use_tls: bool | None = None,
        fail_silently: bool = False,
        use_ssl: bool | None = None,
        timeout: int | None = None,
        ssl_keyfile: str | None = None,
        ssl_certfile: str | None = None,
        **others: Any,
    ) -> None:
        super().__init__(fail_silently=fail_silently, **others)
        self.host = host or settings.EMAIL_HOST
        self.port = port or settings.EMAIL_PORT
        self.username = settings.EMAIL_HOST_USER if username is None else username
        self.password = settings.EMAIL_HOST_PASSWORD if password is None else password
        self.use_tls = settings.EMAIL_USE_TLS if use_tls is None else use_tls
        self.use_ssl = settings.EMAIL_USE_SSL if use_ssl is None else use_ssl
        self.timeout = settings.EMAIL_TIMEOUT if timeout is None else timeout
        self.ssl_keyfile = settings.EMAIL_SSL_KEYFILE if ssl_keyfile is None else ssl_keyfile
        self.ssl_certfile = settings.EMAIL_SSL_CERTFILE if ssl_certfile is None else ssl_certfile
        if self.use_ssl and self.use_tls:
            raise ValueError("EMAIL_USE_TLS and EMAIL_USE_SSL exclude each other; set one to True")
        if self.ssl_keyfile or self.ssl_certfile:
            raise ValueError(
                "EMAIL_SSL_CERTFILE: this backend shows no certificate of a client; log in with "
                "EMAIL_HOST_USER, or use Django's own backend"
            )
        ca_file = getattr(settings, "KAIRAN_CA_FILE", None)
        self._account = SenderAccount(
            f"{self.host}:{self.port}",
            self.username,
            self.password,
            _tls(is_implicit=self.use_ssl, is_required=self.use_tls),
            Path(ca_file) if ca_file else None,
            timeout_of(self.timeout),
        )

    def open(self) -> bool:
        """Sessions are opened when they are needed, and held."""
        return False

    def close(self) -> None:
        """They stay for the next message."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """How many were taken for somebody, at the least.  Refusals are smtplib's exceptions."""
        return sum(map(self._send, email_messages))

    def _send(self, email: EmailMessage) -> bool:
        recipients = [str(one) for one in email.recipients()]
        if not recipients:
            return False
        try:
            _check(recipients)
            message = Message.from_email(email.message(), recipients=recipients)
            refused_or_raise(sender_for(self._account).send(message))
        except (smtplib.SMTPException, ValueError):
            if not self.fail_silently:
                raise
            return False
        return True


def _check(recipients: Sequence[str]) -> None:
    """As Django's: a mistake of the program is its exception, also where others would get it."""
    for one in recipients:
        if address_of(one) is None:
            raise ValueError(
                f"Invalid address {one!r}: write ann@example.com or Ann <ann@example.com>"
            )


def _tls(*, is_implicit: bool, is_required: bool) -> TlsPolicy:
    """Django's default is clear text; we take TLS where it is offered, and no login without."""
    if is_implicit:
        return TlsPolicy.IMPLICIT
    return TlsPolicy.REQUIRE if is_required else TlsPolicy.MAY
