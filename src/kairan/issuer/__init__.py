"""Issuer: gives applications the tokens they log in with, where there is no Entra or Keycloak.

In      HTTP: discovery, keys, tokens by client credentials and by device code
Out     signed tokens shaped as Entra's (v2.0); its public keys
Keeps   private keys in files of their own (mode 0600); nothing else: apps, hashes of their secrets
        and waiting device logins are the directory's
Never   shows a login page or takes a person's password; logs a secret, code or token; decides
        whether a token is good for mail
Limits  16 KiB a request, 50 connections, 100 waiting device logins, a back-off for wrong secrets;
        no token lives longer than a day
Damage  while it is away no new token is got; the service goes on with the keys it has seen
RFC     6749 sections 2.3.1, 4.4, 5; 7517 (keys), 7638 (their names), 8414 (discovery), 8628
"""

from typing import TYPE_CHECKING

from kairan.runtime.late import late_names

if TYPE_CHECKING:
    from kairan.issuer.keys import KeyRing
    from kairan.issuer.places import Places, places_of
    from kairan.issuer.secrets import hash_secret, make_secret
    from kairan.issuer.settings import IssuerServiceSettings
    from kairan.issuer.tokens import Times, Wanted, make_token
else:
    __getattr__ = late_names(
        __name__,
        {
            "keys": ("KeyRing",),
            "places": ("Places", "places_of"),
            "secrets": ("hash_secret", "make_secret"),
            "settings": ("IssuerServiceSettings",),
            "tokens": ("Times", "Wanted", "make_token"),
        },
    )

__all__ = [
    "IssuerServiceSettings",
    "KeyRing",
    "Places",
    "Times",
    "Wanted",
    "hash_secret",
    "make_secret",
    "make_token",
    "places_of",
]
