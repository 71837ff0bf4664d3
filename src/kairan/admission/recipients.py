"""Who may receive: mailboxes and groups of the accepted domains; others where that is allowed."""

from kairan.admission.settings import AdmissionSettings
from kairan.directory.model import Snapshot
from kairan.directory.readers import reader_of, stand_in
from kairan.mail.address import POSTMASTER, Address, domain_of, key_of
from kairan.outcomes.catalogue import RECIPIENT_UNKNOWN, RELAY_DENIED, TOO_MANY_RECIPIENTS
from kairan.outcomes.decision import ACCEPT, Decision, Refuse


def meant_by(snapshot: Snapshot, recipient: Address) -> Address:
    """RFC 5321 section 4.5.1: <Postmaster>, without a domain or with one of ours, reaches somebody."""
    return stand_in(snapshot, recipient) or recipient


def judge_recipient(
    snapshot: Snapshot,
    settings: AdmissionSettings,
    recipient: Address,
    *,
    already: int,
    external_allowed: bool,
) -> Decision:
    """`already`: recipients accepted before in this transaction.

    RFC 5321 section 4.5.3.1.10 gives 452 for one too many: the client sends the rest in the next
    transaction.  An HVE account has no mailbox: what is sent to it is for its Reply-To, which is
    judged in its place.  The postmaster
    is reachable wherever he is: whoever names one outside wants him to be.
    """
    if already >= settings.recipients_max:
        return Refuse(TOO_MANY_RECIPIENTS, detail=recipient)
    if recipient == POSTMASTER:
        return Refuse(RECIPIENT_UNKNOWN, detail=f"{recipient}: the organisation has none")
    organisation = snapshot.organisation
    if key_of(recipient) == organisation.moderation_address:
        return ACCEPT  # the service reads it itself
    is_ours = domain_of(recipient) in organisation.accepted_domains
    is_known = is_ours and snapshot.resolve(recipient) is not None
    # RFC 5321 section 4.5.1: reachable also where no mailbox has that name.
    if not is_known and key_of(recipient) != key_of(organisation.postmaster):
        if is_ours:
            if domain_of(recipient) in organisation.relayed_domains:
                return ACCEPT
            return Refuse(RECIPIENT_UNKNOWN, detail=recipient)
        return ACCEPT if external_allowed else Refuse(RELAY_DENIED, detail=recipient)
    if snapshot.account(recipient) is None:
        return ACCEPT
    reader = reader_of(snapshot, recipient) if settings.account_mail_to_reply_to else None
    if reader is None:
        return Refuse(RECIPIENT_UNKNOWN, detail=f"{recipient} is an account")
    return judge_recipient(
        snapshot, settings, reader, already=already, external_allowed=external_allowed
    )
