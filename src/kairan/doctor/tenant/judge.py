"""Which logins work in an organisation, and what stands in the way of the others.

The order is the one in which Microsoft 365 asks: security defaults, Conditional Access, the
authentication policy, the switches of client submission; then the account's own: allowed
applications and billing.  What was not read leaves an answer open, unless something that was read
blocks by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from kairan.doctor.answer import Verdict
from kairan.doctor.tenant.facts import AccessPolicy, TenantAccount, TenantFacts
from kairan.doctor.tenant.meanings import ReasonKey

# Office 365 Exchange Online, by its identifier and by the group of applications that holds it.
_EXCHANGE_APPLICATIONS = frozenset({"All", "Office365", "00000002-0000-0ff1-ce00-000000000000"})
# Client app types that a login by password over SMTP has.
_OF_BASIC = frozenset({"other", "all"})
# Microsoft's bound on allowed applications of one account.
ALLOWED_APPS_MAX = 10
_BILLING_VALID = "BillingPolicyValid"


class LoginAnswer(StrEnum):
    WORKS = "works"
    BLOCKED = "blocked"
    UNCLEAR = "unclear"


class LoginWay(StrEnum):
    PASSWORD = "password"  # noqa: S105 - the way to log in, no secret
    TOKEN = "token"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Reason:
    """`detail`: a policy's name, an application, a state."""

    key: ReasonKey
    answer: LoginAnswer  # what it does to the login
    detail: str = ""


@dataclass(frozen=True, slots=True)
class JudgedLogin:
    way: LoginWay
    answer: LoginAnswer
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class JudgedAccount:
    account: TenantAccount
    logins: tuple[JudgedLogin, ...]


@dataclass(frozen=True, slots=True)
class TenantReport:
    accounts: tuple[JudgedAccount, ...]
    notes: tuple[Reason, ...]
    unread: tuple[tuple[str, str], ...]  # part, why
    collected: str


def judge_tenant(facts: TenantFacts) -> TenantReport:
    return TenantReport(
        accounts=tuple(_judge_account(account, facts) for account in facts.accounts),
        notes=tuple(_notes(facts)),
        unread=tuple(sorted(facts.unread.items())),
        collected=facts.collected,
    )


def verdict_of(report: TenantReport) -> Verdict:
    """Healthy: each account has a login that works; a problem: some account has none."""
    if not report.accounts:
        return Verdict.UNCLEAR if report.unread else Verdict.PROBLEM
    best = [_best(account) for account in report.accounts]
    if LoginAnswer.BLOCKED in best:
        return Verdict.PROBLEM
    return Verdict.UNCLEAR if LoginAnswer.UNCLEAR in best else Verdict.HEALTHY


def _best(account: JudgedAccount) -> LoginAnswer:
    answers = {login.answer for login in account.logins}
    return next(
        one
        for one in (LoginAnswer.WORKS, LoginAnswer.UNCLEAR, LoginAnswer.BLOCKED)
        if one in answers
    )


def _judge_account(account: TenantAccount, facts: TenantFacts) -> JudgedAccount:
    return JudgedAccount(
        account,
        (
            _login(LoginWay.PASSWORD, (*_password(account, facts), *_of_both(account, facts))),
            _login(LoginWay.TOKEN, (*_token(account, facts), *_of_both(account, facts))),
        ),
    )


def _login(way: LoginWay, reasons: tuple[Reason, ...]) -> JudgedLogin:
    answers = {reason.answer for reason in reasons}
    if LoginAnswer.BLOCKED in answers:
        answer = LoginAnswer.BLOCKED
    else:
        answer = LoginAnswer.UNCLEAR if LoginAnswer.UNCLEAR in answers else LoginAnswer.WORKS
    return JudgedLogin(way, answer, reasons)


def _blocks(key: ReasonKey, detail: str = "") -> Reason:
    return Reason(key, LoginAnswer.BLOCKED, detail)


def _open(key: ReasonKey, detail: str = "") -> Reason:
    return Reason(key, LoginAnswer.UNCLEAR, detail)


# By password.


def _password(account: TenantAccount, facts: TenantFacts) -> Iterator[Reason]:
    match facts.security_defaults:
        case True:
            yield _blocks(ReasonKey.SECURITY_DEFAULTS)
        case None:
            yield _open(ReasonKey.NOT_READ, "securityDefaults")
    yield from _conditional_access(account, facts)
    yield from _authentication_policy(account, facts)


def _conditional_access(account: TenantAccount, facts: TenantFacts) -> Iterator[Reason]:
    if facts.access_policies is None:
        yield _open(ReasonKey.NOT_READ, "conditionalAccess")
        return
    for policy in facts.access_policies:
        if policy.state != "enabled" or not _is_about_basic(policy):
            continue
        match _is_about(policy, account):
            case True if not policy.has_further_conditions:
                yield _blocks(ReasonKey.CONDITIONAL_ACCESS, policy.name)
            case True:
                yield _open(ReasonKey.CONDITIONAL_ACCESS_SOMETIMES, policy.name)
            case None:
                yield _open(ReasonKey.CONDITIONAL_ACCESS_FOR_SOME, policy.name)


