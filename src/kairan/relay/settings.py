"""The relay's settings, each with its unit and reason."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RelaySettings:
    # What we call ourselves in EHLO; empty: the machine's own name.
    hostname: str = ""

    # Time-outs.  Those of RFC 5321 section 4.5.3.2 are minima for the open Internet.
    connect_timeout_seconds: float = 30.0  # the kernel alone would try for two minutes
    address_delay_seconds: float = 0.25  # RFC 8305 section 5: before the next address is tried
    tls_timeout_seconds: float = 30.0  # STARTTLS and the handshake, each: four packets
    greeting_timeout_seconds: float = 300.0  # section 4.5.3.2.1
    command_timeout_seconds: float = 300.0  # sections 4.5.3.2.2 and 4.5.3.2.3
    data_timeout_seconds: float = 120.0  # section 4.5.3.2.4
    block_timeout_seconds: float = 180.0  # section 4.5.3.2.5
    # Section 4.5.3.2.6: the one that must not be short, for giving up here makes duplicates.
    dot_timeout_seconds: float = 600.0
    quit_timeout_seconds: float = 5.0  # courtesy only
    # Of the first answer on a session that stood idle: it may have died without a word, and another
    # is used then.  Nothing of the message has gone out yet.
    idle_answer_timeout_seconds: float = 15.0

    # Sessions to one next hop, of one worker.
    sessions_max: int = 20  # as Postfix's default_destination_concurrency_limit
    age_seconds: float = 300.0  # so that a DNS or certificate change is followed in minutes
    messages_max: int = 1_000  # a session; KumoMTA's default is 1,024
    # RSET stands between two messages where the first came to nothing (no recipient was accepted).
    # Exim ends a session at the eleventh command that is about no mail.
    resets_max: int = 8
    idle_seconds: float = 30.0  # well below the 300 s after which servers close
    # One that a server refused to have: how long we stay below the number it tolerated.
    ceiling_seconds: float = 60.0
    # Messages that wait for a session; delivery asks for no more than sessions_max at once, so
    # a longer row is a mistake of the caller, answered 451 rather than with memory.
    waiting_max: int = 1_000

    recipients_max: int = 50  # a transaction; RFC 9422's RCPTMAX lowers it per session
    # A streamed content is read and handed over in pieces of this size.
    piece_octets: int = 256 * 1024
