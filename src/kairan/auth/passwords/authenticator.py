"""Who is it?  Decides about a name and a password without letting the answer's time tell more.

`cached` answers for those who were right a moment ago, without waiting.  `verify` hashes, and
hashing is the expensive thing a stranger can make us do; so, in this order:

1. The back-off is asked before any hash.  A password that was right before passes it.
2. The same credential offered by the same source several times at once is hashed once: an
   application that opens fifty sessions logs in with one hash.
3. Two queues, each with its own bound and its own threads.  One is for the familiar: a
   password that was right before, at whichever worker, and an address that has logged in under
   this name before and has not failed since.  All others are strangers, however many come: their
   hashes and their number cost the familiar nothing.
4. One network has one stranger's hash under way; its others wait their turn and ask the back-off
   again then.  So a burst gains nothing, and another network waits for at most one hash of each.
5. Strangers' hashes are made by helper processes, which step back for all others: who is in
   already goes first.  Those of a network that has failed lately get what no other wants of the
   processor.  The familiar have a thread.
6. Who is told to come later (454) hears it a tenth of a second later.

A name that is unknown, disabled or without a usable password costs one hash, too, with the
parameters that most accounts' hashes have: after the settings have changed, only who logs in has
his password hashed anew (`rehash`), and meanwhile time must not tell who exists.  A password that an
import drew has a quick hash until its first login (hashing.py): every login computes a slow hash and
a quick one, of which one is nobody's.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from kairan.auth.attempts import LoginAttempts, network_of
from kairan.auth.devices import AdmittedDevice, LoginHolder, holder_of
from kairan.auth.failure_news import WorkerNews
from kairan.auth.networks import may_come_from
from kairan.auth.passwords.hashing import (
    hash_generated,
    hash_password,
    hasher,
    is_generated,
    matches,
    matches_generated,
    nobodys_hash,
    parameters,
    parameters_of,
)
from kairan.auth.passwords.helpers import STRANGERS_NICENESS, Helper, Helpers
from kairan.auth.passwords.recognised import Recognised
from kairan.auth.passwords.verified import Verified
from kairan.auth.settings import AuthSettings
from kairan.directory.devices import Device
from kairan.directory.model import Account, Snapshot
from kairan.mail.address import key_of
from kairan.mail.role import Role
from kairan.outcomes.catalogue import AUTH_THROTTLED, AUTH_UNSUCCESSFUL
from kairan.outcomes.decision import Refuse
from kairan.runtime.scheduling import step_back

# Of 40 steps: a quarter of a busy processor for the familiar, whose number is bounded by the accounts.
_FAMILIAR_NICENESS = 5
_FAMILIAR_THREADS = 1  # each credential comes once in verified_seconds
_NOBODYS_OCTETS = 32
# Who is told to come later hears it a moment later: fifty sessions that guess as fast as they are
# answered then ask five hundred times a second, and not as often as a worker can.
_THROTTLED_PAUSE_SECONDS = 0.1
# To ask of a mere head whether Argon2 would compute it.
_ANY_SALT_AND_HASH = f"${'A' * 22}${'A' * 43}"

# Writes the new hash of an account or a device in the place of the old one; the old, then the new.
Rehash = Callable[[Account | Device, str, str], Awaitable[object]]
# Whom a password has let in.
LetIn: TypeAlias = Account | AdmittedDevice


@dataclass(frozen=True, slots=True)
class _Claim:
    """Somebody says to be `name`.  `holder`: only one that may log in with a password."""

    name: str
    password: str = field(repr=False)
    source: str
    holder: LoginHolder | None
    why_not: str  # for the trace, where `holder` is None
    password_hash: str = field(repr=False)  # nobody's, where `holder` is None
    slow_hash: str = field(repr=False)  # the same, or nobody's beside a quick one
    digest: bytes

    @property
    def let_in(self) -> LetIn | None:
        """Whom this password lets in, if it is right."""
        if self.holder is None or self.holder.account is None:
            return None
        if self.holder.device is None:
            return self.holder.account
        return AdmittedDevice(self.holder.device, self.holder.account, by_login=True)


@dataclass(slots=True)
class _Turn:
    """A network's place in the queue, and how many stand there."""

    lock: asyncio.Lock
    waiting: int = 0


class _Queue:
    """Hashes under way or waiting, the same one only once."""

    def __init__(self, name: str, *, threads: int, niceness: int) -> None:
        self.under_way: dict[tuple[str, bytes], asyncio.Task[LetIn | Refuse]] = {}
        self.threads = ThreadPoolExecutor(threads, name, initializer=partial(step_back, niceness))


