"""Applications of the service's own issuer, as `kairan app` has them."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from kairan.auth.made_secrets import hash_secret, make_secret
from kairan.console.ask import Ask
from kairan.console.entries.common import ADD, CHANGE, ENABLED, REMOVE, containing, others
from kairan.console.entries.form import FieldKind, FormField
from kairan.console.entries.kind import Changed, EntryChange, EntryKind
from kairan.console.shown import time_text
from kairan.directory.model import App, AppSecret
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
        EntryChange("remove", REMOVE, "app.remove", _remove, note=_REMOVE_NOTE, is_grave=True),
    ),
    lists=lambda ask, one: [("accounts", ask.parts.directory.apps.accounts_of(one))],
)  # fmt: skip
