"""The disk gate: decides from free octets and inodes whether we may still accept."""

from kairan.spool.settings import SpoolSettings


def disk_refusal(octets: int, inodes: int, settings: SpoolSettings) -> str | None:
    """Why nothing more can be accepted, or None."""
    if octets < settings.free_octets_min:
        return f"disk low: {octets} octets free, {settings.free_octets_min} must stay free"
    if inodes < settings.free_inodes_min:
        return f"disk low: {inodes} inodes free, {settings.free_inodes_min} must stay free"
    return None


def count_refusal(messages: int, settings: SpoolSettings) -> str | None:
    if messages < settings.messages_max:
        return None
    return f"queue full: {messages} messages, spool.messages_max is {settings.messages_max}"
