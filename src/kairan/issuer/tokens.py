"""What stands in a token: Entra's claims, version 2.0.

An app by itself has `roles`, and its object id stands in `oid`: that is what accounts have on
their lists of allowed apps.  An app that a person approved has `scp` and `upn`, and `oid` is the
person's; our accounts have no such id, so one is made of the address, always the same.
"""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from kairan.directory.model import App
from kairan.issuer.keys.key import Key


@dataclass(frozen=True, slots=True)
class TokenTimes:
    """Seconds since the epoch."""

    issued: int
    begins: int
    expires: int


@dataclass(frozen=True, slots=True)
class WantedToken:
    """One token; the issuer itself asks for nothing unusual, `kairan app token` may."""

    issuer: str
    audience: str
    tenant: str
    permissions: frozenset[str]
    times: TokenTimes
    user: str = ""  # the account the app acts for; empty: the app by itself


def claims(app: App, wanted: WantedToken) -> Mapping[str, Any]:
    granted = sorted(wanted.permissions)
    subject = _person(wanted) if wanted.user else app.object_id
    return {
        "aud": wanted.audience,
        "iss": wanted.issuer,
        "iat": wanted.times.issued,
        "nbf": wanted.times.begins,
        "exp": wanted.times.expires,
        "azp": app.client_id,
        "azpacr": "1" if not wanted.user else "0",  # by secret, or a public client
        "appid": app.client_id,
        "app_displayname": app.name,
        "oid": subject,
        "sub": subject,
        "tid": wanted.tenant,
        "uti": secrets.token_urlsafe(16),
        "ver": "2.0",
        **(
            {"scp": " ".join(granted), "upn": wanted.user, "preferred_username": wanted.user}
            if wanted.user
            else {"idtyp": "app", "roles": granted}
        ),
    }


def _person(wanted: WantedToken) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{wanted.issuer}/{wanted.user}"))


def make_token(app: App, wanted: WantedToken, key: Key) -> str:
    return jwt.encode(
        dict(claims(app, wanted)),
        key.private,
        algorithm=str(key.algorithm),
        headers={"kid": key.id},
    )
