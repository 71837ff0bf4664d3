"""One Sender for all in this process who send to one server as one user."""

import atexit
import threading
from dataclasses import dataclass, field
from pathlib import Path

from kairan.relay.next_hop import TlsPolicy
from kairan.sender.settings import SenderSettings
from kairan.sender.sync_sender import Sender


@dataclass(frozen=True, slots=True)
class SenderAccount:
    server: str  # HOST:PORT
    user: str = ""
    password: str = field(default="", repr=False)
    tls: TlsPolicy = TlsPolicy.REQUIRE
    ca_file: Path | None = None
    timeout_seconds: float = 0.0  # as SenderSettings has it


# As many as an application has accounts; who changes its password with each message is the
# exception, and pays by a session for each.
_SENDERS_MAX = 32
_senders: dict[SenderAccount, Sender] = {}
_lock = threading.Lock()


def timeout_of(given: object) -> float:
    """From what smtplib and Django take: None, or the mark of the socket module, where nobody said."""
    if not isinstance(given, int | float):
        return 0.0
    if given <= 0:
        raise ValueError(f"a timeout of {given} s lets no server answer; give more, or None")
    return float(given)


def sender_for(account: SenderAccount) -> Sender:
    with _lock:
        sender = _senders.pop(account, None) or Sender(
            account.server,
            user=account.user,
            password=account.password,
            tls=account.tls,
            ca_file=account.ca_file,
            settings=SenderSettings(timeout_seconds=account.timeout_seconds),
        )
        _senders[account] = sender  # the one used last stands last
        oldest = next(iter(_senders)) if len(_senders) > _SENDERS_MAX else None
        left = _senders.pop(oldest) if oldest is not None else None
    if left is not None:
        left.close()
    return sender


@atexit.register
def close_all() -> None:
    with _lock:
        senders = list(_senders.values())
        _senders.clear()
    for sender in senders:
        sender.close()
