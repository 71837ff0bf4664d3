"""The console and the API's search, asked as a person at a screen asks: a session, its cookies, a key.

The trace is filled once, before the service starts: EVENTS of them over a week, as many messages as half of
that, from 500 senders to 20,000 recipients.
"""

import random
import re
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlencode

from bench.errors import BenchError
from kairan.runtime.clock_steps import ClockSteps
from kairan.trace.record import Trace
from kairan.trace.settings import TraceSettings

SENDERS, RECIPIENTS = 500, 20_000
WEEK_SECONDS = 7 * 86_400
NAME, PASSWORD = "bench", "a screen for the whole day"
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
_COOKIE = re.compile(r"([^=;]+)=([^;]*)")


def message_id(number: int) -> str:
    return f"filled-{number:08}@bench.test"


def fill(path: Path, events: int) -> None:
    """A message has two: that it came in, and that it was sent on."""
    now = time.time()
    step, at = WEEK_SECONDS / max(events, 1), now - WEEK_SECONDS

    def clock() -> float:
        nonlocal at
        at += step
        return min(at, now)

    settings = TraceSettings(queue_events_max=2 * events + 1)
    trace = Trace(path, settings, clock=clock, steps=ClockSteps(time.time))
    for number in range(events // 2):
        sender = f"sender{number % SENDERS}@bench.test"
        recipient = f"filled{number % RECIPIENTS}@bench.test"
        name = f"<{message_id(number)}>"
        trace.record(
            "RECEIVE",
            message_id=name,
            sender=sender,
            account=sender,
            client="192.0.2.1",
            spool_id=number + 1,
        )
        trace.record(
            "SEND",
            message_id=name,
            sender=sender,
            recipient=recipient,
            detail="250 2.0.0 OK",
            spool_id=number + 1,
        )
    trace.close()
    if trace.statistics().dropped:
        raise BenchError("the trace could not be filled")


def filled(path: Path, events: int, kept: Path | None) -> None:
    """`kept`: as an earlier run has filled it, or left there for the next one.  Its week ends when it was made."""
    if kept is None or not kept.exists():
        fill(path, events)
        if kept is not None:
            shutil.copyfile(path, kept)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept, path)


@dataclass(slots=True)
class Screen:
    """One browser, and one program with a key."""

    port: int
    key: str
    _cookies: dict[str, str] = field(default_factory=dict)
    _http: HTTPConnection | None = None

    def sign_in(self) -> None:
        page = self._ask("GET", "/console/sign-in")
        found = _CSRF.search(page)
        if found is None:
            raise BenchError("the console shows no form to sign in")
        form = {"csrf": found[1], "name": NAME, "password": PASSWORD, "next": "/console"}
        self._ask("POST", "/console/sign-in", form)
        if "/console/sign-in" in self._ask("GET", "/console/overview")[:2_000]:
            raise BenchError("nobody could sign in to the console")

    def overview(self) -> None:
        self._ask("GET", "/console/overview")

    def page_of(self, recipient: str) -> None:
        self._ask("GET", f"/console/messages?to={quote(recipient)}")

    def trace(self, **wanted: str) -> None:
        answer = self._ask("GET", f"/v1/trace?{urlencode(wanted)}", headers=self._bearer())
        if '"event"' not in answer:
            raise BenchError(f"the trace has nothing of {wanted}")

    def _bearer(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def _ask(
        self,
        method: str,
        place: str,
        form: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """A connection is used again while the server keeps it."""
        fields = dict(headers or {})
        if self._cookies and headers is None:
            fields["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if form is not None:
            fields["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(form) if form is not None else None
        for attempt in (1, 2):
            try:
                if self._http is None:
                    self._http = HTTPConnection("127.0.0.1", self.port, timeout=60)
                self._http.request(method, place, body, fields)
                answer = self._http.getresponse()
                text = answer.read().decode("utf-8", "replace")
                break
            except OSError as error:
                self._http = None
                if attempt == 2:
                    raise BenchError(f"{place}: {error!r}") from error
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            if found := _COOKIE.match(cookie):
                self._cookies[found[1].strip()] = found[2]
        if answer.status >= 400:
            raise BenchError(f"{place} is answered {answer.status}: {text[:200]}")
        return text


@dataclass(frozen=True, slots=True)
class Pace:
    """Searches by the API, and of so many the first is followed by the overview, the second by a page of
    messages.
    """

    searches_per_second: float
    views_every: int


# Ten people who open a page every ten seconds each, and a program that searches every second.
HELP_DESK = Pace(1.0, 2)
# More often than people look, so that a run has enough for a p99.
CROWD = Pace(10.0, 5)


class Watching:
    """Who looks at the screen while it is open; how long each answer took, in seconds."""

    def __init__(self, screen: Screen, events: int, pace: Pace, *, seed: int) -> None:
        self.searches: list[float] = []
        self.pages: list[float] = []
        self.overviews: list[float] = []
        self.error: BenchError | None = None
        self._screen, self._messages, self._pace = screen, events // 2, pace
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        turn = 0
        try:
            while not self._over.is_set():
                began = time.monotonic()
                self._look(turn)
                turn += 1
                left = began + 1 / self._pace.searches_per_second - time.monotonic()
                self._over.wait(max(0.0, left))
        except BenchError as error:
            self.error = error

    def _look(self, turn: int) -> None:
        number = self._random.randrange(self._messages)
        recipient = f"filled{number % RECIPIENTS}@bench.test"
        sender = f"sender{number % SENDERS}@bench.test"
        screen = self._screen
        questions: list[Callable[[], None]] = [
            lambda: screen.trace(recipient=recipient),
            lambda: screen.trace(sender=sender),
            lambda: screen.trace(message_id=message_id(number)),
        ]
        self.searches.append(_seconds(questions[turn % 3]))
        if turn % self._pace.views_every == 0:
            self.overviews.append(_seconds(screen.overview))
        if turn % self._pace.views_every == 1:
            self.pages.append(_seconds(lambda: screen.page_of(recipient)))


def _seconds(ask: Callable[[], None]) -> float:
    began = time.monotonic()
    ask()
    return time.monotonic() - began
