"""The demo's HTTP API: where it is, and a key that may do all of it."""

import json
import time
from pathlib import Path

from kairan.auth.made_secrets import hash_secret, make_secret, matches
from kairan.cli.directory import directory_of
from kairan.config.model import Configuration
from kairan.directory.model import AppSecret
from kairan.directory.operations.api_keys import ApiKey, Scope

_NAME = "demo"


def described(description: Path, configuration: Configuration) -> dict[str, str]:
    """`http_url` and `api_key` of demo.json; a new key only where the old one is not to be read there."""
    if not configuration.api.enabled:  # switched off by hand
        return {}
    url = f"http://{configuration.api.host}:{configuration.api.port}"
    return {"http_url": url, "api_key": _key(description, configuration)}


def _key(description: Path, configuration: Configuration) -> str:
    now = int(time.time())
    with directory_of(configuration) as directory:
        old = next((one for one in directory.api_keys.everyone() if one.name == _NAME), None)
        known = _known(description)
        if old is not None and matches(known, [AppSecret(old.hash, old.expires)], now=now):
            return known
        if old is not None:
            directory.api_keys.remove(_NAME)
        secret = make_secret()
        directory.api_keys.add(ApiKey(_NAME, hash_secret(secret), Scope.ADMIN, now, None))
    return secret


def _known(description: Path) -> str:
    try:
        return str(json.loads(description.read_text(encoding="utf-8"))["api_key"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
