"""Authentication policies and the organisation's controls, as `kairan policy` has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kairan.console.ask import Ask
from kairan.console.entries.common import (
    ADD,
    CHANGE,
    NO_UNDOING,
    REMOVE,
    account_choices,
    containing,
    others,
    policy_choices,
    policy_word,
)
from kairan.console.entries.form import FieldKind, FormField
from kairan.console.entries.kind import Changed, EntryChange, EntryKind
from kairan.outcomes.outcome import Text

_ALLOWS = FormField(
    "allow_basic_auth_smtp", Text("Allows passwords", "パスワードでのログインを許可"), FieldKind.SWITCH
)  # fmt: skip
_CONTROLS = (
    FormField("security_defaults", Text("Security defaults", "セキュリティの既定値群"), FieldKind.SWITCH, Text("On: no password logs in anywhere", "有効: パスワードではどこにもログインできません")),
    FormField("smtp_client_authentication_disabled", Text("SmtpClientAuthenticationDisabled", "SmtpClientAuthenticationDisabled"), FieldKind.SWITCH, Text("On: nobody logs in at listeners of the role client", "有効: 役割 client のリスナーにはログインできません")),
    FormField("default_policy", Text("Default policy", "既定のポリシー"), FieldKind.CHOICE, Text("–: none, all is allowed", "–: なし（すべて許可）"), policy_choices),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShownPolicy:
    name: str
    allow_basic_auth_smtp: bool
    is_default: bool
    accounts: tuple[str, ...]


def _policies(ask: Ask) -> Sequence[ShownPolicy]:
    organisation = ask.parts.directory.organisation()
    accounts = ask.parts.directory.accounts()
    return [
        ShownPolicy(
            name,
            allows,
            organisation.default_policy == name,
            tuple(one.address for one in accounts if one.policy == name),
        )
        for name, allows in organisation.policies.items()
    ]


def _find(ask: Ask, name: str) -> ShownPolicy | None:
    return next((one for one in _policies(ask) if one.name == name), None)


def _yes(ask: Ask, is_so: bool) -> str:
    return ask.texts["yes" if is_so else "no"]


def _facts(ask: Ask, one: ShownPolicy) -> list[tuple[str, str]]:
    return [
        ("allows_passwords", _yes(ask, one.allow_basic_auth_smtp)),
        ("is_default", _yes(ask, one.is_default)),
    ]


def _values(_ask: Ask, one: ShownPolicy) -> dict[str, Any]:
    return {"allow_basic_auth_smtp": one.allow_basic_auth_smtp, "accounts": list(one.accounts)}


def _add(ask: Ask, _entry: Any, given: Mapping[str, Any]) -> Changed:
    allows = given.get("allow_basic_auth_smtp", False)
    ask.parts.directory.policies.add(given["name"], allow_basic_auth_smtp=allows)
    return Changed(given["name"])


def _change(ask: Ask, one: ShownPolicy, given: Mapping[str, Any]) -> Changed:
    if others(given, _values(ask, one)):
        ask.parts.directory.policies.change(one.name, **given)
    return Changed(one.name)


def _assign(ask: Ask, one: ShownPolicy, given: Mapping[str, Any]) -> Changed:
    account = ask.parts.directory.policies.assign(one.name, given.get("account", ""))
    return Changed(one.name, {"account": account})


def _remove(ask: Ask, one: ShownPolicy, _given: Mapping[str, Any]) -> Changed:
    ask.parts.directory.policies.remove(one.name)
    return Changed("")


def _controls_now(ask: Ask, _entry: Any) -> dict[str, Any]:
    organisation = ask.parts.directory.organisation()
    return {one.name: getattr(organisation, one.name) for one in _CONTROLS}


def _set_controls(ask: Ask, _entry: Any, given: Mapping[str, Any]) -> Changed:
    directory, now = ask.parts.directory, _controls_now(ask, None)
    wanted = others(given, now)
    facts = {"before": {name: now[name] for name in wanted}, "after": dict(wanted)}
    policy = wanted.pop("default_policy", None)
    if policy is not None:
        directory.policies.set_default(policy_word(policy))
    if wanted:
        directory.set_organisation(**wanted)
    return Changed("", facts)


POLICIES = EntryKind(
    "policies",
    "policy",
    (
        ("allows_passwords", lambda ask, one: _yes(ask, one.allow_basic_auth_smtp)),
        ("is_default", lambda ask, one: _yes(ask, one.is_default)),
        ("accounts", lambda _, one: str(len(one.accounts))),
    ),
    lambda ask, search: containing(_policies(ask), search, "name"),
    _find,
    lambda one: one.name,
    _facts,
    _values,
    (
        EntryChange("add", ADD, "policy.add", _add, (FormField("name", Text("Name", "名前"), needed=True), _ALLOWS), Text("It blocks passwords unless it says that it allows them.", "許可しない限り、パスワードでのログインをブロックします。"), of_one=False),
        EntryChange("controls", Text("Change the organisation's controls", "組織の設定の変更"), "organisation.set", _set_controls, _CONTROLS, Text("Workers follow within five seconds.", "5 秒以内に反映されます。"), of_one=False, now=_controls_now),
        EntryChange("set", CHANGE, "policy.change", _change, (_ALLOWS,), now=_values),
        EntryChange("assign", Text("Assign to an account", "アカウントへの割り当て"), "policy.assign", _assign, (FormField("account", Text("Account", "アカウント"), FieldKind.CHOICE, choices=account_choices),)),
        EntryChange("remove", REMOVE, "policy.remove", _remove, note=NO_UNDOING, is_grave=True),
    ),
    lists=lambda _, one: [("accounts", one.accounts)],
)  # fmt: skip
