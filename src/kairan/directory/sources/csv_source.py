"""People and groups from CSV files that another program writes: all of a file, or nothing of it.

    people   id, address, displayName, aliases, groups, the attributes of mailboxes, countryCode, hidden,
             enabled, recipientType.  `id`: what never changes, such as a personnel number; without
             the column it is the address, and then who is renamed is somebody else.
    groups   address, displayName, hidden, groups.  Optional: a group that a person names exists.

`groups` are addresses between semicolons.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kairan.directory.bulk.csv_import import country_code
from kairan.directory.bulk.csv_rows import CsvFile, CsvRow, aliases, words, yes_or_no
from kairan.directory.errors import DirectoryError
from kairan.directory.model import MAILBOX_ATTRIBUTES
from kairan.directory.operations import mailboxes, names
from kairan.directory.sources.settings import SourceSettings
from kairan.directory.sources.values import Present, Reading, SourceGroup, SourcePerson

PEOPLE_COLUMNS = (
    "id",
    "address",
    "displayName",
    "aliases",
    "groups",
    *MAILBOX_ATTRIBUTES,
    "countryCode",
    "hidden",
    "enabled",
    "recipientType",
)
GROUP_COLUMNS = ("address", "displayName", "hidden", "groups")


def read_csv(settings: SourceSettings) -> Reading:
    """DirectoryError where a file cannot be read or a row is broken."""
    if settings.file is None:
        raise DirectoryError(f"the source {settings.name} has no file; write file = …")
    heads: dict[str, SourceGroup] = {}
    members: dict[str, set[str]] = {}
    if settings.groups_file is not None:
        for row in _rows(settings.groups_file, GROUP_COLUMNS):
            heads[row.address] = _group(row)
            _enter(row, row.address, members)
    people = [_person(row, members) for row in _rows(settings.file, PEOPLE_COLUMNS)]
    ids = [one.id for one in people]
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise DirectoryError(f"{settings.file}: the id {twice!r} stands there twice")
    for address in members:
        heads.setdefault(address, SourceGroup(address, address))
    groups = [replace(one, members=frozenset(members.get(one.id, ()))) for one in heads.values()]
    return Reading(people, groups, present=Present(frozenset(ids), frozenset(heads)))


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[CsvRow]:
    file = CsvFile(path, columns)
    yield from file.rows()
    file.finish()


def _person(row: CsvRow, members: dict[str, set[str]]) -> SourcePerson:
    cells = row.cells
    id_ = names.line("id", cells.get("id", "")) or row.address
    _enter(row, id_, members)
    texts = {
        name: mailboxes.attribute_value(name, cells.get(name.lower(), ""))
        for name in MAILBOX_ATTRIBUTES
    }
    return SourcePerson(
        id=id_,
        address=row.address,
        aliases=frozenset(aliases(row)) - {row.address},
        display_name=names.line("displayName", cells.get("displayname", "")),
        attributes={name: text for name, text in texts.items() if text},
        country_code=country_code(cells.get("countrycode", "")),
        recipient_type=cells.get("recipienttype") or "UserMailbox",
        enabled=yes_or_no("enabled", cells.get("enabled") or "yes"),
        hidden=yes_or_no("hidden", cells.get("hidden") or "no"),
    )


def _group(row: CsvRow) -> SourceGroup:
    return SourceGroup(
        id=row.address,
        address=row.address,
        display_name=names.line("displayName", row.cells.get("displayname", "")),
        hidden=yes_or_no("hidden", row.cells.get("hidden") or "no"),
    )


def _enter(row: CsvRow, member: str, members: dict[str, set[str]]) -> None:
    for word in words(row.cells.get("groups", "")):
        members.setdefault(names.key(word), set()).add(member)
