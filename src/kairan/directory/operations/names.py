"""The register of addresses: each one belongs to one account, mailbox or group."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, delete, select, update

from kairan.directory.database import schema
from kairan.directory.database.database import BATCH_ROWS, insert_rows, one_of
from kairan.directory.errors import DirectoryError
from kairan.mail.address import Address, domain_of, key_of, parse_address
from kairan.outcomes.outcome import Text

T = TypeVar("T")

_IN_BATCHES = {"yield_per": BATCH_ROWS}


class AddressKind(StrEnum):
    ACCOUNT = "account"
    MAILBOX = "mailbox"
    GROUP = "group"


_JAPANESE = {
    AddressKind.ACCOUNT: "アカウント",
    AddressKind.MAILBOX: "メールボックス",
    AddressKind.GROUP: "グループ",
}


def key(text: str) -> str:
    """What an address is stored under, or an error if it is none."""
    address = parse_address(text.strip(), utf8=True)
    if address is None:
        raise DirectoryError(
            Text(f"{text!r} is not an e-mail address", f"{text!r} はメール アドレスではありません")
        )
    return key_of(address)


def line(label: str, text: str) -> str:
    """Text that may end in a header field, and so holds no line end and no control character."""
    if not text.isprintable():
        raise DirectoryError(
            Text(
                f"{label} {text!r} holds a control character",
                f"{label} {text!r} に制御文字が含まれています",
            )
        )
    return text


def name(label: str, text: str) -> str:
    """A line by which people call a thing in commands; nobody sees a blank at its ends."""
    if not text or text != text.strip():
        raise DirectoryError(
            Text(
                f"{label} {text!r} is empty, or has a blank at one of its ends",
                f"{label} {text!r} が空欄か、前後に空白があります",
            )
        )
    return line(label, text)


def keys(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(key(text) for text in texts)


def batches(items: Iterable[T]) -> Iterator[Sequence[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH_ROWS)):
        yield batch


def owners(connection: Connection, wanted: Iterable[str]) -> dict[str, tuple[AddressKind, str]]:
    """Kind and primary address of those of the keys that are known."""
    table = schema.address.c
    found: dict[str, tuple[AddressKind, str]] = {}
    for batch in batches(wanted):
        query = select(table.key, table.kind, table.owner).where(
            one_of(connection, table.key, batch)
        )
        found |= {
            known: (AddressKind(kind), owner) for known, kind, owner in connection.execute(query)
        }
    return found


def primary(connection: Connection, text: str, kind: AddressKind) -> str:
    """The primary address of an existing account, mailbox or group, by any of its addresses."""
    wanted = key(text)
    found = owners(connection, [wanted]).get(wanted)
    if found is None:
        raise DirectoryError(
            Text(f"there is no {kind} {wanted}", f"{_JAPANESE[kind]} {wanted} はありません")
        )
    if found[0] is not kind:
        raise DirectoryError(
            Text(
                f"{wanted} is not {_a(kind)}, but belongs to the {found[0]} {found[1]}",
                f"{wanted} は{_JAPANESE[kind]}ではなく、{_JAPANESE[found[0]]} {found[1]} のアドレスです",
            )
        )
    return found[1]


def accepted_domains(connection: Connection) -> frozenset[str]:
    return frozenset(connection.execute(select(schema.accepted_domain.c.domain)).scalars())


def check_free(
    connection: Connection, wanted: Collection[str], *, is_outside: bool = False
) -> None:
    """`is_outside`: of somebody whose mailbox is not ours, so that any domain will do."""
    domains = accepted_domains(connection)
    for address in () if is_outside else sorted(wanted):
        check_domain(address, domains)
    for taken, (kind, owner) in sorted(owners(connection, wanted).items()):
        raise taken_by(taken, kind, owner)


def check_domain(address: str, domains: Collection[str]) -> None:
    domain = domain_of(Address(address))
    if domain not in domains:
        raise DirectoryError(
            Text(
                f"{address}: {domain} is not an accepted domain; add it to the accepted domains first",
                f"{address}: {domain} は受け入れドメインではありません。先に追加してください",
            ),
            about=address,
        )


def taken_by(address: str, kind: AddressKind, owner: str) -> DirectoryError:
    what = _a(kind) if address == owner else f"an alias of the {kind} {owner}"
    owned = _JAPANESE[kind] if address == owner else f"{_JAPANESE[kind]} {owner} の別名"
    said = Text(
        f"{address} exists already: it is {what}", f"{address} はすでに使われています（{owned}）"
    )
    return DirectoryError(said, about=address)


def register(
    connection: Connection,
    kind: AddressKind,
    owner: str,
    aliases: Iterable[str],
    *,
    is_outside: bool = False,
) -> None:
    everything = {owner, *aliases}
    check_free(connection, everything, is_outside=is_outside)
    insert_rows(connection, schema.address, [row(item, kind, owner) for item in everything])


def row(address: str, kind: AddressKind, owner: str) -> dict[str, object]:
    return {"key": address, "kind": kind.value, "owner": owner, "is_former": False}


def replace_aliases(
    connection: Connection,
    kind: AddressKind,
    owner: str,
    aliases: frozenset[str],
    *,
    is_outside: bool = False,
) -> None:
    table = schema.address
    mine = table.c.owner == owner
    before = frozenset(connection.execute(select(table.c.key).where(mine)).scalars()) - {owner}
    after = aliases - {owner}
    added = after - before
    check_free(connection, added, is_outside=is_outside)
    connection.execute(delete(table).where(mine, table.c.key.in_(before - after)))
    insert_rows(connection, table, [row(item, kind, owner) for item in added])


def unregister(connection: Connection, owner: str) -> None:
    connection.execute(delete(schema.address).where(schema.address.c.owner == owner))


def aliases_of(connection: Connection, owners_: Sequence[str]) -> dict[str, frozenset[str]]:
    """Aliases by primary address; those without any are not in the answer."""
    table = schema.address.c
    query = select(table.owner, table.key).where(
        one_of(connection, table.owner, owners_), table.key != table.owner
    )
    found: dict[str, set[str]] = {}
    for owner, alias in connection.execute(query):
        found.setdefault(owner, set()).add(alias)
    return {owner: frozenset(aliases) for owner, aliases in found.items()}


# -- addresses of before ---------------------------------------------------------------------------
#
# Who gets another primary address keeps the one before as an alias, though its source does not name it.
# It is the holder's as long as nobody is called so now.


def former_of(connection: Connection, owners_: Collection[str]) -> Mapping[str, frozenset[str]]:
    """By who has them now."""
    table = schema.address.c
    query = select(table.owner, table.key).where(
        one_of(connection, table.owner, owners_), table.is_former
    )
    found: dict[str, set[str]] = {}
    for owner, former in connection.execute(query):
        found.setdefault(owner, set()).add(former)
    return {owner: frozenset(keys_) for owner, keys_ in found.items()}


def former_among(connection: Connection, addresses: Collection[str]) -> set[str]:
    table = schema.address.c
    query = select(table.key).where(one_of(connection, table.key, addresses), table.is_former)
    return set(connection.execute(query).scalars())


def mark_former(
    connection: Connection, addresses: Collection[str], *, is_former: bool = True
) -> None:
    """`is_former` False: their holder's source names them after all."""
    table = schema.address
    for batch in batches(addresses):
        its = one_of(connection, table.c.key, batch)
        connection.execute(update(table).where(its).values(is_former=is_former))


def release_former(connection: Connection, addresses: Collection[str]) -> None:
    """Somebody is called so now: who was before gives it up."""
    table = schema.address
    for batch in batches(addresses):
        if former := former_among(connection, batch):
            connection.execute(delete(table).where(one_of(connection, table.c.key, former)))


def _a(kind: AddressKind) -> str:
    return f"an {kind}" if kind is AddressKind.ACCOUNT else f"a {kind}"


def recipients(connection: Connection) -> Iterator[tuple[str, AddressKind, str]]:
    """All addresses of mailboxes and groups, aliases too, each with its owner; in no order."""
    table = schema.address.c
    query = select(table.key, table.kind, table.owner).where(table.kind != AddressKind.ACCOUNT)
    for address, kind, owner in connection.execute(query, execution_options=_IN_BATCHES):
        yield address, AddressKind(kind), owner
