"""Who is it?  Decides about a name and a password without letting the answer's time tell more.

`cached` answers for those who were right a moment ago, without waiting.  `verify` hashes, and
hashing is the expensive thing a stranger can make us do; so, in this order:

1. The back-off is asked before any hash.  A password that was right before passes it.
2. The same credential offered by the same source several times at once is hashed once: an
   application that opens fifty sessions logs in with one hash.
3. One network has one hash under way; its others wait their turn and ask the back-off again then.
   So a burst gains nothing, and another network waits for at most one hash of each.  A password
   that was right before does not wait for guesses.
4. Hashes run in a small pool of threads, which step back for all others: who is in already goes
   first.  Those of a network that has failed lately run aside, in a process that gets what nobody
   else wants of the processor.

A name that is unknown, disabled or without a password costs one hash of the same parameters too.
"""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from kairan.auth.aside import Aside
from kairan.auth.attempts import Attempts, network_of
from kairan.auth.passwords import hash_password, hasher, matches
from kairan.auth.settings import AuthSettings
from kairan.auth.verified import Verified
from kairan.directory import Account, Snapshot
from kairan.outcomes import Refuse
from kairan.outcomes.catalogue import AUTH_THROTTLED, AUTH_UNSUCCESSFUL

_HASHING_NICENESS = 10


@dataclass(frozen=True, slots=True)
class _Claim:
    """Somebody says to be `name`.  `account`: only one that may log in with a password."""

    name: str
    password: str = field(repr=False)
    source: str
    account: Account | None
    why_not: str  # for the trace, where `account` is None
    digest: bytes


@dataclass(slots=True)
class _Turn:
    """A network's place in the queue, and how many stand there."""

    lock: asyncio.Lock
    waiting: int = 0


class Authenticator:
    """Belongs to one event loop; `close` ends what is under way."""

    def __init__(
        self,
        settings: AuthSettings,
        *,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        aside: Aside | None = None,
    ) -> None:
        self._settings = settings
        self._aside = aside
        self._verified = Verified(settings, clock=clock, random=random)
        self._attempts = Attempts(settings, clock=clock)
        self._hasher = hasher(settings)
        self._dummy_hash = hash_password(random(32).hex(), settings)
        self._threads = ThreadPoolExecutor(
            settings.hashing_threads, "kairan-argon2", initializer=_step_back
        )
        self._under_way: dict[tuple[str, bytes], asyncio.Task[Account | Refuse]] = {}
        self._turns: dict[str, _Turn] = {}
        self._hashes = 0

    def cached(
        self, snapshot: Snapshot, address: str, password: str, source: str
    ) -> Account | None:
        """The account, if this password was verified lately; quick, and never a refusal."""
        claim = self._claim(snapshot, address, password, source)
        if claim.account is None or not self._verified.is_fresh(claim.digest):
            return None
        self._attempts.succeeded(source, address)
        return claim.account

    async def verify(
        self, snapshot: Snapshot, address: str, password: str, source: str
    ) -> Account | Refuse:
        claim = self._claim(snapshot, address, password, source)
        key = (source, claim.digest)
        task = self._under_way.get(key)
        if task is None:
            if not self._may_try(claim):
                return Refuse(AUTH_THROTTLED, "too many failures from here")
            if len(self._under_way) >= self._settings.hashing_queue_max:
                return Refuse(AUTH_THROTTLED, "too many logins at once")
            task = asyncio.create_task(self._decide(claim))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        # Shielded: who hangs up must not save his failure from being counted.
        return await asyncio.shield(task)

    def statistics(self) -> dict[str, int]:
        return {
            "hashes": self._hashes,
            "under_way": len(self._under_way),
            "verified": len(self._verified),
        }

    async def close(self) -> None:
        under_way = list(self._under_way.values())
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._aside is not None:
            self._aside.close()

    def _claim(self, snapshot: Snapshot, name: str, password: str, source: str) -> _Claim:
        account = snapshot.account(name)
        why_not = _why_not(account)
        usable = None if why_not else account
        identity = f"{account.id}" if account else name.lower()
        password_hash = usable.password_hash if usable else self._dummy_hash
        # What is too long was never set as a password; it is hashed cut, like any wrong one.
        kept = password[: self._settings.password_characters_max + 1]
        digest = self._verified.digest(identity, password_hash, kept)
        return _Claim(name, kept, source, usable, why_not, digest)

    def _is_recognised(self, claim: _Claim) -> bool:
        return claim.account is not None and self._verified.is_recognised(claim.digest)

    def _may_try(self, claim: _Claim) -> bool:
        return self._is_recognised(claim) or self._attempts.may_try(claim.source, claim.name)

    async def _decide(self, claim: _Claim) -> Account | Refuse:
        if self._is_recognised(claim):
            return await self._judge(claim)
        async with self._turn(network_of(claim.source)):
            if not self._may_try(claim):
                return Refuse(AUTH_THROTTLED, "too many failures from here")
            return await self._judge(claim)

    async def _judge(self, claim: _Claim) -> Account | Refuse:
        is_right = await self._matches(claim)
        if claim.account is None or not is_right:
            self._attempts.failed(claim.source, claim.name)
            return Refuse(AUTH_UNSUCCESSFUL, claim.why_not or "wrong password")
        self._attempts.succeeded(claim.source, claim.name)
        self._verified.remember(claim.digest)
        return claim.account

    async def _matches(self, claim: _Claim) -> bool:
        self._hashes += 1
        password_hash = claim.account.password_hash if claim.account else self._dummy_hash
        is_suspect = self._attempts.has_failed(claim.source) and not self._is_recognised(claim)
        if self._aside is not None and is_suspect:
            is_right = await self._aside.matches(password_hash, claim.password)
            if is_right is not None:
                return is_right
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, matches, password_hash, claim.password, self._hasher
        )

    @asynccontextmanager
    async def _turn(self, network: str) -> AsyncIterator[None]:
        turn = self._turns.setdefault(network, _Turn(asyncio.Lock()))
        turn.waiting += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[network]


def _step_back() -> None:
    """Of this thread alone: Linux keeps niceness by thread (setpriority(2)), others by process.

    10 leaves it a tenth of a busy processor, so a login then waits a quarter of a second and not
    for ever; on an idle one it takes what it takes.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        present = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, max(present, _HASHING_NICENESS))


def _why_not(account: Account | None) -> str:
    if account is None:
        return "unknown account"
    if not account.enabled:
        return "disabled account"
    return "" if account.password_hash else "account without a password"
