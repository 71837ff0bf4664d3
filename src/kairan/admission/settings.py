"""Limits of what an account may send.  None: no limit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AdmissionSettings:
    recipients_max: int = 50  # a message; facts: founding text
    message_octets_max: int = 10 * 1024 * 1024  # facts: HVE 2026 presets, 10 MB
    header_octets_max: int = 256 * 1024  # Exchange Online's own header limit
    received_max: int = 30  # Exchange counts to 20-30 hops before it calls it a loop
    # Mail to an account, which has no mailbox, goes to its Reply-To where it has one: bounces of
    # servers that relay through the account come there.  False: refused as in HVE, 550 5.1.10.
    account_mail_to_reply_to: bool = True
    # HVE publishes no concurrency; client submission has 3, which HVE's users do not meet.
    connections_per_account_max: int | None = 100
    messages_per_minute_max: int | None = None
