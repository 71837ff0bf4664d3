"""What all sessions of one worker share."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kairan.admission.settings import AdmissionSettings
from kairan.auth.passwords.authenticator import Authenticator
from kairan.auth.settings import AuthSettings
from kairan.auth.tokens.authenticator import TokenAuthenticator
from kairan.directory.model import Snapshot
from kairan.intake.counters import WorkerColumn
from kairan.intake.failure_bursts import FailureBursts
from kairan.intake.handshake_queue import HandshakeQueue
from kairan.intake.held_sessions import HeldSessions
from kairan.intake.intake_log import IntakeLog
from kairan.intake.settings import IntakeSettings
from kairan.intake.unfinished import Unfinished
from kairan.intake.volume import Volume
from kairan.runtime.ids import SessionIds
from kairan.runtime.limited_lines import LimitedLines
from kairan.spool.interface import Spool
from kairan.trace.audit import Audit
from kairan.trace.record import Trace


@dataclass(slots=True)
class IntakeStatistics:
    connections: int = 0  # now
    accepted: int = 0
    refused: int = 0
    is_draining: bool = False  # an operator's order: nothing new is accepted


class Busy:
    """Whether the intake has its hands full: asked often, counted over tenths of a second."""

    _INTERVAL_SECONDS = 0.1

    def __init__(self, statistics: IntakeStatistics, settings: IntakeSettings) -> None:
        self._statistics = statistics
        self._limit = settings.busy_messages_per_second
        self._since = time.monotonic()
        self._accepted = 0
        self._busy = False

    def __call__(self) -> bool:
        now = time.monotonic()
        elapsed = now - self._since
        if elapsed >= self._INTERVAL_SECONDS:
            accepted = self._statistics.accepted
            self._busy = accepted - self._accepted > self._limit * elapsed
            self._since, self._accepted = now, accepted
        return self._busy


@dataclass(frozen=True, slots=True)
class IntakeContext:
    hostname: str
    settings: IntakeSettings
    admission: AdmissionSettings
    snapshot: Callable[[], Snapshot]
    spool: Spool
    passwords: Authenticator
    tokens: TokenAuthenticator
    counters: WorkerColumn
    trace: Trace
    # How long to wait before a message is taken, for delivery to keep pace with the intake.
    wait_seconds: Callable[[], float] = lambda: 0.0
    audit: Audit | None = None
    volume: Volume | None = None  # None: jumps are not looked for
    help_url: str = ""  # what stands before a refusal's key in the address of its explanation
    auth: AuthSettings = field(default_factory=AuthSettings)
    clock: Callable[[], float] = time.time
    session_ids: SessionIds = field(default_factory=SessionIds)
    statistics: IntakeStatistics = field(default_factory=IntakeStatistics)
    sessions: HeldSessions = field(init=False, default_factory=HeldSessions)
    bursts: FailureBursts = field(init=False, default_factory=FailureBursts)
    handshake_queue: HandshakeQueue = field(init=False, default_factory=HandshakeQueue)
    lines: LimitedLines = field(default_factory=LimitedLines)  # of the log
    intake_log: IntakeLog = field(init=False)
    unfinished: Unfinished = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "unfinished", Unfinished(self.settings))
        object.__setattr__(self, "intake_log", IntakeLog(self.lines))
