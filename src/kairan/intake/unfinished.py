"""What messages that are begun and not finished hold in memory: by account, by address, in all.

Counted when it is taken, not when the message is whole: who begins many messages and finishes none
has sent nothing that a rate would count.  Belongs to one worker.
"""

from typing import TypeVar

from kairan.intake.settings import IntakeSettings

# A larger message is with the spool's writer, which keeps no more of it in memory than this.
OCTETS_OF_ONE_MAX = 256 * 1024

_Key = TypeVar("_Key", int, str)


class Unfinished:
    def __init__(self, settings: IntakeSettings) -> None:
        self._settings = settings
        self._accounts: dict[int, int] = {}
        self._addresses: dict[str, int] = {}
        self.octets = 0

    def take(self, account: int, address: str, octets: int) -> bool:
        """False: there is no room, and nothing is taken."""
        settings = self._settings
        of_account = self._accounts.get(account, 0) + octets
        of_address = self._addresses.get(address, 0) + octets
        if (
            of_account > settings.unfinished_octets_per_account_max
            or of_address > settings.unfinished_octets_per_address_max
            or self.octets + octets > settings.unfinished_octets_max
        ):
            return False
        self._accounts[account], self._addresses[address] = of_account, of_address
        self.octets += octets
        return True

    def give_back(self, account: int, address: str, octets: int) -> None:
        self.octets -= octets
        _lower(self._accounts, account, octets)
        _lower(self._addresses, address, octets)


def _lower(held: dict[_Key, int], key: _Key, octets: int) -> None:
    """Who holds nothing is forgotten: the tables are as large as what is under way."""
    left = held[key] - octets
    if left:
        held[key] = left
    else:
        del held[key]
