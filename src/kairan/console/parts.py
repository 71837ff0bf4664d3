"""What the console is given by the process that mounts it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kairan.auth.attempts import LoginAttempts
from kairan.auth.oidc.provider import Provider
from kairan.capture.store import CaptureStore
from kairan.config.model import Configuration
from kairan.console.recent import Recent
from kairan.directory.store import Directory

# So old may the last hour's columns and the last day's refusals be.
RECENT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ConsoleParts:
    """`hosts`: names under which browsers know it, beside this machine's own and loopback's."""

    directory: Directory
    configuration: Configuration
    attempts: LoginAttempts  # asked on the event loop alone
    audit: Callable[..., None]  # Audit.record
    capture: CaptureStore | None = None  # None: [capture] is off
    provider: Provider | None = None  # None: only our own users sign in
    clock: Callable[[], float] = time.time
    hosts: frozenset[str] = frozenset()
    recent: Recent = field(default_factory=lambda: Recent(RECENT_SECONDS))
