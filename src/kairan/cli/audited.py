"""Every change that a command makes to the directory goes into the audit: who, what, before, after.

The directory that commands open is this one.  What a change is about is read before and after it, and
of both only what differs is written down; hashes and secrets never are.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from kairan.cli.audit import tell
from kairan.cli.output import plain
from kairan.config.model import Configuration
from kairan.directory.model import ListChange
from kairan.directory.store import Directory

Reader = Callable[["Directory", str], Any]
# Commands that set all they were told, some of which was so before.
_NOTHING_DONE = (".set", ".allow", ".forbid")
_NAMES_MAX = 100  # of the members in one line


def _of_app(directory: Directory, name: str) -> Any:
    app = directory.apps.find(name)
    if app is None:
        return None
    return {
        "name": app.name,
        "client_id": app.client_id,
        "object_id": app.object_id,
        "permissions": app.permissions,
        "enabled": app.enabled,
        "accounts": directory.apps.accounts_of(app),
        "secrets": len(app.secrets),
        "old_secret_until": next((one.expires for one in app.secrets if one.expires), None),
    }


def _of_group(directory: Directory, name: str) -> Any:
    group, dynamic = directory.group(name), directory.dynamic_groups.one(name)
    if group is None or dynamic is None:
        return group
    return {
        **plain(group),
        "filter": dynamic.filter,
        "included_recipients": dynamic.included_recipients,
        "conditions": dynamic.conditions,
        "refresh_seconds": dynamic.refresh_seconds,
    }


_READERS: Mapping[str, Reader] = {
    "account": lambda directory, name: directory.account(name),
    "mailbox": lambda directory, name: directory.mailbox(name),
    "group": _of_group,
    "organisation": lambda directory, _: directory.organisation(),
    "app": _of_app,
    "device": lambda directory, name: directory.devices.find(name),
    "key": lambda directory, _: {"withdrawn_keys": directory.withdrawn_keys.everyone()},
    "nothing": lambda _directory, _name: None,
}
# Attribute of the directory, its method, what it is about, and its name in the audit.
_CHANGES = (
    ("", "add_account", "account", "account.add"),
    ("", "set_account", "account", "account.set"),
    ("", "remove_account", "account", "account.remove"),
    ("volumes", "release", "account", "account.release"),
    ("", "import_accounts", "nothing", "account.import"),
    ("", "add_mailbox", "mailbox", "mailbox.add"),
    ("", "set_mailbox", "mailbox", "mailbox.set"),
    ("", "remove_mailbox", "mailbox", "mailbox.remove"),
    ("", "import_mailboxes", "nothing", "mailbox.import"),
    ("", "add_group", "group", "group.add"),
    ("", "set_group", "group", "group.set"),
    ("", "remove_group", "group", "group.remove"),
    ("", "add_members", "nothing", "group.add-members"),
    ("", "import_members", "nothing", "group.import-members"),
    ("", "remove_members", "nothing", "group.remove-members"),
    ("dynamic_groups", "add", "group", "group.add"),
    ("dynamic_groups", "change", "group", "group.set"),
    ("dynamic_groups", "refresh", "nothing", "group.refresh"),
    ("moderation", "decide", "nothing", "group.moderate"),
    ("", "set_organisation", "organisation", "organisation.set"),
    ("", "add_accepted_domain", "organisation", "domain.add"),
    ("", "remove_accepted_domain", "organisation", "domain.remove"),
    ("devices", "add", "device", "device.add"),
    ("devices", "change", "device", "device.set"),
    ("devices", "remove", "device", "device.remove"),
    ("apps", "add", "app", "app.add"),
    ("apps", "change", "app", "app.set"),
    ("apps", "allow", "app", "app.allow"),
    ("apps", "forbid", "app", "app.forbid"),
    ("apps", "replace_secret", "app", "app.secret"),
    ("apps", "remove", "app", "app.remove"),
    ("policies", "add", "organisation", "policy.add"),
    ("policies", "change", "organisation", "policy.change"),
    ("policies", "set_default", "organisation", "policy.default"),
    ("policies", "remove", "organisation", "policy.remove"),
    ("policies", "assign", "nothing", "policy.assign"),
    ("device_logins", "approve", "nothing", "app.approve"),
    ("withdrawn_keys", "add", "key", "app.withdraw-keys"),
)


def audited(directory: Directory, configuration: Configuration) -> Directory:
    for attribute, method, about, what in _CHANGES:
        owner = getattr(directory, attribute) if attribute else directory
        work = getattr(owner, method)
        setattr(owner, method, _recording(directory, work, _READERS[about], what, configuration))
    return directory


def _recording(
    directory: Directory,
    work: Callable[..., Any],
    read: Reader,
    what: str,
    configuration: Configuration,
) -> Callable[..., Any]:
    @wraps(work)
    def changing(*arguments: Any, **named: Any) -> Any:
        name = _name_of(arguments[0]) if arguments else ""
        before = read(directory, name)
        result = work(*arguments, **named)
        if named.get("dry_run"):
            return result
        after = read(directory, name)
        if before == after and what.endswith(_NOTHING_DONE):
            return result
        facts = {"about": name, **_difference(before, after)}
        tell(configuration, what, **{**facts, **_told(what, arguments, named, result)})
        return result

    return changing


def _name_of(first: Any) -> str:
    """Changes are told of a thing first, or of its name."""
    if not first:
        return ""
    return str(getattr(first, "name", getattr(first, "address", first)))


def _difference(before: Any, after: Any) -> dict[str, object]:
    old, new = plain(before) or {}, plain(after) or {}
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    facts: dict[str, object] = {
        "before": {name: old[name] for name in changed if name in old},
        "after": {name: new[name] for name in changed if name in new},
    }
    hashes = [getattr(one, "password_hash", "") for one in (before, after)]
    return {**facts, "password": "changed"} if hashes[0] != hashes[1] else facts


def _told(
    what: str, arguments: tuple[Any, ...], named: Mapping[str, Any], result: Any
) -> dict[str, object]:
    """What a change says where nothing is read."""
    match what:
        case "group.add-members" | "group.remove-members":
            members = list(arguments[1]) if isinstance(arguments[1], list | tuple) else []
            return {"members": members[:_NAMES_MAX], "changed": result}
        case "group.refresh":
            return {"change": plain(result)}
        case "group.moderate":
            return {"decision": result.decision, "group": result.group}
        case "mailbox.import" | "group.import-members":
            return {"about": _group_of(what, arguments), "report": plain(result)}
        case "account.import":
            return {"about": "", "report": plain(result.report)}
        case "policy.assign":
            return {"account": result}
        case "app.approve":
            return {"about": "", "account": result.account, "client_id": result.client_id}
        case "group.add" if isinstance(result, ListChange):
            return {"members": result.after}
        case "group.add":
            return {"members": len(list(named.get("initial_members", ())))}
    return {}


def _group_of(what: str, arguments: tuple[Any, ...]) -> str:
    return str(arguments[0]) if what == "group.import-members" else ""
