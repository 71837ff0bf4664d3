"""What the script read, as facts.  None: it was not read, so nothing rests on it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kairan.doctor.tenant.script import FORMAT, VERSION

# Some hundred accounts with their groups; one that is in ten thousand groups has 400 KB.
JSON_OCTETS_MAX = 20_000_000


class TenantJsonError(Exception):
    """What was given is not what the script writes; the text says what to do."""


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """One Conditional Access policy, as far as it can touch a login by password over SMTP."""

    name: str
    state: str  # enabled, disabled, enabledForReportingButNotEnforced
    client_app_types: frozenset[str]
    applications: frozenset[str]
    excluded_applications: frozenset[str]
    users: frozenset[str]
    excluded_users: frozenset[str]
    groups: frozenset[str]
    excluded_groups: frozenset[str]
    has_roles: bool
    has_further_conditions: bool
    grant_controls: frozenset[str]


@dataclass(frozen=True, slots=True)
class AllowedApp:
    object_id: str
    name: str
    is_found: bool
    is_enabled: bool | None


@dataclass(frozen=True, slots=True)
class TenantAccount:
    """`is_hve`: else a mailbox that sends by client submission.  Empty policy: the organisation's."""

    address: str
    is_hve: bool
    object_id: str
    policy: str | None
    member_of: frozenset[str] | None
    allowed_apps: tuple[str, ...] | None = None
    billing_status: str | None = None
    smtp_auth_disabled: bool | None = None  # None: as the organisation


@dataclass(frozen=True, slots=True)
class TenantFacts:
    collected: str
    unread: Mapping[str, str]  # part: why
    security_defaults: bool | None
    access_policies: tuple[AccessPolicy, ...] | None
    basic_auth_by_policy: Mapping[str, bool] | None  # AllowBasicAuthSmtp by name
    default_policy: str | None  # empty: none
    smtp_auth_disabled: bool | None
    rejects_direct_send: bool | None
    apps: Mapping[str, AllowedApp] | None
    accounts: tuple[TenantAccount, ...]
    has_read_accounts: bool


def facts_in(text: str) -> TenantFacts:
    record = _record_in(text)
    unread = {_text(one, "part"): _text(one, "message") for one in _records(record.get("errors"))}
    if "exchange" in unread:
        unread |= {part: unread["exchange"] for part in _OF_EXCHANGE if part not in unread}
    if "graph" in unread:
        unread |= {part: unread["graph"] for part in _OF_GRAPH if part not in unread}
    part = _Parts(record, unread)
    organization, transport = part.one("organization"), part.one("transport")
    defaults, policies = part.one("securityDefaults"), part.many("authenticationPolicies")
    access, apps = part.many("conditionalAccess"), part.many("applications")
    hve, mailboxes = part.many("hveAccounts"), part.many("mailboxes")
    return TenantFacts(
        collected=_text(record, "collected"),
        unread=unread,
        security_defaults=_flag(defaults, "enabled"),
        access_policies=None if access is None else tuple(map(_access_policy, access)),
        basic_auth_by_policy=None
        if policies is None
        else {_text(one, "name"): bool(_flag(one, "allowBasicAuthSmtp")) for one in policies},
        default_policy=None
        if organization is None
        else _text(organization, "defaultAuthenticationPolicy"),
        smtp_auth_disabled=_flag(transport, "smtpClientAuthenticationDisabled"),
        rejects_direct_send=_flag(organization, "rejectDirectSend"),
        apps=None if apps is None else {_text(one, "objectId"): _app(one) for one in apps},
        accounts=(
            *(_account(one, unread, is_hve=True) for one in hve or ()),
            *(_account(one, unread, is_hve=False) for one in mailboxes or ()),
        ),
        has_read_accounts=hve is not None,
    )


_OF_EXCHANGE = (
    "transport", "organization", "domains", "authenticationPolicies", "billingPolicies", "hveAccounts", "mailboxes",
)  # fmt: skip
_OF_GRAPH = ("securityDefaults", "conditionalAccess", "applications", "memberships")


@dataclass(frozen=True, slots=True)
class _Parts:
    record: Mapping[str, Any]
    unread: Mapping[str, str]

    def one(self, name: str) -> Mapping[str, Any] | None:
        value = self.record.get(name)
        return value if isinstance(value, dict) and name not in self.unread else None

    def many(self, name: str) -> list[Mapping[str, Any]] | None:
        """PowerShell writes a list of one as the one, and an empty one as null."""
        if name in self.unread or name not in self.record:
            return None
        return list(_records(self.record[name]))


def _record_in(text: str) -> Mapping[str, Any]:
    try:
        record = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise TenantJsonError(
            "this is no JSON; give the file that the script wrote: kairan doctor tenant --script"
        ) from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise TenantJsonError(
            "this JSON is not the script's; run what `kairan doctor tenant --script` prints"
        )
    if record.get("version") != VERSION:
        raise TenantJsonError(
            "this JSON is of another version's script; print it anew: kairan doctor tenant --script"
        )
    return record


def _account(
    record: Mapping[str, Any], unread: Mapping[str, str], *, is_hve: bool
) -> TenantAccount:
    return TenantAccount(
        address=_text(record, "address"),
        is_hve=is_hve,
        object_id=_text(record, "id"),
        policy=None if "accountPolicies" in unread else _text(record, "authenticationPolicy"),
        member_of=None if "memberships" in unread else _texts(record, "memberOf"),
        allowed_apps=None
        if not is_hve or "allowedApps" in unread
        else tuple(sorted(_texts(record, "allowedApps"))),
        billing_status=None if "billing" in unread else _text(record, "billingStatus") or None,
        smtp_auth_disabled=_flag(record, "smtpClientAuthenticationDisabled"),
    )


def _access_policy(record: Mapping[str, Any]) -> AccessPolicy:
    return AccessPolicy(
        name=_text(record, "name"),
        state=_text(record, "state"),
        client_app_types=frozenset(one.lower() for one in _texts(record, "clientAppTypes")),
        applications=_texts(record, "includeApplications"),
        excluded_applications=_texts(record, "excludeApplications"),
        users=_texts(record, "includeUsers"),
        excluded_users=_texts(record, "excludeUsers"),
        groups=_texts(record, "includeGroups"),
        excluded_groups=_texts(record, "excludeGroups"),
        has_roles=bool(_flag(record, "hasRoles")),
        has_further_conditions=bool(_flag(record, "hasFurtherConditions")),
        grant_controls=frozenset(one.lower() for one in _texts(record, "grantControls")),
    )


def _app(record: Mapping[str, Any]) -> AllowedApp:
    return AllowedApp(
        _text(record, "objectId"),
        _text(record, "name"),
        is_found=bool(_flag(record, "found")),
        is_enabled=_flag(record, "enabled"),
    )


def _records(value: object) -> Iterator[Mapping[str, Any]]:
    values = value if isinstance(value, list) else [value]
    return (one for one in values if isinstance(one, dict))


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return value.strip() if isinstance(value, str) else ""


def _texts(record: Mapping[str, Any], name: str) -> frozenset[str]:
    value = record.get(name)
    values = value if isinstance(value, list) else [value]
    return frozenset(one.strip() for one in values if isinstance(one, str) and one.strip())


def _flag(record: Mapping[str, Any] | None, name: str) -> bool | None:
    value = record.get(name) if record is not None else None
    return value if isinstance(value, bool) else None
