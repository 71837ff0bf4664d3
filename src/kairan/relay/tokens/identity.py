"""An identity: who logs in at a next hop, with the token of the moment."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

from kairan.mail.address import parse_address
from kairan.mail.reply import Reply
from kairan.outcomes import catalogue
from kairan.relay.next_hop import Login
from kairan.relay.tokens import oidc
from kairan.relay.tokens.cache import TokenCache
from kairan.relay.tokens.keeper import TokenKeeper
from kairan.relay.tokens.settings import IdentityKind, IdentitySettings
from kairan.relay.tokens.times import Margins, session_end
from kairan.relay.tokens.token import Fetched, TokenFault
from kairan.smtp.client.login import TokenCredentials

# Refusals that a new token may cure: those that say so, and those that say nothing (Exchange's,
# Dovecot's and Google's general one).  A missing permission is not among them.
_MAY_BE_AGE = frozenset(
    {
        catalogue.TOKEN_EXPIRES_SOON.enhanced,
        catalogue.TOKEN_EXPIRES_SOON_2026.enhanced,
        catalogue.TOKEN_EXPIRED.enhanced,
        catalogue.TOKEN_EXPIRED_2026.enhanced,
        catalogue.AUTH_UNSUCCESSFUL.enhanced,
        catalogue.OAUTH_UNSUCCESSFUL.enhanced,
        "5.7.8",  # RFC 4954 section 6
        "",
    }
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # it is a part of file names


class Identity:
    """One object for all next hops and senders that log in as this user: they share its token."""

    def __init__(self, user: str, keeper: TokenKeeper) -> None:
        self.user = user
        self.keeper = keeper

    async def wait_login(self) -> Login | Reply:
        """The reply says why there is no token, and by it mail is deferred."""
        token = await self.keeper.wait_token()
        if isinstance(token, TokenFault):
            return token.reply
        return Login(TokenCredentials(self.user, token.text), session_end(token))

    def may_log_in_again(self, login: Login, refusal: Reply) -> bool:
        """Whether the service's refusal may be about the token's age, and there will be another."""
        assert isinstance(login.credentials, TokenCredentials)
        return refusal.enhanced in _MAY_BE_AGE and self.keeper.refuse(login.credentials.token)


def identity_of(settings: IdentitySettings, *, cache_folder: Path | None = None) -> Identity:
    """`settings` as `problem_with` finds nothing in them."""
    about = hashlib.sha256(repr(astuple(settings)).encode()).hexdigest()
    cache = None
    if cache_folder is not None:
        cache = TokenCache(cache_folder, settings.name, about=about)
    margins = Margins(settings.renew_seconds, settings.refused_seconds)
    keeper = TokenKeeper(settings.name, fetch_of(settings), margins, cache=cache)
    return Identity(settings.user, keeper)


def fetch_of(settings: IdentitySettings) -> Callable[[str], Fetched | TokenFault]:
    if settings.kind is IdentityKind.OIDC:
        return oidc.fetch_of(settings)
    # msal takes a fifth of a second to import, and most need none of it.
    from kairan.relay.tokens import entra  # noqa: PLC0415

    return entra.fetch_of(settings)


def problem_with(settings: IdentitySettings) -> tuple[str, str] | None:
    """The first setting that is wrong, and what is wrong with it."""
    kind = settings.kind
    has_secret = settings.client_secret_file or settings.certificate_file
    checks = (
        ("name", _NAME.fullmatch(settings.name), "letters, digits, dots and hyphens, up to 64"),
        ("user", parse_address(settings.user, utf8=True), "the address of the account"),
        (
            "client_id",
            settings.client_id or kind is IdentityKind.MANAGED_IDENTITY,
            "the application (client) ID",
        ),
        ("issuer", settings.issuer or kind is not IdentityKind.OIDC, "the issuer's URL"),
        (
            "tenant",
            settings.tenant or kind in {IdentityKind.OIDC, IdentityKind.MANAGED_IDENTITY},
            "the tenant's name or GUID",
        ),
        (
            "client_secret_file",
            has_secret or kind in {IdentityKind.DEVICE_CODE, IdentityKind.MANAGED_IDENTITY},
            "a file with the client secret (or set certificate_file)",
        ),
        (
            "renew_seconds",
            settings.renew_seconds >= settings.refused_seconds >= 0,
            "at least refused_seconds",
        ),
    )
    return next(((name, what) for name, is_good, what in checks if not is_good), None)
