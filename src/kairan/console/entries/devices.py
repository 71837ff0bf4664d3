"""Devices, as `kairan device` has them, and the sheet that is printed for who stands before one."""

from collections.abc import Mapping, Sequence
from typing import Any

from kairan.console.ask import Ask, Page, first_of, query_of
from kairan.console.entries.common import (
    ADD,
    CHANGE,
    ENABLED,
    NEW_PASSWORD,
    PASSWORD,
    PASSWORD_LABEL,
    PASSWORD_NOTE,
    REMOVE,
    account_choices,
    chosen_password,
    containing,
    others,
)
from kairan.console.entries.form import FieldKind, FormField
from kairan.console.entries.kind import Changed, EntryChange, EntryKind
from kairan.console.http import PREFIX
from kairan.console.qr import qr_svg
from kairan.console.shown import time_text
from kairan.directory.devices import Device, Sighting
from kairan.doctor.answer import Language, say
from kairan.doctor.device.known import device_listener, sheet_of
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.outcome import Outcome, Text

_NETWORKS_SHOWN = 3
_FIELDS = (
    FormField("account", Text("Account that it sends as", "送信に使うアカウント"), FieldKind.CHOICE, choices=account_choices, needed=True),
    FormField("place", Text("Place", "設置場所")),
    FormField("networks", Text("Addresses", "IP アドレス"), FieldKind.LINES, Text("Its address, or a network of such devices, one a line", "デバイスのアドレスまたはネットワーク。1 行に 1 件")),
    FormField("login", Text("Login", "ログイン名"), hint=Text("A short name without an @; empty: its address is enough", "@ を含まない短い名前。空欄: アドレスのみで識別")),
    ENABLED,
)  # fmt: skip


def _values(_ask: Ask, one: Device) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in _FIELDS}


def _sighting(ask: Ask, one: Device) -> Sighting:
    sightings = ask.once("sightings", ask.parts.directory.devices.sightings)
    return sightings.get(one.name, Sighting())


def _seen(ask: Ask, one: Device) -> str:
    seen = _sighting(ask, one)
    client = f" ({seen.client})" if seen.client else ""
    return f"{time_text(seen.seen)}{client}" if seen.seen else ask.texts["never"]


def _outcome(ask: Ask, one: Device) -> Outcome | None:
    return CATALOGUE.get(_sighting(ask, one).refusal)


def _refused(ask: Ask, one: Device) -> str:
    seen, outcome = _sighting(ask, one), _outcome(ask, one)
    if not seen.refused:
        return ask.texts["never"]
    why = say(outcome.when, ask.language) if outcome else seen.refusal
    return f"{time_text(seen.refused)} {why}"


def _remedy(ask: Ask, one: Device) -> str:
    outcome = _outcome(ask, one)
    return say(outcome.remedies[0], ask.language) if outcome and outcome.remedies else ""


def _facts(ask: Ask, one: Device) -> Sequence[tuple[str, str]]:
    return [
        ("place", one.place),
        ("account", one.account),
        ("networks", ", ".join(one.networks)),
        ("login", one.login),
        ("state", ask.texts["on" if one.enabled else "off"]),
        ("last_seen", _seen(ask, one)),
        ("last_refused", _refused(ask, one)),
        ("remedy", _remedy(ask, one)),
    ]


def _links(_ask: Ask, one: Device) -> list[tuple[str, str]]:
    return [("sheet", f"devices/sheet?{query_of({'name': one.name})}")]


