"""The postmaster that every accepted domain has (RFC 5321 section 4.5.1)."""

from kairan.directory.model import Snapshot
from kairan.mail.address import POSTMASTER, Address, domain_of, is_postmaster, key_of


def stand_in(snapshot: Snapshot, address: Address) -> Address | None:
    """Who gets what is written to this postmaster; None: it is none, or has a mailbox of its own.

    An account cannot be written to, nor a group that is disabled: mail to a postmaster of that name
    goes to the organisation's, as where there is nobody of the name.
    """
    if not is_postmaster(address):
        return None
    organisation = snapshot.organisation
    postmaster = Address(organisation.postmaster)
    if address == POSTMASTER:
        return postmaster or None
    if domain_of(address) not in organisation.accepted_domains or _is_reached(snapshot, address):
        return None
    return postmaster if key_of(postmaster) != key_of(address) and postmaster else None


def _is_reached(snapshot: Snapshot, address: Address) -> bool:
    group = snapshot.group(address)
    if group is not None:
        return group.enabled
    return snapshot.resolve(address) is not None and snapshot.account(address) is None
