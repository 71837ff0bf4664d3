"""An e-mail backend for Django, over held sessions.

    EMAIL_BACKEND = "kairan.sender.adapters.django.EmailBackend"
    EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD     as for Django's own
    EMAIL_USE_TLS = True
    KAIRAN_CA_FILE = "ca.pem"        # where the server's certificate has a private authority

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
from kairan.sender.adapters.shared import SenderAccount, sender_for
from kairan.sender.adapters.smtp_calls import refused_or_raise
from kairan.sender.message import Message


class EmailBackend(BaseEmailBackend):  # type: ignore[misc]
    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        username: str | None = None,
        password: str | None = None,
        use_tls: bool | None = None,
        fail_silently: bool = False,
        use_ssl: bool | None = None,
        **others: Any,
    ) -> None:
        super().__init__(fail_silently=fail_silently, **others)
        ca_file = getattr(settings, "KAIRAN_CA_FILE", None)
        server = f"{host or settings.EMAIL_HOST}:{port or settings.EMAIL_PORT}"
        is_implicit = settings.EMAIL_USE_SSL if use_ssl is None else use_ssl
        is_required = settings.EMAIL_USE_TLS if use_tls is None else use_tls
        if is_implicit and is_required:
            raise ValueError("EMAIL_USE_TLS and EMAIL_USE_SSL exclude each other; set one to True")
        self._account = SenderAccount(
            server,
            settings.EMAIL_HOST_USER if username is None else username,
            settings.EMAIL_HOST_PASSWORD if password is None else password,
            _tls(is_implicit=is_implicit, is_required=is_required),
            Path(ca_file) if ca_file else None,
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
        recipients = email.recipients()
        if not recipients:
            return False
        try:
            message = Message.from_email(email.message(), recipients=recipients)
            refused_or_raise(sender_for(self._account).send(message))
        except (smtplib.SMTPException, ValueError):
            if not self.fail_silently:
                raise
            return False
        return True


def _tls(*, is_implicit: bool, is_required: bool) -> TlsPolicy:
    """Django's default is clear text; we take TLS where it is offered, and no login without."""
    if is_implicit:
        return TlsPolicy.IMPLICIT
    return TlsPolicy.REQUIRE if is_required else TlsPolicy.MAY
