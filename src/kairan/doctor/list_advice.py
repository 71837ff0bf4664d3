"""Who sends to many single recipients again and again, and which list would do it in one message.

A run is what an account sends to single recipients without a long pause.  Runs to nearly the same
people are one habit, and a habit is worth a list: one that exists and has just these people, a filter
that finds them, or a new one.  What is in the messages nobody looks at: where each recipient's is
another (a payslip), single messages are right, and the answer says so.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kairan.directory.store import Directory
from kairan.doctor.answer import Language, say
from kairan.expansion.preview import Preview
from kairan.expansion.settings import ExpansionSettings
from kairan.outcomes.outcome import Text
from kairan.trace.settings import BillingSettings
from kairan.trace.usage import SingleSend

# Two runs to the same people, but for those who came and left.
_ALIKE = 0.7
# A list may reach a tenth more than the habit did, and must reach all of it.
_MORE_ALLOWED = 0.1


@dataclass(frozen=True, slots=True)
class HabitLimits:
    """`pause_seconds`: a longer one ends a run.  Fewer recipients or runs are no habit."""

    recipients_min: int = 20
    runs_min: int = 2
    pause_seconds: float = 900.0


@dataclass(slots=True)
class SendingRun:
    begin: float
    end: float
    messages: int = 0
    recipients: set[str] = field(default_factory=set)
    subjects: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Habit:
    """`recipients`: of its latest run: who has left meanwhile is no reason for anything."""

    account: str
    runs: list[SendingRun]

    @property
    def recipients(self) -> set[str]:
        return self.runs[-1].recipients

    @property
    def messages(self) -> int:
        return sum(run.messages for run in self.runs)

    @property
    def seconds(self) -> float:
        return sum(run.end - run.begin for run in self.runs)

    @property
    def is_personal(self) -> bool:
        """Each message had a subject of its own, where subjects are kept."""
        return any(len(run.subjects) > max(1, len(run.recipients) // 2) for run in self.runs)


class ListKind(StrEnum):
    GROUP = "group"  # one that exists
    FILTER = "filter"  # a dynamic one
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`name`: a group's address, or a filter; `more`: whom it reaches beyond the habit."""

    kind: ListKind
    name: str = ""
    members: int = 0
    more: int = 0


@dataclass(frozen=True, slots=True)
class Saving:
    """Of all runs that were seen.  `recipients`: billed ones; below 0 where the list reaches more."""

    messages: int
    recipients: int
    seconds: float


def habits(sends: Iterable[SingleSend], limits: HabitLimits) -> list[Habit]:
    by_account: dict[str, list[SingleSend]] = {}
    for send in sends:
        by_account.setdefault(send.account, []).append(send)
    found = [
        habit
        for account, some in sorted(by_account.items())
        for habit in _habits_of(account, _runs(some, limits))
        if len(habit.runs) >= limits.runs_min
    ]
    return sorted(found, key=lambda habit: -habit.messages)


def _runs(sends: Sequence[SingleSend], limits: HabitLimits) -> list[SendingRun]:
    runs: list[SendingRun] = []
    for send in sorted(sends, key=lambda send: send.time):
        if not runs or send.time - runs[-1].end > limits.pause_seconds:
            runs.append(SendingRun(send.time, send.time))
        run = runs[-1]
        run.end = send.time
        run.messages += 1
        run.recipients.add(send.recipient.lower())
        if send.subject:
            run.subjects.add(send.subject)
    return [run for run in runs if len(run.recipients) >= limits.recipients_min]


def _habits_of(account: str, runs: Sequence[SendingRun]) -> list[Habit]:
    found: list[Habit] = []
    for run in runs:
        habit = next((one for one in found if _are_alike(one.recipients, run.recipients)), None)
        if habit is None:
            found.append(Habit(account, [run]))
        else:
            habit.runs.append(run)
    return found


def _are_alike(one: set[str], other: set[str]) -> bool:
    both = len(one & other)
    return both >= _ALIKE * (len(one) + len(other) - both)


def fitting_group(
    wanted: set[str], groups: Iterable[str], members_of: Callable[[str], Sequence[str]]
) -> Suggestion | None:
    """The group that has all of them, and of others fewest."""
    best: Suggestion | None = None
    for group in groups:
        members = set(members_of(group))
        more = len(members) - len(wanted)
        fits = wanted <= members and more <= _MORE_ALLOWED * len(wanted)
        if fits and (best is None or more < best.more):
            best = Suggestion(ListKind.GROUP, group, len(members), more)
    return best


