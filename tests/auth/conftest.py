"""Accounts in memory, a clock that we move, and hashing cheap enough for a thousand times."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from kairan.auth.passwords.authenticator import Authenticator
from kairan.auth.passwords.hashing import hash_password
from kairan.auth.settings import AuthSettings
from kairan.directory.devices import Devices
from kairan.directory.model import Account, Group, Organisation, Snapshot, Trust

# The rules under test do not depend on how dear one hash is.
CHEAP = AuthSettings(argon2_memory_kib=8, argon2_time_cost=1)


@dataclass(frozen=True)
class People:
    """A `Snapshot` of these accounts."""

    accounts: tuple[Account, ...]
    version: int = 1
    organisation: Organisation = field(default_factory=Organisation)
    trust: Trust = field(default_factory=Trust)
    devices: Devices = field(default_factory=Devices)

    def account(self, address: str) -> Account | None:
        return next((one for one in self.accounts if address.lower() in one.addresses), None)

    def group(self, address: str) -> Group | None:
        return None

    def resolve(self, address: str) -> str | None:
        found = self.account(address)
        return found.address if found else None


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


PRINTER = Account(
    1,
    "printer@kairan.test",
    hash_password("right horse", CHEAP),
    aliases=frozenset({"scan@kairan.test"}),
)
OFF = Account(2, "off@kairan.test", hash_password("right horse", CHEAP), enabled=False)
NO_PASSWORD = Account(3, "app@kairan.test", "")
DAMAGED = Account(4, "damaged@kairan.test", "$argon2id$not a hash")


@pytest.fixture
def people() -> Snapshot:
    return People((PRINTER, OFF, NO_PASSWORD, DAMAGED))


@pytest.fixture
def changed() -> Callable[..., Snapshot]:
    """changed(enabled=False): the printer's account is another one now."""
    return lambda **fields: People((replace(PRINTER, **fields), OFF))


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Waits:
    """Nobody waits here; who would have, is noted."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
async def authenticator(clock: Clock, waits: Waits) -> Iterator[Authenticator]:
    made = Authenticator(CHEAP, clock=clock, random=lambda size: b"r" * size, wait=waits)
    yield made
    await made.close()
