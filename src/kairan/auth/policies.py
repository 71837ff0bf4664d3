"""The controls that stand before a password, in Exchange's order: the first that blocks answers.

    security defaults      the whole organisation, without exception
    authentication policy  AllowBasicAuthSmtp of the account's own policy, else of the default one;
                           without either everything is allowed
    SmtpClientAuthenticationDisabled
                           listeners of the role `client` only: the account's own, else the
                           organisation's; it closes SMTP AUTH itself, so tokens, too

They are asked before the password is looked at, as Exchange does: a right one fails all the same,
a wrong one is not counted, and nothing is hashed.  A name that nobody has gets what the
organisation's settings say, as every account without settings of its own.  So who asks learns the
organisation's settings, which no account need hide, and of an account that has its own only that
it is an exception: whoever minds sets them for all.

Exchange says it in other words at either endpoint: the HVE page knows one sentence for security
defaults and policies; smtp.office365.com, our role `client`, names the control.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from kairan.directory.model import Account, Organisation
from kairan.mail.role import Role
from kairan.outcomes.catalogue import (
    BASIC_AUTH_DISABLED,
    BASIC_AUTH_NOT_ALLOWED,
    SECURITY_DEFAULTS_BLOCK,
    SMTP_AUTH_DISABLED_MAILBOX,
    SMTP_AUTH_DISABLED_TENANT,
)
from kairan.outcomes.decision import ACCEPT, Decision, Refuse
from kairan.outcomes.outcome import Outcome, Text

_DEFAULTS_OFF = Text("security defaults are off", "セキュリティの既定値群は無効です")
_DEFAULTS_ON = Text("security defaults are on", "セキュリティの既定値群が有効です")
_NO_POLICY = Text("no authentication policy applies", "適用される認証ポリシーはありません")
_OWN = Text("the account's own", "アカウントの")
_DEFAULT = Text("the organisation's default", "組織の既定の")
_HAS = Text(
    "{} policy {} has AllowBasicAuthSmtp", "{}ポリシー {} は AllowBasicAuthSmtp を許可しています"
)
_LACKS = Text(
    "{} policy {} lacks AllowBasicAuthSmtp",
    "{}ポリシー {} は AllowBasicAuthSmtp を許可していません",
)
_OWN_SWITCH = {
    True: Text("the account's own switch is on", "アカウントの無効化スイッチがオンです"),
    False: Text("the account's own switch is off", "アカウントの無効化スイッチはオフです"),
}
_SWITCH = {
    True: Text("the organisation's switch is on", "組織の無効化スイッチがオンです"),
    False: Text("the organisation's switch is off", "組織の無効化スイッチはオフです"),
}


class LoginControl(StrEnum):
    SECURITY_DEFAULTS = "security-defaults"
    AUTHENTICATION_POLICY = "authentication-policy"
    CLIENT_SWITCH = "smtp-client-authentication-disabled"


@dataclass(frozen=True, slots=True)
class ControlFinding:
    """One control that applies, and what it says."""

    control: LoginControl
    why: Text
    outcome: Outcome | None = None  # None: it allows


class LoginKind(StrEnum):
    BASIC = "basic"  # LOGIN, PLAIN
    MODERN = "modern"  # XOAUTH2, OAUTHBEARER


@dataclass(frozen=True, slots=True)
class ControlVerdict:
    """What would become of a right login.  `fault`: what stops it behind the controls, if they allow."""

    findings: tuple[ControlFinding, ...]
    fault: Text | None

    @property
    def block(self) -> ControlFinding | None:
        """The control that answers."""
        return next((one for one in self.findings if one.outcome is not None), None)

    @property
    def allows(self) -> bool:
        return self.block is None and self.fault is None


def login_verdict(
    account: Account, organisation: Organisation, *, role: Role, kind: LoginKind
) -> ControlVerdict:
    ask = basic_findings if kind is LoginKind.BASIC else modern_findings
    fault = None
    if not account.enabled:
        fault = Text("the account is disabled", "アカウントが無効です")
    elif kind is LoginKind.BASIC and not account.password_hash:
        fault = Text("the account has no password", "アカウントにパスワードがありません")
    return ControlVerdict(tuple(ask(account, organisation, role=role)), fault)


def judge_basic(account: Account | None, organisation: Organisation, *, role: Role) -> Decision:
    """May this name log in with a password at a listener of this role?  None: nobody's name."""
    return _first_block(basic_findings(account, organisation, role=role))


def judge_modern(account: Account | None, organisation: Organisation, *, role: Role) -> Decision:
    """The same for a token: only the client switch binds it."""
    return _first_block(modern_findings(account, organisation, role=role))


def basic_findings(
    account: Account | None, organisation: Organisation, *, role: Role
) -> Iterator[ControlFinding]:
    yield _security_defaults(organisation, role)
    yield _policy(account, organisation, role)
    yield from modern_findings(account, organisation, role=role)


def modern_findings(
    account: Account | None, organisation: Organisation, *, role: Role
) -> Iterator[ControlFinding]:
    """HVE accounts log in even where SmtpClientAuthenticationDisabled is True (Microsoft Learn,
    "Manage high volume emails for Microsoft 365", read 2026-11).
    """
    if role is Role.CLIENT:
        yield _client_switch(account, organisation)


def _first_block(findings: Iterator[ControlFinding]) -> Decision:
    for finding in findings:
        if finding.outcome is not None:
            return Refuse(finding.outcome, finding.why.en)
    return ACCEPT


def _security_defaults(organisation: Organisation, role: Role) -> ControlFinding:
    if not organisation.security_defaults:
        return ControlFinding(LoginControl.SECURITY_DEFAULTS, _DEFAULTS_OFF)
    text = SECURITY_DEFAULTS_BLOCK if role is Role.CLIENT else BASIC_AUTH_NOT_ALLOWED
    return ControlFinding(LoginControl.SECURITY_DEFAULTS, _DEFAULTS_ON, text)


def _policy(account: Account | None, organisation: Organisation, role: Role) -> ControlFinding:
    own = account.policy if account is not None else ""
    name = own or organisation.default_policy
    if not name:
        return ControlFinding(LoginControl.AUTHENTICATION_POLICY, _NO_POLICY)
    whose = _OWN if own else _DEFAULT
    # A policy that is gone allows nothing: the directory removes none that is in use.
    if organisation.policies.get(name, False):
        why = _filled(_HAS, whose, name)
        return ControlFinding(LoginControl.AUTHENTICATION_POLICY, why)
    text = BASIC_AUTH_DISABLED if role is Role.CLIENT else BASIC_AUTH_NOT_ALLOWED
    why = _filled(_LACKS, whose, name)
    return ControlFinding(LoginControl.AUTHENTICATION_POLICY, why, text)


def _client_switch(account: Account | None, organisation: Organisation) -> ControlFinding:
    own = account.smtp_client_authentication_disabled if account is not None else None
    if own is not None:
        text = SMTP_AUTH_DISABLED_MAILBOX if own else None
        return ControlFinding(LoginControl.CLIENT_SWITCH, _OWN_SWITCH[own], text)
    whole = organisation.smtp_client_authentication_disabled
    text = SMTP_AUTH_DISABLED_TENANT if whole else None
    return ControlFinding(LoginControl.CLIENT_SWITCH, _SWITCH[whole], text)


def _filled(sentence: Text, whose: Text, name: str) -> Text:
    return Text(sentence.en.format(whose.en, name), sentence.ja.format(whose.ja, name))
