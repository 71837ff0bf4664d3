"""What a recipient filter may be."""

from dataclasses import dataclass

# As New-DynamicDistributionGroup documents it.  Off the cloud's limits it is our own bound.
EXCHANGE_ONLINE_CHARACTERS_MAX = 2_048
CHARACTERS_MAX = 16_384
# Each level is a few frames of Python's stack when the tree is compiled; people write five.
NESTING_MAX = 64
# SQLite's limit is an expression a thousand deep, and a chain counts as deep as it is long.
CONDITIONS_MAX = 500
# In one value.  Databases try each `*` at each place of a text.
WILDCARDS_MAX = 4


@dataclass(frozen=True, slots=True)
class RecipientFilterSettings:
    # true: what Exchange Online refuses is refused (a `*` before the end, more than 2,048 characters),
    # so that a filter can move there; false: `*` anywhere, as in Exchange Server, and 16,384 characters.
    exchange_online_limits: bool = True

    @property
    def characters_max(self) -> int:
        return EXCHANGE_ONLINE_CHARACTERS_MAX if self.exchange_online_limits else CHARACTERS_MAX


# For what was checked when it was stored.
ANY_FILTER = RecipientFilterSettings(exchange_online_limits=False)
