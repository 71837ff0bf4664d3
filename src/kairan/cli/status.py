"""kairan status: one screen of what the service does now."""

import time
from collections.abc import Iterator

import typer

from kairan.cli.configuration import read_configuration
from kairan.cli.options import ConfigOption, JsonOption, examples, one_command
from kairan.cli.output import plain, print_json, print_table, say
from kairan.status.facts import DestinationStatus, Status
from kairan.status.gather import moment, status

app = one_command()

_DESTINATIONS_SHOWN = 10
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
        for line in _lines(found):
            say(line)
        _print_destinations(found.destinations)
        for text in found.unknown:
            say(f"not known: {text}", to_operator=True)
    if found.not_accepting:
        raise typer.Exit(NOT_ACCEPTING)


def _lines(found: Status) -> Iterator[str]:
    yield f"Kairan {found.version}: {_accepting(found)}"
    for one in found.listeners:
        yield f"listener    {one.address} ({one.role}): {_count(one.sessions, 'session')}"
    yield f"workers     {len(found.workers)} of {found.workers_expected} answer"
    if found.workers:
        accepted = sum(one.accepted_per_second for one in found.workers)
        delivered = sum(one.delivered_per_second for one in found.workers)
        lag = max(one.lag_seconds for one in found.workers)
        yield (
            f"last minute {accepted:.1f} messages/s accepted, {delivered:.1f} recipients/s delivered,"
            f" new mail waits {lag:.1f} s"
        )
    for pause in found.pauses:
        yield f"paused      {pause.kind} {pause.name}, by {pause.by} since {moment(pause.since)}"
    if found.disk is not None:
        free, least = found.disk.free_octets, found.disk.free_octets_min
        yield f"disk        {_octets(free)} free; below {_octets(least)} nothing is accepted"
    for certificate in found.certificates:
        names = ", ".join(certificate.names)
        yield f"certificate {names}: until {moment(certificate.expires)[:10]}, {_days(certificate.days_left)}"
        for warning in certificate.warnings:
            yield f"            {warning}"
    for key in found.issuer_keys:
        yield f"issuer key  {key.key_id[:12]} ({key.algorithm}), {_age(key.age_seconds)} old"
    if found.directory is not None:
        yield f"directory   version {found.directory.version}, asked {_age(found.directory.age_seconds)} ago"
    held = f", {_count(found.held, 'job')} held" if found.held else ""
    quarantined = f", {found.quarantined} quarantined" if found.quarantined else ""
    yield f"queue       {_count(found.messages, 'message')}{held}{quarantined}"


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
        say(f"… and {_count(more, 'destination')} more; --json has all")


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _days(days: int) -> str:
    return "EXPIRED" if days < 0 else f"{_count(days, 'day')} left"


def _octets(octets: int) -> str:
    return f"{octets / 1024**3:.1f} GiB" if octets >= 1024**3 else f"{octets / 1024**2:.0f} MiB"


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
