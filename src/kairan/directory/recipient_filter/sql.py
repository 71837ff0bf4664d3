"""A recipient filter as a condition on the directory's own tables.

SQL knows a third truth, NULL, which `NOT` leaves as it is.  LDAP and people do not: who has no
department is not in Sales.  So each condition below says false, never NULL, of a blank.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.sql.selectable import CompoundSelect

from kairan.directory.database import schema
from kairan.directory.recipient_filter.folding import fold, fold_parts
from kairan.directory.recipient_filter.predicate import ATTRIBUTE_OF
from kairan.directory.recipient_filter.properties import DETAILS, OUTSIDE, WITHOUT_LOGIN, Property
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

_ESCAPE = "\\"


class kairan_fold(GenericFunction[str]):  # noqa: N801 - the name of the function in SQL
    """`folding.fold` of a column.  SQLite calls it (database.py registers it); PostgreSQL has it."""

    type = String()
    inherit_cache = True


@compiles(kairan_fold, "postgresql")
def _fold_in_postgresql(element: kairan_fold, compiler: SQLCompiler, **options: Any) -> str:
    # ICU's root collation maps every alphabet to lower case, whatever the database was made with.
    text = compiler.process(element.clauses, **options)
    words = f"btrim(regexp_replace(normalize({text}, NFKC), '\\s+', ' ', 'g'))"
    return f'lower({words} COLLATE "und-x-icu")'


@dataclass(frozen=True, slots=True)
class _Table:
    """Where the values of one kind of recipient are; a property that is not here is blank."""

    address: ColumnElement[str]
    details: ColumnElement[str]  # its RecipientTypeDetails by name
    texts: Mapping[str, ColumnElement[str | None]]
    flags: Mapping[str, ColumnElement[bool]]
    numbers: Mapping[str, ColumnElement[int | None]]


def _named(name: ColumnElement[str]) -> dict[str, ColumnElement[Any]]:
    display_name = func.nullif(name, "")
    return {"DisplayName": display_name, "Name": display_name}


_MAILBOX = _Table(
    schema.mailbox.c.address,
    schema.mailbox.c.recipient_type,
    {
        **_named(schema.mailbox.c.display_name),
        **{
            name: schema.mailbox.c[schema.attribute_column(attribute)]
            for name, attribute in ATTRIBUTE_OF.items()
        },
    },
    {
        "HiddenFromAddressListsEnabled": schema.mailbox.c.hidden,
        "UserAccountControl": or_(
            not_(schema.mailbox.c.enabled),
            schema.mailbox.c.recipient_type.in_(sorted(WITHOUT_LOGIN)),
        ),
    },
    {
        "CountryCode": schema.mailbox.c.country_code,
        "WhenCreated": schema.mailbox.c.when_created,
    },
)
_IS_DYNAMIC = exists().where(schema.dynamic_group.c.address == schema.group.c.address)
_GROUP = _Table(
    schema.group.c.address,
    case(
        (_IS_DYNAMIC, literal("DynamicDistributionGroup")),
        else_=literal("MailUniversalDistributionGroup"),
    ),
    _named(schema.group.c.display_name),
    {"HiddenFromAddressListsEnabled": schema.group.c.hidden},
    {},
)
# An HVE account is a mail user to Exchange.
_ACCOUNT = _Table(
    schema.account.c.address,
    literal("MailUser"),
    _named(schema.account.c.display_name),
    {"UserAccountControl": not_(schema.account.c.enabled)},
    {},
)


# Contacts alone may have an address of another domain.
_IS_REACHED_INSIDE = or_(
    schema.mailbox.c.recipient_type.not_in(sorted(OUTSIDE)),
    exists().where(
        schema.mailbox.c.address.like(
            literal("%@") + func.replace(schema.accepted_domain.c.domain, "_", "\\_"),
            escape=_ESCAPE,
        )
    ),
)


def members(tree: Filter) -> CompoundSelect[str]:
    """The primary addresses of all recipients it fits, whatever they are, in order."""
    found = union_all(*(_members(tree, table) for table in (_MAILBOX, _GROUP, _ACCOUNT)))
    return found.order_by("address")


def mailboxes(tree: Filter) -> Select[str]:
    return _members(tree, _MAILBOX)


def membership(tree: Filter, group: str, *, external: bool) -> Select[str]:
    """The members of a dynamic group, in order: whom it fits of those who may be members of groups.

    An account has no mailbox.  Who has left is disabled.  `external`: recipients outside the accepted
    domains are allowed.  A group is no member of itself.
    """
    people = _members(tree, _MAILBOX).where(schema.mailbox.c.enabled)
    if not external:
        people = people.where(_IS_REACHED_INSIDE)
    inner = _members(tree, _GROUP).where(schema.group.c.address != group)
    found = union_all(people, inner).subquery()
    return select(found.c.address).order_by(found.c.address)


def left_out(tree: Filter, *, external: bool) -> Mapping[str, Select[int]]:
    """How many it fits that `membership` has not, by why."""
    fitting = _members(tree, _MAILBOX)
    disabled = fitting.where(not_(schema.mailbox.c.enabled))
    outside = fitting.where(schema.mailbox.c.enabled, not_(_IS_REACHED_INSIDE))
    queries = {"disabled": disabled, "accounts": _members(tree, _ACCOUNT)}
    if not external:
        queries["external"] = outside
    return {why: select(func.count()).select_from(one.subquery()) for why, one in queries.items()}


def _members(tree: Filter, table: _Table) -> Select[str]:
    return select(table.address).where(_condition(tree, table).element)


# SQLite's parser holds 100 symbols, a level needs up to four, and what stands around them some thirty
# (https://sqlite.org/compile.html#yystackdepth).
_LEVELS_MAX = 8


@dataclass(frozen=True, slots=True)
class _Condition:
    """`levels`: how deep it nests as SQL is written."""

    element: ColumnElement[bool]
    levels: int = 1


def _condition(tree: Filter, table: _Table) -> _Condition:
    """A filter nests deeper than a statement may; what is too deep is a table of its own before it."""
    match tree:
        case Not(part):
            inner = _condition(part, table)
            found = _Condition(not_(inner.element), inner.levels + 1)
        case And(parts):
            found = _joined(and_, parts, table)
        case Or(parts):
            found = _joined(or_, parts, table)
        case _:
            return _Condition(_single(tree, table))
    if found.levels < _LEVELS_MAX:
        return found
    fitting = select(table.address.label("address")).where(found.element).cte()
    return _Condition(table.address.in_(select(fitting.c.address)))


def _joined(
    join: Callable[..., ColumnElement[bool]], parts: tuple[Filter, ...], table: _Table
) -> _Condition:
    each = [_condition(part, table) for part in parts]
    return _Condition(join(*(one.element for one in each)), 1 + max(one.levels for one in each))


def _single(
    tree: Equals | Matches | Compares | IsBlank | OfType, table: _Table
) -> ColumnElement[bool]:
    match tree:
        case Equals(wanted, bool(value)):
            flag = table.flags.get(wanted.name, false())
            return flag if value else not_(flag)
        case Equals(wanted, str(value)):
            return _some_text(wanted, table, fold(value), is_pattern=False)
        case Equals(wanted, value):
            column = table.numbers.get(wanted.name)
            return false() if column is None else and_(column.is_not(None), column == value)
        case Matches(wanted, parts):
            return _some_text(wanted, table, _pattern(parts), is_pattern=True)
        case Compares(wanted, order, value):
            return _compares(table.numbers.get(wanted.name), order, value)
        case IsBlank(wanted):
            return _is_blank(wanted, table)
        case OfType(details):
            return table.details.in_([name for name, n in DETAILS.items() if n in details])
        case _ as never:
            assert_never(never)


def _some_text(
    wanted: Property, table: _Table, text: str, *, is_pattern: bool
) -> ColumnElement[bool]:
    """One of its values, where it has several, is the text or fits the pattern."""

    def fits(column: ColumnElement[Any]) -> ColumnElement[bool]:
        folded = kairan_fold(column)
        return folded.like(text, escape=_ESCAPE) if is_pattern else folded == text

    if wanted.is_address:
        of_same = schema.address.c.owner == table.address
        return exists().where(of_same, fits(literal("smtp:") + schema.address.c.key))
    if wanted.name == "MemberOfGroup":
        return exists().where(_is_member(table), fits(schema.member.c.group_address))
    column = table.texts.get(wanted.name)
    return false() if column is None else and_(column.is_not(None), fits(column))


def _is_member(table: _Table) -> ColumnElement[bool]:
    """Of a static group: as in Active Directory, and so no list follows from itself."""
    group = schema.member.c.group_address
    dynamic = group.in_(select(schema.dynamic_group.c.address))
    return and_(schema.member.c.address == table.address, not_(dynamic))


def _pattern(parts: tuple[str, ...]) -> str:
    return "%".join(map(_escaped, fold_parts(parts)))


def _escaped(part: str) -> str:
    for letter in (_ESCAPE, "%", "_"):
        part = part.replace(letter, _ESCAPE + letter)
    return part


def _compares(
    column: ColumnElement[int | None] | None, order: Inequality, value: int
) -> ColumnElement[bool]:
    if column is None:
        return false()
    compared: ColumnElement[bool] = {
        Inequality.LESS: column < value,
        Inequality.AT_MOST: column <= value,
        Inequality.GREATER: column > value,
        Inequality.AT_LEAST: column >= value,
    }[order]
    return and_(column.is_not(None), compared)


def _is_blank(wanted: Property, table: _Table) -> ColumnElement[bool]:
    if wanted.is_address:
        return false()
    if wanted.name == "MemberOfGroup":
        return not_(exists().where(_is_member(table)))
    column: ColumnElement[Any] | None = table.texts.get(wanted.name)
    if column is None:
        column = table.numbers.get(wanted.name)
    return true() if column is None else column.is_(None)
