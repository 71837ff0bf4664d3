"""Documents become recipients, one by one, within the transaction that is given.

Who is pushed under the address of a mailbox that was put in by hand takes it over: that is how an
organisation that had a CSV begins with Entra.  An address of anybody else is refused.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from sqlalchemy import Connection

from kairan.directory.errors import DirectoryError, DirectoryUnavailableError
from kairan.directory.operations import groups, mailboxes, members, names, organisation
from kairan.directory.operations.mailboxes import MailboxFields
from kairan.directory.operations.names import AddressKind
from kairan.directory.operations.scim_resources import Pushed, ScimRows
from kairan.directory.recipient_filter.properties import is_outside
from kairan.mail.address import Address, domain_of
from kairan.outcomes import scim_endpoint
from kairan.scim.documents import ListDocument, PersonDocument
from kairan.scim.errors import ScimRequestError
from kairan.scim.memberships import MemberChange
from kairan.scim.recipients import (
    ATTRIBUTES,
    PushedRecipient,
    group_mail,
    is_hidden,
    made_address,
    manager_of,
    recipient_of,
)

SOURCE = "scim"  # what mailboxes that were pushed have as their source


def push_person(rows: ScimRows, pushed: Pushed, document: PersonDocument) -> Pushed:
    """With the address of the recipient that was made; empty: there is none to write to."""
    connection = rows.connection
    manager = manager_of(document)
    recipient = recipient_of(
        document,
        names.accepted_domains(connection),
        manager=rows.addresses([manager]).get(manager, "") if manager else "",
    )
    if recipient is None:
        _remove_person(rows, pushed)
        return replace(pushed, address="")
    try:
        return _put(rows, pushed, recipient)
    except DirectoryUnavailableError:
        raise
    except DirectoryError as error:
        problem = scim_endpoint.UNIQUENESS if error.about else scim_endpoint.INVALID_VALUE
        raise ScimRequestError(problem, str(error)) from error


def push_group(
    rows: ScimRows, pushed: Pushed, document: ListDocument, domain: str | None
) -> Pushed:
    """An address that was made stays when the group is renamed: people know it."""
    connection = rows.connection
    wanted = group_mail(document) or pushed.address or _made(connection, pushed, domain)
    try:
        if not pushed.address:
            groups.add(connection, wanted, {})
        elif wanted != pushed.address:
            groups.rename(connection, pushed.address, wanted)
        fields = groups.GroupFields(
            display_name=document.display_name or "", hidden=is_hidden(document)
        )
        groups.change(connection, wanted, fields)
    except DirectoryUnavailableError:
        raise
    except DirectoryError as error:
        problem = scim_endpoint.UNIQUENESS if error.about else scim_endpoint.INVALID_VALUE
        raise ScimRequestError(problem, str(error)) from error
    return replace(pushed, address=wanted)


def push_members(rows: ScimRows, group: Pushed, change: MemberChange) -> None:
    """`change` as it was asked for; who is a member already, or is none, changes nothing."""
    if change.is_all:
        present = set(rows.members(group.id))
        change = MemberChange(added=change.added - present, removed=present - change.added)
    _check_members(rows, group, change.added)
    rows.remove_members(group.id, change.removed)
    rows.add_members(group.id, change.added)
    gone = _recipients(rows.addresses(change.removed))
    members.discard(rows.connection, group.address, gone)
    _join(rows.connection, group.address, _recipients(rows.addresses(change.added)))


def forget(rows: ScimRows, gone: Pushed) -> None:
    """Entra removes who was disabled 30 days before; so there is no other grace here."""
    if not gone.address:
        return
    remove = groups.remove if gone.is_group else mailboxes.remove
    if _owner(rows.connection, gone.address) is None:
        return  # removed by hand meanwhile
    try:
        remove(rows.connection, gone.address)
    except DirectoryUnavailableError:
        raise
    except DirectoryError as error:
        raise ScimRequestError(scim_endpoint.INVALID_VALUE, str(error)) from error


def _put(rows: ScimRows, pushed: Pushed, recipient: PushedRecipient) -> Pushed:
    connection = rows.connection
    before = pushed.address if _owner(connection, pushed.address) else ""
    _release(connection, pushed, recipient.addresses)
    had = names.former_of(connection, [before]).get(before, frozenset()) if before else frozenset()
    former = (had | ({before} - {""})) - recipient.addresses
    if not is_outside(recipient.recipient_type):
        domains = names.accepted_domains(connection)
        former = frozenset(one for one in former if domain_of(Address(one)) in domains)
    fields = _fields(pushed, recipient, former)
    if before or _is_by_hand(connection, recipient.address):
        _change(connection, before or recipient.address, recipient, fields)
    else:
        mailboxes.add(connection, recipient.address, fields)
    names.mark_former(connection, recipient.addresses, is_former=False)
    names.mark_former(connection, former)
    if not before:
        _join_groups(rows, pushed.id, recipient.address)
    return replace(pushed, address=recipient.address)


def _change(
    connection: Connection, before: str, recipient: PushedRecipient, fields: MailboxFields
) -> None:
    """Who moves out of our domains is an outsider before it is renamed, and who moves into them
    afterwards: an address of another domain is an outsider's alone.
    """
    if is_outside(recipient.recipient_type):
        mailboxes.change(connection, before, {"recipient_type": recipient.recipient_type})
    mailboxes.rename(connection, before, recipient.address)
    mailboxes.change(connection, recipient.address, {"aliases": fields["aliases"]})
    mailboxes.change(connection, recipient.address, fields)


def _fields(pushed: Pushed, recipient: PushedRecipient, former: Collection[str]) -> MailboxFields:
    return MailboxFields(
        display_name=recipient.display_name,
        aliases=(recipient.addresses | set(former)) - {recipient.address},
        hidden=recipient.hidden,
        attributes={name: recipient.attributes.get(name, "") for name in ATTRIBUTES},
        recipient_type=recipient.recipient_type,
        enabled=recipient.enabled,
        source=SOURCE,
        source_id=pushed.id,
    )


def _owner(connection: Connection, address: str) -> tuple[AddressKind, str] | None:
    return names.owners(connection, [address]).get(address) if address else None


def _is_by_hand(connection: Connection, address: str) -> bool:
    box = mailboxes.one(connection, address)
    return box is not None and box.address == address and not box.source


def _release(connection: Connection, pushed: Pushed, wanted: Collection[str]) -> None:
    """An address that somebody else had once."""
    held = names.owners(connection, wanted)
    names.release_former(
        connection, [one for one, (_, owner) in held.items() if owner != pushed.address]
    )


def _remove_person(rows: ScimRows, pushed: Pushed) -> None:
    if _owner(rows.connection, pushed.address) is not None:
        mailboxes.remove(rows.connection, pushed.address)


def _join_groups(rows: ScimRows, id_: str, address: str) -> None:
    """Of the groups it was put into before it had an address."""
    for group in rows.addresses(rows.groups_of(id_)).values():
        _join(rows.connection, group, [address])


def _join(connection: Connection, group: str, addresses: Collection[str]) -> None:
    """People of other organisations join where the organisation writes to such at all."""
    rules = organisation.read(connection)
    allowed = [
        one
        for one in addresses
        if rules.external_recipients_allowed or domain_of(Address(one)) in rules.accepted_domains
    ]
    members.add(connection, group, allowed)


def _recipients(addresses: Mapping[str, str]) -> list[str]:
    return [address for address in addresses.values() if address]


def _check_members(rows: ScimRows, group: Pushed, ids: Collection[str]) -> None:
    if group.id in ids:
        raise ScimRequestError(scim_endpoint.INVALID_VALUE, "a group cannot be a member of itself")
    missing = set(ids) - rows.addresses(ids).keys()
    if missing:
        raise ScimRequestError(
            scim_endpoint.INVALID_VALUE, f"there is no user or group {min(missing)}"
        )


def _made(connection: Connection, pushed: Pushed, domain: str | None) -> str:
    domains = sorted(names.accepted_domains(connection))
    if domain is None and len(domains) != 1:
        raise ScimRequestError(
            scim_endpoint.GROUP_WITHOUT_ADDRESS,
            f"there are {len(domains)} accepted domains, and group_domain names none of them",
        )
    return made_address(pushed.name, pushed.id, domain or domains[0])
