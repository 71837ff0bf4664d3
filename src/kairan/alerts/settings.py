"""Whom to tell of what will not mend itself, and when."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlertSettings:
    # Addresses of operators.  With `mail_by`; their mail does not pass the queue, which may be what is wrong.
    mail_to: tuple[str, ...] = ()
    # The server that takes it, as a route's `to` names it: another one than those that mail goes by.
    mail_by: str = ""
    # Its sender; empty: postmaster at the host's name.
    mail_from: str = ""
    # An https:// URL that is sent each alert as JSON by POST.
    webhook: str = ""
    # A program and its arguments; it gets the same JSON on its standard input.  No shell.
    command: tuple[str, ...] = ()
    # How often is looked; a look reads the job table once (a second for a million jobs).
    interval_seconds: float = 60.0
    # The same concern is told again after so long, while it lasts.
    repeat_seconds: float = 86_400.0
    # The oldest message of a destination waits for so long; 0: its age concerns nobody.
    age_seconds: float = 3_600.0
    # What the last answer of a destination with waiting mail is about (docs/operations.md).
    refusal_classes: tuple[str, ...] = ("configuration", "account", "token")
    # A certificate of ours, or of an identity, ends in so many days.
    certificate_days: int = 14
    # Accounts, and devices by their names, that send at least this often:
    # { "payroll@example.com" = 100000 }
    quiet_seconds: tuple[tuple[str, float], ...] = ()

    @property
    def tells_somebody(self) -> bool:
        return bool(self.mail_to or self.webhook or self.command)
