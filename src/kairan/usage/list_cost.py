"""What messages to lists cost, as High Volume Email bills them; `sent.py` counts the same of all mail.

Billed are the recipients behind a list to whom a message was delivered, each once a message.  A message to
several lists stands at the first.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kairan.trace.search import TraceReader
from kairan.trace.settings import BillingSettings
from kairan.trace.usage import GroupSend, group_sends, sends_under


def list_sends(
    directory: Path, *, group: str = "", message_id: str = "", since: float, until: float
) -> list[GroupSend]:
    """Of one group or of all; with a `message_id` of that alone, to a list or not, at any time."""
    if message_id:
        with TraceReader(directory) as reader:
            return sends_under(reader, f"<{message_id.strip('<> ')}>")
    wanted = group.lower()
    found = group_sends(directory, since, until)
    return [one for one in found if not wanted or wanted in one.groups]


def list_cost_record(sends: Sequence[GroupSend], billing: BillingSettings) -> dict[str, Any]:
    """Each message, each list, and all together."""
    return {
        "currency": billing.currency,
        "price_per_million": billing.price_per_million,
        "groups": _totals(sends, billing),
        "messages": [_message(one, billing) for one in sends],
        "total": _sum(sends, billing),
    }


def _totals(sends: Sequence[GroupSend], billing: BillingSettings) -> list[dict[str, Any]]:
    by_group: dict[str, list[GroupSend]] = {}
    for send in sends:
        by_group.setdefault(send.groups[0] if send.groups else "", []).append(send)
    return [{"group": group, **_sum(some, billing)} for group, some in sorted(by_group.items())]


def _sum(sends: Sequence[GroupSend], billing: BillingSettings) -> dict[str, Any]:
    delivered = sum(len(one.delivered) for one in sends)
    return {
        "messages": len(sends),
        "expanded": sum(len(one.expanded) for one in sends),
        "delivered": delivered,
        "failed": sum(len(one.failed) for one in sends),
        "billed": delivered,
        "cost": billing.cost_of(delivered),
    }


def _message(send: GroupSend, billing: BillingSettings) -> dict[str, Any]:
    return {
        "message_id": send.message_id,
        "time": f"{datetime.fromtimestamp(int(send.time), UTC):%Y-%m-%dT%H:%M:%SZ}",
        "account": send.account,
        "from": send.sender,
        "groups": send.groups,
        **_sum([send], billing),
    }
