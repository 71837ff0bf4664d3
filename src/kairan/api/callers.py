"""Who asks: an account that sends, a key of `kairan api-key`, or whom the identity provider vouches for.

An account's password or token is not looked at here: it goes to a worker as an SMTP login, with the
client's address, so that controls, back-off and audit are SMTP's.  A key is ours to judge: in
constant time, all of them, and wrong ones wait as wrong passwords do.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import NoReturn

from starlette.requests import Request

from kairan.api.problems import ApiError
from kairan.auth.attempts import LoginAttempts
from kairan.auth.made_secrets import matches
from kairan.directory.model import AppSecret
from kairan.directory.operations.api_keys import ApiKey, Scope
from kairan.outcomes import http_api
from kairan.runtime.ip import parse_ip, plain_ip
from kairan.smtp.client.login import PasswordCredentials, TokenCredentials

KEY_BEGINS = "kai~"  # as made_secrets.py makes them; no access token does
_WHO = "api"  # as the back-off counts them, whichever key was meant
_USER_CHARACTERS_MAX = 320
# The claims in which issuers write an account's address; what is true in it a worker judges.
_USER_CLAIMS = ("upn", "preferred_username", "unique_name", "email")


@dataclass(frozen=True, slots=True)
class AccountCaller:
    """Says who it is; nobody has believed it yet."""

    client: str  # its address
    user: str
    credentials: PasswordCredentials | TokenCredentials

    @property
    def secret(self) -> bytes:
        match self.credentials:
            case PasswordCredentials(password=password):
                return b"password\0" + password.encode("utf-8", "surrogatepass")
            case TokenCredentials(token=token):
                return b"token\0" + token.encode("utf-8", "surrogatepass")


def client_of(request: Request) -> str:
    return plain_ip(request.client.host) if request.client else "unknown"


def is_local(request: Request) -> bool:
    """It comes from this machine."""
    return request.client is not None and parse_ip(request.client.host).is_loopback


def bearer_of(request: Request) -> str:
    """RFC 6750 section 2.1: in the header alone; empty where there is none."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else ""


def is_access_token(shown: str) -> bool:
    """By its shape: a signed JWT (RFC 7515 section 3.1) and no key of ours."""
    return not shown.startswith(KEY_BEGINS) and shown.count(".") == 2


def account_caller(request: Request) -> AccountCaller:
    """With a token the account is the one that the token names, or `Kairan-Account`: a token of an
    application names none.
    """
    client, token = client_of(request), bearer_of(request)
    if token:
        user = request.headers.get("kairan-account", "") or _user_in(token)
        _check_plain(user, token)
        return AccountCaller(client, user, TokenCredentials(user, token))
    user, password = _basic(request.headers.get("authorization", ""))
    _check_plain(user, password)
    return AccountCaller(client, user, PasswordCredentials(user, password))


def _basic(authorization: str) -> tuple[str, str]:
    """RFC 7617, which says UTF-8 (section 2.1)."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise ApiError(http_api.UNAUTHORIZED)
    try:
        text = base64.b64decode(rest.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise ApiError(http_api.UNAUTHORIZED, "the Basic login is not base64 of UTF-8") from error
    user, colon, password = text.partition(":")
    if not colon:
        raise ApiError(http_api.UNAUTHORIZED, "the Basic login has no colon")
    return user, password


def _check_plain(user: str, secret: str) -> None:
    """What no SASL mechanism could carry is not handed on."""
    if not user or not secret:
        raise ApiError(http_api.UNAUTHORIZED, "the login names no account, or has no secret")
    if len(user) > _USER_CHARACTERS_MAX or not (user + secret).isprintable():
        raise ApiError(http_api.UNAUTHORIZED, "the login has characters that no login has")


def _user_in(token: str) -> str:
    """What a token says of itself, which only chooses the account that it is judged for."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        named = (claims.get(name) for name in _USER_CLAIMS)
        return next((one for one in named if isinstance(one, str) and one), "")
    except (IndexError, ValueError, AttributeError, RecursionError):
        return ""


@dataclass(frozen=True, slots=True)
class KeyCallers:
    """`judge` blocks: it reads the directory."""

    keys: Callable[[], Sequence[ApiKey]]
    attempts: LoginAttempts
    clock: Callable[[], float]
    audit: Callable[..., None]
    # Asked from several threads, and the attempts' tables know of one.
    _turn: Lock = field(default_factory=Lock)

    def judge(self, shown: str, source: str, wanted: Scope) -> ApiKey:
        """Raises ApiError.  All keys are tried, whichever is right."""
        now = self.clock()
        candidates = [(one, AppSecret(one.hash, one.expires)) for one in self.keys()]
        fitting = [key for key, secret in candidates if matches(shown, [secret], now=now)]
        with self._turn:
            if not fitting:
                self._refuse(source)
            self.attempts.succeeded(source, _WHO)
        return self.admitted(fitting[0], wanted)

    def admitted(self, key: ApiKey, wanted: Scope) -> ApiKey:
        """Raises ApiError where its scope is not enough."""
        if not key.scope.includes(wanted):
            raise ApiError(http_api.SCOPE, f"this needs the scope {wanted}")
        return key

    def refuse(self, source: str, why: str) -> NoReturn:
        """A token that is none of the identity provider's for us: it waits as wrong keys do."""
        with self._turn:
            self._refuse(source, why)

    def _refuse(self, source: str, why: str = "") -> NoReturn:
        if not self.attempts.may_try(source, _WHO):
            raise ApiError(http_api.TOO_MANY_FAILURES)
        self.attempts.failed(source, _WHO)
        self.audit("api-key.refused", client=source, **({"reason": why} if why else {}))
        raise ApiError(http_api.UNAUTHORIZED, why)
