"""Where everything is: the paths are Entra's, so that clients made for it need a host name only."""

from dataclasses import dataclass

from kairan.issuer.settings import IssuerServiceSettings


@dataclass(frozen=True, slots=True)
class Places:
    """URLs; behind the host they are the paths the web answers at."""

    base: str
    tenant: str

    @property
    def issuer(self) -> str:
        return f"{self.base}/{self.tenant}/v2.0"

    @property
    def discovery(self) -> str:
        return f"{self.issuer}/.well-known/openid-configuration"

    @property
    def discovery_rfc8414(self) -> str:
        """RFC 8414 section 3.1 puts the well-known part in front of the issuer's path."""
        return f"{self.base}/.well-known/oauth-authorization-server/{self.tenant}/v2.0"

    @property
    def jwks(self) -> str:
        return f"{self.base}/{self.tenant}/discovery/v2.0/keys"

    @property
    def token(self) -> str:
        return f"{self.base}/{self.tenant}/oauth2/v2.0/token"

    @property
    def authorization(self) -> str:
        return f"{self.base}/{self.tenant}/oauth2/v2.0/authorize"

    @property
    def device_authorization(self) -> str:
        return f"{self.base}/{self.tenant}/oauth2/v2.0/devicecode"

    @property
    def verification(self) -> str:
        return f"{self.base}/{self.tenant}/oauth2/v2.0/device"

    def asked_by(self, scheme: str) -> "Places":
        """As who asks by this scheme reaches them: on loopback both do."""
        _, colon, rest = self.base.partition(":")
        return Places(f"{scheme}{colon}{rest}", self.tenant)

    def path(self, url: str) -> str:
        return url.removeprefix(self.base)


def places_of(settings: IssuerServiceSettings) -> Places:
    return Places(settings.url or _own_url(settings), settings.tenant)


def is_loopback(settings: IssuerServiceSettings) -> bool:
    return settings.host in {"localhost", "::1"} or settings.host.startswith("127.")


def speaks_both(settings: IssuerServiceSettings) -> bool:
    """HTTP and HTTPS at one port; behind a proxy the proxy's `url` is the only one."""
    return is_loopback(settings) and settings.url is None


def _own_url(settings: IssuerServiceSettings) -> str:
    scheme = "http" if is_loopback(settings) else "https"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{scheme}://{host}:{settings.port}"
