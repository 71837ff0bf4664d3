"""The settings of trace and audit."""

from dataclasses import dataclass

# How long a busy machine takes beyond the interval, and a worker whose client has just died.
_STORING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class TraceSettings:
    # Message trace of Exchange Online looks back 90 days.
    retention_days: int = 90
    # One worker's file; before it would be larger the oldest day goes, of a single day the oldest
    # events.  An event takes about 300 octets, so this holds some 25 million.
    octets_max: int = 8 * 1024**3
    # One worker's file of refused strangers, who are counted by minute, address and reason: half a
    # day of a flood from everywhere, and all that a network sees in 90 days otherwise.
    refusals_octets_max: int = 256 * 1024**2
    # Whether a message's subject is kept with it, to be searched for and shown.  Off: who wrote to
    # whom is what a mail service must be able to tell, what about is the two's own affair.
    keep_subject: bool = False
    # Events go to disk together, this long after the first.
    write_interval_seconds: float = 0.25
    # Waiting for the writer, 400 octets each: a list of 100,000 records that many at once.
    queue_events_max: int = 200_000

    @property
    def settled_seconds(self) -> float:
        """What has not been written so long after it happened did not happen."""
        return self.write_interval_seconds + _STORING_SECONDS


@dataclass(frozen=True, slots=True)
class OpenTelemetrySettings:
    # Off: nothing is made and nothing imported.  On: spans of each message (receive, expand, deliver)
    # go to a collector; wants the extra `opentelemetry`.
    enabled: bool = False
    # OTLP over HTTP; a collector on this machine listens here.
    endpoint: str = "http://127.0.0.1:4318/v1/traces"
    # Whether a message's own `traceparent` header says of which trace it is, and whether that is kept.
    # Off: a client could put its mail into anybody's trace.
    trust_traceparent: bool = False
    # The part of the messages that is traced, by trace id, where all of them would be too many.
    sample_ratio: float = 1.0
    # Waiting for the collector, 400 octets each; what finds no room is dropped and counted in the log.
    queue_spans_max: int = 20_000
    # For one request of up to 512 spans.
    timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class BillingSettings:
    # What a million delivered recipients cost: High Volume Email's price since 1 June 2026.  0: nothing,
    # where the mail goes to a server of your own.
    price_per_million: float = 42.0
    # How the price is written.
    currency: str = "USD"

    def cost_of(self, recipients: int) -> float:
        """To a millionth: one recipient costs 0.000042."""
        return round(recipients * self.price_per_million / 1_000_000, 6)


@dataclass(frozen=True, slots=True)
class AuditSettings:
    # One writer's file (a worker, the issuer, the administrator's commands); a login takes 250
    # octets, so this holds 64,000 of them.
    octets_max: int = 16 * 1024**2
    # So many full ones are kept beside it; the oldest goes.
    files_kept: int = 10
