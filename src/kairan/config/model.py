"""The whole configuration as one value, and which package's settings stand in which table."""

import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kairan.admission.settings import AdmissionSettings
from kairan.alerts.settings import AlertSettings
from kairan.auth.oidc.settings import OidcSettings
from kairan.auth.settings import AuthSettings
from kairan.capture.settings import CapturePlace, CaptureSettings
from kairan.delivery.settings import DeliverySettings
from kairan.delivery.transports.settings import TransportSettings
from kairan.directory.dynamic.settings import DynamicGroupSettings
from kairan.directory.recipient_filter.settings import RecipientFilterSettings
from kairan.directory.sources.settings import SourceSettings
from kairan.intake.settings import IntakeSettings, ListenerSettings, TlsSettings
from kairan.issuer.settings import IssuerServiceSettings
from kairan.issuer.web.places import places_of
from kairan.relay.tokens.settings import IdentitySettings
from kairan.scim.settings import ScimSettings
from kairan.spool.place import SpoolPlace
from kairan.spool.settings import SpoolSettings
from kairan.trace.settings import (
    AuditSettings,
    BillingSettings,
    OpenTelemetrySettings,
    TraceSettings,
)
from kairan.web.settings import ApiSettings, WebhookSettings


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What belongs to no package: who we are and where our files lie."""

    # The name in the greeting and in Received.  None: what this machine calls itself.
    hostname: str | None = None
    # The spool, the trace and the directory database.  Relative to this file, as all paths here.
    data_directory: Path = Path("data")
    # Whom the service becomes when root has started it and the ports are open.  None: root stays root,
    # and the log says so.
    user: str | None = None
    # Processes that share the ports, each with its own part of the spool.  None: one for a core.
    workers: int | None = None
    # A worker, or the issuer, whose event loop stands still for so long is replaced; its stack is
    # in the log.  Nothing that is well takes a tenth of it.  0: never.
    watchdog_seconds: float = 30.0
    # What stands before a refusal's key in the address of its explanation, such as
    # https://docs.example.com/errors/# where the pages of `make docs` are; shown at the end of each
    # refusal that has room for it, and as `error_uri` of the issuer.  None: replies end as
    # Exchange's do.
    help_url: str | None = None


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    # SQLAlchemy's notation; PostgreSQL (postgresql://USER@HOST/DATABASE) where several machines
    # share the directory, with `?sslmode=` (verify-full beyond this machine) and `&sslrootcert=`
    # as libpq has them.  None: SQLite, directory.db in the data directory.
    url: str | None = None
    # Other directories whose people and groups are taken: [[directory.sources]].
    sources: tuple[SourceSettings, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the file: `name` in TOML, `field` in Configuration."""

    name: str
    settings: type
    field: str
    repeats: bool = False  # [[name]]
    about: str = ""


