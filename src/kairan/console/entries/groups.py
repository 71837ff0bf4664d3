"""Groups, as `kairan group` has them: settings, members, and whom a message would reach."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kairan.console.ask import Ask, query_of
from kairan.console.entries.common import (
    ADD,
    CHANGE,
    DISPLAY_NAME,
    ENABLED,
    HIDDEN,
    REMOVE,
    address_field,
    containing,
    others,
)
from kairan.console.entries.form import FieldKind, FormField
from kairan.console.entries.imports import IMPORT_MEMBERS
from kairan.console.entries.kind import Changed, EntryChange, EntryKind
from kairan.console.shown import time_text
from kairan.directory.dynamic.rules import is_too_much
from kairan.directory.dynamic.wanted import with_conditions, with_filter
from kairan.directory.errors import DirectoryError
from kairan.directory.model import DynamicGroup, Group
from kairan.directory.operations.dynamic_groups import Refuses
from kairan.directory.recipient_filter.opath import parse
from kairan.directory.recipient_filter.precanned import CONDITIONAL
from kairan.expansion.preview import previewed
from kairan.outcomes.outcome import Text
from kairan.trace.keys import DAY_SECONDS
from kairan.usage.list_cost import list_cost_record, list_sends

_MEMBERS_SHOWN = 500
_HISTORY_SHOWN = 20
_COSTS_SHOWN = 100  # messages; the latest
COST_DAYS = 30
_ONE_OF = Text("One a line: one of them", "1 行に 1 件。いずれかに一致")
_LISTED = Text("One address a line", "1 行に 1 件のアドレス")
_MEMBERS = FormField(
    "members", Text("Members", "メンバー"), FieldKind.LINES, Text("Mailboxes or groups, one a line", "メールボックスまたはグループ。1 行に 1 件")
)  # fmt: skip
_FILTER = FormField(
    "filter",
    Text("Recipient filter (OPATH)", "受信者フィルター (OPATH)"),
    hint=Text("Its members then follow from it, such as Department -eq 'Sales'", "メンバーはフィルターで決まります（例: Department -eq 'Sales'）"),
)  # fmt: skip
_REFRESH = FormField(
    "refresh_seconds", Text("Members found anew after (seconds)", "メンバー更新の間隔（秒）"), FieldKind.NUMBER, Text("Empty: as configured", "空欄: 設定に従う")
)  # fmt: skip


def _switch(name: str, en: str, ja: str) -> FormField:
    return FormField(name, Text(en, ja), FieldKind.SWITCH)


def _addresses(name: str, en: str, ja: str) -> FormField:
    return FormField(name, Text(en, ja), FieldKind.LINES, _LISTED)


_FIELDS = (
    DISPLAY_NAME,
    ENABLED,
    HIDDEN,
    _addresses("owners", "Owners", "所有者"),
    FormField("require_sender_authentication", Text("Only who has logged in may send to it", "ログイン済みの送信者のみ許可"), FieldKind.SWITCH, first=True),
    _addresses("accept_from", "Only these may send to it", "送信を許可する相手"),
    _addresses("reject_from", "These may not send to it", "送信を拒否する相手"),
    FormField("report_to_originator", Text("The sender hears of failures", "送信者に不達を通知"), FieldKind.SWITCH, first=True),
    _switch("report_to_manager", "An owner hears of failures instead", "所有者に不達を通知"),
    _switch("moderated", "A moderator sees each message first", "モデレーターの承認が必要"),
    _addresses("moderators", "Moderators", "モデレーター"),
    _addresses("bypass", "These need no approval", "承認なしで送信できる相手"),
    _switch("bypass_nested_moderation", "Its approval counts for the groups in it", "この承認を内側のグループにも適用"),
    FormField("reply_to", Text("Reply-To", "返信先")),
    _switch("list_headers", "Its mail says that it is a list's", "メーリング リストのヘッダーを付ける"),
    FormField("unsubscribe", Text("Unsubscription (https address)", "配信停止の https アドレス")),
    FormField("message_octets_max", Text("Largest message (octets)", "メッセージの最大サイズ（オクテット）"), FieldKind.NUMBER),
    FormField("send_window", Text("Send window", "配信時間帯"), hint=Text("Such as mon-fri 18:00-06:00; empty: at any time", "例: mon-fri 18:00-06:00。空欄: いつでも")),
)  # fmt: skip


def _head(_ask: Ask, one: Group) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in _FIELDS}


def _values(ask: Ask, one: Group) -> dict[str, Any]:
    return {**_head(ask, one), **(_filter_now(ask, one) if one.is_dynamic else {})}


def _filter_now(ask: Ask, one: Group) -> dict[str, Any]:
    dynamic = _dynamic(ask, one)
    return {"filter": dynamic.filter, "refresh_seconds": dynamic.refresh_seconds}


def _dynamic(ask: Ask, one: Group) -> DynamicGroup:
    found = ask.parts.directory.dynamic_groups.one(one.address)
    if found is None:
        raise DirectoryError(f"{one.address} is no dynamic group any more")
    return found


def _facts(ask: Ask, one: Group) -> list[tuple[str, str]]:
    dynamic = ask.parts.directory.dynamic_groups.one(one.address)
    return [
        ("display_name", one.display_name),
        ("state", ask.texts["on" if one.enabled else "off"]),
        ("owners", ", ".join(sorted(one.owners))),
        ("accept_from", ", ".join(sorted(one.accept_from))),
        ("reject_from", ", ".join(sorted(one.reject_from))),
        ("moderators", ", ".join(sorted(one.approvers)) if one.moderated else ""),
        ("send_window", one.send_window),
        ("filter", dynamic.filter if dynamic else ""),
        ("refreshed", time_text(dynamic.refreshed) if dynamic and dynamic.refreshed else ""),
    ]


def _lists(ask: Ask, one: Group) -> list[tuple[str, Sequence[str]]]:
    members: list[str] = []
    chunks = ask.parts.directory.members(one.address)
    for chunk in chunks:
        members += chunk
        if len(members) > _MEMBERS_SHOWN:
            break
    chunks.close()  # type: ignore[attr-defined]  # a generator: it holds a read transaction
    history = [("history", _history(ask, one))] if one.is_dynamic else []
    if ask.query.get("costs") == "1":
        return [("costs", _costs(ask, one)), ("members", _first(members)), *history]
    if ask.query.get("preview") != "1":
        return [("members", _first(members)), *history]
    found = previewed(
        ask.parts.directory,
        ask.parts.configuration.dynamic_groups,
        ask.parts.configuration.delivery.expansion,
        one,
    )
    return [("members", _first(members)), ("reaches", _first(found["members"])), *history]


def _costs(ask: Ask, one: Group) -> list[str]:
    configuration, now = ask.parts.configuration, ask.parts.clock()
    since = now - COST_DAYS * DAY_SECONDS
    sends = list_sends(configuration.trace_directory, group=one.address, since=since, until=now)
    record = list_cost_record(sends, configuration.billing)
    lines = [_cost_line(ask, record["total"], record["currency"], ask.texts["all_together"])]
    for each in record["messages"][: -_COSTS_SHOWN - 1 : -1]:
        what = f"{each['time']} {each['message_id']}"
        lines.append(_cost_line(ask, each, record["currency"], what))
    return lines if sends else []


def _cost_line(ask: Ask, sums: Mapping[str, Any], currency: str, what: str) -> str:
    return ask.texts["cost_line"].format(
        what=what, billed=sums["billed"], cost=f"{sums['cost']:.6f}", currency=currency
    )


def _history(ask: Ask, one: Group) -> list[str]:
    refreshes = ask.parts.directory.dynamic_groups.history(one.address)[:_HISTORY_SHOWN]
    return [
        ask.texts["history_kept" if each.is_kept else "history_line"].format(
            at=time_text(each.at),
            members=each.members,
            added=each.added,
            removed=each.removed,
            by=each.by,
        )
        for each in refreshes
    ]


def _first(members: Sequence[str]) -> list[str]:
    more = len(members) - _MEMBERS_SHOWN
    return [*members[:_MEMBERS_SHOWN], *([f"+{more}"] if more > 0 else [])]


def _links(_ask: Ask, one: Group) -> list[tuple[str, str]]:
    return [
        ("preview", f"groups/one?{query_of({'name': one.address, 'preview': '1'})}"),
        ("costs", f"groups/one?{query_of({'name': one.address, 'costs': '1'})}"),
        ("its_messages", f"messages?{query_of({'to': one.address, 'since': '7d'})}"),
    ]


def _add(ask: Ask, _entry: Any, given: Mapping[str, Any]) -> Changed:
    directory, address = ask.parts.directory, given["address"]
    own = {"address", "members", "filter", "refresh_seconds"}
    fields = {name: value for name, value in given.items() if name not in own}
    if text := given.get("filter", ""):
        if given.get("members"):
            raise DirectoryError("a group has either a filter or members that are named")
        tree = parse(text, ask.parts.configuration.recipient_filter)
        group = DynamicGroup(address, text, refresh_seconds=given.get("refresh_seconds"))
        now = int(ask.parts.clock())
        directory.dynamic_groups.add(group, tree, now=now, by=ask.by, **fields)
    else:
        directory.add_group(address, initial_members=given.get("members", ()), **fields)
    added = directory.group(address)
    assert added is not None, "just added"
    return Changed(added.address, {"members": len(given.get("members", ()))})


def _set(ask: Ask, one: Group, given: Mapping[str, Any]) -> Changed:
    if wanted := others(given, _head(ask, one)):
        ask.parts.directory.set_group(one.address, **wanted)
    return Changed(one.address)


def _set_filter(ask: Ask, one: Group, given: Mapping[str, Any]) -> Changed:
    """A change of too many members is done by who has said that he means it."""
    before = _dynamic(ask, one)
    seconds = given.get("refresh_seconds", before.refresh_seconds)
    group = replace(before, refresh_seconds=seconds)
    text = given.get("filter", before.filter)
    if text != before.filter:
        group = with_filter(group, text)
    return _refiltered(ask, group, is_agreed=given.get("agreed", False))


def _refiltered(ask: Ask, group: DynamicGroup, *, is_agreed: bool) -> Changed:
    change = ask.parts.directory.dynamic_groups.change(
        group,
        parse(group.filter, ask.parts.configuration.recipient_filter),
        now=int(ask.parts.clock()),
        by=ask.by,
        refuses=_refuses(ask, is_agreed=is_agreed),
    )
    facts = {"added": change.added, "removed": change.removed} if change else {}
    return Changed(group.address, facts)


def _refuses(ask: Ask, *, is_agreed: bool) -> Refuses:
    settings = ask.parts.configuration.dynamic_groups
    return lambda found: not is_agreed and is_too_much(found, settings)


def _conditions_now(ask: Ask, one: Group) -> dict[str, Any]:
    dynamic = _dynamic(ask, one)
    return {
        "included_recipients": dynamic.included_recipients,
        **{name: dynamic.conditions.get(name, ()) for name in CONDITIONAL},
    }


def _set_conditions(ask: Ask, one: Group, given: Mapping[str, Any]) -> Changed:
    before = _dynamic(ask, one)
    group = with_conditions(
        before,
        ask.parts.configuration.recipient_filter,
        included_recipients=given.get("included_recipients", ()),
        conditions={name: given[name] for name in CONDITIONAL if name in given},
    )
    return _refiltered(ask, group, is_agreed=given.get("agreed", False))


def _refresh(ask: Ask, one: Group, given: Mapping[str, Any]) -> Changed:
    group = _dynamic(ask, one)
    change = ask.parts.directory.dynamic_groups.refresh(
        one.address,
        parse(group.filter, ask.parts.configuration.recipient_filter),
        now=int(ask.parts.clock()),
        by=ask.by,
        refuses=_refuses(ask, is_agreed=given.get("agreed", False)),
    )
    return Changed(one.address, {"added": change.added, "removed": change.removed})


def _add_members(ask: Ask, one: Group, given: Mapping[str, Any]) -> Changed:
    members = given.get("members", ())
    number = ask.parts.directory.add_members(one.address, members)
    return Changed(one.address, {"members": list(members)[:100], "changed": number})


def _remove_members(ask: Ask, one: Group, given: Mapping[str, Any]) -> Changed:
    members = given.get("members", ())
    number = ask.parts.directory.remove_members(one.address, members)
    return Changed(one.address, {"members": list(members)[:100], "changed": number})


def _remove(ask: Ask, one: Group, _given: Mapping[str, Any]) -> Changed:
    ask.parts.directory.remove_group(one.address)
    return Changed("")


_CONDITION_FIELDS = (
    FormField("included_recipients", Text("Included recipients", "対象の種類"), FieldKind.LINES, Text("MailboxUsers, MailContacts, MailGroups, MailUsers, Resources or AllRecipients", "MailboxUsers、MailContacts、MailGroups、MailUsers、Resources、AllRecipients")),
    *(FormField(name, Text(name, name), FieldKind.LINES, _ONE_OF) for name in CONDITIONAL),
)  # fmt: skip
_CONDITIONS_NOTE = Text(
    "As Exchange's precanned filters: several values of one are alternatives, different ones must all hold. They take the place of the filter.",
    "Exchange の定義済みフィルターと同じです。同じ項目の値はいずれか、異なる項目はすべてに一致する必要があります。現在のフィルターは置き換えられます。",
)
_REMOVE_NOTE = Text(
    "Its members stay as they are; mail to it is refused from then on. This cannot be undone.",
    "メンバーはそのまま残ります。以後、グループ宛てのメールは拒否されます。この操作は元に戻せません。",
)
_AGREED = FormField(
    "agreed", Text("Also if most members change", "大半のメンバーが変わる場合も実行"), FieldKind.SWITCH
)  # fmt: skip
GROUPS = EntryKind(
    "groups",
    "group",
    (
        ("display_name", lambda _, one: one.display_name),
        ("state", lambda ask, one: ask.texts["on" if one.enabled else "off"]),
        ("is_dynamic", lambda ask, one: ask.texts["yes" if one.is_dynamic else "no"]),
    ),
    lambda ask, search: containing(ask.parts.directory.groups(), search, "address", "display_name"),
    lambda ask, name: ask.parts.directory.group(name) if "@" in name else None,
    lambda one: one.address,
    _facts,
    _values,
    (
        EntryChange("add", ADD, "group.add", _add, (address_field(Text("Address", "アドレス")), _MEMBERS, _FILTER, *_FIELDS), of_one=False),
        EntryChange("set", CHANGE, "group.set", _set, _FIELDS, now=_head),
        EntryChange("add-members", Text("Add members", "メンバーの追加"), "group.add-members", _add_members, (_MEMBERS,), fits=lambda one: not one.is_dynamic),
        EntryChange("remove-members", Text("Take members out", "メンバーの削除"), "group.remove-members", _remove_members, (_MEMBERS,), fits=lambda one: not one.is_dynamic),
        EntryChange("filter", Text("Change the filter", "フィルターの変更"), "group.set", _set_filter, (_FILTER, _REFRESH, _AGREED), fits=lambda one: one.is_dynamic, now=_filter_now),
        IMPORT_MEMBERS,
        EntryChange("conditions", Text("Change the conditions", "条件の変更"), "group.set", _set_conditions, (*_CONDITION_FIELDS, _AGREED), _CONDITIONS_NOTE, fits=lambda one: one.is_dynamic, now=_conditions_now),
        EntryChange("refresh", Text("Find the members now", "メンバーを今すぐ更新"), "group.refresh", _refresh, (_AGREED,), fits=lambda one: one.is_dynamic),
        EntryChange("remove", REMOVE, "group.remove", _remove, note=_REMOVE_NOTE, is_grave=True),
    ),
    lists=_lists,
    links=_links,
)  # fmt: skip
