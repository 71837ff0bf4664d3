"""Signing in with a name and a password, slowed down as SMTP logins are (auth/attempts.py).

One hash at a time, in a thread; a name that is unknown costs one, too, so that time does not tell who
exists.  The back-off is asked again when the turn has come: a burst gains nothing.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto

from kairan.auth.attempts import LoginAttempts, network_of
from kairan.auth.passwords.hashing import hasher, matches, nobodys_hash, parameters, parameters_of
from kairan.auth.settings import AuthSettings
from kairan.directory.operations.console_users import ConsoleUser

# Each waits for those before it, 40 ms each; one network's guesses keep nobody else out.
_WAITING_MAX = 20
_WAITING_OF_NETWORK_MAX = 4


class SignInFault(Enum):
    WRONG = auto()
    SLOWED = auto()  # by the back-off
    BUSY = auto()


class SignIn:
    def __init__(
        self,
        find: Callable[[str], ConsoleUser | None],
        attempts: LoginAttempts,
        settings: AuthSettings,
    ) -> None:
        self._find, self._attempts, self._settings = find, attempts, settings
        self._hasher = hasher(settings)
        self._nobodys = nobodys_hash(parameters(settings), os.urandom)
        self._thread = ThreadPoolExecutor(1, "console-argon2")
        self._turn = asyncio.Lock()
        self._waiting: Counter[str] = Counter()

    async def wait_signed_in(
        self, name: str, password: str, source: str
    ) -> ConsoleUser | SignInFault:
        if not self._attempts.may_try(source, name):
            return SignInFault.SLOWED
        network = network_of(source)
        if (
            self._waiting.total() >= _WAITING_MAX
            or self._waiting[network] >= _WAITING_OF_NETWORK_MAX
        ):
            return SignInFault.BUSY
        self._waiting[network] += 1
        try:
            async with self._turn:
                return await self._wait_judged(name, password, source)
        finally:
            self._waiting[network] -= 1
            if not self._waiting[network]:
                del self._waiting[network]

    async def _wait_judged(
        self, name: str, password: str, source: str
    ) -> ConsoleUser | SignInFault:
        if not self._attempts.may_try(source, name):
            return SignInFault.SLOWED
        loop = asyncio.get_running_loop()
        user = await loop.run_in_executor(self._thread, self._judge, name, password)
        if user is None:
            self._attempts.failed(source, name)
            return SignInFault.WRONG
        self._attempts.succeeded(source, name)
        return user

    def _judge(self, name: str, password: str) -> ConsoleUser | None:
        user = self._find(name)
        is_usable = user is not None and bool(parameters_of(user.password_hash))
        stored = user.password_hash if user is not None and is_usable else self._nobodys
        if len(password) > self._settings.password_characters_max:
            password = ""
        return user if matches(stored, password, self._hasher) and is_usable else None
