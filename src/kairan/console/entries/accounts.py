"""Accounts, as `kairan account` has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from kairan.auth.policies import basic_findings, modern_findings
from kairan.console.ask import Ask, query_of
from kairan.console.entries.common import (
    ADD,
    ALIASES,
    CHANGE,
    DISPLAY_NAME,
    ENABLED,
    NEW_PASSWORD,
    PASSWORD,
    PASSWORD_LABEL,
    PASSWORD_NOTE,
    REMOVE,
    address_field,
    chosen_password,
    containing,
    others,
    policy_choices,
    policy_word,
)
from kairan.console.entries.form import FieldKind, FormField
from kairan.console.entries.groups import COST_DAYS
from kairan.console.entries.imports import IMPORT_ACCOUNTS
from kairan.console.entries.kind import Changed, EntryChange, EntryKind
from kairan.console.shown import time_text
from kairan.directory.model import Account
from kairan.directory.store import Directory
from kairan.doctor.list_advice import HabitLimits, advice_lines, advised
from kairan.mail.role import Role
from kairan.outcomes.outcome import Text
from kairan.trace.keys import DAY_SECONDS
from kairan.trace.usage import single_sends

_NETWORKS_HINT = Text("From where it may log in, such as 10.1.2.0/24; none: from anywhere", "ログイン元のネットワーク（例: 10.1.2.0/24）。空欄は制限なし")  # fmt: skip
_APPS_HINT = Text("Applications that may send as it, by id, one a line", "この名義で送信できるアプリの ID。1 行に 1 件")  # fmt: skip
_LIMIT_HINT = Text("Empty: the organisation's", "空欄: 組織の設定に従う")
_FIELDS = (
    DISPLAY_NAME,
    ENABLED,
    ALIASES,
    FormField("reply_to", Text("Reply-To", "返信先"), hint=Text("Where answers and reports go instead", "返信とレポートの送り先")),
    FormField("networks", Text("Networks", "ネットワーク"), FieldKind.LINES, _NETWORKS_HINT),
    FormField("allowed_apps", Text("Allowed apps", "許可するアプリ"), FieldKind.LINES, _APPS_HINT),
    FormField("policy", Text("Authentication policy", "認証ポリシー"), FieldKind.CHOICE, Text("–: the organisation's default", "–: 組織の既定"), policy_choices),
    FormField("smtp_client_authentication_disabled", Text("SmtpClientAuthenticationDisabled", "SmtpClientAuthenticationDisabled"), FieldKind.OPEN_SWITCH),
    FormField("messages_per_minute", Text("Messages a minute", "1 分あたりのメッセージ数"), FieldKind.NUMBER, _LIMIT_HINT),
    FormField("recipients_per_minute", Text("Recipients a minute", "1 分あたりの受信者数"), FieldKind.NUMBER, _LIMIT_HINT),
    FormField("connections_max", Text("Connections", "接続数"), FieldKind.NUMBER, _LIMIT_HINT),
)  # fmt: skip


def values(_ask: Ask, one: Account) -> dict[str, Any]:
    return {
        **{field.name: getattr(one, field.name) for field in _FIELDS},
        "held_since": one.held_since,
    }


def _everyone(ask: Ask, search: str) -> Sequence[Account]:
    return list(containing(ask.parts.directory.accounts(), search, "address", "display_name"))


def verdict(ask: Ask, account: Account, role: Role) -> str:
    """Of both kinds of login, the control that blocks it; as `kairan policy explain` says at length."""
    organisation = ask.once("organisation", ask.parts.directory.organisation)
    said = []
    for name, findings in (("basic", basic_findings), ("modern", modern_findings)):
        found = findings(account, organisation, role=role)
        block = next((one for one in found if one.outcome is not None), None)
        word = (
            ask.texts["allowed"] if block is None else f"{ask.texts['blocked']} ({block.control})"
        )
        said.append(f"{ask.texts[name]}: {word}")
    return "; ".join(said)


def _state(ask: Ask, one: Account) -> str:
    word = ask.texts["on" if one.enabled else "off"]
    held = f"; {ask.texts['held']} {time_text(one.held_since)}" if one.held_since else ""
    return f"{word}{held}"


def _facts(ask: Ask, one: Account) -> list[tuple[str, str]]:
    limits = ("messages_per_minute", "recipients_per_minute", "connections_max")
    return [
        ("display_name", one.display_name),
        ("state", _state(ask, one)),
        ("aliases", ", ".join(sorted(one.aliases))),
        ("reply_to", one.reply_to),
        ("networks", ", ".join(one.networks)),
        ("policy", one.policy),
        *((name, str(getattr(one, name) or "")) for name in limits),
        *((f"role_{role}", verdict(ask, one, role)) for role in Role),
    ]


def _lists(ask: Ask, one: Account) -> list[tuple[str, list[str]]]:
    known = {app.object_id.lower(): app.name for app in ask.parts.directory.apps.everyone()}
    shown = [f"{known[app]} ({app})" if app in known else app for app in sorted(one.allowed_apps)]
    devices = [d.name for d in ask.parts.directory.devices.everyone() if d.account == one.address]
    advice = [("advice", _advice(ask, one))] if ask.query.get("advice") == "1" else []
    return [*advice, ("allowed_apps", shown), ("devices", devices)]


def _advice(ask: Ask, one: Account) -> list[str]:
    """As `kairan group advise`, of this account."""
    configuration, now = ask.parts.configuration, ask.parts.clock()
    since = now - COST_DAYS * DAY_SECONDS
    own = (
        send
        for send in single_sends(configuration.trace_directory, since, now)
        if send.account.lower() == one.address.lower()
    )
    expansion = configuration.delivery.expansion
    found = advised(own, HabitLimits(), ask.parts.directory, expansion)
    return ["; ".join(advice_lines(*each, ask.language)) for each in found]


def _links(_ask: Ask, one: Account) -> list[tuple[str, str]]:
    return [
        ("advice", f"accounts/one?{query_of({'name': one.address, 'advice': '1'})}"),
        ("its_messages", f"messages?{query_of({'from': one.address, 'since': '7d'})}"),
    ]


def _write(directory: Directory, address: str, wanted: dict[str, Any]) -> None:
    policy = wanted.pop("policy", None)
    if wanted:
        directory.set_account(address, **wanted)
    if policy is not None:
        directory.policies.assign(policy_word(policy), address)


def _add(ask: Ask, _entry: Any, given: Mapping[str, Any]) -> Changed:
    address = given["address"]
    password_hash, made, _ = chosen_password(ask, given, address)
    fields = {name: value for name, value in given.items() if name not in {"address", "password"}}
    policy = fields.pop("policy", "")
    directory = ask.parts.directory
    directory.add_account(address, password_hash=password_hash, **fields)
    if policy:
        directory.policies.assign(policy, address)
    added = directory.account(address)
    assert added is not None, "just added"
    return Changed(added.address, secret=made, secret_label=PASSWORD_LABEL)


def _set(ask: Ask, one: Account, given: Mapping[str, Any]) -> Changed:
    _write(ask.parts.directory, one.address, others(given, values(ask, one)))
    return Changed(one.address)


def _password(ask: Ask, one: Account, given: Mapping[str, Any]) -> Changed:
    password_hash, made, said = chosen_password(ask, given, one.address)
    ask.parts.directory.set_account(one.address, password_hash=password_hash)
    return Changed(one.address, {"password": said}, made, PASSWORD_LABEL)


def _turn(ask: Ask, one: Account, _given: Mapping[str, Any]) -> Changed:
    ask.parts.directory.set_account(one.address, enabled=not one.enabled)
    return Changed(one.address)


def _release(ask: Ask, one: Account, _given: Mapping[str, Any]) -> Changed:
    ask.parts.directory.volumes.release(one.address, int(ask.parts.clock()))
    return Changed(one.address)


def _remove(ask: Ask, one: Account, _given: Mapping[str, Any]) -> Changed:
    ask.parts.directory.remove_account(one.address)
    return Changed("")


_RELEASE_NOTE = Text(
    "Its volume jumped far above its history. Released, it is not judged by volume for a day.",
    "送信量が過去の実績を大きく超えたため保留されています。解除すると 1 日間は送信量を判定しません。",
)
_REMOVE_NOTE = Text(
    "It cannot log in any more; what it has sent is still delivered. This cannot be undone.",
    "ログインできなくなります。送信済みのメールは配信されます。この操作は元に戻せません。",
)
ACCOUNTS = EntryKind(
    "accounts",
    "account",
    (
        ("display_name", lambda _, one: one.display_name),
        ("state", _state),
        ("role_hve", lambda ask, one: verdict(ask, one, Role.HVE)),
        ("role_client", lambda ask, one: verdict(ask, one, Role.CLIENT)),
        ("role_device", lambda ask, one: verdict(ask, one, Role.DEVICE)),
    ),
    _everyone,
    lambda ask, name: ask.parts.directory.account(name) if "@" in name else None,
    lambda one: one.address,
    _facts,
    values,
    (
        EntryChange("add", ADD, "account.add", _add, (address_field(Text("Address", "アドレス")), PASSWORD, *_FIELDS), of_one=False),
        IMPORT_ACCOUNTS,
        EntryChange("set", CHANGE, "account.set", _set, _FIELDS, now=values),
        EntryChange("password", NEW_PASSWORD, "account.set", _password, (PASSWORD,), PASSWORD_NOTE),
        EntryChange("disable", Text("Disable", "無効化"), "account.set", _turn, note=Text("It cannot log in until it is enabled again; its sessions end at their next message.", "有効に戻すまでログインできません。接続中のセッションは次のメッセージで終了します。"), fits=lambda one: one.enabled),
        EntryChange("enable", Text("Enable", "有効化"), "account.set", _turn, fits=lambda one: not one.enabled),
        EntryChange("release", Text("Release", "保留の解除"), "account.release", _release, note=_RELEASE_NOTE, fits=lambda one: bool(one.held_since)),
        EntryChange("remove", REMOVE, "account.remove", _remove, note=_REMOVE_NOTE, is_grave=True),
    ),
    lists=_lists,
    links=_links,
)  # fmt: skip
