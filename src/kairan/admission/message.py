"""What the header must show: one author, who is the account; no loop."""

from kairan.admission.sender import owns
from kairan.admission.settings import AdmissionSettings
from kairan.directory.model import Account
from kairan.mail.header import Header, mailboxes
from kairan.outcomes import ACCEPT, Decision, Refuse
from kairan.outcomes.catalogue import FROM_INVALID, HEADER_FROM_NOT_YOURS, LOOP_DETECTED


def judge_header(account: Account, settings: AdmissionSettings, header: Header) -> Decision:
    """RFC 5322 section 3.6.2: one From, and Sender where another hand sent it.

    A missing From is no breach here: it is stamped from the envelope (RFC 6409 section 8).
    """
    if header.received >= settings.received_max:  # RFC 5321 section 6.3
        return Refuse(LOOP_DETECTED, detail=f"{header.received} Received fields")
    if len(header.senders) > 1 or len(header.sender) > 1:
        return Refuse(FROM_INVALID, detail="more than one From or Sender field")
    for value in (*header.senders, *header.sender):
        named = mailboxes(value)
        if named is None:
            return Refuse(FROM_INVALID, detail="From or Sender is not a plain list of mailboxes")
        for address in named:
            if not owns(account, address):
                return Refuse(HEADER_FROM_NOT_YOURS, detail=f"{account.address} as {address}")
    return ACCEPT
