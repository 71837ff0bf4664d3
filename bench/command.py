"""What `python -m bench` does: words to a plan, a run, and its report."""

import argparse
import json
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench import haraka, postfix, postgresql, report, smtp_sink
from bench.errors import BenchError
from bench.run import MAKERS, Plan, carry_out
from bench.scenario import SCENARIOS
from bench.settings import QUICK, BenchSettings

# Without being asked for; a baseline only with its file.
_USUAL = ("kairan", "postfix", "haraka", "smtp-sink", "baseline")
# Whose lack is a remark, and the column is left out.
_MISSING: Mapping[str, Callable[[], str | None]] = {
    "postfix": postfix.missing,
    "haraka": haraka.missing,
    "smtp-sink": smtp_sink.missing,
}
FILES_MAX = 65_536  # 5,000 idle sessions on both sides of the loopback, and room


def run(argv: list[str]) -> int:
    """0 also when a floor is missed (the table says so), 2 when nothing could be measured."""
    words = _parser().parse_args(argv)
    console = Console(stderr=True)
    try:
        plan = _plan(words, console)
        raise_file_limit()
        with console.status("") as status:
            results = carry_out(plan, status.update)
    except BenchError as error:
        console.print(f"bench: {error}", markup=False, highlight=False, soft_wrap=True)
        return 2
    floors = report.floors_of(results, plan.settings)
    if words.json:
        json.dump(report.as_json(results, plan.settings, floors=floors), sys.stdout, indent=2)
        sys.stdout.write("\n")
    elif words.markdown:
        sys.stdout.write(report.markdown(results, plan.scenarios, floors))
    else:
        report.print_tables(Console(), results, plan.scenarios, floors)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Kairan and what is installed of Postfix (as root), Haraka and smtp-sink side by side "
        "on this machine under the same load.",
    )
    add = parser.add_argument
    names = [scenario.name for scenario in SCENARIOS]
    add("--scenario", action="append", choices=names, help="only this one; repeats")
    add("--only", action="append", choices=list(MAKERS), help="repeats")
    add("--quick", action="store_true", help="touch everything, measure nothing")
    add("--rounds", type=int, help="of which the median counts (3)")
    add("--seconds", type=float, help="of load in each round (10)")
    add("--connections", type=int, help="sessions at the same time (50)")
    add("--members", type=int, help="of the list (10000)")
    add("--patience", type=float, help="seconds that a list's 250 may take (600)")
    add("--trace", metavar="FILE", help="where console's filled trace is kept, and found again")
    add("--baseline", type=Path, metavar="FILE.py", help="an intake to compare with")
    add("--directory", type=Path, help="where the spools lie (a temporary directory)")
    add("--json", action="store_true", help="results as JSON")
    add("--markdown", action="store_true", help="results as Markdown")
    return parser


def _plan(words: argparse.Namespace, console: Console) -> Plan:
    return Plan(
        settings=_settings(words),
        scenarios=[one for one in SCENARIOS if not words.scenario or one.name in words.scenario],
        contestants=_contestants(words, console),
        baseline=words.baseline,
        directory=words.directory,
    )


def _settings(words: argparse.Namespace) -> BenchSettings:
    settings = QUICK if words.quick else BenchSettings()
    given = {
        "rounds": words.rounds,
        "load_seconds": words.seconds,
        "connections": words.connections,
        "list_members": words.members,
        "list_answer_seconds": words.patience,
        "trace_file": words.trace,
    }
    return replace(settings, **{key: value for key, value in given.items() if value is not None})


def _contestants(words: argparse.Namespace, console: Console) -> frozenset[str]:
    """All that are possible here; asking for one that is not is an error, else a remark."""
    wanted = frozenset(words.only or _USUAL)
    if "postgresql" in wanted:
        postgresql.check()
    if words.baseline is None:
        if words.only and "baseline" in wanted:
            raise BenchError("--only baseline needs --baseline FILE.py")
        wanted -= {"baseline"}
    for name, missing in _MISSING.items():
        reason = missing() if name in wanted else None
        if reason and words.only:
            raise BenchError(reason)
        if reason:
            console.print(f"Without {name}: {reason}", markup=False)
            wanted -= {name}
    return wanted


def raise_file_limit() -> None:
    """Ours is what the measured processes inherit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, FILES_MAX), hard))
