"""Imports from CSV, as `kairan … import` has them: what is pasted is taken whole, or nothing of it."""

from collections.abc import Mapping
from dataclasses import asdict
from io import BytesIO
from typing import Any

from kairan.auth.passwords.bulk import BulkPasswords
from kairan.auth.passwords.generated import generate_password
from kairan.console.ask import Ask
from kairan.console.entries.form import FieldKind, FormField
from kairan.console.entries.kind import Changed, EntryChange
from kairan.directory.bulk.mailbox_rows import ImportReport
from kairan.directory.model import Group
from kairan.outcomes.outcome import Text

_CSV = FormField(
    "csv", Text("CSV", "CSV"), FieldKind.TEXT, Text("The first line names the columns, address among them; copied cells of a spreadsheet will do", "1 行目は列名で、address を含めます。表計算ソフトのセルをコピーしたものでもかまいません"), needed=True
)  # fmt: skip
_DRY_RUN = FormField(
    "dry_run", Text("Only say what would be", "確認のみ（書き込まない）"), FieldKind.SWITCH, first=True
)  # fmt: skip
_UPDATE = FormField(
    "update", Text("Change those that exist", "既存の項目を更新する"), FieldKind.SWITCH
)
_GENERATE = FormField(
    "generate", Text("Make a password where a new one has none", "パスワードのない新しいアカウントに自動生成する"), FieldKind.SWITCH
)  # fmt: skip
_NOTE = Text(
    "All of it or, with a broken row, nothing. Columns as of `kairan … import --help`.",
    "誤った行があれば、何も取り込みません。列は `kairan … import --help` のとおりです。",
)
_LABEL = Text("Import CSV", "CSV のインポート")
_PASSWORDS = Text("Passwords", "パスワード")


def _source(given: Mapping[str, Any]) -> BytesIO:
    return BytesIO(given["csv"].encode("utf-8", "replace"))


def _is_dry(given: Mapping[str, Any]) -> bool:
    return bool(given.get("dry_run", True))


def _changed(
    ask: Ask, report: ImportReport, given: Mapping[str, Any], *, name: str = "", secret: str = ""
) -> Changed:
    is_dry = _is_dry(given)
    sentence = ask.texts["import_dry" if is_dry else "import_done"].format(**asdict(report))
    facts = {"report": asdict(report)}
    return Changed(name, facts, secret, _PASSWORDS, report=sentence, is_dry=is_dry)


def _accounts(ask: Ask, _entry: Any, given: Mapping[str, Any]) -> Changed:
    make = generate_password if given.get("generate") else None
    result = ask.parts.directory.import_accounts(
        _source(given),
        passwords=BulkPasswords(ask.parts.configuration.auth, make),
        update=bool(given.get("update")),
        dry_run=_is_dry(given),
    )
    made = {} if _is_dry(given) else result.made
    lines = [f"{address},{password}" for address, password in made.items()]
    return _changed(ask, result.report, given, secret="\n".join(lines))


def _mailboxes(ask: Ask, _entry: Any, given: Mapping[str, Any]) -> Changed:
    report = ask.parts.directory.import_mailboxes(
        _source(given), update=bool(given.get("update")), dry_run=_is_dry(given)
    )
    return _changed(ask, report, given)


def _members(ask: Ask, one: Group, given: Mapping[str, Any]) -> Changed:
    report = ask.parts.directory.import_members(one.address, _source(given), dry_run=_is_dry(given))
    return _changed(ask, report, given, name=one.address)


IMPORT_ACCOUNTS = EntryChange(
    "import", _LABEL, "account.import", _accounts, (_CSV, _UPDATE, _GENERATE, _DRY_RUN), _NOTE, of_one=False
)  # fmt: skip
IMPORT_MAILBOXES = EntryChange(
    "import", _LABEL, "mailbox.import", _mailboxes, (_CSV, _UPDATE, _DRY_RUN), _NOTE, of_one=False
)
IMPORT_MEMBERS = EntryChange(
    "import-members", Text("Import members from CSV", "CSV からメンバーを追加"), "group.import-members", _members, (_CSV, _DRY_RUN), _NOTE, fits=lambda one: not one.is_dynamic
)  # fmt: skip
