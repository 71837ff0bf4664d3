"""What the log tells of refusals at the intake: one line each, until a peer has too many of them.

A refusal is a line with rule and reply, of a login with the name that was tried; each of these and each
TLS handshake that fails a peer can cause as often as it likes, so a minute's further ones of one
peer and one rule are counted (`runtime/limited_lines.py`).  The peer is the account where one has
logged in, else the machine.

`client=` stands in front of whatever a stranger has written, and right behind the event: a program
that bans addresses (deploy/fail2ban) reads it there.
"""

from dataclasses import dataclass

import structlog

from kairan.outcomes.outcome import Outcome
from kairan.runtime.limited_lines import LimitedLines
from kairan.trace.refusals import machine_of

log = structlog.get_logger()

# Of a name that was tried, and of what a stranger's command said.
_TEXT_CHARACTERS_MAX = 320


@dataclass(frozen=True, slots=True)
class TriedLogin:
    """As the client gave it: `name` is nobody's, perhaps."""

    name: str
    mechanism: str
    detail: str = ""  # what exactly is wrong, for us


@dataclass(frozen=True, slots=True)
class RefusedWhere:
    """Of a session, as far as it has come; empty: not yet."""

    client: str
    listener: str
    session: str = ""
    account: str = ""  # who has logged in
    command: str = ""
    message: str = ""
    sender: str = ""


@dataclass(slots=True)
class IntakeLog:
    """Of one worker."""

    lines: LimitedLines

    def refused(self, outcome: Outcome, where: RefusedWhere, *, detail: str = "") -> None:
        peer = {"account": where.account} if where.account else _machine(where.client)
        if not self.lines.has_room("intake.refused", rule=outcome.key, **peer):
            return
        facts = {
            "account": where.account,
            "command": where.command,
            "message": where.message,
            "sender": where.sender,
            "detail": detail[:_TEXT_CHARACTERS_MAX],
            "session": where.session,
        }
        log.info(
            "intake.refused",
            client=where.client,
            listener=where.listener,
            rule=outcome.key,
            reply=outcome.codes,
            **{name: fact for name, fact in facts.items() if fact},
        )

    def login_refused(self, outcome: Outcome, where: RefusedWhere, tried: TriedLogin) -> None:
        if not self.lines.has_room(
            "intake.login-refused", rule=outcome.key, **_machine(where.client)
        ):
            return
        log.warning(
            "intake.login-refused",
            client=where.client,
            listener=where.listener,
            rule=outcome.key,
            reply=outcome.codes,
            mechanism=tried.mechanism,
            detail=tried.detail[:_TEXT_CHARACTERS_MAX],
            account=tried.name[:_TEXT_CHARACTERS_MAX],
            session=where.session,
        )

    def handshake_failed(
        self, outcome: Outcome, where: RefusedWhere, *, reason: str, sni: str
    ) -> None:
        """No reply can tell the client, and most devices say nothing to their users but "could not
        connect": the operator's log is where it must stand.
        """
        if not self.lines.has_room("intake.tls-failed", rule=outcome.key, **_machine(where.client)):
            return
        log.info(
            "intake.tls-failed",
            client=where.client,
            listener=where.listener,
            rule=outcome.key,
            reason=reason.lower().replace("_", " "),
            sni=sni[:_TEXT_CHARACTERS_MAX],
        )


def _machine(client: str) -> dict[str, str]:
    return {"client": machine_of(client)}