def fitting_filter(
    wanted: set[str], people: Callable[[], Iterable[tuple[str, dict[str, str]]]]
) -> Suggestion | None:
    """What all of them have in common, where hardly anybody else has all of it.

    `people`: each address with its attributes; read twice, for they may be a million.
    """
    common: dict[str, str] | None = None
    known = 0
    for address, attributes in people():
        if address in wanted:
            known += 1
            folded = {name: value for name, value in attributes.items() if value}
            common = folded if common is None else _both(common, folded)
    if not common or known < len(wanted):
        return None
    having = dict.fromkeys(common, 0)
    all_of_it = 0
    for _, attributes in people():
        has = [name for name, value in common.items() if _same(attributes.get(name, ""), value)]
        for name in has:
            having[name] += 1
        all_of_it += len(has) == len(common)
    single = min(having, key=lambda name: having[name])
    limit = len(wanted) * (1 + _MORE_ALLOWED)
    if having[single] <= limit:
        text, members = _clause(single, common[single]), having[single]
    elif all_of_it <= limit:
        text = " -and ".join(_clause(name, value) for name, value in sorted(common.items()))
        members = all_of_it
    else:
        return None
    return Suggestion(ListKind.FILTER, text, members, members - len(wanted))


def _both(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in one.items() if _same(value, other.get(name, ""))}


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


# Exchange's names where they are not the attribute's own.
_PROPERTIES = {"country": "CountryOrRegion"}


def _clause(attribute: str, value: str) -> str:
    name = _PROPERTIES.get(attribute, attribute[0].upper() + attribute[1:])
    quoted = value.replace("'", "''")
    return f"{name} -eq '{quoted}'"


def saving(habit: Habit, suggestion: Suggestion) -> Saving:
    runs = len(habit.runs)
    members = suggestion.members or len(habit.recipients)
    return Saving(
        messages=habit.messages - runs,
        recipients=habit.messages - members * runs,
        seconds=round(habit.seconds, 1),
    )


def advised(
    sends: Iterable[SingleSend],
    limits: HabitLimits,
    directory: Directory,
    expansion: ExpansionSettings,
) -> list[tuple[Habit, Suggestion]]:
    """Each habit, and the list that would do."""
    members_of = Preview(directory, expansion).members
    return [
        (habit, _suggestion(habit.recipients, directory, members_of))
        for habit in habits(sends, limits)
    ]


def _suggestion(
    wanted: set[str], directory: Directory, members_of: Callable[[str], Sequence[str]]
) -> Suggestion:
    def people() -> Iterable[tuple[str, dict[str, str]]]:
        return ((one.address, dict(one.attributes)) for one in directory.mailboxes())

    groups = [group.address for group in directory.groups() if group.enabled]
    found = fitting_group(wanted, groups, members_of) or fitting_filter(wanted, people)
    return found or Suggestion(ListKind.NEW, members=len(wanted))


def advice_record(habit: Habit, suggestion: Suggestion, billing: BillingSettings) -> dict[str, Any]:
    """As commands and API have it."""
    saved = saving(habit, suggestion)
    return {
        "account": habit.account,
        "runs": len(habit.runs),
        "messages": habit.messages,
        "recipients": sorted(habit.recipients),
        "seconds": round(habit.seconds, 1),
        "is_personal": habit.is_personal,
        "list": {
            "kind": suggestion.kind,
            "name": suggestion.name,
            "members": suggestion.members,
            "more": suggestion.more,
        },
        "saves": {
            "messages": saved.messages,
            "recipients": saved.recipients,
            "cost": billing.cost_of(saved.recipients),
            "seconds": saved.seconds,
        },
    }


_SENDS = Text(
    "{messages} messages in {runs} runs, {recipients} recipients each, {seconds} s",
    "{runs} 回、計 {messages} 通、各 {recipients} 件の宛先、{seconds} 秒",
)
_LISTS = {
    ListKind.GROUP: Text("send to the group {name}", "グループ {name} に送信してください"),
    ListKind.FILTER: Text("a dynamic list finds them:", "動的リストで対象を指定できます:"),
    ListKind.NEW: Text(
        "a new list of these recipients", "この宛先の新しいリストを作成してください"
    ),
}
_MORE = Text("it also reaches {more} others", "ほかに {more} 件の宛先にも届きます")
_SAVES = Text(
    "saves {messages} messages, {recipients} billed recipients, {seconds} s",
    "節約: {messages} 通、課金対象の受信者 {recipients} 件、{seconds} 秒",
)
_PERSONAL = Text(
    "each had a subject of its own: if the text differs too, keep single messages",
    "件名が宛先ごとに異なります。本文も異なる場合は、個別送信のままにしてください",
)


def advice_lines(habit: Habit, suggestion: Suggestion, language: Language) -> Iterator[str]:
    """What is done now, the list that would do, and what it would save."""
    yield say(_SENDS, language).format(
        messages=habit.messages,
        runs=len(habit.runs),
        recipients=len(habit.recipients),
        seconds=round(habit.seconds),
    )
    yield say(_LISTS[suggestion.kind], language).format(name=suggestion.name)
    if suggestion.kind is ListKind.FILTER:
        yield f"  {suggestion.name}"
    if suggestion.more > 0:
        yield say(_MORE, language).format(more=suggestion.more)
    saved = saving(habit, suggestion)
    yield say(_SAVES, language).format(
        messages=saved.messages, recipients=saved.recipients, seconds=round(saved.seconds)
    )
    if habit.is_personal:
        yield say(_PERSONAL, language)
