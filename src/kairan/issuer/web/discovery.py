"""What the issuer says of itself: OpenID Connect Discovery 1.0, and RFC 8414 section 2."""

from collections.abc import Mapping
from typing import Any

from kairan.issuer.grants import CLIENT_CREDENTIALS, DEVICE_CODE
from kairan.issuer.settings import IssuerServiceSettings
from kairan.issuer.web.places import Places


def metadata(places: Places, settings: IssuerServiceSettings, *, issuer: str) -> Mapping[str, Any]:
    """`issuer`: the name in the tokens, whichever way the question came."""
    return {
        "issuer": issuer,
        # It refuses everybody, for there is no login page; msal does not start without one.
        "authorization_endpoint": places.authorization,
        "token_endpoint": places.token,
        "jwks_uri": places.jwks,
        "device_authorization_endpoint": places.device_authorization,
        "grant_types_supported": [CLIENT_CREDENTIALS, DEVICE_CODE],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        # Required, and not empty; this type gives nothing (OAuth 2.0 Multiple Response Types).
        "response_types_supported": ["none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [str(settings.algorithm)],
        "scopes_supported": [f"{settings.audience}/.default"],
    }
