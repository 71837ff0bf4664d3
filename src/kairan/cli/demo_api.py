"""The demo's HTTP API and console: where they are, a key and a user that may do all of it."""

import json
import time
from pathlib import Path

from kairan.auth.made_secrets import hash_secret, make_secret, matches
from kairan.auth.passwords.generated import generate_password
from kairan.auth.passwords.hashing import hash_password
from kairan.auth.settings import AuthSettings
from kairan.cli.directory import directory_of
from kairan.config.model import Configuration
from kairan.console.roles import ConsoleRole
from kairan.directory.model import AppSecret
from kairan.directory.operations.api_keys import ApiKey, Scope
from kairan.directory.operations.console_users import ConsoleUser
from kairan.directory.store import Directory

_NAME = "demo"


def described(description: Path, configuration: Configuration) -> dict[str, object]:
    """`http_url`, `api_key` and `console` of demo.json; new secrets only where the old ones are not to be
    read there.
    """
    if not configuration.api.enabled:  # switched off by hand
        return {}
    url = f"http://{configuration.api.host}:{configuration.api.port}"
    known = _known(description)
    with directory_of(configuration) as directory:
        return {
            "http_url": url,
            "api_key": _key(str(known.get("api_key", "")), directory),
            "console": {
                "url": f"{url}/console/",
                "user": _NAME,
                "password": _password(known.get("console"), directory, configuration.auth),
            },
        }


def _key(known: str, directory: Directory) -> str:
    now = int(time.time())
    old = next((one for one in directory.api_keys.everyone() if one.name == _NAME), None)
    if old is not None and matches(known, [AppSecret(old.hash, old.expires)], now=now):
        return known
    if old is not None:
        directory.api_keys.remove(_NAME)
    secret = make_secret()
    directory.api_keys.add(ApiKey(_NAME, hash_secret(secret), Scope.ADMIN, now, None))
    return secret


def _password(known: object, directory: Directory, settings: AuthSettings) -> str:
    """The one that was written down goes on; without it the user gets another."""
    written = known.get("password") if isinstance(known, dict) else None
    password = str(written) if written else generate_password()
    users = directory.console_users
    if users.find(_NAME) is None:
        stored = hash_password(password, settings)
        users.add(ConsoleUser(_NAME, ConsoleRole.ADMIN, stored, int(time.time())))
    elif not written:
        users.set_password(_NAME, hash_password(password, settings))
    return password


def _known(description: Path) -> dict[str, object]:
    try:
        known = json.loads(description.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
