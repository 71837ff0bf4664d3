"""Fault rules: what a client is to meet instead of success, by address, so that it can be rehearsed.

    <data>/capture/faults.json   0600; replaced as a whole, so a reader sees the old or the new one

    {"version": 7, "rules": [{"address": "full@example.com", "stage": "rcpt", "answer": "recipient-unknown",
                "delay_seconds": 0.0, "drop": false, "by": "root", "since": 1790000000.0, "until": null}]}

Workers look twenty times a second whether the file changed, and swap the rules in memory as a whole: a
session asks a dictionary, and never the disk.  Only where `[capture]` is on is anything looked at.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import structlog

from kairan.capture.rehearsed import outcome_meant, said_at
from kairan.mail.address import key_of, parse_address
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.outcome import Outcome
from kairan.runtime.files import Stamp, locked, private_file, stamp_of
from kairan.runtime.operator_error import BAD_INPUT, OperatorError

log = structlog.get_logger()

RULES_MAX = 1_000  # some 300 octets each; a test sets a handful
_OCTETS_MAX = 1024 * 1024
# Clients give up after five minutes (RFC 5321 section 4.5.3.2); longer rehearses nothing.
DELAY_SECONDS_MAX = 600.0
# One look at a file costs microseconds, and a test waits for it.
LOOK_SECONDS = 0.05
EVERYONE = "*"


class FaultStage(StrEnum):
    """Where in the dialogue, and whose address counts there."""

    AUTH = "auth"  # the account's, whose login was good
    MAIL = "mail"  # the sender's
    RCPT = "rcpt"  # the recipient's, known or not
    DATA = "data"  # of any recipient; 354 is said, or BDAT has begun, and no content is read
    DOT = "dot"  # of any recipient; the content is whole, and nothing is stored
    STORED = "stored"  # of any recipient; the message is ours, and the 250 is still to be said
    DELIVERY = "delivery"  # the recipient's, behind the 250: where the mail goes to `capture:`


# Behind 354 there is no reply but the one to the whole content, and what is stored is not refused.
_ANSWERS_AT = frozenset(FaultStage) - {FaultStage.DATA, FaultStage.STORED}


class FaultRuleError(OperatorError):
    """The text says what to write."""

    exit_code = BAD_INPUT


@dataclass(frozen=True, slots=True)
class FaultRule:
    """`address`: one, `*@domain` or `*`.  There is one rule for an address and a stage."""

    address: str
    stage: FaultStage
    answer: str = ""  # a key of the catalogue
    delay_seconds: float = 0.0  # before the answer, or before what would have come
    drop: bool = False  # the connection, without a word
    by: str = ""
    since: float = 0.0
    until: float | None = None  # seconds since the epoch; None: until it is removed

    @property
    def outcome(self) -> Outcome | None:
        return CATALOGUE.get(self.answer)


def fault_rule(
    address: str,
    *,
    answer: str = "",
    delay_seconds: float = 0.0,
    drop: bool = False,
    stage: str = "",
    for_seconds: float | None = None,
    by: str = "",
    now: float,
) -> FaultRule:
    """As people write it.  Raises FaultRuleError."""
    _check_address(address)
    outcome = _outcome(answer)
    if drop and outcome is not None:
        raise FaultRuleError("it answers or it drops the connection; name one of them")
    if not (drop or outcome is not None or delay_seconds):
        raise FaultRuleError("name what is to happen: an answer, a delay, or that it drops")
    if not 0 <= delay_seconds <= DELAY_SECONDS_MAX:
        raise FaultRuleError(f"a delay is between 0 and {DELAY_SECONDS_MAX:.0f} seconds")
    if for_seconds is not None and not for_seconds > 0:
        raise FaultRuleError("how long it is to last is more than 0 seconds")
    where = _stage(stage, outcome)
    if drop and where is FaultStage.DELIVERY:
        raise FaultRuleError("at delivery the client is gone; nothing of its can be dropped")
    if outcome is not None and where not in _ANSWERS_AT:
        raise FaultRuleError(f"nothing is answered at {where}; take dot, or let it drop there")
    return FaultRule(
        address=key_of(address),
        stage=where,
        answer=outcome.key if outcome is not None else "",
        delay_seconds=delay_seconds,
        drop=drop,
        by=by,
        since=now,
        until=now + for_seconds if for_seconds is not None else None,
    )


def _check_address(address: str) -> None:
    if address != EVERYONE and parse_address(address.replace("*", "x", 1), utf8=True) is None:
        raise FaultRuleError(f'"{address}" is no address; write one, "*@example.com" or "*"')
    if "*" in address and address != EVERYONE and not address.startswith("*@"):
        raise FaultRuleError(f'"{address}": a star stands for all before the @, or for everyone')


def _outcome(answer: str) -> Outcome | None:
    if not answer:
        return None
    outcome = outcome_meant(answer)
    if outcome is None or not 400 <= outcome.code < 600:
        raise FaultRuleError(
            f'"{answer}" is no refusal of the catalogue; write a key or codes of docs/errors.md, '
            'such as recipient-unknown or "432 4.3.2"'
        )
    return outcome


def _stage(stage: str, outcome: Outcome | None) -> FaultStage:
    if stage:
        if stage.lower() not in set(FaultStage):
            raise FaultRuleError(f'"{stage}" is none of {", ".join(FaultStage)}')
        return FaultStage(stage.lower())
    said = said_at(outcome).lower() if outcome is not None else ""
    # What is said at the greeting is of no address yet; a recipient's moment is the usual one.
    return FaultStage(said) if said in set(FaultStage) else FaultStage.RCPT


class FaultRules:
    """The rules in force, found by stage and address.  Nobody changes it: another takes its place.

    `version` grows with each change.
    """

    __slots__ = ("_by_key", "rules", "version")

    def __init__(self, rules: Iterable[FaultRule] = (), version: int = 0) -> None:
        self.rules, self.version = tuple(rules), version
        self._by_key = {(one.stage, one.address): one for one in self.rules}

    def of(self, stage: FaultStage, addresses: Sequence[str], now: float) -> FaultRule | None:
        """The nearest rule for the first address that has one."""
        if not self._by_key:
            return None
        for address in addresses:
            key = key_of(address)
            for one in (key, f"*@{key.rpartition('@')[2]}", EVERYONE):
                rule = self._by_key.get((stage, one))
                if rule is not None and (rule.until is None or now < rule.until):
                    return rule
        return None


NO_FAULTS = FaultRules()


class FaultsUnreadableError(OperatorError):
    """The file is none of ours; the text says which."""


def faults_file(directory: Path) -> Path:
    return directory / "faults.json"


def read_faults(directory: Path) -> FaultRules:
    """Raises FaultsUnreadableError."""
    path = faults_file(directory)
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_OCTETS_MAX))
        rules = [FaultRule(**{**one, "stage": FaultStage(one["stage"])}) for one in found["rules"]]
        return FaultRules(rules, int(found["version"]))
    except FileNotFoundError:
        return NO_FAULTS
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise FaultsUnreadableError(f"{path} cannot be read: {error!r}") from error


def rules_in_force(directory: Path, now: float) -> tuple[FaultRule, ...]:
    return tuple(_not_ended(read_faults(directory).rules, now))


def add_fault(directory: Path, rule: FaultRule) -> int:
    """In the place of one for the same address and stage.  The version that has it."""

    def change(rules: Iterator[FaultRule]) -> list[FaultRule]:
        kept = [one for one in rules if (one.address, one.stage) != (rule.address, rule.stage)]
        if len(kept) >= RULES_MAX:
            raise FaultRuleError(f"there are {len(kept)} rules, which is the most; remove some")
        return [*kept, rule]

    return _change(directory, change, rule.since)


def remove_faults(directory: Path, address: str, stage: str, now: float) -> tuple[int, int]:
    """How many were removed, and the version without them.  `address` empty: of all; `stage` empty: at
    every one.
    """
    key, removed = key_of(address), 0
    where = _stage(stage, None) if stage else None

    def change(rules: Iterator[FaultRule]) -> list[FaultRule]:
        nonlocal removed
        before = list(rules)
        kept = [
            one
            for one in before
            if (key and one.address != key) or (where is not None and one.stage != where)
        ]
        removed = len(before) - len(kept)
        return kept

    version = _change(directory, change, now)
    return removed, version


def _change(
    directory: Path, change: Callable[[Iterator[FaultRule]], list[FaultRule]], now: float
) -> int:
    """One after another; the lock is a file of its own, for the other is replaced."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = faults_file(directory)
    with locked(path.with_suffix(".lock")):
        before = read_faults(directory)
        after = [asdict(one) for one in change(_not_ended(before.rules, now))]
        version = before.version + 1
        with private_file(path) as file:
            file.write(json.dumps({"version": version, "rules": after}).encode())
    return version


def _not_ended(rules: Iterable[FaultRule], now: float) -> Iterator[FaultRule]:
    return (one for one in rules if one.until is None or now < one.until)


class FaultWatch:
    """The rules as a worker knows them; `current` is swapped as a whole."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stamp: Stamp = None
        self.current = NO_FAULTS
        self._look()

    def of(self, stage: FaultStage, addresses: Sequence[str]) -> FaultRule | None:
        return self.current.of(stage, addresses, time.time())

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._look()

    def _look(self) -> None:
        """A file that does not read changes nothing."""
        stamp = stamp_of(faults_file(self._directory))
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.current = read_faults(self._directory)
        except FaultsUnreadableError as error:
            log.error("capture.faults-unreadable", reason=str(error))
            return
        log.warning("capture.faults-changed", rules=len(self.current.rules))
