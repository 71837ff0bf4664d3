"""Who may be named as the sender: the envelope's."""

from kairan.directory.model import Account
from kairan.mail.address import Address, key_of
from kairan.outcomes.catalogue import SENDER_NOT_YOURS
from kairan.outcomes.decision import ACCEPT, Decision, Refuse


def judge_sender(account: Account, sender: Address) -> Decision:
    """RFC 6409 section 6.1.  HVE: any address associated with the account.

    The null sender is everybody's: read receipts must carry it (RFC 8098 section 3); the header's
    From is checked all the same.
    """
    if not sender or owns(account, sender):
        return ACCEPT
    return Refuse(SENDER_NOT_YOURS, detail=f"{account.address} as {sender}")


def owns(account: Account, address: Address) -> bool:
    if address == account.address:  # mostly, and then nothing has to be made of it
        return True
    key = key_of(address)
    return key == account.address or key in account.aliases
