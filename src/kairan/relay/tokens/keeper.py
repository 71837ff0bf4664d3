"""The one token of an identity, for all its sessions, however many event loops and threads ask.

The issuer is asked by one thread at a time, and everybody who needs the answer waits for that one.
While the token in hand is still good they do not wait: it is renewed behind them.  When the issuer
does not answer, its silence holds for a while too, so that a thousand messages are not a thousand
requests.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeAlias

from kairan.outcomes import catalogue
from kairan.relay.tokens.cache import TokenCache
from kairan.relay.tokens.times import Margins, Use, judge
from kairan.relay.tokens.token import AccessToken, Fetched, TokenFault
from kairan.runtime.library_log import LibraryLog

log = LibraryLog()

Fetch: TypeAlias = Callable[[str], Fetched | TokenFault]
Answer: TypeAlias = AccessToken | TokenFault

# After a fault the issuer is left alone, first for the one, at most for the other.
_PAUSE_FIRST_SECONDS = 2.0
_PAUSE_MAX_SECONDS = 60.0
# A token that was fetched because another was refused, and is refused too, will not be helped by a
# third: until it is so old it stays.
_REFUSED_TWICE_SECONDS = 300.0


@dataclass(slots=True)
class KeeperCounters:
    requests: int = 0
    faults: int = 0
    refused: int = 0  # tokens that a service did not take


class TokenKeeper:
    """`fetch` is called in a thread, with the state it gave last time."""

    def __init__(
        self,
        name: str,
        fetch: Fetch,
        margins: Margins,
        *,
        cache: TokenCache | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.counters = KeeperCounters()
        self._fetch = fetch
        self._margins = margins
        self._cache = cache
        self._now = now
        self._token: AccessToken | None = None
        self._state = ""
        self._refused_text = ""  # the token that a service did not take: no cache gives it back
        self._renewed_for_refusal = False
        self._fault: TokenFault | None = None
        self._faults_in_a_row = 0
        self._silent_until = 0.0
        self._asking: Future[Answer] | None = None
        self._pid = os.getpid()
        self._lock = threading.Lock()

    async def wait_token(self) -> Answer:
        """A token that a login may use now."""
        found = self._find()
        return await asyncio.wrap_future(found) if isinstance(found, Future) else found

    def token(self) -> Answer:
        """The same for a thread."""
        found = self._find()
        return found.result() if isinstance(found, Future) else found

    def refuse(self, text: str) -> bool:
        """A service did not take it.  Whether another login has a chance: with a token that
        somebody else has fetched meanwhile, or with a new one.
        """
        with self._lock:
            token = self._token
            if token is None or token.text != text:
                return True
            self.counters.refused += 1
            age = self._now() - token.obtained
            if self._renewed_for_refusal and 0 <= age < _REFUSED_TWICE_SECONDS:
                return False
            self._token, self._refused_text = None, text
            return True

    def _find(self) -> Answer | Future[Answer]:
        if self._pid != os.getpid():  # forked: the thread that asks is not here
            self._pid, self._asking, self._lock = os.getpid(), None, threading.Lock()
        with self._lock:
            now = self._now()
            use = judge(self._token, now, self._margins) if self._token else Use.RENEW
            if self._token is not None and use is Use.USE:
                return self._token
            if self._asking is None and self._may_ask(now):
                self._asking = Future()
                self._asking.set_running_or_notify_cancel()
                threading.Thread(
                    target=self._ask, args=(self._asking,), name="kairan-token", daemon=True
                ).start()
            if self._token is not None and use is Use.USE_AND_RENEW:
                return self._token
            if self._asking is not None:
                return self._asking
            assert self._fault is not None, "silence follows a fault"
            return self._fault

    def _may_ask(self, now: float) -> bool:
        """Also where the clock was set back during a pause: none is longer than the longest."""
        return not now < self._silent_until <= now + _PAUSE_MAX_SECONDS

    # In a thread.

    def _ask(self, answer: Future[Answer]) -> None:
        try:
            outcome = self._fetch_through_cache()
        except Exception as error:  # whatever it is, those who wait must hear of it
            log.exception("relay.token-source-broken", identity=self.name)
            outcome = TokenFault(catalogue.ACCESS_TOKEN_UNAVAILABLE, type(error).__name__)
        with self._lock:
            self._asking = None
            concluded = self._conclude(outcome)
        answer.set_result(concluded)

    def _fetch_through_cache(self) -> Fetched | TokenFault:
        if self._cache is None:
            return self._request(self._state)
        with self._cache.locked():
            stored = self._cache.read()
            if stored is not None and self._is_fresh(stored.token):
                return stored
            outcome = self._request(stored.state if stored else self._state)
            if isinstance(outcome, Fetched):
                self._cache.write(outcome)
            return outcome

    def _is_fresh(self, token: AccessToken) -> bool:
        is_refused = token.text == self._refused_text
        return not is_refused and judge(token, self._now(), self._margins) is Use.USE

    def _request(self, state: str) -> Fetched | TokenFault:
        self.counters.requests += 1
        return self._fetch(state)

    def _conclude(self, outcome: Fetched | TokenFault) -> Answer:
        if isinstance(outcome, TokenFault):
            self.counters.faults += 1
            pause = _PAUSE_FIRST_SECONDS * 2.0 ** min(self._faults_in_a_row, 10)
            self._faults_in_a_row += 1
            self._fault = outcome
            self._silent_until = self._now() + min(pause, _PAUSE_MAX_SECONDS)
            log.warning(
                "relay.token-failed",
                identity=self.name,
                key=outcome.outcome.key,
                reason=outcome.detail,
            )
            return outcome
        self._token, self._state = outcome.token, outcome.state
        self._renewed_for_refusal = bool(self._refused_text)
        self._refused_text = ""
        self._faults_in_a_row, self._silent_until = 0, 0.0
        return outcome.token
