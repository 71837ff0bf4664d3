"""What is allowed, and yet better known to whoever runs the service.

`check-config` prints it with its place in the file, and the service logs it at its start.
"""

import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from kairan.config.certificates import certificates_of
from kairan.config.environment import source_of
from kairan.config.lines import Path_
from kairan.config.model import Configuration
from kairan.config.numbers import number_problems
from kairan.config.reach import unreached
from kairan.config.setting_problem import SettingProblem
from kairan.runtime.certificate_files import (
    CertificateFault,
    CertificatePair,
    fault_of_time,
    read_pair,
    warning_of_end,
    warning_of_name,
)

_SQLITE = "sqlite:///"
# By setting of an identity, what holds its secret.
_IDENTITY_SECRETS = ("client_secret_file", "private_key_file")


def start_warnings(configuration: Configuration) -> Iterator[str]:
    """All that the file and the machine say, each with its line: mistakes first.

    Of the certificates `served_certificates` speaks by itself.
    """
    source = source_of(configuration)
    for where, sentence in (
        *settings_problems(configuration),
        *_readable_by_all(configuration),
        *_clear_text(configuration),
        *_legacy_tls(configuration),
        *_capture(configuration),
    ):
        yield f"{source.place(where)}: {sentence}"


def settings_problems(configuration: Configuration) -> Iterator[SettingProblem]:
    """With these the service starts, and does not do what was meant."""
    yield from number_problems(configuration)
    yield from unreached(configuration.delivery.routes)


def certificate_problems(configuration: Configuration) -> Iterator[SettingProblem]:
    """With these no client that looks would take it."""
    for where, pair in _pairs(configuration):
        if fault := fault_of_time(pair, datetime.now(UTC)):
            yield where, fault


def warnings_of(configuration: Configuration) -> Iterator[SettingProblem]:
    yield from _readable_by_all(configuration)
    for where, pair in _pairs(configuration):
        if end := warning_of_end(pair, datetime.now(UTC)):
            yield where, end[1]
        if name := warning_of_name(pair, configuration.hostname):
            yield where, name
    yield from _clear_text(configuration)
    yield from _legacy_tls(configuration)
    yield from _capture(configuration)


def _pairs(configuration: Configuration) -> Iterator[tuple[Path_, CertificatePair]]:
    for one in certificates_of(configuration):
        with suppress(CertificateFault):  # which keeps the service from starting, and is said there
            pair = read_pair(one.certificate, one.key)
            yield ("tls", f"{one.prefix}certificate"), pair


def _clear_text(configuration: Configuration) -> Iterator[SettingProblem]:
    for position, listener in enumerate(configuration.listeners):
        if listener.auth_in_clear_text and not listener.is_loopback:
            sentence = (
                f"the listener on {listener.host} port {listener.port} takes logins in clear text "
                "(auth_in_clear_text): everyone on the line can read the passwords; give these "
                "accounts no other rights, and no password that is used elsewhere"
            )
            yield ("listener", position, "auth_in_clear_text"), sentence


def _capture(configuration: Configuration) -> Iterator[SettingProblem]:
    if not configuration.capture.enabled:
        return
    sentence = (
        "[capture] is on: this service is for tests, and not for people's mail. Operators read the "
        "contents of what goes to capture:, and fault rules refuse mail that is in order; in "
        "production write `enabled = false`"
    )
    yield ("capture", "enabled"), sentence


def _legacy_tls(configuration: Configuration) -> Iterator[SettingProblem]:
    for position, listener in enumerate(configuration.listeners):
        if listener.legacy_tls:
            sentence = (
                f"the listener on {listener.host} port {listener.port} speaks TLS 1.0 and 1.1 "
                "(legacy_tls), which are broken: let only the devices that know nothing newer use "
                "it, each with a password of its own (`kairan device add`)"
            )
            yield ("listener", position, "legacy_tls"), sentence


def _readable_by_all(configuration: Configuration) -> Iterator[SettingProblem]:
    """Keys, password files, the directory, and a configuration with a password in it."""
    source = configuration.source
    for where in _passwords(configuration):
        yield (
            where,
            f"{source} holds a password; write it into a file of mode 0600 and name password_file",
        )
        if source is not None and _is_readable_by_all(source):
            yield where, _readable(source)
    for where, path in _secrets(configuration):
        if path is not None and _is_readable_by_all(path):
            yield where, _readable(path)


def _readable(path: Path) -> str:
    return f"everyone on this machine can read {path}, which holds a secret: `chmod o-r {path}`"


def _secrets(configuration: Configuration) -> Iterator[tuple[Path_, Path | None]]:
    """The files that hold one, each with the setting that leads to it."""
    yield ("tls", "key"), configuration.tls.key
    yield ("tls", "rsa_key"), configuration.tls.rsa_key
    for where, to in _destinations(configuration):
        if named := dict(parse_qsl(urlsplit(to).query)).get("password_file"):
            yield where, Path(named)
    for position, identity in enumerate(configuration.identities):
        for setting in _IDENTITY_SECRETS:
            yield ("identity", position, setting), getattr(identity, setting)
        if identity.private_key_file is None:  # then it is in the same file
            yield ("identity", position, "certificate_file"), identity.certificate_file
    yield ("oidc", "client_secret_file"), configuration.oidc.client_secret_file
    yield ("issuer", "keys_secret_file"), configuration.issuer.keys_secret_file
    where = ("server", "data_directory")
    if configuration.directory_url.startswith(_SQLITE):  # hashes of passwords
        yield where, Path(configuration.directory_url.removeprefix(_SQLITE))
    for folder in (configuration.issuer_directory, configuration.token_directory):
        yield from ((where, path) for path in _files_in(folder))


def _destinations(configuration: Configuration) -> Iterator[tuple[Path_, str]]:
    for position, route in enumerate(configuration.delivery.routes):
        yield ("delivery", "routes", position, "to"), route.to
    yield ("alerts", "mail_by"), configuration.alerts.mail_by


def _files_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:  # missing, or not ours to read
        return []


def _passwords(configuration: Configuration) -> Iterator[Path_]:
    """Where the file itself holds one."""
    if _LOGIN_WITH_PASSWORD.search(configuration.directory_url):
        yield "directory", "url"
    for where, to in _destinations(configuration):
        if _LOGIN_WITH_PASSWORD.search(to):
            yield where


def _is_readable_by_all(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:  # missing or out of reach: others say so
        return False


_LOGIN_WITH_PASSWORD = re.compile(r"://[^/?#]*:[^/?#]*@")
