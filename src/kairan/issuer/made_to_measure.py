"""A token as it is asked for, so that any failure can be rehearsed: no limit of the app applies."""

from collections.abc import Sequence
from dataclasses import dataclass

from kairan.directory.errors import DirectoryError
from kairan.directory.model import App
from kairan.issuer.keys.ring import TOKEN_SECONDS_MAX, KeyRing
from kairan.issuer.settings import IssuerServiceSettings
from kairan.issuer.tokens import TokenTimes, WantedToken, make_token
from kairan.issuer.web.places import places_of


@dataclass(frozen=True, slots=True)
class AskedFor:
    """What differs from the token that the app would get.  `delegated`: as if the user had signed in."""

    user: str = ""
    lifetime: int | None = None  # seconds from now; negative: expired so long ago
    permissions: Sequence[str] = ()
    delegated: bool = False
    audience: str = ""
    tenant: str = ""
    not_before: int = 0  # seconds from now


@dataclass(frozen=True, slots=True)
class MadeToken:
    text: str
    expires: int
    account: str  # whose it is; empty: the app's own


def made_token(
    app: App, asked: AskedFor, settings: IssuerServiceSettings, ring: KeyRing, *, now: int
) -> MadeToken:
    if asked.delegated and not asked.user:
        raise DirectoryError("a delegated token is somebody's: say whose (user)")
    wanted = WantedToken(
        issuer=places_of(settings).issuer,
        audience=asked.audience or settings.audience,
        tenant=asked.tenant or settings.tenant,
        permissions=frozenset(asked.permissions) or app.permissions,
        times=_times(settings.token_seconds, asked, now),
        user=asked.user if asked.delegated else "",
    )
    # Before the service's first start there is none.
    ring.renew(settings)
    return MadeToken(make_token(app, wanted, ring.signing()), wanted.times.expires, wanted.user)


def _times(usual_seconds: int, asked: AskedFor, now: int) -> TokenTimes:
    seconds = usual_seconds if asked.lifetime is None else asked.lifetime
    if seconds > TOKEN_SECONDS_MAX:
        raise DirectoryError(f"the lifetime must be at most {TOKEN_SECONDS_MAX}, which is a day")
    # What has expired was issued before that, as a real one.
    issued = now if seconds > 0 else now + seconds - usual_seconds
    return TokenTimes(issued=issued, begins=issued + asked.not_before, expires=now + seconds)
