"""kairan status: one screen of what the service does now."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from kairan.cli.configuration import read_configuration
from kairan.cli.options import ConfigOption, JsonOption, examples, one_command
from kairan.cli.output import plain, print_facts, print_json, print_table, say
from kairan.runtime.counted import counted
from kairan.status.facts import CertificateStatus, DestinationStatus, Status
from kairan.status.gather import moment, status

app = one_command()

_DESTINATIONS_SHOWN = 10
_NAMES_SHOWN = 3  # of a certificate, which may have a hundred
NOT_ACCEPTING = 1  # the exit code, so that a monitor needs no more


@app.command("status", epilog=examples("kairan status", "kairan status --json"))
def status_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what the service does now.

    Whether it accepts mail or why not, sessions, rates, the queue by destination, what is paused, disk, certificates, keys, directory and workers. Exits with 1 where it accepts nothing.
    """
    found = status(read_configuration(config), now=time.time())
    if as_json:
        print_json(plain(found))
    else:
        say(f"Kairan {found.version}: {_accepting(found)}")
        print_facts(_facts(found))
        _print_destinations(found.destinations)
        for text in found.unknown:
            say(f"not known: {text}", to_operator=True)
    if found.not_accepting:
        raise typer.Exit(NOT_ACCEPTING)


def _facts(found: Status) -> Iterator[tuple[str, str]]:
    for one in found.listeners:
        yield "listener", f"{one.address} ({one.role}): {counted(one.sessions, 'session', ',')}"
    yield "workers", f"{len(found.workers)} of {found.workers_expected} answer"
    if found.workers:
        accepted = sum(one.accepted_per_second for one in found.workers)
        delivered = sum(one.delivered_per_second for one in found.workers)
        lag = max(one.lag_seconds for one in found.workers)
        rates = f"{accepted:.1f} messages/s accepted, {delivered:.1f} recipients/s delivered"
        yield "last minute", f"{rates}, new mail waits {lag:.1f} s"
    for pause in found.pauses:
        yield "paused", f"{pause.kind} {pause.name}, by {pause.by} since {moment(pause.since)}"
    if found.disk is not None:
        free, least = found.disk.free_octets, found.disk.free_octets_min
        yield "disk", f"{_octets(free)} free; below {_octets(least)} nothing is accepted"
    yield from _certificate_facts(found.certificates)
    for key in found.issuer_keys:
        yield "issuer key", f"{key.key_id[:12]} ({key.algorithm}), {_age(key.age_seconds)} old"
    if found.directory is not None:
        version, age = found.directory.version, _age(found.directory.age_seconds)
        yield "directory", f"version {version}, asked {age} ago"
    held = f", {counted(found.held, 'job', ',')} held" if found.held else ""
    quarantined = f", {found.quarantined} quarantined" if found.quarantined else ""
    yield "queue", f"{counted(found.messages, 'message', ',')}{held}{quarantined}"


def _certificate_facts(certificates: Sequence[CertificateStatus]) -> Iterator[tuple[str, str]]:
    """What is the same of two, such as an ECDSA and an RSA one for the same names, is said once."""
    files: dict[tuple[tuple[str, ...], str, int], list[str]] = {}
    for one in certificates:
        key = one.names, moment(one.expires)[:10], one.days_left
        files.setdefault(key, []).append(Path(one.file).name)
    for (names, last_day, days_left), of in files.items():
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        shown = f"{', '.join(names[:_NAMES_SHOWN])}{more}"
        yield "certificate", f"{', '.join(of)}: {shown}; until {last_day}, {_days(days_left)}"
    for one in certificates:
        yield from (("", warning) for warning in one.warnings)


def _accepting(found: Status) -> str:
    if not found.not_accepting:
        return "accepting mail"
    is_empty = found.draining_since is not None and found.messages == 0
    return f"accepting nothing: {'; '.join(found.not_accepting)}{'; the queue is empty' if is_empty else ''}"


def _print_destinations(destinations: tuple[DestinationStatus, ...]) -> None:
    if not destinations:
        return
    say()
    rows = [
        (one.name, one.state, one.jobs, one.running, _age(one.oldest_age_seconds), one.last_error)
        for one in destinations[:_DESTINATIONS_SHOWN]
    ]
    columns = ("destination", "state", "jobs", "running", "oldest", "last error")
    print_table(columns, rows, nothing="")
    more = len(destinations) - _DESTINATIONS_SHOWN
    if more > 0:
        say(f"… and {counted(more, 'destination', ',')} more; --json has all")


def _days(days: int) -> str:
    return "EXPIRED" if days < 0 else f"{counted(days, 'day', ',')} left"


def _octets(octets: int) -> str:
    return f"{octets / 1024**3:.1f} GiB" if octets >= 1024**3 else f"{octets / 1024**2:.0f} MiB"


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
