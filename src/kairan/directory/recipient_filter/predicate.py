"""A recipient filter as a function of one recipient's facts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import ge, gt, le, lt
from typing import TypeAlias, assert_never

from kairan.directory.model import Mailbox
from kairan.directory.recipient_filter.folding import fold, fold_parts
from kairan.directory.recipient_filter.properties import DETAILS, WITHOUT_LOGIN
from kairan.directory.recipient_filter.tree import (
    And,
    Compares,
    Equals,
    Filter,
    Inequality,
    IsBlank,
    Matches,
    Not,
    OfType,
    Or,
)

Value: TypeAlias = str | int | bool


@dataclass(frozen=True, slots=True)
class Facts:
    """`values` by the property's name; blank: none at all.  Addresses are in lower case."""

    details: int
    values: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)


Predicate: TypeAlias = Callable[[Facts], bool]

# A mailbox's attributes by the properties of Exchange, where they are not of the same name.
ATTRIBUTE_OF: Mapping[str, str] = {
    "Alias": "alias",
    "City": "city",
    "Company": "company",
    "CountryOrRegion": "country",
    "Department": "department",
    "FirstName": "firstName",
    "LastName": "lastName",
    "Manager": "manager",
    "Notes": "notes",
    "Office": "office",
    "PostalCode": "postalCode",
    "StateOrProvince": "stateOrProvince",
    "Title": "title",
    **{f"CustomAttribute{n}": f"customAttribute{n}" for n in range(1, 16)},
}

_ORDERS: Mapping[Inequality, Callable[[int, int], bool]] = {
    Inequality.LESS: lt,
    Inequality.AT_MOST: le,
    Inequality.GREATER: gt,
    Inequality.AT_LEAST: ge,
}


def facts_of(mailbox: Mailbox, groups: frozenset[str] = frozenset()) -> Facts:
    """`groups`: those it is a direct member of."""
    values: dict[str, tuple[Value, ...]] = {
        "EmailAddresses": tuple(f"smtp:{one}" for one in (mailbox.address, *mailbox.aliases)),
        "HiddenFromAddressListsEnabled": (mailbox.hidden,),
        "UserAccountControl": (not mailbox.enabled or mailbox.recipient_type in WITHOUT_LOGIN,),
        "MemberOfGroup": tuple(groups),
    }
    if mailbox.display_name:
        values["DisplayName"] = values["Name"] = (mailbox.display_name,)
    if mailbox.country_code is not None:
        values["CountryCode"] = (mailbox.country_code,)
    if mailbox.when_created is not None:
        values["WhenCreated"] = (mailbox.when_created,)
    for name, attribute in ATTRIBUTE_OF.items():
        if text := mailbox.attributes.get(attribute):
            values[name] = (text,)
    return Facts(DETAILS[mailbox.recipient_type], values)


def predicate(tree: Filter) -> Predicate:
    match tree:
        case Equals(wanted, bool(value)):
            return lambda facts: (True in facts.values.get(wanted.name, ())) is value
        case Equals(wanted, str(value)):
            text = fold(value)
            return lambda facts: any(text == one for one in _texts(facts, wanted.name))
        case Equals(wanted, value):
            return lambda facts: value in facts.values.get(wanted.name, ())
        case Matches(wanted, parts):
            folded = fold_parts(parts)
            return lambda facts: any(_matches(one, folded) for one in _texts(facts, wanted.name))
        case Compares(wanted, order, value):
            holds = _ORDERS[order]
            return lambda facts: any(
                isinstance(one, int) and holds(one, value)
                for one in facts.values.get(wanted.name, ())
            )
        case IsBlank(wanted):
            return lambda facts: not facts.values.get(wanted.name)
        case OfType(details):
            return lambda facts: facts.details in details
        case Not(part):
            inner = predicate(part)
            return lambda facts: not inner(facts)
        case And(parts):
            every = [predicate(one) for one in parts]
            return lambda facts: all(one(facts) for one in every)
        case Or(parts):
            each = [predicate(one) for one in parts]
            return lambda facts: any(one(facts) for one in each)
        case _ as never:
            assert_never(never)


def _texts(facts: Facts, name: str) -> tuple[str, ...]:
    return tuple(fold(one) for one in facts.values.get(name, ()) if isinstance(one, str))


def _matches(text: str, parts: tuple[str, ...]) -> bool:
    """Each part in its turn, the first at the start, the last at the end."""
    first, *middle, last = parts
    if not text.startswith(first):
        return False
    place = len(first)
    for part in middle:
        found = text.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return len(text) - len(last) >= place and text.endswith(last)
