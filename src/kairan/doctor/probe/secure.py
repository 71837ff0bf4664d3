"""From plain words to TLS: STARTTLS or at once, the certificate verified or looked at."""

import time
from collections.abc import Callable
from dataclasses import replace

from kairan.doctor.probe import findings
from kairan.doctor.probe.greeting import greets
from kairan.doctor.probe.run import ProbeRun, ProbeStopped, since
from kairan.doctor.probe.settings import ProbeTls
from kairan.doctor.probe.step import ProbeStep, StepMark
from kairan.doctor.probe.tls import context_of, judge, now_utc
from kairan.doctor.wire import FaultKind, Wire, WireFault
from kairan.mail.reply import Reply
from kairan.smtp.client.capabilities import Capabilities


def start_tls(run: ProbeRun, capabilities: Capabilities) -> None:
    if not capabilities.starttls:
        run.note(ProbeStep("starttls", StepMark.PROBLEM, 0.0, "", (findings.STARTTLS_MISSING,)))
    run.timed("starttls", lambda: run.wire.ask(b"STARTTLS"))
    if run.wire.has_more:
        run.close()
        meddled = replace(
            run.steps.pop(), mark=StepMark.PROBLEM, meanings=(findings.STARTTLS_INJECTION,)
        )
        run.note(meddled)
    _handshake(run, lambda: _connect_to_starttls(run))


def tls_at_once(run: ProbeRun) -> None:
    _handshake(run, run.connect_again)


def _connect_to_starttls(run: ProbeRun) -> Wire:
    """Where the first connection stood when its handshake failed."""
    wire = run.connect_again()
    answers = (wire.read(), wire.ask(hello(run)), wire.ask(b"STARTTLS"))
    if not all(isinstance(answer, Reply) and answer.is_positive for answer in answers):
        raise ProbeStopped
    return wire


def hello(run: ProbeRun) -> bytes:
    return f"EHLO {run.settings.hostname}".encode()


def _handshake(run: ProbeRun, connect_again: Callable[[], Wire]) -> None:
    """With the certificate verified; where it does not, once more just to look at it."""
    started = time.perf_counter()
    host, ca_file = run.target.host, run.target.ca_file
    fault = run.wire.start_tls(context_of(ca_file, verify=True), host)
    milliseconds = since(started)
    if fault is not None and fault.kind is not FaultKind.UNVERIFIED:
        _fail(run, milliseconds, fault)
    elif fault is not None:
        second = connect_again().start_tls(context_of(ca_file, verify=False), host)
        if second is not None:
            _fail(run, milliseconds, second)
    _note_certificate(run, fault)
    tls = run.wire.tls
    assert tls is not None
    cipher = (tls.cipher() or ("?",))[0]
    run.note(ProbeStep("tls", StepMark.OK, milliseconds, f"{tls.version()} {cipher}"))


def _fail(run: ProbeRun, milliseconds: float, fault: WireFault) -> None:
    """Octets that are no TLS: perhaps the greeting of a port that wants STARTTLS."""
    if run.target.tls is ProbeTls.IMPLICIT and greets(run.address, run.settings):
        run.close()
        meanings = (findings.STARTTLS_PORT,)
        run.note(ProbeStep("tls", StepMark.PROBLEM, milliseconds, fault.detail, meanings))
    run.fail("tls", milliseconds, fault)


def _note_certificate(run: ProbeRun, refused: WireFault | None) -> None:
    tls = run.wire.tls
    assert tls is not None
    seen = judge(tls, refused, run.settings, now=now_utc())
    mark, meanings = seen.mark, seen.meanings
    if mark is StepMark.PROBLEM and run.target.insecure:
        mark, meanings = StepMark.WARNING, (findings.INSECURE, *meanings)
    elif mark is StepMark.PROBLEM and run.login.is_given:
        meanings = (*meanings, findings.CREDENTIALS_HELD_BACK)
    run.note(ProbeStep("certificate", mark, 0.0, seen.said, meanings))
