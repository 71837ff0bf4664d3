"""Does what a login rested on still stand?  Asked at each message of a session that is held.

A session may be held for hours; whoever took an account its password, its app or its leave must not
wait for it to end.  A login rested on

    every one     the account: there, enabled, the same one; the networks that it may come from
    a password    the version of its credential; security defaults, policies, the client switch
    a token       its key, its application, the account's list of apps; the client switch
    a listing     a device that did not log in: that its address is still its own, and needs no login
    a device      itself: there, enabled, of the same account, its addresses; by its login the version of
                  its credential, its own or its account's, and what binds every password

All of it is in the snapshot, so asking costs no SQL; and nothing of it can change while the snapshot
is the same, so a session asks once for each.
"""

from typing import TypeAlias

from kairan.auth.devices import AdmittedDevice
from kairan.auth.networks import may_come_from
from kairan.auth.policies import judge_basic, judge_modern
from kairan.auth.tokens.judge import TokenLogin, judge_app
from kairan.auth.tokens.settings import TokenSettings
from kairan.directory.model import Account, Snapshot
from kairan.mail.role import Role
from kairan.outcomes.catalogue import LOGIN_REVOKED, NOT_AUTHENTICATED
from kairan.outcomes.decision import ACCEPT, Decision, Refuse

# A password's login is the account as it was then.
HeldLogin: TypeAlias = Account | AdmittedDevice | TokenLogin


def judge_held(
    login: HeldLogin | None,
    account: Account | None,
    snapshot: Snapshot,
    settings: TokenSettings,
    *,
    source: str,
    role: Role,
    is_own: bool = False,
) -> Decision:
    """`account` as it is now; `login` None: it was not needed.  `is_own`: a token of our issuer."""
    if account is None or not account.enabled:
        return Refuse(NOT_AUTHENTICATED, "the account is disabled or removed")
    if not may_come_from(account, source):
        return Refuse(LOGIN_REVOKED, "from outside the account's networks")
    if role is Role.DEVICE and (why := _why_not_at(login, snapshot, source)):
        return Refuse(LOGIN_REVOKED, why)
    match login:
        case None:
            why = ""
        case AdmittedDevice():
            why = _why_not_device(login, account, snapshot, source, role)
        case Account():
            why = _why_not_by_password(login, account, snapshot, role)
        case TokenLogin():
            why = _why_not_by_token(login, account, snapshot, settings, role, is_own=is_own)
    return Refuse(LOGIN_REVOKED, why) if why else ACCEPT


def _why_not_at(login: HeldLogin | None, snapshot: Snapshot, source: str) -> str:
    """Of the address alone, whatever the login was."""
    here = snapshot.devices.at(source)
    if here is None:
        return ""
    if not here.enabled:
        return "the device at its address is disabled"
    return "its address has become a device's own" if login is None else ""


def _why_not_device(
    login: AdmittedDevice, account: Account, snapshot: Snapshot, source: str, role: Role
) -> str:
    before, now = login.device, snapshot.devices.named(login.device.name)
    if now is None or not now.enabled or now.account != before.account:
        return "the device is disabled, removed or another's"
    if not login.by_login:
        is_still_here = snapshot.devices.at(source) == now and not now.must_log_in
        return "" if is_still_here else "the device must log in, or is somewhere else"
    if not may_come_from(now, source):
        return "from outside the device's networks"
    if now.login != before.login:
        return "the device's login has changed"
    has_own = bool(now.password_hash)
    if has_own is not bool(before.password_hash):
        return "the device's password has changed"
    if not has_own:
        return _why_not_by_password(login.account, account, snapshot, role)
    if now.credential_version != before.credential_version:
        return "the device's password has changed"
    barred = judge_basic(account, snapshot.organisation, role=role)
    return barred.detail if isinstance(barred, Refuse) else ""


def _why_not_by_password(login: Account, account: Account, snapshot: Snapshot, role: Role) -> str:
    before, now = (
        (one.id, one.credential_version) if one.password_hash else None for one in (login, account)
    )
    if now is None or before != now:
        return "the password has changed"
    barred = judge_basic(account, snapshot.organisation, role=role)
    return barred.detail if isinstance(barred, Refuse) else ""


def _why_not_by_token(
    login: TokenLogin,
    account: Account,
    snapshot: Snapshot,
    settings: TokenSettings,
    role: Role,
    *,
    is_own: bool,
) -> str:
    if account.id != login.account.id:
        return "the account is another one"
    if login.kid in snapshot.trust.withdrawn_keys:
        return "the key that signed its token is withdrawn"
    barred = judge_app(login, account, snapshot.trust, settings, is_own=is_own)
    modern = judge_modern(account, snapshot.organisation, role=role)
    return next((one.detail for one in (barred, modern) if isinstance(one, Refuse)), "")
