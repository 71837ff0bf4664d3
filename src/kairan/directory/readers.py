"""Who reads what is sent to an address without a mailbox: a postmaster, an account.

Every accepted domain has a postmaster (RFC 5321 section 4.5.1).  An account has none to read for it,
and yet a bounce of another server comes to the envelope's sender, which is the account where an MTA
relays through it: its Reply-To is where a person reads (Set-HVEAccountSettings).
"""

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


def reader_of(snapshot: Snapshot, address: str) -> Address | None:
    """None: it is no account, or has no Reply-To.  One step: two accounts that name each other
    would send a message round for ever.
    """
    account = snapshot.account(address)
    if account is None or not account.reply_to or snapshot.account(account.reply_to) is not None:
        return None
    return Address(account.reply_to)


def _is_reached(snapshot: Snapshot, address: Address) -> bool:
    group = snapshot.group(address)
    if group is not None:
        return group.enabled
    return snapshot.resolve(address) is not None and snapshot.account(address) is None
