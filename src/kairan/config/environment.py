"""What only the machine can answer: are the files there, do they fit, may we write, is the address ours?

Apart from `load`, for the commands that only read the queue or the directory run as users who
may not read the key, and must not be stopped by it.
"""

import errno
import os
import pwd
import socket
from collections.abc import Iterator
from pathlib import Path

from kairan.config.certificates import certificates_of
from kairan.config.errors import Source
from kairan.config.lines import Path_, lines_of
from kairan.config.model import Configuration
from kairan.config.setting_problem import SettingProblem
from kairan.delivery.transports.table import DestinationError, transport_for
from kairan.relay.tokens.identities import Identities
from kairan.runtime.certificate_files import CertificateFault, read_pair
from kairan.trace.otlp import is_installed

# What a socket says of an address of another machine, and where this one has no IPv6.
_NOT_OURS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def check_environment(configuration: Configuration) -> None:
    """Raises ConfigError for the first thing that would keep the service from starting."""
    for where, sentence in environment_problems(configuration):
        raise source_of(configuration).error(where, sentence)


def environment_problems(configuration: Configuration) -> Iterator[SettingProblem]:
    yield from _certificate(configuration)
    yield from _data_directory(configuration.data_directory)
    yield from _routes(configuration)
    yield from _alerts(configuration)
    yield from _addresses(configuration)
    yield from _opentelemetry(configuration)


def source_of(configuration: Configuration) -> Source:
    path = configuration.source or Path("kairan.toml")
    try:
        return Source(path, lines_of(path.read_text(encoding="utf-8")))
    except OSError:
        return Source(path, lines_of(""))


def _certificate(configuration: Configuration) -> Iterator[SettingProblem]:
    for one in certificates_of(configuration):
        try:
            read_pair(one.certificate, one.key, prefix=one.prefix)
        except CertificateFault as fault:
            who = f"; as user {_user()}" if fault.is_unreadable else ""
            yield ("tls", fault.setting), f"{fault}{who}"


def _data_directory(directory: Path) -> Iterator[SettingProblem]:
    """It may be missing: the service makes it.  Then its nearest parent counts."""
    nearest = next(path for path in (directory, *directory.parents) if path.exists())
    where = ("server", "data_directory")
    if not nearest.is_dir():
        yield where, f"{nearest} is a file, but data_directory must be a folder"
    elif not os.access(nearest, os.W_OK | os.X_OK):
        yield where, f"user {_user()} may not write in {nearest}; change its owner (chown)"


def _routes(configuration: Configuration) -> Iterator[SettingProblem]:
    """By making each transport once, which opens no connection but reads the files it names."""
    identities = Identities(configuration.identities, configuration.token_directory)
    for position, route in enumerate(configuration.delivery.routes):
        try:
            transport_for(
                route.to, configuration.transport, identities, capture=configuration.capture_place
            )
        except DestinationError as error:
            yield ("delivery", "routes", position, "to"), str(error)


def _alerts(configuration: Configuration) -> Iterator[SettingProblem]:
    settings = configuration.alerts
    if settings.mail_by:
        identities = Identities(configuration.identities, configuration.token_directory)
        try:
            transport_for(
                settings.mail_by,
                configuration.transport,
                identities,
                capture=configuration.capture_place,
            )
        except DestinationError as error:
            yield ("alerts", "mail_by"), str(error)
    if settings.command and not os.access(settings.command[0], os.X_OK):
        sentence = f"user {_user()} may not run {settings.command[0]}; write its whole path"
        yield ("alerts", "command"), sentence


def _opentelemetry(configuration: Configuration) -> Iterator[SettingProblem]:
    if configuration.opentelemetry.enabled and not is_installed():
        sentence = "OpenTelemetry's SDK is not installed: pip install 'kairan[opentelemetry]'"
        yield ("opentelemetry", "enabled"), sentence


def _addresses(configuration: Configuration) -> Iterator[SettingProblem]:
    for position, listener in enumerate(configuration.listeners):
        yield from _address(listener.host, ("listener", position, "host"))
    if configuration.answers_http:
        yield from _address(configuration.issuer.host, ("issuer", "host"))
    if configuration.api.enabled:
        yield from _address(configuration.api.host, ("api", "host"))


def _address(host: str, where: Path_) -> Iterator[SettingProblem]:
    """By taking any port of it for a moment: the service itself may have the one that is meant."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
    except OSError as error:
        if error.errno in _NOT_OURS:
            sentence = (
                f'"{host}" is no address of this machine ({error.strerror}); `ip address` shows '
                'them, and "0.0.0.0" means all of IPv4'
            )
            yield where, sentence


def _user() -> str:
    """Who we act as: a command of root acts as the owner of the data."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
