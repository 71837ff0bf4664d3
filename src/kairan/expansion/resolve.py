"""What one address means in the directory now: Exchange's RESOLVE event."""

from kairan.directory.model import Group, Snapshot
from kairan.directory.readers import reader_of, stand_in
from kairan.mail.address import Address, domain_of, key_of
from kairan.mail.envelope import Notify, Recipient
from kairan.mail.xtext import encode_xtext
from kairan.outcomes.catalogue import RECIPIENT_UNKNOWN
from kairan.outcomes.outcome import Outcome


def resolve(recipient: Recipient, snapshot: Snapshot) -> Recipient | Group | Outcome:
    """The recipient under its primary address, the group it names, or why there is none.

    An address outside the accepted domains is not ours to know, nor one whose mailbox is at another
    server: it goes on as it is.  An HVE
    account has no mailbox: what is for it goes to its Reply-To, and is refused where it has none.

    The organisation's postmaster exists even without a mailbox, and stands in for those of all
    accepted domains (RFC 5321 section 4.5.1).
    """
    address = recipient.address
    postmaster = stand_in(snapshot, address)
    if postmaster is not None:
        return resolve(_renamed(recipient, postmaster), snapshot)
    group = snapshot.group(address)
    if group is not None:
        return group if group.enabled else RECIPIENT_UNKNOWN
    primary = snapshot.resolve(address)
    if primary is not None and snapshot.account(primary) is not None:
        reader = reader_of(snapshot, primary)
        return resolve(_renamed(recipient, reader), snapshot) if reader else RECIPIENT_UNKNOWN
    if primary is not None:
        return recipient if primary == address else _renamed(recipient, primary)
    if key_of(address) == key_of(snapshot.organisation.postmaster):
        return recipient
    domain, organisation = domain_of(address), snapshot.organisation
    if domain in organisation.accepted_domains and domain not in organisation.relayed_domains:
        return RECIPIENT_UNKNOWN
    return recipient


def _renamed(recipient: Recipient, primary: str) -> Recipient:
    """RFC 3461 section 5.2.7.2: an alias passes on NOTIFY, and ORCPT keeps what was written."""
    if key_of(recipient.address) == key_of(primary):
        return recipient._replace(address=Address(primary))
    orcpt = recipient.orcpt or orcpt_of(recipient.address)
    return recipient._replace(address=Address(primary), orcpt=orcpt)


def orcpt_of(address: str) -> str:
    """RFC 3461 section 4.2; beyond ASCII the address type of RFC 6533 section 3."""
    return f"{'rfc822' if address.isascii() else 'utf-8'};{encode_xtext(address)}"


def for_members(group: Group, recipient: Recipient) -> tuple[Notify, str]:
    """NOTIFY and ORCPT that the members get from the group's recipient.

    ReportToOriginator on: an alias with many recipients (RFC 3461 section 5.2.7.3).  Success is
    answered by the report "expanded", so SUCCESS goes no further, and where nothing else was asked for,
    nothing more is reported.  Off: a list whose members are nobody's business (sections 5.2.7.1
    and 5.2.7.4); our message keeps its sender, so NEVER is what keeps their reports from it.  An
    owner's list is one whose failures an owner hears of.
    """
    if group.report_to_manager:
        return Notify.FAILURE, ""
    if not group.report_to_originator:
        return Notify.NEVER, ""
    orcpt = recipient.orcpt or orcpt_of(recipient.address)
    if Notify.SUCCESS not in recipient.notify:
        return recipient.notify, orcpt
    return (recipient.notify & ~Notify.SUCCESS) or Notify.NEVER, orcpt
