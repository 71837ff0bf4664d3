"""Which app asks?  RFC 6749 section 2.3: by its id and secret, in the header or in the form."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import unquote_plus

from kairan.auth import made_secrets
from kairan.auth.attempts import LoginAttempts
from kairan.directory.model import App
from kairan.outcomes.token_endpoint import INVALID_CLIENT, INVALID_REQUEST, TOO_MANY, Problem

_BASIC = "basic "


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """What a client says of itself."""

    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Clients:
    find: Callable[[str], App | None]
    attempts: LoginAttempts
    clock: Callable[[], float]
    # The web asks from several threads, and the attempts' tables know of one.
    _turn: Lock = field(default_factory=Lock)

    def identify(self, authorization: str, form: Mapping[str, str], source: str) -> App | Problem:
        """A confidential client.  Unknown, disabled and wrong secret are one answer."""
        shown = shown_by(authorization, form)
        if isinstance(shown, Problem):
            return shown
        app = self.find(shown.client_id)
        candidates = app.secrets if app is not None else ()
        is_right = made_secrets.matches(shown.secret, candidates, now=self.clock())
        if app is None or not app.enabled or not is_right:
            return self._failed(shown.client_id, source)
        with self._turn:
            self.attempts.succeeded(source, shown.client_id)
        return app

    def public(self, form: Mapping[str, str], source: str) -> App | Problem:
        """A device has no secret to keep: the person's approval is what counts."""
        client_id = form.get("client_id", "")
        app = self.find(client_id)
        return app if app is not None and app.enabled else self._failed(client_id, source)

    def _failed(self, client_id: str, source: str) -> Problem:
        """The back-off is for those who are wrong: nobody guesses 256 random bits, and whoever
        has them must not wait because a neighbour, or anybody who names his app, tries to.
        """
        with self._turn:
            if not self.attempts.may_try(source, client_id):
                return TOO_MANY
            self.attempts.failed(source, client_id)
            return INVALID_CLIENT


def shown_by(authorization: str, form: Mapping[str, str]) -> ClientCredentials | Problem:
    in_form = "client_secret" in form
    if authorization:
        # RFC 6749 section 2.3: one method a request.
        return INVALID_REQUEST if in_form else _from_header(authorization)
    return ClientCredentials(form.get("client_id", ""), form.get("client_secret", ""))


def _from_header(authorization: str) -> ClientCredentials | Problem:
    """RFC 6749 section 2.3.1: id and secret are form-encoded first, then as RFC 7617 has them."""
    if not authorization.lower().startswith(_BASIC):
        return INVALID_CLIENT
    try:
        text = base64.b64decode(authorization[len(_BASIC) :].strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return INVALID_CLIENT
    client_id, colon, secret = text.partition(":")
    if not colon:
        return INVALID_CLIENT
    return ClientCredentials(unquote_plus(client_id), unquote_plus(secret))
