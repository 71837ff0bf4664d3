"""Which control allows or blocks an account for each role and mechanism, and why, as records."""

from collections.abc import Iterator
from typing import Any

from kairan.auth.policies import ControlVerdict, LoginKind, login_verdict
from kairan.directory.model import Account, Organisation
from kairan.mail.role import Role
from kairan.smtp.sasl.mechanisms import MECHANISMS


def explained_logins(account: Account, organisation: Organisation) -> Iterator[dict[str, Any]]:
    """In the order in which the controls are asked."""
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
