"""The demo's application: gets tokens for all of the demo's accounts."""

import json
import uuid
from pathlib import Path

from kairan.auth.made_secrets import hash_secret, make_secret
from kairan.cli import sample
from kairan.cli.directory import directory_of
from kairan.config.model import Configuration
from kairan.directory.model import App, AppSecret
from kairan.directory.store import Directory
from kairan.issuer.web.places import places_of

NAME = "demo"


def described(description: Path, configuration: Configuration) -> dict[str, dict[str, str]]:
    """`oauth` of demo.json; a new secret only where the old one is not to be read there."""
    if not configuration.issuer.enabled:  # switched off by hand
        return {}
    return {"oauth": _oauth(description, configuration)}


def _oauth(description: Path, configuration: Configuration) -> dict[str, str]:
    places = places_of(configuration.issuer)
    audience = configuration.issuer.audience
    return {
        "token_url": places.token,
        "jwks_url": places.jwks,
        "issuer": places.issuer,
        # For msal, which insists on HTTPS; trust ca_file.
        "authority": f"{places.asked_by('https').base}/{places.tenant}",
        "audience": audience,
        **(_known(description) or _made(configuration)),
        "scope": f"{audience}/.default",
    }


def _known(description: Path) -> dict[str, str] | None:
    try:
        oauth = json.loads(description.read_text(encoding="utf-8"))["oauth"]
        return {name: oauth[name] for name in ("client_id", "client_secret")}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _made(configuration: Configuration) -> dict[str, str]:
    secret = make_secret()
    app = App(
        name=NAME,
        client_id=str(uuid.uuid4()),
        object_id=str(uuid.uuid4()),
        permissions=frozenset({"Mail.Send"}),
        secrets=(AppSecret(hash_secret(secret)),),
    )
    with directory_of(configuration) as directory:
        _replace(directory, app)
    return {"client_id": app.client_id, "client_secret": secret}


def _replace(directory: Directory, app: App) -> None:
    if directory.apps.find(app.name) is not None:
        directory.apps.remove(app.name)
    directory.apps.add(app, accounts=[sample.address(name) for name in sample.ACCOUNTS])
