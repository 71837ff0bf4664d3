"""A probe under way: its connection, what was noted so far, and when it stops."""

import time
from collections.abc import Callable
from typing import TypeAlias

from kairan.doctor.probe import findings
from kairan.doctor.probe.network import HostAddress, connect, connect_once, resolve
from kairan.doctor.probe.settings import ProbeSettings, ProbeTarget
from kairan.doctor.probe.step import ProbeMeaning, ProbeStep, StepMark, meanings_of
from kairan.doctor.wire import FaultKind, ServerLogin, Wire, WireAnswer, WireFault
from kairan.mail.reply import Reply

FAULTS = {
    FaultKind.SILENT: findings.STEP_TIMEOUT,
    FaultKind.CLOSED: findings.CLOSED_EARLY,
    FaultKind.RESET: findings.CLOSED_EARLY,
    FaultKind.GARBLED: findings.NOT_SMTP,
    FaultKind.TLS: findings.TLS_FAILED,
    FaultKind.UNVERIFIED: findings.CERTIFICATE_OTHER,
}

JudgedReply: TypeAlias = tuple[StepMark, tuple[ProbeMeaning, ...]]


class ProbeStopped(Exception):  # noqa: N818 - not an error: there is no next step
    pass


class ProbeRun:
    def __init__(self, target: ProbeTarget, login: ServerLogin, settings: ProbeSettings) -> None:
        self.target = target
        self.login = login
        self.settings = settings
        self.steps: list[ProbeStep] = []
        # Hidden wherever the peer repeats them.
        self.secrets = [secret for secret in (login.password, login.token) if secret]
        self._wire: Wire | None = None
        self._address: HostAddress | None = None

    @property
    def wire(self) -> Wire:
        assert self._wire is not None
        return self._wire

    @property
    def address(self) -> HostAddress:
        assert self._address is not None
        return self._address

    # The connection.

    def connect(self) -> None:
        step, addresses = resolve(self.target, self.settings)
        self.note(step)
        step, self._address, connection = connect(addresses, self.target, self.settings)
        if connection is not None:
            self._wire = Wire(connection, self.settings.timeout_seconds)
        self.note(step)

    def connect_again(self) -> Wire:
        """A second connection to the same address."""
        self.close()
        timeout = self.settings.timeout_seconds
        try:
            self._wire = Wire(connect_once(self.address, timeout), timeout)
        except OSError:
            raise ProbeStopped from None
        return self._wire

    def close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def quit(self) -> None:
        """Courtesy; what comes back does not matter any more."""
        if self._wire is None:
            return
        started = time.perf_counter()
        answer = self._wire.ask(b"QUIT")
        if isinstance(answer, Reply):
            self.steps.append(
                ProbeStep("quit", StepMark.OK, since(started), self.hide(str(answer)))
            )

    # Noting.

    def timed(
        self,
        name: str,
        talk: Callable[[], WireAnswer],
        *,
        judge: Callable[[WireAnswer], JudgedReply | None] = lambda _: None,
    ) -> Reply:
        """`judge` may know better than the reply's first digit."""
        started = time.perf_counter()
        answer = talk()
        milliseconds = since(started)
        judged = judge(answer)
        if judged is not None:
            mark, meanings = judged
            self.note(ProbeStep(name, mark, milliseconds, self._told(answer), meanings))
        elif isinstance(answer, Reply) and answer.is_positive:
            self.note(ProbeStep(name, StepMark.OK, milliseconds, self._told(answer)))
        else:
            self.fail(name, milliseconds, answer)
        assert isinstance(answer, Reply), "a fault has stopped the run"
        return answer

    def fail(self, name: str, milliseconds: float, answer: WireAnswer) -> None:
        """Notes the problem, and stops."""
        if isinstance(answer, WireFault):
            meanings: tuple[ProbeMeaning, ...] = (FAULTS[answer.kind],)
            self.close()
        else:
            meanings = meanings_of(str(answer))
        self.note(ProbeStep(name, StepMark.PROBLEM, milliseconds, self._told(answer), meanings))

    def note(self, step: ProbeStep) -> None:
        """A problem is the last thing that happens."""
        self.steps.append(step)
        if step.mark in {StepMark.PROBLEM, StepMark.UNCLEAR}:
            raise ProbeStopped

    def hide(self, text: str) -> str:
        """A server may repeat what it was told."""
        for secret in self.secrets:
            text = text.replace(secret, "[hidden]")
        return text

    def _told(self, answer: WireAnswer) -> str:
        if isinstance(answer, Reply):
            return self.hide(str(answer))
        heard = answer.heard.decode("ascii", "backslashreplace").strip()
        return self.hide(": ".join(filter(None, (answer.kind, answer.detail, heard))))


def since(started: float) -> float:
    return (time.perf_counter() - started) * 1_000
