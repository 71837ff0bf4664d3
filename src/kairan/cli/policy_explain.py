"""kairan policy explain: which control allows or blocks an account, and why."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from kairan.auth.policies import ControlVerdict, LoginKind, login_verdict
from kairan.cli.directory import existing_account, open_directory
from kairan.cli.options import ConfigOption, JsonOption, examples
from kairan.cli.output import print_json, print_table
from kairan.directory.model import Account, Organisation
from kairan.mail.role import Role
from kairan.smtp.sasl.mechanisms import MECHANISMS

EPILOG = examples("kairan policy explain printer@example.com --json")


def explain(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="One of its addresses.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which control allows or blocks an account for each role, and why.

    The controls are asked in this order, before a password or token is looked at; the first that blocks answers.
    """
    with open_directory(config) as directory:
        found = existing_account(directory, account)
        organisation = directory.organisation()
    records = list(_records(found, organisation))
    if as_json:
        print_json({"account": found.address, "verdicts": records})
        return
    print_table(
        ("role", "mechanism", "allowed", "decided by", "why", "reply"),
        (
            [record[name] for name in ("role", "mechanism", "allowed", "control", "why", "reply")]
            for record in records
        ),
        nothing="",
    )


def _records(account: Account, organisation: Organisation) -> Iterator[dict[str, Any]]:
    for role in Role:
        for mechanism in MECHANISMS:
            kind = LoginKind.BASIC if mechanism in {"LOGIN", "PLAIN"} else LoginKind.MODERN
            verdict = login_verdict(account, organisation, role=role, kind=kind)
            yield _record(role, mechanism, verdict)


def _record(role: str, mechanism: str, verdict: ControlVerdict) -> dict[str, Any]:
    controls = [
        {
            "control": str(finding.control),
            "allows": finding.outcome is None,
            "why": finding.why.en,
        }
        for finding in verdict.findings
    ]
    record = {"role": str(role), "mechanism": mechanism, "controls": controls}
    block = verdict.block
    if block is not None:
        assert block.outcome is not None, "that is what makes it a block"
        reply = f"{block.outcome.code} {block.outcome.enhanced} {block.outcome.text}"
        said = {"allowed": False, "control": str(block.control), "why": block.why.en}
        return record | said | {"reply": reply}
    if verdict.fault is not None:
        why = verdict.fault.en
        return record | {"allowed": False, "control": "account", "why": why, "reply": ""}
    why = "; ".join(one.why.en for one in verdict.findings) or "no control binds tokens here"
    return record | {"allowed": True, "control": "", "why": why, "reply": ""}
