"""kairan directory sync, status: people and groups of other directories."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated

import typer

from kairan.cli.audit import tell
from kairan.cli.configuration import read_configuration
from kairan.cli.csv_files import DryRunOption
from kairan.cli.errors import BadInputError
from kairan.cli.options import ConfigOption, JsonOption, examples
from kairan.cli.output import print_json, print_json_list, print_table, progress, say
from kairan.cli.times import moment
from kairan.config.model import Configuration
from kairan.directory.errors import DirectoryError
from kairan.directory.sources.apply import SyncReport
from kairan.directory.sources.settings import SourceSettings
from kairan.directory.sources.store import SourceState
from kairan.directory.sources.sync import SyncOrder, sync
from kairan.directory.store import Directory
from kairan.runtime.counted import counted

_CHANGES_ON_SCREEN = 40


@dataclass(frozen=True, slots=True)
class _Taken:
    """By the sources' names."""

    reports: dict[str, SyncReport] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def sync_sources(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="The source; none: all.", show_default=False),
    ] = None,
    dry_run: DryRunOption = False,
    whole: Annotated[
        bool, typer.Option("--whole", help="Read everybody, not only who has changed.")
    ] = False,
    accept_loss: Annotated[
        bool,
        typer.Option(
            "--accept-loss", help="Believe the source, though it lacks much of what it had."
        ),
    ] = False,
    due: Annotated[
        bool,
        typer.Option("--due", help="Only those whose interval is over; the service calls it so."),
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take people and groups from the configured sources.

    What has changed there is changed here, in one transaction for each source.  A source that fails changes nothing; the others are taken all the same.
    """
    configuration = read_configuration(config)
    order = SyncOrder(is_whole=whole, dry_run=dry_run, accepts_loss=accept_loss)
    taken = _take(configuration, _chosen(configuration, name), order, only_due=due)
    for source, report in taken.reports.items():
        if report.changed and not dry_run:
            tell(configuration, "directory.sync", about=source, counts=report.counts)
    if as_json:
        _print_json(taken.reports, taken.failures)
    else:
        for source, report in taken.reports.items():
            _say_report(source, report, dry_run=dry_run)
    if taken.failures:
        raise DirectoryError(
            "\n".join(f"{source}: {why}" for source, why in taken.failures.items())
        )


sync_sources_examples = examples(
    "kairan directory sync --dry-run",
    "kairan directory sync ad --whole",
    "kairan directory sync ad --accept-loss",
)


def _take(
    configuration: Configuration,
    sources: Iterable[SourceSettings],
    order: SyncOrder,
    *,
    only_due: bool,
) -> _Taken:
    taken = _Taken()
    with Directory.open(configuration.directory_url) as directory:
        for settings in sources:
            if only_due and not directory.sources.claim(
                settings.name, settings.interval_seconds, now=int(time.time())
            ):
                continue
            try:
                taken.reports[settings.name] = _sync_one(directory, settings, order)
            except DirectoryError as error:
                taken.failures[settings.name] = str(error)
    return taken


def show_status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show how old the copy of each source is.

    And what was wrong at the last try.
    """
    configuration = read_configuration(config)
    with Directory.open(configuration.directory_url) as directory:
        known = {one.name: one for one in directory.sources.states()}
    configured = {one.name for one in configuration.directory_sources}
    states = [known.get(name, SourceState(name)) for name in sorted(known.keys() | configured)]
    now = time.time()
    if as_json:
        print_json_list([_facts(one, configured, now) for one in states])
        return
    print_table(
        ("source", "copy of", "age", "people", "groups", "left out", "problem"),
        [
            (
                one.name,
                moment(one.succeeded) or "never",
                _age(one, now),
                str(one.people),
                str(one.groups),
                str(one.left_out),
                one.problem
                if one.name in configured
                else one.problem or "not in the configuration",
            )
            for one in states
        ],
        nothing="there are no [[directory.sources]] in the configuration",
    )


show_status_examples = examples("kairan directory status", "kairan directory status --json")


def _chosen(configuration: Configuration, name: str | None) -> list[SourceSettings]:
    found = [one for one in configuration.directory_sources if name in {None, one.name}]
    if name is not None and not found:
        names = ", ".join(one.name for one in configuration.directory_sources) or "none"
        raise BadInputError(f"there is no source {name}; [[directory.sources]] has: {names}")
    return found


def _sync_one(directory: Directory, settings: SourceSettings, order: SyncOrder) -> SyncReport:
    with progress(f"Reading {settings.name}", total=None) as read:
        return sync(directory, settings, order, on_progress=read)


def _print_json(reports: dict[str, SyncReport], failures: dict[str, str]) -> None:
    print_json(
        {
            "sources": {
                source: {
                    "people": one.people,
                    "groups": one.groups,
                    "counts": one.counts,
                    "members_added": one.members_added,
                    "members_removed": one.members_removed,
                    "left_out": one.left_out,
                    "changes": one.changes,
                    "problems": one.problems,
                }
                for source, one in reports.items()
            },
            "failures": failures,
        }
    )


def _say_report(source: str, report: SyncReport, *, dry_run: bool) -> None:
    for change in report.changes[:_CHANGES_ON_SCREEN]:
        names = ", ".join(change.after) if change.before else ""
        say(f"  {change.deed} {change.kind} {change.address}{f': {names}' if names else ''}")
    hidden = sum(report.counts.values()) - min(len(report.changes), _CHANGES_ON_SCREEN)
    if hidden > 0:
        say(f"  and {counted(hidden, 'more change')}; --json shows the first thousand")
    for problem in report.problems:
        say(f"  left out {problem.address or problem.id}: {problem.sentence}", to_operator=True)
    counts = [f"{number} {what}" for what, number in report.counts.items()]
    counts += [f"{report.members_added} members added"] if report.members_added else []
    counts += [f"{report.members_removed} members removed"] if report.members_removed else []
    ending = " (a dry run: nothing is written)" if dry_run else ""
    say(f"{source}: {', '.join(counts) or 'nothing has changed'}{ending}")


def _facts(state: SourceState, configured: set[str], now: float) -> dict[str, object]:
    return {
        "name": state.name,
        "is_configured": state.name in configured,
        "succeeded": moment(state.succeeded),
        "age_seconds": int(now - state.succeeded) if state.succeeded else None,
        "tried": moment(state.tried),
        "whole": moment(state.whole),
        "people": state.people,
        "groups": state.groups,
        "left_out": state.left_out,
        "problem": state.problem,
    }


def _age(state: SourceState, now: float) -> str:
    return f"{int(now - state.succeeded) // 60} min" if state.succeeded else ""
