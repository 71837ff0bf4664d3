"""sasl-xoauth2's settings in our words: its configuration, or a token file that holds the same keys.

Both are one JSON object (sasl-xoauth2.conf(5)).  Its tokens are not taken: they are a person's, and the
first `kairan token get` makes new ones.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kairan.config.imports.draft import DraftTable, ImportDraft, ImportFaultError, Uncounterparted
from kairan.mail.address import parse_address

FILE_OCTETS_MAX = 1024 * 1024
_ENTRA = re.compile(
    r"(?P<authority>https://login\.[a-z.]+)/(?P<tenant>[^/\s]+)/oauth2(?:/v2\.0)?/token"
)
_PUBLIC = "https://login.microsoftonline.com"
# In its last ten minutes HVE refuses a token; ours is renewed twenty minutes before it ends.
_LATE_SECONDS = 600
_TAKEN = frozenset(
    [
        "client_id",
        "client_secret",
        "token_endpoint",
        "use_client_credentials",
        "ca_bundle_file",
        "refresh_window",
        "scope",
        "user",
    ]
)
_WHY = {
    "access_token": "tokens are not taken along: `kairan token get` makes new ones",
    "refresh_token": "tokens are not taken along: `kairan token get` makes new ones",
    "expiry": "tokens are not taken along: `kairan token get` makes new ones",
    "proxy": "tokens are fetched directly; let the proxy's host be reached, or a route lead round it",
    "ca_certs_dir": "name one file with the authorities: ca_file",
    "manage_token_externally": "tokens are fetched and renewed by the service itself",
    "log_to_syslog_on_failure": "the log says what an issuer refused, and never a token",
    "log_full_trace_on_failure": "the log says what an issuer refused, and never a token",
    "always_log_to_syslog": "the log says what an issuer refused, and never a token",
}
_SECRETS = frozenset({"access_token", "refresh_token", "client_secret", "proxy"})


def read_sasl_xoauth2(path: Path) -> dict[str, Any]:
    try:
        octets = path.read_bytes()[: FILE_OCTETS_MAX + 1]
    except OSError as error:
        raise ImportFaultError(f"{path} cannot be read ({error.strerror})") from error
    try:
        value = json.loads(octets)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ImportFaultError(
            f"{path} is no JSON object as sasl-xoauth2 has it; name its .conf or token file"
        )
    return value


def import_sasl_xoauth2(
    settings: dict[str, Any], *, name: str, user: str, secret_file: str
) -> ImportDraft:
    """`secret_file`: where the secret is to lie; it is never in the draft."""
    if parse_address(user, utf8=True) is None:
        raise ImportFaultError(f'"{user}" is not the address of an account; name it with --user')
    missing = list(_without_counterpart(settings))
    endpoint = _text(settings, "token_endpoint")
    entra = _ENTRA.fullmatch(endpoint)
    own = _is_true(settings.get("use_client_credentials"))
    values: dict[str, object] = {"name": name, "user": user, "kind": _kind(entra, own=own)}
    if entra is not None:
        values["tenant"] = entra["tenant"]
        if entra["authority"] != _PUBLIC:
            values["authority"] = entra["authority"]
    else:
        why = "write the issuer's URL into issuer, below which its discovery document lies"
        missing.append(Uncounterparted("token_endpoint", endpoint or "Google's, by default", why))
    values["client_id"] = _text(settings, "client_id")
    to_do = []
    if own or entra is None:
        values["client_secret_file"] = secret_file
    if _text(settings, "client_secret") and "client_secret_file" not in values:
        why = "a person's sign-in by code needs no secret; allow public client flows for the app"
        missing.append(Uncounterparted("client_secret", "…", why))
    if not own:
        to_do.append(f"kairan token get {name}")
    if scope := _text(settings, "scope"):
        values["scope"] = scope
    if file := _text(settings, "ca_bundle_file"):
        values["ca_file"] = file
    window = settings.get("refresh_window")
    if isinstance(window, int) and not isinstance(window, bool) and window > _LATE_SECONDS:
        values["renew_seconds"] = window
    elif window is not None:
        why = "a token is renewed twenty minutes before it ends: HVE refuses it in the last ten"
        missing.append(Uncounterparted("refresh_window", _shown(window), why))
    table = DraftTable("identity", values, repeats=True)
    return ImportDraft((table,), tuple(missing), tuple(to_do))


def _without_counterpart(settings: dict[str, Any]) -> Iterator[Uncounterparted]:
    for key, value in settings.items():
        if key not in _TAKEN:
            shown = "…" if key in _SECRETS else _shown(value)
            yield Uncounterparted(key, shown, _WHY.get(key, "nothing stands for it"))


def secret_of(settings: dict[str, Any]) -> str:
    return _text(settings, "client_secret")


def _kind(entra: "re.Match[str] | None", *, own: bool) -> str:
    if entra is None:
        return "oidc"
    return "client-credentials" if own else "device-code"


def _text(settings: dict[str, Any], name: str) -> str:
    value = settings.get(name)
    return value if isinstance(value, str) else ""


def _is_true(value: object) -> bool:
    return value is True or str(value).lower() in {"yes", "true", "1"}


def _shown(value: object) -> str:
    return str(value)[:200]
