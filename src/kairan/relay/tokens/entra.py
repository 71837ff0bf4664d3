"""Tokens of Microsoft Entra, by Microsoft's own library.

msal knows Entra's authorities in all clouds, certificates, the many places where a managed identity
is asked for, and Arc's challenge files.  Its caches are not used: the keeper has one token for all,
and a refused one must not come back.  Everything here runs in the keeper's thread.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msal

from kairan.outcomes import catalogue
from kairan.relay.tokens.answers import refusal_in, token_in, unreachable
from kairan.relay.tokens.http import TokenHttp, TokenHttpError
from kairan.relay.tokens.settings import IdentityKind, IdentitySettings
from kairan.relay.tokens.token import Fetched, TokenFault

_MICROSOFT = ".microsoftonline.com"


def fetch_of(settings: IdentitySettings) -> Callable[[str], Fetched | TokenFault]:
    ask = _ASK[settings.kind]

    def fetch(state: str) -> Fetched | TokenFault:
        try:
            return ask(settings, state)
        # What msal raises for an answer it cannot read is a ValueError, or its own kind.
        except (TokenHttpError, OSError, ValueError, msal.ManagedIdentityError) as error:
            return unreachable(error)

    return fetch


def _ask_as_application(settings: IdentitySettings, _: str) -> Fetched | TokenFault:
    asked_at = time.time()
    application = msal.ConfidentialClientApplication(
        settings.client_id, client_credential=_credential(settings), **_where(settings)
    )
    answer = application.acquire_token_for_client(scopes=[settings.scope])
    return _fetched(answer, asked_at)


def _ask_managed_identity(settings: IdentitySettings, _: str) -> Fetched | TokenFault:
    asked_at = time.time()
    who = (
        msal.UserAssignedManagedIdentity(client_id=settings.client_id)
        if settings.client_id
        else msal.SystemAssignedManagedIdentity()
    )
    client = msal.ManagedIdentityClient(who, http_client=TokenHttp(ca_file=settings.ca_file))
    resource = settings.scope.removesuffix("/.default")
    return _fetched(client.acquire_token_for_client(resource=resource), asked_at)


def _ask_with_refresh_token(settings: IdentitySettings, state: str) -> Fetched | TokenFault:
    asked_at = time.time()
    cache = msal.SerializableTokenCache()
    if state:
        cache.deserialize(state)
    application = _public_application(settings, cache)
    accounts = application.get_accounts()
    if not accounts:
        return TokenFault(catalogue.SIGN_IN_NEEDED, "nobody has signed in")
    answer = application.acquire_token_silent_with_error(
        [settings.scope], account=accounts[0], force_refresh=True
    )
    return _fetched(answer or {"error": "interaction_required"}, asked_at, cache)


def sign_in(settings: IdentitySettings, show: Callable[[str], None]) -> Fetched | TokenFault:
    """RFC 8628: `show` gets the sentence that tells a person where to go with which code; then we
    wait until they have, or the code's time is over.
    """
    try:
        cache = msal.SerializableTokenCache()
        application = _public_application(settings, cache)
        flow = application.initiate_device_flow(scopes=[settings.scope])
        if "user_code" not in flow:
            return refusal_in(flow)
        show(str(flow["message"]))
        asked_at = time.time()
        answer = application.acquire_token_by_device_flow(flow)
        # From the answer on, not from when we began to wait.
        return _fetched(answer, max(asked_at, time.time() - 5.0), cache)
    except (TokenHttpError, OSError, ValueError) as error:
        return unreachable(error)


def _public_application(
    settings: IdentitySettings, cache: "msal.SerializableTokenCache"
) -> "msal.PublicClientApplication":
    return msal.PublicClientApplication(settings.client_id, token_cache=cache, **_where(settings))


def _where(settings: IdentitySettings) -> dict[str, Any]:
    """Microsoft's hosts vouch for each other; of any other host only the operator knows."""
    host = urlsplit(settings.authority).hostname or ""
    return {
        "authority": f"{settings.authority.rstrip('/')}/{settings.tenant}",
        "instance_discovery": None if host.endswith(_MICROSOFT) else False,
        "http_client": TokenHttp(ca_file=settings.ca_file),
    }


def _credential(settings: IdentitySettings) -> str | dict[str, str]:
    """Read at each request: a file that was renewed counts from then on."""
    if settings.certificate_file is None:
        return _secret(settings.client_secret_file)
    certificate = settings.certificate_file.read_text(encoding="ascii")
    key = (settings.private_key_file or settings.certificate_file).read_text(encoding="ascii")
    return {"private_key": key, "public_certificate": certificate}


def _secret(path: Path | None) -> str:
    return path.read_text(encoding="utf-8").strip() if path else ""


def _fetched(
    answer: Mapping[str, Any],
    asked_at: float,
    cache: "msal.SerializableTokenCache | None" = None,
) -> Fetched | TokenFault:
    token = token_in(answer, asked_at=asked_at)
    if isinstance(token, TokenFault):
        return token
    return Fetched(token, cache.serialize() if cache is not None else "")


_ASK: Mapping[IdentityKind, Callable[[IdentitySettings, str], Fetched | TokenFault]] = {
    IdentityKind.CLIENT_CREDENTIALS: _ask_as_application,
    IdentityKind.DEVICE_CODE: _ask_with_refresh_token,
    IdentityKind.MANAGED_IDENTITY: _ask_managed_identity,
}