SECTIONS: tuple[Section, ...] = (
    Section("server", ServerSettings, "", about="The machine"),
    Section("directory", DirectorySettings, "", about="Who and what the organisation is"),
    Section(
        "recipient_filter",
        RecipientFilterSettings,
        "recipient_filter",
        about="What a filter of a dynamic group may be",
    ),
    Section(
        "dynamic_groups",
        DynamicGroupSettings,
        "dynamic_groups",
        about="How fresh the members of dynamic groups are",
    ),
    Section("tls", TlsSettings, "tls", about="The certificate of every listener"),
    Section("listener", ListenerSettings, "listeners", repeats=True, about="A listener; repeats"),
    Section("intake", IntakeSettings, "intake", about="What a session may cost"),
    Section("auth", AuthSettings, "auth", about="What a login costs, and guessing"),
    Section("issuer", IssuerServiceSettings, "issuer", about="Tokens without Entra or Keycloak"),
    Section("scim", ScimSettings, "scim", about="People and groups that Entra pushes to us"),
    Section("api", ApiSettings, "api", about="What programs ask by HTTP"),
    Section(
        "oidc",
        OidcSettings,
        "oidc",
        about="Sign-in by an identity provider, for people and programs",
    ),
    Section("webhooks", WebhookSettings, "webhooks", about="Programs that are told what happens"),
    Section("admission", AdmissionSettings, "admission", about="What an account may send"),
    Section("spool", SpoolSettings, "spool", about="What stands behind a 250"),
    Section("delivery", DeliverySettings, "delivery", about="Where mail goes, and when again"),
    Section("transport", TransportSettings, "transport", about="Sessions with the next hop"),
    Section(
        "identity",
        IdentitySettings,
        "identities",
        repeats=True,
        about="Who we are at a service that wants tokens; repeats",
    ),
    Section("capture", CaptureSettings, "capture", about="Mail of tests, kept to be looked at"),
    Section("alerts", AlertSettings, "alerts", about="Whom to tell of what will not mend itself"),
    Section("trace", TraceSettings, "trace", about="How long events are kept"),
    Section("opentelemetry", OpenTelemetrySettings, "opentelemetry", about="Spans of each message"),
    Section("billing", BillingSettings, "billing", about="What a recipient costs"),
    Section("audit", AuditSettings, "audit", about="Who logged in, and who changed what"),
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What `service.serve` needs to build everything.  All paths are absolute."""

    hostname: str
    data_directory: Path
    directory_url: str
    workers: int
    watchdog_seconds: float = 30.0
    user: str | None = None  # whom root becomes
    help_url: str = ""  # empty: refusals point nowhere
    source: Path | None = None  # the file it was read from
    directory_sources: tuple[SourceSettings, ...] = ()
    recipient_filter: RecipientFilterSettings = field(default_factory=RecipientFilterSettings)
    dynamic_groups: DynamicGroupSettings = field(default_factory=DynamicGroupSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)
    listeners: tuple[ListenerSettings, ...] = (ListenerSettings(),)
    intake: IntakeSettings = field(default_factory=IntakeSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    issuer: IssuerServiceSettings = field(default_factory=IssuerServiceSettings)
    scim: ScimSettings = field(default_factory=ScimSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    oidc: OidcSettings = field(default_factory=OidcSettings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    admission: AdmissionSettings = field(default_factory=AdmissionSettings)
    spool: SpoolSettings = field(default_factory=SpoolSettings)
    delivery: DeliverySettings = field(default_factory=DeliverySettings)
    transport: TransportSettings = field(default_factory=TransportSettings)
    identities: tuple[IdentitySettings, ...] = ()
    capture: CaptureSettings = field(default_factory=CaptureSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    trace: TraceSettings = field(default_factory=TraceSettings)
    opentelemetry: OpenTelemetrySettings = field(default_factory=OpenTelemetrySettings)
    billing: BillingSettings = field(default_factory=BillingSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)

    @property
    def spool_directory(self) -> Path:
        return self.data_directory / "spool"

    @property
    def spool_place(self) -> SpoolPlace:
        return SpoolPlace(self.spool_directory, self.spool.urls)

    @property
    def own_issuer(self) -> str:
        """What stands in `iss` of the service's own tokens; empty: it gives none."""
        return places_of(self.issuer).issuer if self.issuer.enabled else ""

    @property
    def answers_http(self) -> bool:
        """The issuer's process is there: for tokens, for SCIM, or for both."""
        return self.issuer.enabled or self.scim.enabled

    @property
    def api_directory(self) -> Path:
        return self.data_directory / "api"

    @property
    def webhooks_directory(self) -> Path:
        return self.data_directory / "webhooks"

    @property
    def capture_place(self) -> CapturePlace | None:
        """None: nothing is captured, and there are no fault rules."""
        if not self.capture.enabled:
            return None
        return CapturePlace(self.data_directory / "capture", self.capture)

    @property
    def issuer_directory(self) -> Path:
        return self.data_directory / "issuer"

    @property
    def token_directory(self) -> Path:
        return self.data_directory / "tokens"

    @property
    def audit_directory(self) -> Path:
        return self.data_directory / "audit"

    @property
    def drain_file(self) -> Path:
        return self.data_directory / "draining.json"

    @property
    def pauses_file(self) -> Path:
        return self.data_directory / "pauses.json"

    @property
    def alerts_file(self) -> Path:
        return self.data_directory / "alerts.json"

    @property
    def control_directory(self) -> Path:
        return self.data_directory / "control"

    @property
    def trace_directory(self) -> Path:
        return self.data_directory / "trace"


def own_answers(server: ServerSettings, directory: DirectorySettings) -> dict[str, Any]:
    """The machine's own where the file says nothing."""
    return {
        "hostname": server.hostname or socket.gethostname(),
        "data_directory": server.data_directory,
        "directory_url": directory.url or default_directory_url(server.data_directory),
        "directory_sources": directory.sources,
        "workers": (os.cpu_count() or 1) if server.workers is None else server.workers,
        "user": server.user,
        "watchdog_seconds": server.watchdog_seconds,
        "help_url": server.help_url or "",
    }


def default_directory_url(data_directory: Path) -> str:
    return f"sqlite:///{data_directory / 'directory.db'}"
