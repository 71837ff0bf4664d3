"""What the tables of several kinds share: fields, words, and which values are others than before."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from kairan.auth.passwords.generated import generate_password
from kairan.auth.passwords.hashing import hash_password, password_fault
from kairan.console.ask import Ask
from kairan.console.entries.form import FieldKind, FormField
from kairan.console.roles import Right
from kairan.directory.errors import DirectoryError
from kairan.directory.operations.policies import NO_POLICY
from kairan.directory.store import Directory
from kairan.outcomes.outcome import Text

_Entry = TypeVar("_Entry")

ADD, CHANGE, REMOVE = Text("Add", "追加"), Text("Change", "変更"), Text("Remove", "削除")
PASSWORD_LABEL = Text("Password", "パスワード")
NO_UNDOING = Text("This cannot be undone.", "この操作は元に戻せません。")
NEW_PASSWORD = Text("Give another password", "パスワードの再設定")
PASSWORD_NOTE = Text(
    "The old password ends within five seconds. Leave the field empty, and one is made and shown once.",
    "以前のパスワードは 5 秒以内に無効になります。空欄にすると自動生成され、一度だけ表示されます。",
)
DISPLAY_NAME = FormField("display_name", Text("Display name", "表示名"))
ENABLED = FormField("enabled", Text("Enabled", "有効"), FieldKind.SWITCH, first=True)
HIDDEN = FormField(
    "hidden", Text("Hidden from address lists", "アドレス一覧に表示しない"), FieldKind.SWITCH
)
ALIASES = FormField(
    "aliases",
    Text("Further addresses", "その他のアドレス"),
    FieldKind.LINES,
    Text("One a line", "1 行に 1 件"),
)
PASSWORD = FormField(
    "password",
    PASSWORD_LABEL,
    hint=Text("Empty: one is made", "空欄: 自動生成"),
)


def address_field(label: Text) -> FormField:
    return FormField("address", label, needed=True)


def containing(entries: Iterable[_Entry], search: str, *texts: str) -> Iterator[_Entry]:
    """Those of which one of the attributes has `search` in it, whatever the case."""
    wanted = search.casefold()
    for one in entries:
        if any(wanted in str(getattr(one, name)).casefold() for name in texts):
            yield one


def others(wanted: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from what is: who changes one thing does not write the others anew."""
    return {name: value for name, value in wanted.items() if _same(value) != _same(now.get(name))}


def _same(value: Any) -> Any:
    return sorted(value) if isinstance(value, list | tuple | frozenset) else value


def chosen_password(ask: Ask, values: Mapping[str, Any], name: str) -> tuple[str, str, str]:
    """The hash, what is to be shown (only what we made), and what the audit says."""
    given = values.get("password", "")
    settings = ask.parts.configuration.auth
    if given and (fault := password_fault(given, address=name, settings=settings)):
        raise DirectoryError(fault)
    made = "" if given else generate_password()
    return hash_password(given or made, settings), made, "changed"


def policy_choices(directory: Directory) -> list[tuple[str, str]]:
    return [("", "–"), *((name, name) for name in directory.organisation().policies)]


def policy_word(name: str) -> str:
    """As the library's functions take it: the empty one is none of its own."""
    return name or NO_POLICY


def account_choices(directory: Directory) -> list[tuple[str, str]]:
    return [(one.address, one.address) for one in directory.accounts()]


def may_see_trace(ask: Ask) -> bool:
    return Right.SEE_TRACE in ask.rights
