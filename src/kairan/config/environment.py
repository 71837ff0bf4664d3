"""What only the machine can answer: are the files there, do they fit, may we write?

Apart from `load`, for the commands that only read the queue or the directory run as users who
may not read the key, and must not be stopped by it.
"""

import os
import pwd
import ssl
from pathlib import Path

from kairan.config.errors import Source
from kairan.config.lines import lines_of
from kairan.config.model import Configuration
from kairan.delivery.transports.table import DestinationError, transport_for


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
    tls = configuration.tls
    if tls.certificate is None or tls.key is None:
        return  # rules.py has seen to it that no listener needs it
    _check_readable(tls.certificate, "certificate", source)
    _check_readable(tls.key, "key", source)
    _check_pair(tls.certificate, tls.key, source)
    if tls.rsa_certificate is not None and tls.rsa_key is not None:
        _check_readable(tls.rsa_certificate, "rsa_certificate", source)
        _check_readable(tls.rsa_key, "rsa_key", source)
        _check_pair(tls.rsa_certificate, tls.rsa_key, source, prefix="rsa_")


def _check_readable(path: Path, key: str, source: Source) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        sentence = f"the {key} {path} cannot be read ({error.strerror}); as user {_user()}"
        raise source.error(("tls", key), sentence) from error


def _check_pair(certificate: Path, key: Path, source: Source, *, prefix: str = "") -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # The password argument keeps OpenSSL from asking the terminal.
        context.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        culprit, sentence = _explained(error, certificate, key)
        raise source.error(("tls", prefix + culprit), sentence) from error


def _no_password() -> str:
    return ""


def _explained(error: ssl.SSLError, certificate: Path, key: Path) -> tuple[str, str]:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "key", f"the key {key} does not belong to the certificate {certificate}"
    if not _has_certificate(certificate):
        return "certificate", f"{certificate} is no certificate in PEM format"
    if b"ENCRYPTED" in key.read_bytes():
        return "key", f"the key {key} is protected by a password; store it without one, mode 0600"
    return "key", f"{key} is no private key in PEM format"


def _has_certificate(path: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return False
    return True


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
