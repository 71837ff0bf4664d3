"""The settings of the HTTP API and of webhooks: whether there are any, and where."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ApiSettings:
    # Off: the service is then a mail service and a command line alone.
    enabled: bool = False
    # On loopback HTTP, and HTTPS at the same port where [tls] has a certificate; on any other address
    # HTTPS alone, for passwords and keys travel here.
    host: str = "127.0.0.1"
    port: int = 8025


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    # Off: nobody is told, and `kairan webhook` keeps its list for later.
    enabled: bool = False
    # Besides the Internet: private networks and addresses of this machine that webhooks may lead to,
    # such as ["10.1.2.0/24"].  http:// without TLS is for these alone.
    networks_allowed: tuple[str, ...] = ()
    # A recipient is told to be delayed when it has waited for so long since it was put off for the first
    # time; what is delivered within it was no delay.
    delayed_seconds: float = 300.0
    # For one request, its answer included; receivers answer first and work then.
    timeout_seconds: float = 10.0
    # After a failure, doubled after each further one, up to the second.
    retry_first_seconds: float = 5.0
    retry_max_seconds: float = 3_600.0
    # What was not taken within it is dropped, counted and logged: three days, a long weekend.
    expiry_seconds: float = 259_200.0
    # Of one webhook, read and not taken yet, 500 octets each on disk; the others wait in the trace.
    waiting_events_max: int = 10_000
