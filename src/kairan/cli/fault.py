"""kairan fault: refusals, delays and lost connections that a client is to meet, to be rehearsed."""

import time
from typing import Annotated

import typer

from kairan.capture import faults
from kairan.capture.faults import FaultRule
from kairan.capture.settings import CapturePlace
from kairan.cli.audit import tell
from kairan.cli.configuration import read_configuration
from kairan.cli.errors import BadInputError
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import plain, print_json, print_json_list, print_table, say
from kairan.cli.times import moment
from kairan.config.model import Configuration
from kairan.runtime.counted import counted
from kairan.status.fault_rules import wait_followed
from kairan.trace.commands import by_whom

app = group_of_commands("Fault rules: refusals that a client is to meet, in a service for tests.")

StageOption = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="STAGE",
        help="auth, mail, rcpt, data, dot, stored or delivery; else where the service says the answer.",
    ),
]


@app.command(
    "add",
    epilog=examples(
        "kairan fault add akiko@example.com --answer recipient-unknown",
        'kairan fault add "*@example.com" --answer "432 4.3.2" --for 60',
        "kairan fault add akiko@example.com --delay 30",
        "kairan fault add akiko@example.com --drop --at stored",
    ),
)
def add(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help='One, "*@example.com", or "*" for everyone.')
    ],
    answer: Annotated[
        str, typer.Option(metavar="REFUSAL", help="A key or codes of docs/errors.md.")
    ] = "",
    delay: Annotated[
        float, typer.Option(metavar="SECONDS", help="Before the answer, or before all goes on.")
    ] = 0.0,
    drop: Annotated[
        bool, typer.Option("--drop", help="End the connection without a word.")
    ] = False,
    stage: StageOption = "",
    seconds: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", help="How long; else until removed.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set a rule; it counts when this command ends.

    It takes the place of the rule for the same address and stage.
    """
    configuration, place = _read(config)
    rule = faults.fault_rule(
        address,
        answer=answer,
        delay_seconds=delay,
        drop=drop,
        stage=stage,
        for_seconds=seconds,
        by=by_whom(),
        now=time.time(),
    )
    wait_followed(configuration, faults.add_fault(place.directory, rule))
    tell(configuration, "fault.add", address=rule.address, stage=str(rule.stage))
    if as_json:
        print_json(plain(rule))
    else:
        say(f"{rule.address} at {rule.stage}: {_what(rule)}")


@app.command("list", epilog=examples("kairan fault list", "kairan fault list --json"))
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the rules in force."""
    _, place = _read(config)
    rules = faults.rules_in_force(place.directory, time.time())
    if as_json:
        print_json_list(plain(one) for one in rules)
        return
    rows = [
        (
            one.address,
            str(one.stage),
            _what(one),
            moment(int(one.until)) if one.until else "",
            one.by,
        )
        for one in rules
    ]
    print_table(("address", "at", "what", "until", "by"), rows, nothing="no fault rules")


@app.command(
    "remove", epilog=examples("kairan fault remove akiko@example.com", "kairan fault remove --all")
)
def remove(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="As it was set.")] = "",
    stage: StageOption = "",
    everything: Annotated[bool, typer.Option("--all", help="Every rule.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove the rules of an address, or all."""
    if bool(address) is everything:
        raise BadInputError("name an address, or say --all")
    configuration, place = _read(config)
    removed, version = faults.remove_faults(place.directory, address, stage, time.time())
    wait_followed(configuration, version)
    tell(configuration, "fault.remove", address=address, stage=stage)
    if as_json:
        print_json({"removed": removed})
    else:
        say(f"{counted(removed, 'rule')} removed")


def _read(config: ConfigOption) -> tuple[Configuration, CapturePlace]:
    configuration = read_configuration(config)
    place = configuration.capture_place
    if place is None:
        raise BadInputError(
            "fault rules are for services that are tests; there write `enabled = true` in [capture]"
        )
    return configuration, place


def _what(rule: FaultRule) -> str:
    outcome = rule.outcome
    parts = [
        f"after {rule.delay_seconds:g} s" if rule.delay_seconds else "",
        "drops the connection" if rule.drop else "",
        f"{outcome.codes} {outcome.key}" if outcome is not None else "",
    ]
    return " ".join(part for part in parts if part)
