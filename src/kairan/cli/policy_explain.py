"""kairan policy explain: which control allows or blocks an account, and why."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from kairan.auth.policies import ControlFinding, basic_findings, modern_findings
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
            is_basic = mechanism in {"LOGIN", "PLAIN"}
            ask = basic_findings if is_basic else modern_findings
            findings = list(ask(account, organisation, role=role))
            after = _behind(account, is_basic=is_basic)
            yield _record(role, mechanism, findings, after)


def _record(
    role: str, mechanism: str, findings: list[ControlFinding], behind: tuple[str, str]
) -> dict[str, Any]:
    block = next((finding for finding in findings if finding.outcome is not None), None)
    fault, why_not = behind
    controls = [
        {
            "control": str(finding.control),
            "allows": finding.outcome is None,
            "why": finding.why,
        }
        for finding in findings
    ]
    record = {"role": str(role), "mechanism": mechanism, "controls": controls}
    if block is not None:
        assert block.outcome is not None, "that is what makes it a block"
        reply = f"{block.outcome.code} {block.outcome.enhanced} {block.outcome.text}"
        verdict = {"allowed": False, "control": str(block.control), "why": block.why}
        return record | verdict | {"reply": reply}
    if fault:
        return record | {"allowed": False, "control": fault, "why": why_not, "reply": ""}
    why = "; ".join(finding.why for finding in findings) or "no control binds tokens here"
    return record | {"allowed": True, "control": "", "why": why, "reply": ""}


def _behind(account: Account, *, is_basic: bool) -> tuple[str, str]:
    """What would stop it behind the controls, whatever is sent."""
    if not account.enabled:
        return "account", "the account is disabled"
    if is_basic and not account.password_hash:
        return "account", "the account has no password"
    return "", ""
