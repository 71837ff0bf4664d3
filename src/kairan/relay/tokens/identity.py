"""An identity: who logs in at a next hop, with the token of the moment."""

import hashlib
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

from kairan.mail.reply import Reply
from kairan.outcomes.refusal_class import RefusalClass, refusal_class
from kairan.relay.next_hop import Login
from kairan.relay.tokens import oidc
from kairan.relay.tokens.cache import TokenCache
from kairan.relay.tokens.keeper import TokenKeeper
from kairan.relay.tokens.settings import IdentityKind, IdentitySettings
from kairan.relay.tokens.times import Margins, session_end
from kairan.relay.tokens.token import Fetched, TokenFault
from kairan.smtp.client.login import TokenCredentials


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
        is_token = refusal_class(refusal) is RefusalClass.TOKEN
        return is_token and self.keeper.refuse(login.credentials.token)


def identity_of(settings: IdentitySettings, *, cache_folder: Path | None = None) -> Identity:
    """`settings` as `problem_with` finds nothing in them."""
    cache = None if cache_folder is None else cache_of(settings, cache_folder)
    margins = Margins(settings.renew_seconds, settings.refused_seconds)
    keeper = TokenKeeper(settings.name, fetch_of(settings), margins, cache=cache)
    return Identity(settings.user, keeper)


def cache_of(settings: IdentitySettings, folder: Path) -> TokenCache:
    about = hashlib.sha256(repr(astuple(settings)).encode()).hexdigest()
    return TokenCache(folder, settings.name, about=about)


def fetch_of(settings: IdentitySettings) -> Callable[[str], Fetched | TokenFault]:
    if settings.kind is IdentityKind.OIDC:
        return oidc.fetch_of(settings)
    # msal takes a fifth of a second to import, and most need none of it.
    from kairan.relay.tokens import entra  # noqa: PLC0415

    return entra.fetch_of(settings)
