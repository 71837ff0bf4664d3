"""What only the machine can answer: are the files there, do they fit, may we write?

Apart from `load`, for the commands that only read the queue or the directory run as users who
may not read the key, and must not be stopped by it.
"""

import os
import pwd
from pathlib import Path

from kairan.config.certificates import certificates_of
from kairan.config.errors import Source
from kairan.config.lines import lines_of
from kairan.config.model import Configuration
from kairan.delivery.transports.table import DestinationError, transport_for
from kairan.runtime.certificate_files import CertificateFault, read_pair


def check_environment(configuration: Configuration) -> None:
    """Raises ConfigError for the first thing that would keep the service from starting."""
    source = _source(configuration)
    _check_certificate(configuration, source)
    _check_data_directory(configuration.data_directory, source)
    _check_routes(configuration, source)


def _source(configuration: Configuration) -> Source:
    path = configuration.source or Path("kairan.toml")
    try:
        return Source(path, lines_of(path.read_text(encoding="utf-8")))
    except OSError:
        return Source(path, lines_of(""))


def _check_certificate(configuration: Configuration, source: Source) -> None:
    for one in certificates_of(configuration):
        try:
            read_pair(one.certificate, one.key, prefix=one.prefix)
        except CertificateFault as fault:
            who = f"; as user {_user()}" if fault.is_unreadable else ""
            raise source.error(("tls", fault.setting), f"{fault}{who}") from fault


def _check_data_directory(directory: Path, source: Source) -> None:
    """It may be missing: the service makes it.  Then its nearest parent counts."""
    nearest = next(path for path in (directory, *directory.parents) if path.exists())
    where = ("server", "data_directory")
    if not nearest.is_dir():
        raise source.error(where, f"{nearest} is a file, but data_directory must be a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        sentence = f"user {_user()} may not write in {nearest}; change its owner (chown)"
        raise source.error(where, sentence)


def _check_routes(configuration: Configuration, source: Source) -> None:
    """By making each transport once, which opens no connection but reads the files it names."""
    for position, route in enumerate(configuration.delivery.routes):
        try:
            transport_for(route.to, configuration.transport)
        except DestinationError as error:
            raise source.error(("delivery", "routes", position, "to"), str(error)) from error


def _user() -> str:
    """Who we act as: a command of root acts as the owner of the data."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