def _is_about_basic(policy: AccessPolicy) -> bool:
    """A login by password can meet no control: neither a second factor nor a managed device."""
    is_about_exchange = (
        bool(policy.applications & _EXCHANGE_APPLICATIONS)
        and not policy.excluded_applications & _EXCHANGE_APPLICATIONS
    )
    is_about_client = not policy.client_app_types or bool(policy.client_app_types & _OF_BASIC)
    return is_about_exchange and is_about_client and bool(policy.grant_controls)


def _is_about(policy: AccessPolicy, account: TenantAccount) -> bool | None:
    """None: its groups or roles decide, and those of the account are not known."""
    if account.object_id and account.object_id in policy.excluded_users:
        return False
    names_everybody = "All" in policy.users or account.object_id in policy.users
    groups = account.member_of
    if groups is None:
        return (
            None
            if policy.groups or policy.excluded_groups or policy.has_roles
            else (names_everybody)
        )
    if groups & policy.excluded_groups:
        return False
    if names_everybody or groups & policy.groups:
        return True
    return None if policy.has_roles else False


def _authentication_policy(account: TenantAccount, facts: TenantFacts) -> Iterator[Reason]:
    if account.policy is None or (not account.policy and facts.default_policy is None):
        yield _open(ReasonKey.NOT_READ, "authenticationPolicies")
        return
    name = account.policy or facts.default_policy or ""
    if not name:
        return  # no policy: Basic authentication is not blocked by one
    if facts.basic_auth_by_policy is None or name not in facts.basic_auth_by_policy:
        yield _open(ReasonKey.POLICY_UNKNOWN, name)
    elif not facts.basic_auth_by_policy[name]:
        own = ReasonKey.AUTHENTICATION_POLICY
        yield _blocks(own if account.policy else ReasonKey.DEFAULT_AUTHENTICATION_POLICY, name)


# By token.


def _token(account: TenantAccount, facts: TenantFacts) -> Iterator[Reason]:
    if not account.is_hve:
        yield _open(ReasonKey.TOKEN_RIGHTS_OF_MAILBOX)
        return
    if account.allowed_apps is None:
        yield _open(ReasonKey.NOT_READ, "allowedApps")
        return
    if not account.allowed_apps:
        yield _blocks(ReasonKey.NO_ALLOWED_APP)
        return
    if facts.apps is None:
        yield _open(ReasonKey.NOT_READ, "applications")
        return
    faults = [_fault_of(one, facts) for one in account.allowed_apps]
    some_works = None in faults
    for fault in filter(None, faults):
        # Another application of the account still logs in.
        yield Reason(fault.key, LoginAnswer.WORKS, fault.detail) if some_works else fault


def _fault_of(object_id: str, facts: TenantFacts) -> Reason | None:
    app = (facts.apps or {}).get(object_id)
    if app is None or not app.is_found:
        return _blocks(ReasonKey.APP_NOT_FOUND, object_id)
    if app.is_enabled is False:
        return _blocks(ReasonKey.APP_DISABLED, app.name or object_id)
    return None


# Whichever way.


def _of_both(account: TenantAccount, facts: TenantFacts) -> Iterator[Reason]:
    if not account.is_hve:
        yield from _client_submission(account, facts)
    elif account.billing_status is None:
        yield _open(ReasonKey.NOT_READ, "billing")
    elif account.billing_status != _BILLING_VALID:
        yield _blocks(ReasonKey.BILLING, account.billing_status)


def _client_submission(account: TenantAccount, facts: TenantFacts) -> Iterator[Reason]:
    """The mailbox's own switch beats the organisation's; High Volume Email asks neither."""
    if account.smtp_auth_disabled:
        yield _blocks(ReasonKey.MAILBOX_SWITCH)
    elif account.smtp_auth_disabled is None:
        if facts.smtp_auth_disabled is None:
            yield _open(ReasonKey.NOT_READ, "transport")
        elif facts.smtp_auth_disabled:
            yield _blocks(ReasonKey.TENANT_SWITCH)


# Of the organisation.


def _notes(facts: TenantFacts) -> Iterator[Reason]:
    accounts = [account for account in facts.accounts if account.is_hve]
    if facts.has_read_accounts and not accounts:
        yield Reason(ReasonKey.NO_HVE_ACCOUNT, LoginAnswer.UNCLEAR)
    for account in accounts:
        if len(account.allowed_apps or ()) >= ALLOWED_APPS_MAX:
            yield Reason(ReasonKey.APPS_FULL, LoginAnswer.WORKS, account.address)
    for policy in facts.access_policies or ():
        if policy.state == "enabledForReportingButNotEnforced" and _is_about_basic(policy):
            yield Reason(ReasonKey.REPORT_ONLY, LoginAnswer.WORKS, policy.name)
    if facts.rejects_direct_send:
        yield Reason(ReasonKey.DIRECT_SEND_REJECTED, LoginAnswer.WORKS)
