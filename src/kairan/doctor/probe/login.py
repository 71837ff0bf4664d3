"""Logging in with what was given, by the mechanism that both sides know; and getting a token."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from kairan.doctor.wire import OAuthClient, ServerLogin, WireAnswer
from kairan.mail.reply import Reply
from kairan.smtp.client.login import ClientMechanism, LoginClient, PlainClient

_CHALLENGES_MAX = 4  # LOGIN has two, OAUTHBEARER one; a server that goes on asking is broken
_CHALLENGE = 334
_BY_PASSWORD = ("PLAIN", "LOGIN")
_BY_TOKEN = ("XOAUTH2", "OAUTHBEARER")
_SHOWN_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class _Bearer:
    """XOAUTH2 and OAUTHBEARER: one message; what follows a refusal is answered as RFC 7628 asks."""

    name: str
    message: bytes = field(repr=False)

    def initial(self) -> bytes | None:
        return self.message

    def answer(self, challenge: bytes) -> bytes | None:  # noqa: ARG002 - JSON that the reply repeats
        return b"\x01"  # RFC 7628 section 3.2.3: the client has read it


def usable(offered: frozenset[str], login: ServerLogin) -> tuple[str, ...]:
    """The offered mechanisms that what was given fits, best first."""
    wanted = _BY_TOKEN if login.by_token else _BY_PASSWORD
    return tuple(name for name in wanted if name in offered)


def mechanism(name: str, login: ServerLogin, token: str, host: str, port: int) -> ClientMechanism:
    user = login.user
    match name:
        case "PLAIN":
            return PlainClient(user, login.password)
        case "LOGIN":
            return LoginClient(user, login.password)
        case "XOAUTH2":
            return _Bearer(name, f"user={user}\1auth=Bearer {token}\1\1".encode())
    escaped = user.replace("=", "=3D").replace(",", "=2C")  # RFC 7628 section 3.1, saslname
    message = f"n,a={escaped},\1host={host}\1port={port}\1auth=Bearer {token}\1\1"
    return _Bearer(name, message.encode())


def spoken_forms(chosen: ClientMechanism, login: ServerLogin) -> list[str]:
    """The secret as it goes over the line, for hiding it where a server repeats it."""
    messages = (chosen.initial(), login.password.encode())
    return [b64encode(message).decode("ascii") for message in messages if message]


def authenticate(ask: Callable[[bytes], WireAnswer], chosen: ClientMechanism) -> WireAnswer:
    """RFC 4954 section 4."""
    first = chosen.initial()
    command = f"AUTH {chosen.name}".encode()
    answer = ask(command if first is None else command + b" " + b64encode(first))
    for _ in range(_CHALLENGES_MAX):
        if not isinstance(answer, Reply) or answer.code != _CHALLENGE:
            break
        response = chosen.answer(_decoded(answer.text))
        answer = ask(b"*" if response is None else b64encode(response))
    return answer


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text)
    except ValueError:
        return text.encode()


@dataclass(frozen=True, slots=True)
class NoToken:
    why: str


def fetch_token(client: OAuthClient, timeout_seconds: float) -> str | NoToken:
    """RFC 6749 section 4.4.2.  Its words are shown, for they name what is wrong; no token is."""
    form = {
        "grant_type": "client_credentials",
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "scope": client.scope,
    }
    try:
        answer = httpx.post(client.token_url, data=form, timeout=timeout_seconds)
        document = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return NoToken(f"{client.token_url}: {error or type(error).__name__}")
    token = document.get("access_token") if isinstance(document, dict) else None
    if isinstance(token, str) and token:
        return token
    words = document if isinstance(document, dict) else {}
    said = f"{words.get('error', answer.status_code)} {words.get('error_description', '')}"
    return NoToken(said.replace(client.client_secret, "[hidden]").strip()[:_SHOWN_CHARACTERS])
