"""A probe under way: its connection, what was noted so far, and when it stops."""

import time
from collections.abc import Callable
from typing import TypeAlias

from kairan.doctor.probe import findings
from kairan.doctor.probe.network import Address, connect, connect_once, resolve
from kairan.doctor.probe.settings import Login, ProbeSettings, Target
from kairan.doctor.probe.step import Mark, Meaning, Step, meanings_of
from kairan.doctor.wire import Answer, Fault, Kind, Wire
from kairan.mail.reply import Reply

FAULTS = {
    Kind.SILENT: findings.STEP_TIMEOUT,
    Kind.CLOSED: findings.CLOSED_EARLY,
    Kind.RESET: findings.CLOSED_EARLY,
    Kind.GARBLED: findings.NOT_SMTP,
    Kind.TLS: findings.TLS_FAILED,
    Kind.UNVERIFIED: findings.CERTIFICATE_OTHER,
}

Judged: TypeAlias = tuple[Mark, tuple[Meaning, ...]]


class Stop(Exception):  # noqa: N818 - not an error: there is no next step
    pass


class Run:
    def __init__(self, target: Target, login: Login, settings: ProbeSettings) -> None:
        self.target = target
        self.login = login
        self.settings = settings
        self.steps: list[Step] = []
        # Hidden wherever the peer repeats them.
        self.secrets = [secret for secret in (login.password, login.token) if secret]
        self._wire: Wire | None = None
        self._address: Address | None = None

    @property
    def wire(self) -> Wire:
        assert self._wire is not None
        return self._wire

    @property
    def address(self) -> Address:
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
            raise Stop from None
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
            self.steps.append(Step("quit", Mark.OK, since(started), self.hide(str(answer))))

    # Noting.

    def timed(
        self,
        name: str,
        talk: Callable[[], Answer],
        *,
        judge: Callable[[Answer], Judged | None] = lambda _: None,
    ) -> Reply:
        """`judge` may know better than the reply's first digit."""
        started = time.perf_counter()
        answer = talk()
        milliseconds = since(started)
        judged = judge(answer)
        if judged is not None:
            mark, meanings = judged
            self.note(Step(name, mark, milliseconds, self._told(answer), meanings))
        elif isinstance(answer, Reply) and answer.is_positive:
            self.note(Step(name, Mark.OK, milliseconds, self._told(answer)))
        else:
            self.fail(name, milliseconds, answer)
        assert isinstance(answer, Reply), "a fault has stopped the run"
        return answer

    def fail(self, name: str, milliseconds: float, answer: Answer) -> None:
        """Notes the problem, and stops."""
        if isinstance(answer, Fault):
            meanings: tuple[Meaning, ...] = (FAULTS[answer.kind],)
            self.close()
        else:
            meanings = meanings_of(str(answer))
        self.note(Step(name, Mark.PROBLEM, milliseconds, self._told(answer), meanings))

    def note(self, step: Step) -> None:
        """A problem is the last thing that happens."""
        self.steps.append(step)
        if step.mark in {Mark.PROBLEM, Mark.UNCLEAR}:
            raise Stop

    def hide(self, text: str) -> str:
        """A server may repeat what it was told."""
        for secret in self.secrets:
            text = text.replace(secret, "[hidden]")
        return text

    def _told(self, answer: Answer) -> str:
        if isinstance(answer, Reply):
            return self.hide(str(answer))
        heard = answer.heard.decode("ascii", "backslashreplace").strip()
        return self.hide(": ".join(filter(None, (answer.kind, answer.detail, heard))))


def since(started: float) -> float:
    return (time.perf_counter() - started) * 1_000
