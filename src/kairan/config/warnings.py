"""What is allowed, and yet better known to whoever runs the service.

`check-config` prints it, and the service logs it at its start.
"""

import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from kairan.config.certificates import certificates_of
from kairan.config.model import Configuration
from kairan.intake.settings import ListenerSettings
from kairan.runtime.certificate_files import CertificateFault, read_pair
from kairan.runtime.certificate_files import warnings_of as certificate_warnings


def warnings_of(configuration: Configuration) -> Iterator[str]:
    yield from _readable_by_all(configuration)
    yield from _certificates(configuration)
    for listener in configuration.listeners:
        yield from _clear_text(listener)


def _certificates(configuration: Configuration) -> Iterator[str]:
    for one in certificates_of(configuration):
        with suppress(CertificateFault):  # which keeps the service from starting, and is said there
            pair = read_pair(one.certificate, one.key)
            yield from certificate_warnings(pair, configuration.hostname, datetime.now(UTC))


def _clear_text(listener: ListenerSettings) -> Iterator[str]:
    if listener.auth_in_clear_text and not listener.is_loopback:
        yield (
            f"the listener on {listener.host} port {listener.port} takes logins in clear text "
            "(auth_in_clear_text): everyone on the line can read the passwords; give these "
            "accounts no other rights, and no password that is used elsewhere"
        )


def _readable_by_all(configuration: Configuration) -> Iterator[str]:
    """Keys, password files, and a configuration with a password in it."""
    secrets = [configuration.tls.key, *_password_files(configuration)]
    source = configuration.source
    if source is not None and _holds_password(configuration):
        secrets.append(source)
        yield f"{source} holds a password; write it into a file of mode 0600 and name password_file"
    for path in secrets:
        if path is not None and _is_readable_by_all(path):
            yield f"everyone on this machine can read {path}, which holds a secret: `chmod o-r {path}`"


def _password_files(configuration: Configuration) -> Iterator[Path]:
    for route in configuration.delivery.routes:
        named = dict(parse_qsl(urlsplit(route.to).query)).get("password_file")
        if named:
            yield Path(named)


def _holds_password(configuration: Configuration) -> bool:
    urls = [configuration.directory_url, *(route.to for route in configuration.delivery.routes)]
    return any(_LOGIN_WITH_PASSWORD.search(url) for url in urls)


def _is_readable_by_all(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:  # missing or out of reach: others say so
        return False


_LOGIN_WITH_PASSWORD = re.compile(r"://[^/?#]*:[^/?#]*@")