def sheet_page(ask: Ask) -> Page:
    """In both languages: who prints it and who reads it may not have the same."""
    device = ask.parts.directory.devices.find(ask.query.get("name", ""))
    listener = device_listener(ask.parts.configuration)
    if device is None:
        return Page("problem.html", {"sentence": ask.texts["entry_missing"]}, status=404)
    if listener is None:
        return Page("problem.html", {"sentence": ask.texts["no_device_listener"]}, status=404)
    lines = sheet_of(device, listener, ask.parts.configuration.hostname)
    here = f"{_console_url(ask)}{PREFIX}/devices/one?{query_of({'name': device.name})}"
    return Page(
        "sheet.html",
        {
            "here": "devices",
            "name": device.name,
            "lines": [
                (
                    say(one.label, Language.EN),
                    say(one.label, Language.JA),
                    say(one.value, ask.language),
                )
                for one in lines
            ],
            "qr": qr_svg(here),
            "address": here,
            "seen": _seen(ask, device),
            "refused": _refused(ask, device),
            "remedy": _remedy(ask, device),
            "query": query_of({"name": device.name}),
        },
    )


def _console_url(ask: Ask) -> str:
    configuration = ask.parts.configuration
    default = f"https://{configuration.hostname}:{configuration.api.port}"
    return configuration.oidc.console_url or default


def _add(ask: Ask, _entry: Any, given: Mapping[str, Any]) -> Changed:
    fields = {name: value for name, value in given.items() if name not in {"name", "password"}}
    made = ""
    if given.get("login"):
        fields["password_hash"], made, _ = chosen_password(ask, given, given["login"])
    device = ask.parts.directory.devices.add(given["name"], **fields)
    return Changed(device.name, secret=made, secret_label=PASSWORD_LABEL)


def _set(ask: Ask, one: Device, given: Mapping[str, Any]) -> Changed:
    if wanted := others(given, _values(ask, one)):
        ask.parts.directory.devices.change(one.name, **wanted)
    return Changed(one.name)


def _password(ask: Ask, one: Device, given: Mapping[str, Any]) -> Changed:
    password_hash, made, said = chosen_password(ask, given, one.login)
    ask.parts.directory.devices.change(one.name, password_hash=password_hash)
    return Changed(one.name, {"password": said}, made, PASSWORD_LABEL)


def _revoke(ask: Ask, one: Device, _given: Mapping[str, Any]) -> Changed:
    ask.parts.directory.devices.change(one.name, password_hash="")
    return Changed(one.name, {"password": "changed"})


def _remove(ask: Ask, one: Device, _given: Mapping[str, Any]) -> Changed:
    ask.parts.directory.devices.remove(one.name)
    return Changed("")


_REVOKE_NOTE = Text(
    "The account's password is then its, too. To shut it out, disable it.",
    "以後はアカウントのパスワードが使われます。接続を止めるには無効にしてください。",
)
_REMOVE_NOTE = Text(
    "Its sessions end at their next message. This cannot be undone.",
    "接続中のセッションは次のメッセージで終了します。この操作は元に戻せません。",
)
DEVICES = EntryKind(
    "devices",
    "device",
    (
        ("place", lambda _, one: one.place),
        ("account", lambda _, one: one.account),
        ("networks", lambda _, one: first_of(one.networks, _NETWORKS_SHOWN)),
        ("last_seen", _seen),
        ("last_refused", _refused),
        ("remedy", _remedy),
    ),
    lambda ask, search: containing(ask.parts.directory.devices.everyone(), search, "name", "place", "account"),
    lambda ask, name: ask.parts.directory.devices.find(name),
    lambda one: one.name,
    _facts,
    _values,
    (
        EntryChange("add", ADD, "device.add", _add, (FormField("name", Text("Name", "名前"), needed=True), *_FIELDS, PASSWORD), Text("With a login it has a password of its own.", "ログイン名を指定すると、専用のパスワードが設定されます。"), of_one=False),
        EntryChange("set", CHANGE, "device.set", _set, _FIELDS, now=_values),
        EntryChange("password", NEW_PASSWORD, "device.set", _password, (PASSWORD,), PASSWORD_NOTE, fits=lambda one: bool(one.login)),
        EntryChange("revoke", Text("Take its password away", "パスワードの取り消し"), "device.set", _revoke, note=_REVOKE_NOTE, fits=lambda one: bool(one.password_hash)),
        EntryChange("remove", REMOVE, "device.remove", _remove, note=_REMOVE_NOTE, is_grave=True),
    ),
    links=_links,
)  # fmt: skip
