"""Accounts with what each control says of them, devices with when they were last heard of, groups."""

from itertools import islice

from kairan.auth.policies import basic_findings, modern_findings
from kairan.console.ask import Ask, Page, first_of, query_of
from kairan.console.shown import time_text
from kairan.directory.devices import Sighting
from kairan.directory.model import Account, Organisation
from kairan.mail.role import Role
from kairan.outcomes.catalogue import CATALOGUE

_ROWS_SHOWN = 500
_NETWORKS_SHOWN = 3


def accounts_page(ask: Ask) -> Page:
    directory = ask.parts.directory
    organisation = directory.organisation()
    everyone = directory.accounts()
    rows = [_account(ask, one, organisation) for one in everyone[:_ROWS_SHOWN]]
    is_cut = len(everyone) > len(rows)
    roles = [str(role) for role in Role]
    return Page(
        "accounts.html", {"here": "accounts", "rows": rows, "is_cut": is_cut, "roles": roles}
    )


def _account(ask: Ask, account: Account, organisation: Organisation) -> dict[str, object]:
    return {
        "address": account.address,
        "name": account.display_name,
        "enabled": ask.texts["on" if account.enabled else "off"],
        "held": time_text(account.held_since) if account.held_since else "",
        "verdicts": [_verdict(ask, account, organisation, role) for role in Role],
        "query": query_of({"from": account.address, "since": "7d"}),
    }


def _verdict(ask: Ask, account: Account, organisation: Organisation, role: Role) -> str:
    """Of both kinds of login, the control that blocks it; as `kairan policy explain` says at length."""
    said = []
    for name, findings in (("basic", basic_findings), ("modern", modern_findings)):
        found = findings(account, organisation, role=role)
        block = next((one for one in found if one.outcome is not None), None)
        word = (
            ask.texts["allowed"] if block is None else f"{ask.texts['blocked']} ({block.control})"
        )
        said.append(f"{ask.texts[name]}: {word}")
    return "; ".join(said)


def devices_page(ask: Ask) -> Page:
    devices = ask.parts.directory.devices
    sightings = devices.sightings()
    everyone = devices.everyone()
    rows = []
    for one in everyone[:_ROWS_SHOWN]:
        seen = sightings.get(one.name, Sighting())
        outcome = CATALOGUE.get(seen.refusal)
        rows.append(
            {
                "name": one.name,
                "place": one.place,
                "account": one.account,
                "networks": first_of(one.networks, _NETWORKS_SHOWN),
                "seen": time_text(seen.seen) if seen.seen else ask.texts["never"],
                "refused": time_text(seen.refused) if seen.refused else "",
                "refusal": getattr(outcome.when, ask.language) if outcome else seen.refusal,
                "remedy": getattr(outcome.remedies[0], ask.language)
                if outcome and outcome.remedies
                else "",
            }
        )
    is_cut = len(everyone) > len(rows)
    return Page("devices.html", {"here": "devices", "rows": rows, "is_cut": is_cut})


def groups_page(ask: Ask) -> Page:
    found = list(islice(ask.parts.directory.groups(), _ROWS_SHOWN + 1))
    rows = [
        {
            "address": one.address,
            "name": one.display_name,
            "enabled": ask.texts["on" if one.enabled else "off"],
            "query": query_of({"to": one.address, "since": "7d"}),
        }
        for one in found[:_ROWS_SHOWN]
    ]
    is_cut = len(found) > _ROWS_SHOWN
    return Page("groups.html", {"here": "groups", "rows": rows, "is_cut": is_cut})
