"""Asks a submission server step by step whether it would take mail, and stops where it would not.

    report = probe(ProbeTarget("smtp.hve.mx.microsoft"), ServerLogin(user, password), ProbeSettings())

Credentials go out after TLS and to a certificate that verifies, or not at all.  Without `send` no
message is sent: the transaction ends after RCPT.
"""

import time
from contextlib import suppress

from kairan.doctor.probe import findings
from kairan.doctor.probe.greeting import judge_hello, wants_tls
from kairan.doctor.probe.mail import log_in, transaction
from kairan.doctor.probe.run import FAULTS, JudgedReply, ProbeRun, ProbeStopped, since
from kairan.doctor.probe.secure import hello, start_tls, tls_at_once
from kairan.doctor.probe.settings import ProbeSettings, ProbeTarget, ProbeTls
from kairan.doctor.probe.step import STEPS, ProbeReport, ProbeStep, StepMark
from kairan.doctor.wire import FaultKind, ServerLogin, WireAnswer, WireFault
from kairan.mail.reply import Reply
from kairan.smtp.client.capabilities import Capabilities, read_capabilities


def probe(target: ProbeTarget, login: ServerLogin, settings: ProbeSettings) -> ProbeReport:
    """Raises OSError if `target.ca_file` cannot be used; what the network does is in the report."""
    run = ProbeRun(target, login, settings)
    try:
        with suppress(ProbeStopped):
            _go(run)
        run.quit()
    finally:
        run.close()
    done = {step.name for step in run.steps}
    skipped = [ProbeStep(name, StepMark.SKIPPED) for name in STEPS if name not in done]
    steps = sorted((*run.steps, *skipped), key=lambda step: STEPS.index(step.name))
    return ProbeReport(target.host, target.port, tuple(steps))


def _go(run: ProbeRun) -> None:
    run.connect()
    if run.target.tls is ProbeTls.IMPLICIT:
        tls_at_once(run)
    run.timed("greeting", run.wire.read, judge=lambda answer: _judge_greeting(run, answer))
    capabilities = _say_hello(run, "ehlo")
    if run.target.tls is ProbeTls.STARTTLS:
        start_tls(run, capabilities)
        capabilities = _say_hello(run, "ehlo-tls")
    log_in(run, capabilities)
    transaction(run)


def _judge_greeting(run: ProbeRun, answer: WireAnswer) -> JudgedReply | None:
    """A port that is silent, or speaks in octets, may be one for TLS from the first octet."""
    if isinstance(answer, WireFault):
        run.close()
        if wants_tls(answer, run.address, run.settings):
            return StepMark.PROBLEM, (findings.IMPLICIT_TLS_PORT,)
        silent = answer.kind is FaultKind.SILENT
        return StepMark.PROBLEM, (findings.GREETING_SILENT if silent else FAULTS[answer.kind],)
    if answer.is_positive and "***" in answer.text:
        return StepMark.WARNING, (findings.SMTP_INSPECTION,)
    return None


def _say_hello(run: ProbeRun, name: str) -> Capabilities:
    started = time.perf_counter()
    answer = run.wire.ask(hello(run))
    milliseconds = since(started)
    if not isinstance(answer, Reply) or not answer.is_positive:
        run.fail(name, milliseconds, answer)
    assert isinstance(answer, Reply), "a fault has stopped the run"
    capabilities = read_capabilities(answer)
    meanings = judge_hello(answer, capabilities, is_secure=run.wire.tls is not None)
    mark = StepMark.WARNING if meanings else StepMark.OK
    said = ", ".join(answer.lines[1:]) or answer.text
    run.note(ProbeStep(name, mark, milliseconds, said, meanings))
    return capabilities
