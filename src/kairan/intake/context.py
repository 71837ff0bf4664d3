"""What all sessions of one worker share, grouped for its constructor."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kairan.admission.settings import AdmissionSettings
from kairan.auth.passwords.authenticator import Authenticator
from kairan.auth.settings import AuthSettings
from kairan.auth.tokens.authenticator import TokenAuthenticator
from kairan.capture.faults import FaultWatch
from kairan.directory.model import Snapshot
from kairan.intake.counters import WorkerColumn
from kairan.intake.failure_bursts import FailureBursts
from kairan.intake.handshake_queue import HandshakeQueue
from kairan.intake.held_sessions import HeldSessions
from kairan.intake.intake_log import IntakeLog
from kairan.intake.settings import IntakeSettings
from kairan.intake.sightings import Sightings
from kairan.intake.unfinished import Unfinished
from kairan.intake.volume import Volume
from kairan.runtime.ids import SessionIds
from kairan.runtime.limited_lines import LimitedLines
from kairan.spool.interface import SpoolIntake
from kairan.trace.audit import Audit
from kairan.trace.record import Trace
from kairan.trace.spans import MessageSpans

# Of these each has a counter of its own; what further accounts send is counted together.  The reference
# service allows about a hundred a tenant.
ACCOUNTS_COUNTED_MAX = 1_024
OTHER_ACCOUNTS = ""


@dataclass(slots=True)
class IntakeStatistics:
    """Since start, but for what says otherwise."""

    connections: int = 0  # now
    sessions: int = 0
    accepted: int = 0
    recipients: int = 0  # of accepted messages
    octets: int = 0  # of accepted messages
    refused: int = 0
    refusals: dict[str, int] = field(default_factory=dict)  # by key: at most the catalogue's
    logins: int = 0
    logins_refused: int = 0
    by_account: dict[str, int] = field(default_factory=dict)  # accepted messages
    waited_seconds: float = 0.0  # from the end of a message to the promise, summed
    window: int = 0  # the number of the present one of `Busy`
    senders: int = 0  # sessions of which a message was accepted in this window
    is_draining: bool = False  # an operator's order: nothing new is accepted

    def count_accepted(self, account: str, *, recipients: int, octets: int) -> None:
        """Before each 250: additions, and no more."""
        self.accepted += 1
        self.recipients += recipients
        self.octets += octets
        by_account = self.by_account
        if account not in by_account and len(by_account) >= ACCOUNTS_COUNTED_MAX:
            account = OTHER_ACCOUNTS
        by_account[account] = by_account.get(account, 0) + 1

    def count_refused(self, key: str) -> None:
        self.refused += 1
        self.refusals[key] = self.refusals.get(key, 0) + 1


class Busy:
    """Whether the intake has its hands full, and whether clients could use more of it: asked often,
    counted over tenths of a second.
    """

    _WINDOW_SECONDS = 0.1
    # Sessions count as senders for a second or two after a message, and an intake that was not busy
    # for a second begins anew.
    _SENDERS_SECONDS = 1.0
    # The part of their time from which on senders wait for our promises more than for anything
    # else: those who send as fast as they are answered spend half of it so, those at their own pace
    # a tenth, and a fifth where that pace is most of what the machine can do.
    _WAITED_SHARE_MIN = 0.3
    # What the newest window counts for in the mean.
    _NEWEST = 0.25

    def __init__(self, statistics: IntakeStatistics, settings: IntakeSettings) -> None:
        self._statistics = statistics
        self._limit = settings.busy_messages_per_second
        self._since = self._senders_since = self._full_at = time.monotonic()
        self._accepted, self._waited_seconds, self._senders = 0, 0.0, 0
        self._has_hands_full = False
        self._waited_share = 1.0

    def __call__(self) -> bool:
        self._look()
        return self._has_hands_full

    def is_waited_for(self) -> bool:
        """Clients send as fast as they are answered: answered sooner, they would send more.  A
        burst counts as such until it shows that it has a pace of its own.
        """
        self._look()
        return self._has_hands_full and self._waited_share > self._WAITED_SHARE_MIN

    def _look(self) -> None:
        now, statistics = time.monotonic(), self._statistics
        elapsed = now - self._since
        if elapsed < self._WINDOW_SECONDS:
            return
        self._has_hands_full = statistics.accepted - self._accepted > self._limit * elapsed
        if self._has_hands_full:
            self._weigh(now, elapsed)
        self._since, self._accepted = now, statistics.accepted
        self._waited_seconds = statistics.waited_seconds
        if now - self._senders_since >= self._SENDERS_SECONDS:
            self._senders, self._senders_since = statistics.senders, now
            statistics.senders, statistics.window = 0, statistics.window + 1

    def _weigh(self, now: float, elapsed: float) -> None:
        statistics = self._statistics
        if now - self._full_at >= self._SENDERS_SECONDS:
            self._waited_share = 1.0
        self._full_at = now
        senders = min(max(self._senders, statistics.senders), max(1, statistics.connections))
        waited = statistics.waited_seconds - self._waited_seconds
        share = min(1.0, waited / (max(1, senders) * elapsed))
        self._waited_share += self._NEWEST * (share - self._waited_share)


@dataclass(frozen=True, slots=True)
class IntakeRules:
    """What the configuration says of taking mail in."""

    hostname: str
    settings: IntakeSettings
    admission: AdmissionSettings
    auth: AuthSettings = field(default_factory=AuthSettings)
    help_url: str = ""  # what stands before a refusal's key in the address of its explanation


@dataclass(frozen=True, slots=True)
class Authenticators:
    passwords: Authenticator
    tokens: TokenAuthenticator


@dataclass(frozen=True, slots=True)
class AccountUse:
    """What an account has used of what it may, and whether that is far more than ever."""

    counters: WorkerColumn
    volume: Volume | None = None  # None: jumps are not looked for


@dataclass(frozen=True, slots=True)
class IntakeRecords:
    """Where it is written down what happened."""

    trace: Trace
    audit: Audit | None = None
    statistics: IntakeStatistics = field(default_factory=IntakeStatistics)
    lines: LimitedLines = field(default_factory=LimitedLines)  # of the log
    keeps_subject: bool = False  # in the trace
    spans: MessageSpans | None = None


@dataclass(frozen=True, slots=True)
class PacedSpool:
    """`wait_seconds()`: before a message is taken, for delivery to keep pace with the intake."""

    spool: SpoolIntake
    wait_seconds: Callable[[], float] = lambda: 0.0


class IntakeContext:
    """Made of few values; flat to read, for sessions read it many times for each message."""

    __slots__ = (
        "admission",
        "audit",
        "auth",
        "bursts",
        "clock",
        "counters",
        "faults",
        "handshake_queue",
        "help_url",
        "hostname",
        "intake_log",
        "keeps_subject",
        "passwords",
        "session_ids",
        "sessions",
        "settings",
        "sightings",
        "snapshot",
        "spans",
        "spool",
        "statistics",
        "tokens",
        "trace",
        "unfinished",
        "volume",
        "wait_seconds",
    )

    def __init__(
        self,
        rules: IntakeRules,
        *,
        snapshot: Callable[[], Snapshot],
        login: Authenticators,
        use: AccountUse,
        spool: PacedSpool,
        records: IntakeRecords,
        faults: FaultWatch | None = None,
    ) -> None:
        """`faults`: None: there are none, as in every service for people."""
        self.hostname, self.help_url = rules.hostname, rules.help_url
        self.settings, self.admission, self.auth = rules.settings, rules.admission, rules.auth
        self.snapshot = snapshot
        self.passwords, self.tokens = login.passwords, login.tokens
        self.counters, self.volume = use.counters, use.volume
        self.spool, self.wait_seconds = spool.spool, spool.wait_seconds
        self.trace, self.audit, self.statistics = records.trace, records.audit, records.statistics
        self.faults = faults
        self.keeps_subject = records.keeps_subject
        self.spans = records.spans
        # What is this worker's own.
        self.clock = time.time
        self.session_ids = SessionIds()
        self.sessions = HeldSessions()
        self.bursts = FailureBursts()
        self.handshake_queue = HandshakeQueue()
        self.sightings = Sightings()
        self.intake_log = IntakeLog(records.lines)
        self.unfinished = Unfinished(rules.settings)
