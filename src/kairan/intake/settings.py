"""The intake's settings: listeners, certificate, and what a session may cost."""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kairan.mail.role import Role


class TlsMode(StrEnum):
    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    OFF = "off"  # device role only


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    # hve: as smtp.hve.mx.microsoft; client: ordinary submission; device: printers of listed networks.
    role: Role = Role.HVE
    host: str = "0.0.0.0"  # noqa: S104 - a mail service is there to be reached
    port: int = 587  # RFC 6409 section 3.1; 465 for tls = "implicit" (RFC 8314)
    # starttls: the client asks for it; implicit: from the first octet; off: device role, loopback.
    tls: TlsMode = TlsMode.STARTTLS
    # Device role: networks that may come in beside the devices of `kairan device`, and the account
    # each stands for when a device does not log in: {"10.1.2.0/24": "printer@example.com"}.
    devices: tuple[tuple[str, str], ...] = ()
    # Device role: TLS 1.0 and 1.1 for old printers, at this listener alone.
    legacy_tls: bool = False
    # Client role: its accounts may send outside though the organisation does not allow external
    # recipients.  Off: the organisation's rule binds every role.
    external_recipients: bool = False
    # Device role with tls = "off" beyond loopback: AUTH is offered all the same, and everyone on
    # the line reads the passwords.  Off: devices there send without a login.
    auth_in_clear_text: bool = False
    # Networks whose PROXY header (v1 or v2) is believed; such a peer must send one.
    proxy_from: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As the log and the commands call it."""
        return f"{self.role}@{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback

    @property
    def offers_auth(self) -> bool:
        """A password travels inside TLS, within this machine, or in clear because the file says so."""
        return self.tls is not TlsMode.OFF or self.is_loopback or self.auth_in_clear_text


@dataclass(frozen=True, slots=True)
class TlsSettings:
    certificate: Path | None = None  # PEM, the whole chain
    key: Path | None = None  # PEM, without a password, readable by the service only
    # Beside an ECDSA certificate one with an RSA key, for devices that know no other; whoever knows
    # both gets the first, whose handshake costs a twentieth.
    rsa_certificate: Path | None = None
    rsa_key: Path | None = None
    # How often the files are looked at, and read anew where they were replaced; 0: at a reload
    # alone (SIGHUP, `systemctl reload kairan`), as certbot's hook does it.
    look_interval_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    # Shown after AUTH.  The real service hides PLAIN; many libraries know nothing else.  XOAUTH2 is
    # there without any [[auth.issuers]] too, as the real service always shows it; OAUTHBEARER
    # may be added.
    mechanisms: tuple[str, ...] = ("LOGIN", "PLAIN", "XOAUTH2")
    # RFC 5321 section 4.5.3.2.7 asks a server to wait five minutes for the next command.
    command_timeout_seconds: float = 300.0
    # From connect to the first command after TLS: nobody needs longer, floods would.
    handshake_timeout_seconds: float = 30.0
    # From MAIL to the end of the data: 10 MB at 25 KB/s, a slow branch office, takes 400 s.
    transaction_timeout_seconds: float = 600.0
    # Content that comes more slowly than this, a grace aside, is not waited for: a modem brings ten
    # times as much, and one octet a minute would hold a session and its memory for ten minutes.
    upload_octets_per_second_min: float = 500.0
    upload_grace_seconds: float = 30.0
    # Octets in memory of messages that are begun and not finished, at one worker: of one account
    # (its 100 sessions hold 25 MiB at most), of one address (a branch behind its NAT), of all.
    unfinished_octets_per_account_max: int = 32 * 1024 * 1024
    unfinished_octets_per_address_max: int = 64 * 1024 * 1024
    unfinished_octets_max: int = 512 * 1024 * 1024
    # A session that does not send mail is worth nothing: NOOP, RSET and logins put off with 454;
    # and what the client did wrong, wrong passwords too.
    idle_commands_max: int = 100
    errors_max: int = 20
    # Sockets: of one worker in all, and of one address.
    connections_max: int = 20_000
    connections_per_address_max: int = 2_000
    # From so many messages a second on (of one worker) the intake counts as busy, and delivery
    # keeps to its pace for such times: below it there is room for both.
    busy_messages_per_second: int = 200
    # Graceful stop: running transactions may finish for so long.
    drain_seconds: float = 30.0
