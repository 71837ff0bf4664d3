"""Limits of what an account may send.  None: no limit."""

from dataclasses import dataclass
from enum import StrEnum


class DisplayNames(StrEnum):
    """What becomes of mail whose display name shows an address of ours that is not the sender's."""

    PASS = "pass"  # noqa: S105 - no password
    REWRITE = "rewrite"  # the name is left out
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class AdmissionSettings:
    recipients_max: int = 50  # a message, as in HVE
    message_octets_max: int = 10 * 1024 * 1024  # 10 MB, as in HVE since 2026
    header_octets_max: int = 256 * 1024  # Exchange Online's own header limit
    received_max: int = 30  # Exchange counts to 20-30 hops before it calls it a loop
    # Mail to an account, which has no mailbox, goes to its Reply-To where it has one: bounces of
    # servers that relay through the account come there.  False: refused as in HVE, 550 5.1.10.
    account_mail_to_reply_to: bool = True
    # HVE publishes no concurrency; client submission has 3, which HVE's users do not meet.
    connections_per_account_max: int | None = 100
    # Of one account.  Five thousand a second is more than a large mailing needs, and an end to what a
    # stolen password can send; "none": no limit.
    messages_per_minute_max: int | None = 300_000
    recipients_per_minute_max: int | None = 1_000_000
    # Recipients an hour: an account that sends this many times those of its busiest hour of the last
    # 28 days is held until an administrator releases it; 0: off.  10 is far above what a busy season
    # brings, and far below what somebody sends who has stolen a password.
    volume_jump_factor: float = 0.0
    # Recipients an hour; up to so many nothing is a jump.  Accounts without a history have this alone.
    volume_jump_floor_recipients: int = 1_000
    # Bcc, Resent-Bcc and a Return-Path that the client wrote go no further: whom a blind copy went to
    # is nobody's business, and only the last server may say where bounces go.
    private_fields_removed: bool = True
    # From: "boss@example.com" <printer@example.com>.  Exchange lets it pass, for Outlook shows the
    # directory's name of an authenticated sender.  rewrite: the name is left out; refuse: 550 5.7.1.
    foreign_display_names: DisplayNames = DisplayNames.PASS
