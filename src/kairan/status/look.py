"""What alerts look at: a status, the identities' tokens and certificates, who sent lately.  Blocks."""

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from kairan.alerts.alert import Concern
from kairan.config.model import Configuration
from kairan.directory.store import Directory
from kairan.relay.tokens.operations import stored
from kairan.relay.tokens.settings import IdentitySettings
from kairan.runtime.certificate_files import CertificateFault, read_pair
from kairan.status.concerns import IdentityStatus, concerns_of
from kairan.status.facts import CertificateStatus
from kairan.status.gather import status
from kairan.trace.search import search


def look(configuration: Configuration, directory: Directory) -> list[Concern]:
    now = time.time()
    return concerns_of(
        status(configuration, now=now),
        configuration.alerts,
        identities=[_identity(one, configuration, now) for one in configuration.identities],
        last_sent=dict(_last_sent(configuration, directory, now)),
        groups=directory.dynamic_groups.everyone(),
        sources=[directory.sources.state(one.name) for one in configuration.directory_sources],
    )


def _identity(
    settings: IdentitySettings, configuration: Configuration, now: float
) -> IdentityStatus:
    token = stored(settings, configuration.token_directory)
    return IdentityStatus(
        settings.name,
        token.expires if token else None,
        settings.refused_seconds,
        _certificate(settings, now),
    )


def _certificate(settings: IdentitySettings, now: float) -> CertificateStatus | None:
    file = settings.certificate_file
    if file is None:
        return None
    with suppress(CertificateFault):  # which check-config and the first login say
        pair = read_pair(file, settings.private_key_file or file)
        days = pair.days_left(datetime.fromtimestamp(now, UTC))
        return CertificateStatus(str(file), pair.names, pair.ends.timestamp(), days)
    return None


def _last_sent(
    configuration: Configuration, directory: Directory, now: float
) -> Iterator[tuple[str, float | None]]:
    wanted = configuration.alerts.quiet_seconds
    sightings = directory.devices.sightings() if any("@" not in name for name, _ in wanted) else {}
    for name, seconds in wanted:
        if "@" not in name:
            seen = sightings[name].seen if name in sightings else 0
            yield name, float(seen) or None
            continue
        since = now - seconds
        events = search(configuration.trace_directory, sender=name, since=since, limit=1)
        yield name, events[-1].time if events else None
