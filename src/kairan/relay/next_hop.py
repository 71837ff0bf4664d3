"""The next hop of a message: which host or socket, and the TLS and login a session there must have."""

import ssl
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from kairan.mail.reply import Reply
from kairan.relay.reach import Reach
from kairan.runtime.files import Stamp, authorities_stamp
from kairan.runtime.library_log import LibraryLog
from kairan.smtp.client.login import ClientMechanism

log = LibraryLog()


class TlsPolicy(StrEnum):
    """`may` falls back to clear text, which protects against passive listening only."""

    NONE = "none"
    MAY = "may"
    REQUIRE = "require"
    IMPLICIT = "implicit"  # RFC 8314: TLS from the first octet


class NextHopCredentials(Protocol):
    """What can log in.  Asked anew for each session, so that a token may be a fresh one."""

    @property
    def user(self) -> str: ...

    def mechanism(self, offered: frozenset[str]) -> ClientMechanism | None: ...


@dataclass(frozen=True, slots=True)
class Login:
    """What one session logs in with.  `ends`: seconds since the epoch; no message is begun on the
    session after that.
    """

    credentials: NextHopCredentials
    ends: float


class NextHopIdentity(Protocol):
    """Who logs in with tokens, which come from elsewhere and end."""

    @property
    def user(self) -> str:
        """The address of the account."""

    async def wait_login(self) -> Login | Reply:
        """A reply: there is no token, and mail is deferred by it."""

    def may_log_in_again(self, login: Login, refusal: Reply) -> bool:
        """Whether the next hop may take another token, and there will be one."""


@dataclass(frozen=True, slots=True)
class NextHop:
    """`socket_path` set: a Unix socket; host and port do not count then.  `identity`: in place of
    credentials, which it gives for each session.
    """

    host: str = ""
    port: int = 25
    socket_path: str = ""
    lmtp: bool = False
    tls: TlsPolicy = TlsPolicy.REQUIRE
    verify: bool = True
    ca_file: Path | None = None  # None: the authorities the system trusts
    credentials: NextHopCredentials | None = None
    identity: NextHopIdentity | None = None
    reach: Reach | None = None  # None: the operator named the host, wherever it is

    @property
    def logs_in(self) -> bool:
        """As an account of ours there: what is refused may be the account's fault."""
        return self.credentials is not None or self.identity is not None

    @property
    def remote(self) -> str:
        """The host, for reports.  A socket's path is no name in DNS."""
        return "" if self.socket_path else self.host

    @property
    def name(self) -> str:
        return self.socket_path or f"{self.host}:{self.port}"


# One for all sessions of a kind, so that TLS sessions can resume.  Bounded by the routes.
_contexts: dict[tuple[bool, Path | None], tuple[tuple[Stamp, ...], ssl.SSLContext]] = {}


def tls_context(*, verify: bool, ca_file: Path | None) -> ssl.SSLContext:
    """With the authorities as they are now.  A list that cannot be read, or is just being
    replaced, leaves the one before in place.  Raises OSError where there is none.
    """
    stamp = authorities_stamp(ca_file)
    kept = _contexts.get((verify, ca_file))
    if kept is not None and kept[0] == stamp:
        return kept[1]
    try:
        context = _make_context(verify=verify, ca_file=ca_file)
    except OSError as error:
        if kept is None:
            raise
        log.warning("relay.authorities-unreadable", file=str(ca_file), reason=str(error))
        context = kept[1]
    _contexts[verify, ca_file] = stamp, context
    return context


def _make_context(*, verify: bool, ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
