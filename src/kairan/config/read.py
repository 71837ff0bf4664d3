"""From the file's text to a `Configuration`: syntax, known keys, types, then rules."""

import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from kairan.alerts.settings import AlertSettings
from kairan.auth.settings import AuthSettings
from kairan.config.errors import ConfigError, Source, suggestion
from kairan.config.fill import fill
from kairan.config.keys import check_keys
from kairan.config.lines import lines_of
from kairan.config.model import SECTIONS, Configuration, Section, ServerSettings, own_answers
from kairan.config.paths import absolute, absolute_destination, absolute_routes, absolute_url
from kairan.config.rules import broken_rules
from kairan.config.setting_problem import SettingProblem
from kairan.delivery.transports.settings import TransportSettings


def load(
    path: Path,
    rules: Callable[[Configuration], Iterator[SettingProblem]] = broken_rules,
) -> Configuration:
    """The configuration in `path`, or ConfigError.  Touches no other file: see environment.py.

    `rules`: for a command that needs a part of it, those of that part alone.
    """
    configuration, source = read(path)
    for where, sentence in rules(configuration):
        raise source.error(where, sentence)
    return configuration


def read(path: Path) -> tuple[Configuration, Source]:
    """Keys and types are right; the rules are the caller's to ask, who may want to see all that are
    broken.
    """
    text = _text(path)
    tables = _tables(path, text)
    source = Source(path, lines_of(text))
    _check_sections(tables, source)
    values = {section.name: _section(section, tables, source) for section in SECTIONS}
    return _configuration(path, values), source


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            _check_owner(path, os.fstat(file.fileno()))
            return file.read()
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; `kairan init` makes one") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at octet {error.start}; save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error


def _check_owner(path: Path, found: os.stat_result) -> None:
    """Of the file that is open, which nobody can exchange any more.  Root believes root alone: the
    file names others to read and folders to write in.
    """
    if os.geteuid() != 0:
        return
    if found.st_uid != 0:
        raise ConfigError(
            f"{path}: belongs to user {found.st_uid}, and root does not read what others may write; "
            f"run the command as that user, or `chown root {path}`"
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigError(
            f"{path}: others may write it, and root does not read that; `chmod go-w {path}`"
        )


def _tables(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # "Expected '=' after a key (at line 3, column 8)"; or "(at end of document)".
        what, _, place = str(error).rstrip(")").rpartition(" (at ")
        line = re.search(r"line (\d+)", place)
        number = int(line[1]) if line else len(text.splitlines())
        raise ConfigError(f"{path}:{number}: {what}; this is not TOML") from error


def _check_sections(tables: dict[str, Any], source: Source) -> None:
    known = {section.name: section for section in SECTIONS}
    for name, table in tables.items():
        if name not in known:
            kind = f"section [{name}]" if isinstance(table, dict | list) else f'key "{name}"'
            raise source.error((name,), f"unknown {kind}{suggestion(name, known)}")
        if isinstance(table, list) is not known[name].repeats:
            shape = f"[[{name}]]" if known[name].repeats else f"[{name}]"
            raise source.error((name,), f"write {shape} here")


def _section(section: Section, tables: dict[str, Any], source: Source) -> Any:
    """One settings value, or a tuple of them where the section repeats."""
    given = tables.get(section.name)
    if section.repeats:
        return tuple(
            _settings(section, table, (section.name, position), source)
            for position, table in enumerate(given or [])
        )
    return _settings(section, given or {}, (section.name,), source)


def _settings(section: Section, table: Any, where: tuple[str | int, ...], source: Source) -> Any:
    if not isinstance(table, dict):
        raise source.error(where, f"write [{section.name}] here, with its keys below")
    check_keys(table, section.settings, where, source)
    settings = fill(table, section.settings, where, source)
    return absolute(settings, source.path.absolute().parent)


def _configuration(path: Path, values: dict[str, Any]) -> Configuration:
    base = path.absolute().parent
    server: ServerSettings = values["server"]
    fields = {s.field: values[s.name] for s in SECTIONS if s.field}
    # No [[listener]] at all is the default one, and not none.
    fields = {name: value for name, value in fields.items() if value != ()}
    fields |= own_answers(server, values["directory"])
    fields["directory_url"] = absolute_url(fields["directory_url"], base)
    fields["delivery"] = absolute_routes(fields["delivery"], base)
    alerts: AlertSettings = fields["alerts"]
    fields["alerts"] = replace(alerts, mail_by=absolute_destination(alerts.mail_by, base))
    fields["transport"] = _named(fields["transport"], fields["hostname"])
    configuration = Configuration(source=path.absolute(), **fields)
    return replace(configuration, auth=_owning(configuration.auth, configuration.own_issuer))


def _owning(auth: AuthSettings, own: str) -> AuthSettings:
    """Our own issuer writes the account's address into `upn` itself."""
    issuers = (
        replace(one, account_claim=one.account_claim or "upn") if one.issuer == own else one
        for one in auth.issuers
    )
    return replace(auth, issuers=tuple(issuers))


def _named(transport: TransportSettings, hostname: str) -> TransportSettings:
    """One name towards clients and next hops, unless the file says otherwise."""
    relay = replace(transport.relay, hostname=transport.relay.hostname or hostname)
    return replace(transport, relay=relay)
