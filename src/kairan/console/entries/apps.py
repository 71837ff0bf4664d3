"""Applications of the service's own issuer, as `kairan app` has them."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from kairan.auth.made_secrets import hash_secret, make_secret
from kairan.console.ask import Ask
from kairan.console.entries.common import ADD, CHANGE, ENABLED, REMOVE, containing, others
from kairan.console.entries.form import FieldKind, FormField
from kairan.console.entries.kind import Changed, EntryChange, EntryKind
from kairan.console.shown import time_text
from kairan.directory.errors import DirectoryError
from kairan.directory.model import App, AppSecret
from kairan.issuer.keys.ring import KeyRing, key_ring
from kairan.issuer.made_to_measure import AskedFor, made_token
from kairan.issuer.rotation import rotate
from kairan.outcomes.outcome import Text

_DAY_SECONDS = 86_400
_SECRET_LABEL = Text("Client secret", "クライアント シークレット")
_ACCOUNTS = FormField(
    "accounts",
    Text("Accounts", "アカウント"),
    FieldKind.LINES,
    Text("Which it may send as, one a line", "この名義で送信できるアカウント。1 行に 1 件"),
)
_PERMISSIONS = FormField(
    "permissions", Text("Permissions", "アクセス許可"), FieldKind.LINES, first=("Mail.Send",)
)
_FIELDS = (ENABLED, _PERMISSIONS, _ACCOUNTS)
_KEEP = FormField(
    "keep_days",
    Text("Days that the old secret stays valid", "以前のシークレットの有効日数"),
    FieldKind.NUMBER,
    Text("Empty: it ends now", "空欄: すぐに無効"),
    first=7,
)
_KEPT_DAYS_MAX = 365


def _values(ask: Ask, one: App) -> dict[str, Any]:
    return {
        "enabled": one.enabled,
        "permissions": sorted(one.permissions),
        "accounts": list(ask.parts.directory.apps.accounts_of(one)),
        "secrets": len(one.secrets),
        "old_secret_until": _old_until(one),
    }


def _old_until(one: App) -> int | None:
    return next((secret.expires for secret in one.secrets if secret.expires), None)


def _facts(ask: Ask, one: App) -> Sequence[tuple[str, str]]:
    until = _old_until(one)
    return [
        ("state", ask.texts["on" if one.enabled else "off"]),
        ("client_id", one.client_id),
        ("object_id", one.object_id),
        ("permissions", ", ".join(sorted(one.permissions))),
        ("old_secret_until", time_text(until) if until else ""),
    ]


def _add(ask: Ask, _entry: Any, given: Mapping[str, Any]) -> Changed:
    secret = make_secret()
    app = App(
        name=given["name"],
        client_id=str(uuid.uuid4()),
        object_id=str(uuid.uuid4()),
        permissions=frozenset(given.get("permissions", ())),
        secrets=(AppSecret(hash_secret(secret)),),
    )
    ask.parts.directory.apps.add(app, accounts=given.get("accounts", ()))
    return Changed(app.name, secret=secret, secret_label=_SECRET_LABEL)


def _set(ask: Ask, one: App, given: Mapping[str, Any]) -> Changed:
    apps, now = ask.parts.directory.apps, _values(ask, one)
    wanted = others(given, now)
    accounts = wanted.pop("accounts", None)
    if accounts is not None:
        known = {name.strip().lower() for name in accounts}
        apps.allow(
            one.client_id, [name for name in accounts if name.lower() not in now["accounts"]]
        )
        apps.forbid(one.client_id, [name for name in now["accounts"] if name not in known])
    if wanted:
        apps.change(one.client_id, **wanted)
    return Changed(one.name)


def _secret(ask: Ask, one: App, given: Mapping[str, Any]) -> Changed:
    secret, now = make_secret(), int(ask.parts.clock())
    days = min(given.get("keep_days") or 0, _KEPT_DAYS_MAX)
    until = now + days * _DAY_SECONDS if days else None
    ask.parts.directory.apps.replace_secret(
        one.client_id, hash_secret(secret), old_until=until, now=now
    )
    return Changed(one.name, {"old_secret_until": until}, secret, _SECRET_LABEL)


def _remove(ask: Ask, one: App, _given: Mapping[str, Any]) -> Changed:
    ask.parts.directory.apps.remove(one.client_id)
    return Changed("")


def _check_issuer(ask: Ask) -> None:
    if not ask.parts.configuration.issuer.enabled:
        raise DirectoryError("this service has no issuer; write `enabled = true` in [issuer]")


def _key_ring(ask: Ask) -> KeyRing:
    configuration = ask.parts.configuration
    return key_ring(configuration.issuer, configuration.issuer_directory, ask.parts.directory)


def _token(ask: Ask, one: App, given: Mapping[str, Any]) -> Changed:
    _check_issuer(ask)
    configuration, now = ask.parts.configuration, int(ask.parts.clock())
    asked = AskedFor(lifetime=given.get("lifetime"))
    made = made_token(one, asked, configuration.issuer, _key_ring(ask), now=now)
    return Changed(one.name, {"account": made.account}, made.text, _TOKEN_LABEL)


def _approve(ask: Ask, _entry: Any, given: Mapping[str, Any]) -> Changed:
    now = int(ask.parts.clock())
    code = given.get("code", "").upper()
    login = ask.parts.directory.device_logins.approve(code, given.get("account", ""), now=now)
    app = ask.parts.directory.apps.find(login.client_id)
    facts = {"account": login.account, "client_id": login.client_id}
    return Changed(app.name if app else "", facts)


def _rotate(ask: Ask, _entry: Any, given: Mapping[str, Any]) -> Changed:
    _check_issuer(ask)
    configuration = ask.parts.configuration
    made = rotate(
        _key_ring(ask),
        configuration.issuer,
        ask.parts.directory.withdrawn_keys,
        is_compromised=given.get("compromised", False),
        now=int(ask.parts.clock()),
    )
    return Changed("", asdict(made))


_TOKEN_LABEL = Text("Token", "トークン")
_TOKEN_FIELDS = (
    FormField("lifetime", Text("Seconds", "有効秒数"), FieldKind.NUMBER, Text("Empty: as the issuer's own", "空欄: 発行者の設定に従う")),
)  # fmt: skip
_TOKEN_NOTE = Text(
    "The app's own token, as the issuer would give it; it is shown once.",
    "発行者が発行するものと同じ、アプリ自身のトークンです。一度だけ表示されます。",
)
_CODE = FormField("code", Text("Code", "コード"), hint=Text("As the device shows it", "デバイスに表示されたもの"), needed=True)  # fmt: skip
_ACCOUNT = FormField("account", Text("Account", "アカウント"), hint=Text("As which it may send", "この名義での送信を許可"), needed=True)  # fmt: skip
_APPROVE_NOTE = Text(
    "Only what you, or somebody you have just spoken to, has started: the code alone says nothing about who asks.",
    "自分、または今話している相手が開始したものだけを承認してください。コードからは誰の要求か分かりません。",
)
_COMPROMISED = FormField(
    "compromised", Text("The old keys are known to somebody: end every token of theirs now", "以前の鍵が漏えいした: それによるトークンをすべて今すぐ無効にする"), FieldKind.SWITCH
)  # fmt: skip
_ROTATE_NOTE = Text(
    "It is published now and signs after `issuer.key_lead_seconds`; tokens of the old key stay good until they end, unless it is compromised.",
    "今すぐ公開され、`issuer.key_lead_seconds` 後に署名に使われます。漏えいした場合を除き、以前の鍵のトークンは期限まで有効です。",
)
_REMOVE_NOTE = Text(
    "Its tokens are refused within five seconds. This cannot be undone.",
    "発行済みのトークンは 5 秒以内に拒否されます。この操作は元に戻せません。",
)
APPS = EntryKind(
    "apps",
    "app",
    (
        ("state", lambda ask, one: ask.texts["on" if one.enabled else "off"]),
        ("permissions", lambda _, one: ", ".join(sorted(one.permissions))),
        ("accounts", lambda ask, one: ", ".join(ask.parts.directory.apps.accounts_of(one))),
    ),
    lambda ask, search: containing(ask.parts.directory.apps.everyone(), search, "name", "client_id"),
    lambda ask, name: ask.parts.directory.apps.find(name),
    lambda one: one.name,
    _facts,
    _values,
    (
        EntryChange("add", ADD, "app.add", _add, (FormField("name", Text("Name", "名前"), needed=True), _PERMISSIONS, _ACCOUNTS), of_one=False),
        EntryChange("set", CHANGE, "app.set", _set, _FIELDS, now=_values),
        EntryChange("secret", Text("Make a new secret", "新しいシークレットの発行"), "app.secret", _secret, (_KEEP,), Text("It is shown once.", "一度だけ表示されます。")),
        EntryChange("token", Text("Make a token", "トークンの発行"), "app.token", _token, _TOKEN_FIELDS, _TOKEN_NOTE),
        EntryChange("approve", Text("Approve a device's login", "デバイス ログインの承認"), "app.approve", _approve, (_CODE, _ACCOUNT), _APPROVE_NOTE, of_one=False),
        EntryChange("rotate", Text("Make the next signing key", "次の署名鍵の作成"), "app.rotate", _rotate, (_COMPROMISED,), _ROTATE_NOTE, of_one=False, is_grave=True),
        EntryChange("remove", REMOVE, "app.remove", _remove, note=_REMOVE_NOTE, is_grave=True),
    ),
    lists=lambda ask, one: [("accounts", ask.parts.directory.apps.accounts_of(one))],
)  # fmt: skip
