"""The settings of the HTTP API: whether there is one, and where."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ApiSettings:
    # Off: the service is then a mail service and a command line alone.
    enabled: bool = False
    # On loopback HTTP, and HTTPS at the same port where [tls] has a certificate; on any other address
    # HTTPS alone, for passwords and keys travel here.
    host: str = "127.0.0.1"
    port: int = 8025
