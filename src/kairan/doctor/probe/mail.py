"""Login, sender, recipient; and a test message if one is asked for."""

import time
from email.utils import formatdate, make_msgid

from kairan.doctor.probe import findings
from kairan.doctor.probe.login import (
    NoToken,
    authenticate,
    fetch_token,
    mechanism,
    spoken_forms,
    usable,
)
from kairan.doctor.probe.run import ProbeRun, since
from kairan.doctor.probe.settings import ProbeTransaction
from kairan.doctor.probe.step import ProbeStep, StepMark
from kairan.doctor.wire import Wire, WireAnswer
from kairan.mail.reply import Reply
from kairan.runtime.counted import counted
from kairan.smtp.client.capabilities import Capabilities

_START_INPUT = 354


def log_in(run: ProbeRun, capabilities: Capabilities) -> None:
    offered = ", ".join(sorted(capabilities.auth)) or "-"
    if not run.login.is_given:
        run.note(ProbeStep("mechanisms", StepMark.OK, 0.0, offered))
        return
    fitting = usable(capabilities.auth, run.login)
    if not fitting:
        run.note(ProbeStep("mechanisms", StepMark.PROBLEM, 0.0, offered, (findings.NO_MECHANISM,)))
    run.note(ProbeStep("mechanisms", StepMark.OK, 0.0, f"{offered}; {fitting[0]} is used"))
    chosen = mechanism(fitting[0], run.login, _token(run), run.target.host, run.target.port)
    assert run.wire.tls is not None, "credentials never go out without TLS"
    run.secrets.extend(spoken_forms(chosen, run.login))
    run.timed("auth", lambda: authenticate(run.wire.ask, chosen))


def _token(run: ProbeRun) -> str:
    client = run.login.oauth
    if client is None:
        return run.login.token
    started = time.perf_counter()
    run.secrets.append(client.client_secret)
    found = fetch_token(client, run.settings.timeout_seconds)
    if isinstance(found, NoToken):
        meanings = (findings.TOKEN_NOT_GIVEN,)
        run.note(ProbeStep("token", StepMark.PROBLEM, since(started), found.why, meanings))
    assert isinstance(found, str), "its absence has stopped the run"
    run.secrets.append(found)
    run.note(ProbeStep("token", StepMark.OK, since(started), counted(len(found), "character")))
    return found


def transaction(run: ProbeRun) -> None:
    """RFC 5321 section 3.3, up to RCPT: nothing is sent, and QUIT forgets it."""
    asked, wire = run.target.transaction, run.wire
    if not asked.sender:
        return
    run.timed("mail", lambda: wire.ask(f"MAIL FROM:<{asked.sender}>".encode()))
    if not asked.recipient:
        return
    run.timed("rcpt", lambda: wire.ask(f"RCPT TO:<{asked.recipient}>".encode()))
    if asked.send:
        run.timed("message", lambda: _send(wire, asked))


def _send(wire: Wire, asked: ProbeTransaction) -> WireAnswer:
    answer = wire.ask(b"DATA")
    if not isinstance(answer, Reply) or answer.code != _START_INPUT:
        return answer
    return wire.send_content(_message(asked) + b"\r\n.\r\n")


def _message(asked: ProbeTransaction) -> bytes:
    """No line begins with a dot: RFC 5321 section 4.5.2 has nothing to do here."""
    lines = (
        f"From: <{asked.sender}>",
        f"To: <{asked.recipient}>",
        "Subject: Kairan doctor: test message",
        f"Date: {formatdate()}",
        f"Message-ID: {make_msgid(domain='kairan-doctor.invalid')}",
        "Auto-Submitted: auto-generated",
        "",
        "This message was sent by `kairan doctor probe --send` to test the way to you.",
    )
    return "\r\n".join(lines).encode()
