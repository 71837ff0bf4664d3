"""Who reads what is sent to an account, which has no mailbox.

A bounce of another server comes to the envelope's sender, and that is the account where an MTA
relays through it.  The account's Reply-To is where a person reads (Set-HVEAccountSettings).
"""

from kairan.directory.model import Snapshot
from kairan.mail.address import Address


def reader_of(snapshot: Snapshot, address: str) -> Address | None:
    """None: it is no account, or nobody reads for it.  One step: two accounts that name each other
    would send a message round for ever.
    """
    account = snapshot.account(address)
    if account is None or not account.reply_to or snapshot.account(account.reply_to) is not None:
        return None
    return Address(account.reply_to)
