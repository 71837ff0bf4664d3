"""The organisation's own row and its accepted domains."""

from typing import TypedDict

from sqlalchemy import Connection, delete, func, insert, select, update

from kairan.directory.database import schema
from kairan.directory.errors import DirectoryError
from kairan.directory.model import Organisation
from kairan.directory.operations import groups, members, names, policies
from kairan.directory.operations.names import AddressKind
from kairan.mail.address import Address, domain_of
from kairan.outcomes.outcome import Text


class OrganisationFields(TypedDict, total=False):
    name: str
    postmaster: str
    moderation_address: str
    external_recipients_allowed: bool
    security_defaults: bool
    smtp_client_authentication_disabled: bool


def read(connection: Connection) -> Organisation:
    row = connection.execute(select(schema.organisation)).mappings().one()
    return Organisation(
        **{name: value for name, value in row.items() if name != "id"},
        accepted_domains=names.accepted_domains(connection),
        relayed_domains=_relayed_domains(connection),
        policies=policies.everyone(connection),
    )


def change(connection: Connection, fields: OrganisationFields) -> None:
    values = dict(fields)
    if "name" in fields:
        names.line("the organisation's name", fields["name"])
    if postmaster := fields.get("postmaster"):
        values["postmaster"] = names.key(postmaster)
    if moderation := fields.get("moderation_address"):
        values["moderation_address"] = _free_address(connection, moderation)
    if values:
        connection.execute(update(schema.organisation).values(values))


def add_domain(connection: Connection, domain: str, *, is_relayed: bool = False) -> None:
    wanted = _domain(domain)
    if wanted in names.accepted_domains(connection):
        raise DirectoryError(
            Text(
                f"{wanted} is an accepted domain already", f"{wanted} はすでに受け入れドメインです"
            )
        )
    connection.execute(insert(schema.accepted_domain).values(domain=wanted, is_relayed=is_relayed))


def _relayed_domains(connection: Connection) -> frozenset[str]:
    table = schema.accepted_domain.c
    return frozenset(connection.execute(select(table.domain).where(table.is_relayed)).scalars())


def remove_domain(connection: Connection, domain: str) -> None:
    wanted = _domain(domain)
    if wanted not in names.accepted_domains(connection):
        raise DirectoryError(
            Text(
                f"{wanted} is not an accepted domain", f"{wanted} は受け入れドメインではありません"
            )
        )
    column = schema.address.c.key
    inside = select(func.count()).where(column.endswith(f"@{wanted}", autoescape=True))
    if used := connection.execute(inside).scalar():
        raise DirectoryError(
            Text(
                f"{wanted} is still used by {used} addresses; remove them first",
                f"{wanted} は {used} 件のアドレスで使われています。先に削除してください",
            )
        )
    connection.execute(
        delete(schema.accepted_domain).where(schema.accepted_domain.c.domain == wanted)
    )


def postmaster_problem(connection: Connection) -> str:
    """Why what has nowhere else to go reaches nobody, and what to do; empty: it reaches somebody.

    Of an address outside, or at another server, only its owner knows.
    """
    own = read(connection)
    address = own.postmaster
    if not address:
        return (
            "the organisation has no postmaster, so reports that have nowhere else to go are lost: "
            "`kairan organisation set --postmaster ADDRESS`"
        )
    if domain_of(Address(address)) not in own.accepted_domains - own.relayed_domains:
        return ""
    why = _why_unreachable(connection, address)
    return why and (
        f"the organisation's postmaster {address} {why}, so reports that have nowhere else to go are "
        f"lost: `kairan mailbox add {address}`, or `kairan organisation set --postmaster ADDRESS`"
    )


def _why_unreachable(connection: Connection, address: str) -> str:
    kind, owner = names.owners(connection, [address]).get(address, (None, address))
    match kind:
        case None:
            return "does not exist"
        case AddressKind.MAILBOX:
            return ""
        case AddressKind.ACCOUNT:
            return "is an account, which has no mailbox"
        case AddressKind.GROUP:
            return _why_group_is_mute(connection, owner)


def _why_group_is_mute(connection: Connection, address: str) -> str:
    group = groups.one(connection, address)
    if group is None or not group.enabled:
        return "is a disabled group"
    return "" if next(members.stream(connection, address), None) else "is a group without members"


def _free_address(connection: Connection, address: str) -> str:
    """The service reads what is sent to it: it is nobody's mailbox."""
    wanted = names.key(address)
    if domain_of(Address(wanted)) not in names.accepted_domains(connection):
        raise DirectoryError(f"{wanted} is in no accepted domain, so no answer would come")
    if names.owners(connection, [wanted]):
        raise DirectoryError(
            f"{wanted} is in use; moderators' answers need an address of their own"
        )
    return wanted


def _domain(text: str) -> str:
    try:
        return domain_of(Address(names.key(f"x@{text.strip().removeprefix('@')}")))
    except DirectoryError as error:
        raise DirectoryError(
            Text(f"{text!r} is not a domain name", f"{text!r} はドメイン名ではありません")
        ) from error
