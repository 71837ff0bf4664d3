"""How a message should go to its recipients, and why: a decision from facts.

The best practices of HVE's own page, in their order:

    Do you know your recipients?               one static, flat list: one recipient
    Are they many, and change too often?       one dynamic list, by attributes in the directory
    Can it be no list?                         batches of as many recipients as the service takes
    Is it for one recipient at a time?         hold the session, send one by one

What a list costs is what its members cost: HVE counts the recipients after expansion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kairan.outcomes.outcome import Text

# HVE's price since June 2026, per expanded and delivered recipient.
DOLLARS_PER_RECIPIENT = 42 / 1_000_000
# A session costs so many round trips before its first message: TCP, greeting, EHLO, STARTTLS, TLS 1.3,
# EHLO again, AUTH with its answer.
_ROUND_TRIPS_TO_OPEN = 7
# With PIPELINING: MAIL, all RCPT and DATA together; then the content.
_ROUND_TRIPS_PER_TRANSACTION = 2


class Way(StrEnum):
    LIST = "list"
    DYNAMIC_LIST = "dynamic-list"
    BATCHES = "batches"
    ONE_BY_ONE = "one-by-one"


@dataclass(frozen=True, slots=True)
class ListFacts:
    """A list among the recipients.  `members` None: nobody told us how many it has."""

    address: str
    members: int | None = None
    is_dynamic: bool = False


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """`recipients`: different addresses that are no lists."""

    recipients: int
    lists: tuple[ListFacts, ...] = ()
    is_personalised: bool = False
    wants_each_result: bool = False  # who got it and who did not, not only whether the list did
    octets: int = 0  # of one message
    recipients_max: int = 50
    sessions_max: int = 4


@dataclass(frozen=True, slots=True)
class Rates:
    """What the way to the server allows; measured where somebody did, else a guess for a cloud."""

    round_trip_seconds: float = 0.05
    answer_seconds: float = 0.05  # what the server takes for a message, beyond the way
    octets_per_second: float = 5_000_000.0
    transactions_per_second_max: float | None = None  # the caller's own limit


@dataclass(frozen=True, slots=True)
class Plan:
    """`billed` and `dollars` None: a list is among the recipients whose members nobody counted."""

    way: Way
    reason: Text
    messages: int  # of different content
    transactions: int
    sessions: int
    recipients: int  # as the envelopes name them
    billed: int | None
    dollars: float | None
    seconds: float
    advice: tuple[Text, ...] = ()


def plan(facts: PlanFacts, rates: Rates | None = None) -> Plan:
    rates = rates or Rates()
    way, reason = _choose(facts)
    named = facts.recipients + len(facts.lists)
    transactions = named if way is Way.ONE_BY_ONE else -(-named // facts.recipients_max)
    sessions = min(facts.sessions_max, transactions)
    billed = _billed(facts)
    return Plan(
        way=way,
        reason=reason,
        messages=named if facts.is_personalised else min(1, named),
        transactions=transactions,
        sessions=sessions,
        recipients=named,
        billed=billed,
        dollars=None if billed is None else billed * DOLLARS_PER_RECIPIENT,
        seconds=_seconds(transactions, sessions, facts.octets, rates),
        advice=tuple(_advice(facts, way)),
    )


def _choose(facts: PlanFacts) -> tuple[Way, Text]:
    named = facts.recipients + len(facts.lists)
    if facts.is_personalised:
        return Way.ONE_BY_ONE, Text(
            "each recipient gets a message of their own: one by one over held sessions",
            "受信者ごとに内容が異なるため、セッションを維持して 1 通ずつ送信します",
        )
    if not facts.recipients and len(facts.lists) == 1:
        address = facts.lists[0].address
        if facts.lists[0].is_dynamic:
            return Way.DYNAMIC_LIST, Text(
                f"{address} is a dynamic list: one recipient, and the directory knows who is on it",
                f"{address} は動的配布リストです。受信者 1 件として送信し、展開はディレクトリに任せます",
            )
        return Way.LIST, Text(
            f"{address} is a list: one recipient, expanded by the service",
            f"{address} は配布リストです。受信者 1 件として送信し、展開はサービスに任せます",
        )
    if named <= 1:
        return Way.ONE_BY_ONE, Text(
            "one recipient: one message over a held session",
            "受信者は 1 件です。維持したセッションで送信します",
        )
    return Way.BATCHES, Text(
        f"one message for {named:,} addresses and no list that has them all: batches of {facts.recipients_max}",
        f"同じ内容を {named:,} 件に送信し、対応する配布リストがないため、{facts.recipients_max} 件ずつまとめます",
    )


def _billed(facts: PlanFacts) -> int | None:
    members = [one.members for one in facts.lists]
    if None in members:
        return None
    return facts.recipients + sum(count for count in members if count is not None)


def _seconds(transactions: int, sessions: int, octets: int, rates: Rates) -> float:
    if not transactions:
        return 0.0
    opening = _ROUND_TRIPS_TO_OPEN * rates.round_trip_seconds
    each = (
        _ROUND_TRIPS_PER_TRANSACTION * rates.round_trip_seconds
        + rates.answer_seconds
        + sessions * octets / rates.octets_per_second  # the sessions share the line
    )
    seconds = opening + -(-transactions // sessions) * each
    if rates.transactions_per_second_max:
        return max(seconds, transactions / rates.transactions_per_second_max)
    return seconds


def _advice(facts: PlanFacts, way: Way) -> Sequence[Text]:
    if way in {Way.LIST, Way.DYNAMIC_LIST} and facts.wants_each_result:
        return [
            Text(
                "a list answers once for all its members; for a result of each, name the members: "
                f"they go in batches of {facts.recipients_max}",
                "配布リストの結果は全員で 1 件です。受信者ごとの結果が必要な場合はメンバーを列挙してください"
                f"（{facts.recipients_max} 件ずつ送信します）",
            )
        ]
    return []
