"""The configuration of a service under test: tables in, the text of kairan.toml out.

    kairan_toml(
        listeners=[listener("hve"), listener("device", tls="off", devices={"127.0.0.1/32": PRINTER})],
        routes={"*": "maildir:maildir"},
        spool={"look_interval_seconds": 0.2},
    )

What is not said is the setting's default, but for what a test needs: loopback, and a port that the
system chooses (the service prints which).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

Table: TypeAlias = Mapping[str, object]

# As `kairan init` names them.
TLS: Table = {"certificate": "tls/server.pem", "key": "tls/server.key"}
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def listener(role: str, *, port: int = 0, host: str = "127.0.0.1", **settings: object) -> Table:
    return {"role": role, "host": host, "port": port, **settings}


def kairan_toml(
    *,
    listeners: Sequence[Table],
    routes: Mapping[str, str],
    hostname: str = "mail.kairan.test",
    data_directory: object = "data",
    workers: int = 2,
    tls: Table = TLS,
    delivery: Table | None = None,
    **tables: object,
) -> str:
    """`routes`: pattern to destination, in the order in which they are tried.  `delivery` and
    `tables`: further tables by their names.
    """
    rows = [{"pattern": pattern, "to": to} for pattern, to in routes.items()]
    whole: Table = {
        "server": {"hostname": hostname, "data_directory": data_directory, "workers": workers},
        "tls": tls,
        "listener": listeners,
        "delivery": {**(delivery or {}), "routes": rows},
        **tables,
    }
    return "\n".join(_lines(whole, ())) + "\n"


def _lines(table: Table, path: tuple[str, ...]) -> Iterator[str]:
    """TOML 1.0: a table's values stand before the tables in it."""
    tables = {key: value for key, value in table.items() if _tables_in(value)}
    for key, value in table.items():
        if key not in tables:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in tables.items():
        name = ".".join(map(_key, (*path, key)))
        if isinstance(value, Mapping):
            if not value or not all(map(_tables_in, value.values())):
                yield f"\n[{name}]"  # one that only holds others may be opened by a later text
            yield from _lines(value, (*path, key))
            continue
        for one in _tables_in(value):
            yield f"\n[[{name}]]"
            yield from _lines(one, (*path, key))


def _tables_in(value: object) -> list[Table]:
    """One for a table, each of an array of tables; a value has none."""
    if isinstance(value, Mapping):
        return [value]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [one for one in value if isinstance(one, Mapping)]
    return []


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _value(value: object) -> str:
    """JSON writes these as TOML does, but for DEL; what is none of them, a path, becomes its text."""
    return json.dumps(value, default=str, ensure_ascii=False).replace("\x7f", "\\u007F")
