"""Paths in the file are relative to the file, wherever the command was started."""

import re
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from kairan.delivery.settings import DeliverySettings
from kairan.delivery.transports.table import TRANSPORTS

_FILE_OPTION = re.compile(r"([?&](?:ca|password_file)=)([^&]+)")
# "system" is no file but the word of libpq for the system's authorities.
_URL_FILE = re.compile(r"([?&]sslrootcert=)(?!system(?:&|$))([^&]+)")
_SQLITE = "sqlite:///"


def absolute(settings: Any, base: Path) -> Any:
    """`settings` with every path in it, also of settings inside it, made absolute."""
    if isinstance(settings, Path):
        return base / settings
    if isinstance(settings, tuple):
        return tuple(absolute(item, base) for item in settings)
    if is_dataclass(settings) and not isinstance(settings, type):
        values = {f.name: getattr(settings, f.name) for f in fields(settings)}
        return replace(settings, **{name: absolute(v, base) for name, v in values.items()})
    return settings


def absolute_url(url: str, base: Path) -> str:
    """A SQLite file counts from `base`, and so do the authorities of a server's certificate."""
    path = url.removeprefix(_SQLITE)
    if path != url:
        return f"{_SQLITE}{base / path}"
    return _URL_FILE.sub(lambda found: found[1] + quote(str(base / unquote(found[2]))), url)


def absolute_routes(delivery: DeliverySettings, base: Path) -> DeliverySettings:
    """Also `maildir:mail`, and the files a destination names: `smtp://relay?ca=tls/relay.pem`."""
    routes = (replace(route, to=absolute_destination(route.to, base)) for route in delivery.routes)
    return replace(delivery, routes=tuple(routes))


def absolute_destination(to: str, base: Path) -> str:
    scheme, colon, path = to.partition(":")
    if scheme.lower() == "capture" and path:
        return f"{scheme}{colon}{absolute_destination(path, base)}"
    kind = TRANSPORTS.get(scheme.lower())
    if kind is not None and kind.names_path:
        return f"{scheme}{colon}{base / path}"
    return _FILE_OPTION.sub(lambda found: found[1] + quote(str(base / unquote(found[2]))), to)
