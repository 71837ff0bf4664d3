"""The advice that goes the other way: a long row of addresses that is, nearly, a list.

Asked only where a directory is at hand.  An address is compared as the directory compares it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kairan.mail.address import key_of
from kairan.outcomes.outcome import Text

# Fewer addresses than two batches gain nothing from a list.
_COVERED_MIN = 100
# Below nine in ten the list would reach too many who were not meant.
_SHARE_OF_LIST_MIN = 0.9


@dataclass(frozen=True, slots=True)
class KnownList:
    address: str
    members: frozenset[str]  # mailboxes, as `key_of` writes them


@dataclass(frozen=True, slots=True)
class ListAdvice:
    """`covered` of the addresses are on it, `others` are not; `more` are on it and were not named."""

    address: str
    covered: int
    others: int
    more: int

    @property
    def share(self) -> float:
        """Of the list's members, those that were named."""
        return self.covered / (self.covered + self.more)

    @property
    def text(self) -> Text:
        named, share = f"{self.covered:,}", f"{_percent(self.share)} %"
        more_en = f"; {self.more:,} more would get it" if self.more else ""
        more_ja = f"（ほかに {self.more:,} 件に届きます）" if self.more else ""
        others_en = f"; {self.others:,} are not on it" if self.others else ""
        others_ja = f"（{self.others:,} 件は含まれません）" if self.others else ""
        return Text(
            f"{named} of these addresses are {share} of {self.address}{more_en}{others_en}: "
            "send to the list?",
            f"このうち {named} 件は {self.address} の {share} です{more_ja}{others_ja}。"
            "配布リストに送信しますか?",
        )


def advise(recipients: Iterable[str], lists: Sequence[KnownList]) -> list[ListAdvice]:
    """Lists that nearly are these recipients, the one that leaves the fewest out first."""
    keys = {key_of(recipient) for recipient in recipients}
    found = []
    for one in lists:
        covered = len(keys & one.members)
        advice = ListAdvice(one.address, covered, len(keys) - covered, len(one.members) - covered)
        if covered >= _COVERED_MIN and advice.share >= _SHARE_OF_LIST_MIN:
            found.append(advice)
    return sorted(found, key=lambda advice: (advice.others, advice.more, advice.address))


def _percent(share: float) -> int:
    """Whole; 100 only where it is all of them."""
    return min(99, round(share * 100)) if share < 1 else 100
