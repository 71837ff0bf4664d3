"""The expansion's settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExpansionSettings:
    # Levels of groups within groups.  Organisation charts have ten; deeper is a mistake, and each
    # level costs a query.
    depth_max: int = 100
    # Recipients one message may expand to, and as many groups.  100,000 is normal; ten times that takes ten
    # times as long, a temporary file of 50 MB, and no more memory.
    total_max: int = 1_000_000
    # How long a message waits for a moderator.  Exchange Online gives them two days.
    moderation_seconds: float = 2 * 24 * 3600.0
    # Members of a group that anybody may write to: beyond it the group needs allowed senders or
    # moderation.  0: any number.  Exchange Online's is 4,999; here who logs in was let in by name.
    open_members_max: int = 0
