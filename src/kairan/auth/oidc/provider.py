"""The identity provider: where its endpoints are, what it answers for a code, whose signature is its own."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from kairan.auth.oidc.judge import NotVouched, OidcFault
from kairan.auth.oidc.settings import OidcSettings
from kairan.auth.tokens.claims import read_token
from kairan.auth.tokens.jwks import signer_of
from kairan.auth.tokens.keys import Fetch, Keyring
from kairan.auth.tokens.settings import IssuerSettings, TokenSettings
from kairan.auth.tokens.trust import is_trustworthy

# A form to a URL, with a Basic login where there is one; gives the status and the whole answer.
Post = Callable[[str, Mapping[str, str], tuple[str, str] | None], Awaitable[tuple[int, bytes]]]

_OK = 200
# Codes are under a hundred characters where we know them; Entra's have about 1,500.
CODE_CHARACTERS_MAX = 4_096


class ProviderError(Exception):
    """The provider cannot be used now; the text says why."""


@dataclass(frozen=True, slots=True)
class _Places:
    authorization: str
    token: str
    says_issuer: bool  # RFC 9207 section 3
    takes_basic: bool


class Provider:
    """`fetch`, `post`: as of runtime/fetch.py.  Belongs to one event loop."""

    def __init__(
        self,
        settings: OidcSettings,
        tokens: TokenSettings,
        *,
        fetch: Fetch,
        post: Post,
        clock: Callable[[], float],
    ) -> None:
        self.settings = settings
        self._tokens, self._fetch, self._post, self._clock = tokens, fetch, post, clock
        self._keyring = Keyring(IssuerSettings(settings.issuer), tokens, fetch=fetch, clock=clock)
        self._places: _Places | None = None
        self._read = float("-inf")

    async def wait_places(self) -> _Places:
        """Raises ProviderError.  Read anew as often as keys are; an old answer stays where the new fails."""
        if self._clock() - self._read < self._tokens.keys_refresh_seconds and self._places:
            return self._places
        try:
            self._places = _places_in(await self._document(), self.settings.issuer)
            self._read = self._clock()
        except ProviderError:
            if self._places is None:
                raise
        return self._places

    async def _document(self) -> bytes:
        url = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            return await self._fetch(url)
        except Exception as error:
            raise ProviderError(str(error) or type(error).__name__) from error

    async def wait_redeemed(
        self, code: str, verifier: str, redirect: str
    ) -> Mapping[str, Any] | NotVouched:
        """The claims of the ID token that stands behind the code; the signature is the provider's.

        RFC 6749 section 4.1.3 and RFC 7636 section 4.5.  Raises ProviderError.
        """
        places = await self.wait_places()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
        }
        secret, login = self._secret(), None
        if secret and places.takes_basic:
            # RFC 6749 section 2.3.1: each is form-encoded first.
            login = (quote(self.settings.client_id, safe=""), quote(secret, safe=""))
        else:
            form |= {"client_id": self.settings.client_id}
            form |= {"client_secret": secret} if secret else {}
        try:
            status, document = await self._post(places.token, form, login)
        except Exception as error:
            raise ProviderError(str(error) or type(error).__name__) from error
        answer = _object(document)
        if status != _OK:
            return NotVouched(
                OidcFault.REFUSED, f"the token endpoint answered {status} {_word(answer)}"
            )
        token = answer.get("id_token")
        if not isinstance(token, str):
            return NotVouched(OidcFault.REFUSED, "the answer has no ID token")
        return await self.wait_genuine(token)

    def _secret(self) -> str:
        path = self.settings.client_secret_file
        try:
            return path.read_text(encoding="utf-8").strip() if path else ""
        except (OSError, ValueError) as error:
            raise ProviderError(f"the client secret cannot be read: {error}") from error

    async def wait_genuine(self, token: str) -> Mapping[str, Any] | NotVouched:
        """The claims of a token that the provider has signed."""
        claimed = read_token(token)
        if isinstance(claimed, str):
            return NotVouched(OidcFault.REFUSED, claimed)
        if claimed.issuer != self.settings.issuer:
            return NotVouched(OidcFault.REFUSED, "it is of another issuer")
        keys = self._keyring.find(claimed.kid, claimed.algorithm)
        if not keys and self._keyring.may_ask:
            await self._keyring.wait_asked()
            keys = self._keyring.find(claimed.kid, claimed.algorithm)
        if not keys and self._keyring.is_empty:
            return NotVouched(OidcFault.AWAY, "its keys could not be had")
        if signer_of(keys, token) is None:
            return NotVouched(OidcFault.REFUSED, "its signature is wrong")
        return claimed.claims


def _places_in(document: bytes, issuer: str) -> _Places:
    """OpenID Connect Discovery 1.0 section 4.3: it must name the issuer that was asked."""
    found = _object(document)
    if found.get("issuer") != issuer:
        raise ProviderError("its openid-configuration is of another issuer")
    urls = [found.get(name) for name in ("authorization_endpoint", "token_endpoint")]
    if not all(isinstance(one, str) and is_trustworthy(one) for one in urls):
        raise ProviderError("its endpoints are missing, or neither https nor on this machine")
    if urlsplit(str(urls[0])).fragment:  # RFC 6749 section 3.1
        raise ProviderError("its authorization endpoint has a fragment")
    methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return _Places(
        str(urls[0]),
        str(urls[1]),
        found.get("authorization_response_iss_parameter_supported") is True,
        isinstance(methods, list) and "client_secret_basic" in methods,
    )


def _object(document: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _word(answer: Mapping[str, Any]) -> str:
    """RFC 6749 section 5.2: a code of few characters; the description may quote what we sent."""
    word = answer.get("error", "")
    return word[:40] if isinstance(word, str) and word.isascii() and word.isprintable() else ""