class Authenticator:
    """Belongs to one event loop; `close` ends what is under way."""

    def __init__(
        self,
        settings: AuthSettings,
        *,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
        helpers: Helpers | None = None,
        recognised: Recognised | None = None,
        news: WorkerNews | None = None,
        rehash: Rehash | None = None,
    ) -> None:
        """`recognised` and `news` are shared by the workers; without them this one knows only its own."""
        self._settings = settings
        self._helpers = helpers
        self._rehash = rehash
        self._random = random
        self._wait = wait
        self._verified = Verified(
            settings, clock=clock, recognised=recognised or Recognised(random)
        )
        self._attempts = LoginAttempts(settings, clock=clock, news=news)
        self._hasher = hasher(settings)
        self._parameters = parameters(settings)
        self._nobodys_hash = nobodys_hash(self._parameters, random)
        self._nobodys_quick_hash = hash_generated(random(_NOBODYS_OCTETS).hex())
        self._familiar = _Queue(
            "kairan-familiar", threads=_FAMILIAR_THREADS, niceness=_FAMILIAR_NICENESS
        )
        self._strangers = _Queue(
            "kairan-argon2", threads=settings.hashing_threads, niceness=STRANGERS_NICENESS
        )
        self._rehashing: set[asyncio.Task[None]] = set()
        self._turns: dict[str, _Turn] = {}
        self._hashes = 0

    def cached(
        self, snapshot: Snapshot, name: str, password: str, source: str, *, role: Role = Role.HVE
    ) -> LetIn | None:
        """Whom it lets in, if this password was verified lately; quick, and never a refusal."""
        claim = self._claim(snapshot, name, password, source, role)
        if claim.holder is None or not self._verified.is_fresh(claim.digest):
            return None
        self._attempts.succeeded(source, name)
        return claim.let_in

    async def verify(
        self, snapshot: Snapshot, name: str, password: str, source: str, *, role: Role = Role.HVE
    ) -> LetIn | Refuse:
        """`role` of the listener: logins of devices are known to one alone."""
        claim = self._claim(snapshot, name, password, source, role)
        queue = self._queue_of(claim)
        key = ("" if self._is_recognised(claim) else source, claim.digest)
        task = queue.under_way.get(key)
        if task is None:
            if why_later := self._why_later(claim, queue):
                await self._wait(_THROTTLED_PAUSE_SECONDS)
                return Refuse(AUTH_THROTTLED, why_later)
            task = asyncio.create_task(self._decide(claim, queue))
            queue.under_way[key] = task
            task.add_done_callback(lambda _: queue.under_way.pop(key, None))
        # Shielded: who hangs up must not save his failure from being counted.
        verdict = await asyncio.shield(task)
        if not isinstance(verdict, Refuse):
            self._attempts.succeeded(source, name)
        return verdict

    def suspects(self, source: str) -> bool:
        """Its network has guessed wrong lately, or has a password judged that is not recognised."""
        return network_of(source) in self._turns or self._attempts.has_failed(source)

    def statistics(self) -> dict[str, int]:
        return {
            "hashes": self._hashes,
            "under_way": len(self._familiar.under_way) + len(self._strangers.under_way),
            "verified": len(self._verified),
        }

    async def close(self) -> None:
        queues = (self._familiar, self._strangers)
        under_way = [*self._rehashing, *(t for queue in queues for t in queue.under_way.values())]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        for queue in queues:
            queue.threads.shutdown(wait=False, cancel_futures=True)
        if self._helpers is not None:
            self._helpers.close()

    def _claim(
        self, snapshot: Snapshot, name: str, password: str, source: str, role: Role
    ) -> _Claim:
        holder = holder_of(snapshot, name, role)
        why_not = _why_not(holder, source)
        usable = None if why_not else holder
        identity = holder.identity or key_of(name)
        password_hash = usable.password_hash if usable else self._nobodys(snapshot)
        is_quick = is_generated(password_hash)
        slow_hash = self._nobodys(snapshot) if is_quick else password_hash
        # What is too long was never set as a password; it is hashed cut, like any wrong one.
        kept = password[: self._settings.password_characters_max + 1]
        digest = self._verified.digest(identity, password_hash, kept)
        return _Claim(name, kept, source, usable, why_not, password_hash, slow_hash, digest)

    def _nobodys(self, snapshot: Snapshot) -> str:
        """As costly as most accounts' own, the quick ones aside."""
        commonest = f"{snapshot.trust.hash_parameters}{_ANY_SALT_AND_HASH}"
        head = self._parameters if is_generated(commonest) else parameters_of(commonest)
        head = head or self._parameters
        if not self._nobodys_hash.startswith(f"{head}$"):
            self._nobodys_hash = nobodys_hash(head, self._random)
        return self._nobodys_hash

    def _is_recognised(self, claim: _Claim) -> bool:
        return claim.holder is not None and self._verified.is_recognised(claim.digest)

    def _queue_of(self, claim: _Claim) -> _Queue:
        is_familiar = self._is_recognised(claim) or self._attempts.is_familiar(
            claim.source, claim.name
        )
        return self._familiar if is_familiar else self._strangers

    def _why_later(self, claim: _Claim, queue: _Queue) -> str:
        if not self._may_try(claim):
            return "too many failures from here"
        is_full = len(queue.under_way) >= self._settings.hashing_queue_max
        return "too many logins at once" if is_full else ""

    def _may_try(self, claim: _Claim) -> bool:
        return self._is_recognised(claim) or self._attempts.may_try(claim.source, claim.name)

    async def _decide(self, claim: _Claim, queue: _Queue) -> LetIn | Refuse:
        if self._is_recognised(claim):
            return await self._judge(claim, queue)
        # In turn, too, where the address is familiar: its first failure makes it a stranger.
        async with self._turn(network_of(claim.source)):
            if not self._may_try(claim):
                return Refuse(AUTH_THROTTLED, "too many failures from here")
            return await self._judge(
                claim, queue if queue is self._queue_of(claim) else self._strangers
            )

    async def _judge(self, claim: _Claim, queue: _Queue) -> LetIn | Refuse:
        is_right = await self._matches(claim, queue)
        let_in = claim.let_in
        if claim.holder is None or let_in is None or not is_right:
            self._attempts.failed(claim.source, claim.name)
            return Refuse(AUTH_UNSUCCESSFUL, claim.why_not or "wrong password")
        self._verified.remember(claim.digest)
        self._rehash_soon(claim, claim.holder)
        return let_in

    async def _matches(self, claim: _Claim, queue: _Queue) -> bool:
        """A quick hash and a slow one, whoever it is; nothing fits the one of them that is nobody's."""
        is_quick = is_generated(claim.password_hash)
        quick_hash = claim.password_hash if is_quick else self._nobodys_quick_hash
        fits_quick = matches_generated(quick_hash, claim.password)
        fits_slow = await self._matches_slowly(claim, queue)
        return fits_quick if is_quick else fits_slow

    async def _matches_slowly(self, claim: _Claim, queue: _Queue) -> bool:
        self._hashes += 1
        if queue is self._strangers and (helper := self._helper(claim)) is not None:
            is_right = await helper.matches(claim.slow_hash, claim.password)
            if is_right is not None:
                return is_right
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            queue.threads, matches, claim.slow_hash, claim.password, self._hasher
        )

    def _helper(self, claim: _Claim) -> Helper | None:
        """Who hashes for a stranger; None: the threads do."""
        if self._helpers is None:
            return None
        if self._attempts.has_failed(claim.source):
            return self._helpers.suspects
        return min(self._helpers.strangers, key=lambda helper: helper.waiting)

    # Hashing anew.

    def _rehash_soon(self, claim: _Claim, holder: LoginHolder) -> None:
        """Behind the answer: who logs in waits for one hash, as everybody."""
        is_current = parameters_of(claim.password_hash) == self._parameters
        is_full = len(self._rehashing) >= self._settings.hashing_queue_max
        if self._rehash is None or is_current or is_full:  # later is soon enough
            return
        task = asyncio.create_task(self._hash_anew(claim, holder, self._rehash))
        self._rehashing.add(task)
        task.add_done_callback(self._rehashing.discard)

    async def _hash_anew(self, claim: _Claim, holder: LoginHolder, rehash: Rehash) -> None:
        owner = holder.owner
        assert owner is not None, "nobody's password is never right"
        new = await asyncio.get_running_loop().run_in_executor(
            self._strangers.threads, hash_password, claim.password, self._settings
        )
        # Under its new hash it is recognised as well, else the change would make strangers of all.
        self._verified.remember(self._verified.digest(holder.identity, new, claim.password))
        await rehash(owner, claim.password_hash, new)

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


def _why_not(holder: LoginHolder, source: str) -> str:
    account, device = holder.account, holder.device
    if account is None:
        return "unknown account"
    if device is not None and not device.enabled:
        return "disabled device"
    if device is not None and not may_come_from(device, source):
        return "from outside the device's networks"
    if not account.enabled:
        return "disabled account"
    if not holder.password_hash:
        return "account without a password"
    if not may_come_from(account, source):
        return "from outside the account's networks"
    return "" if parameters_of(holder.password_hash) else "account with a damaged hash"
