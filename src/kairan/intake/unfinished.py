"""What messages that are begun and not finished hold in memory: by account, by address, in all.

Counted when it is taken, not when the message is whole: who begins many messages and finishes none
has sent nothing that a rate would count.  Belongs to one worker.
"""

from kairan.intake.settings import IntakeSettings

# A larger message is with the spool's writer, which keeps no more of it in memory than this.
OCTETS_OF_ONE_MAX = 256 * 1024


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
        """Who holds nothing is forgotten: the tables are as large as what is under way."""
        self.octets -= octets
        of_account = self._accounts[account] = self._accounts[account] - octets
        if not of_account:
            del self._accounts[account]
        of_address = self._addresses[address] = self._addresses[address] - octets
        if not of_address:
            del self._addresses[address]
