import io
from functools import partial

import pytest
from sqlalchemy import event

from kairan.directory.bulk.account_import import ACCOUNT_COLUMNS, MadePassword, export
from kairan.directory.bulk.csv_rows import ImportRefusedError
from kairan.directory.bulk.mailbox_rows import ImportReport
from kairan.directory.model import Account


class Passwords:
    """Hashes that can be read, and passwords that count up."""

    def __init__(self, *, makes=False):
        self.makes = makes
        self.hashed = []

    def fault(self, address, password):
        return "too short" if len(password) < 4 else None

    def matching(self, claims):
        return {who for who, (hash_, password) in claims.items() if hash_ == f"hash of {password}"}

    def make(self):
        return MadePassword("made", "hash of made") if self.makes else None

    def hash_all(self, passwords):
        self.hashed += passwords
        return {address: f"hash of {password}" for address, password in passwords.items()}


def csv_file(text):
    file = io.BytesIO(text.encode())
    file.name = "accounts.csv"
    return file


def brought_in(directory, text, *, makes=False, **options):
    return directory.import_accounts(csv_file(text), passwords=Passwords(makes=makes), **options)


FULL = (
    "address,password,displayName,aliases,reply_to,policy,allowed_apps,networks,enabled,"
    "messages_per_minute,recipients_per_minute,connections_max\n"
    "Printer@kairan.test,secret,Printer 3F,scan@kairan.test;fax@kairan.test,IT@kairan.test,strict,"
    "APP-1;app-2,10.1.2.0/24;192.0.2.7,no,10,100,3\n"
)


def test_every_column_is_taken(directory):
    directory.policies.add("strict", allow_basic_auth_smtp=False)
    result = brought_in(directory, FULL)
    assert result.report == ImportReport(added=1)
    (found,) = directory.accounts()
    assert found == Account(
        1,
        "printer@kairan.test",
        "hash of secret",
        aliases=frozenset({"scan@kairan.test", "fax@kairan.test"}),
        display_name="Printer 3F",
        reply_to="it@kairan.test",
        enabled=False,
        allowed_apps=frozenset({"app-1", "app-2"}),
        policy="strict",
        networks=("10.1.2.0/24", "192.0.2.7/32"),
        messages_per_minute=10,
        recipients_per_minute=100,
        connections_max=3,
        credential_version=found.credential_version,
    )


def test_what_was_exported_changes_nothing_when_it_is_imported(directory):
    directory.policies.add("strict", allow_basic_auth_smtp=False)
    brought_in(directory, FULL + "b@kairan.test,other,,,,,,,,,,\n")
    before = directory.accounts()
    text = io.StringIO(newline="")
    export(before, text)
    assert "hash" not in text.getvalue()
    result = brought_in(directory, text.getvalue(), update=True)
    assert result.report == ImportReport(unchanged=2)
    assert directory.accounts() == before


def test_passwords_are_made_where_a_new_account_has_none(directory):
    brought_in(directory, "address,password\na@kairan.test,secret\n")
    text = "address,password\na@kairan.test,\nb@kairan.test,\nc@kairan.test,mine\n"
    result = brought_in(directory, text, makes=True, update=True)
    assert result.made == {"b@kairan.test": "made"}
    hashes = {one.address: one.password_hash for one in directory.accounts()}
    assert hashes == {
        "a@kairan.test": "hash of secret",
        "b@kairan.test": "hash of made",
        "c@kairan.test": "hash of mine",
    }


def test_the_same_password_is_no_change_and_ends_no_session(directory):
    text = "address,password\na@kairan.test,secret\n"
    brought_in(directory, text)
    before = directory.accounts()
    assert brought_in(directory, text, update=True).report == ImportReport(unchanged=1)
    assert directory.accounts() == before
    other = brought_in(directory, text.replace("secret", "another"), update=True)
    assert other.report == ImportReport(updated=1)
    assert directory.accounts()[0].credential_version > before[0].credential_version


def test_columns_that_are_not_there_stay_and_empty_cells_empty_what_they_name(directory):
    directory.policies.add("strict", allow_basic_auth_smtp=False)
    brought_in(directory, FULL)
    text = "address,aliases,policy,enabled\nprinter@kairan.test,,,\n"
    assert brought_in(directory, text, update=True).report == ImportReport(updated=1)
    (found,) = directory.accounts()
    assert (found.aliases, found.policy, found.enabled) == (frozenset(), "", False)
    assert (found.display_name, found.connections_max) == ("Printer 3F", 3)


def test_all_broken_rows_are_named_at_once_and_nothing_is_written(directory, people):
    people("ann")
    rows = {
        2: "a@kairan.test,secret,,,,",
        3: "b@kairan.test,abc,,,,",
        4: "c@kairan.test,,,,,",
        5: "d@kairan.test,secret,perhaps,,,",
        6: "e@kairan.test,secret,,10.0.0.1/8,,",
        7: "f@kairan.test,secret,,,-1,",
    }
    header = "address,password,enabled,networks,connections_max,policy"
    with pytest.raises(ImportRefusedError) as refused:
        brought_in(directory, "\n".join([header, *rows.values()]))
    assert [one.line for one in refused.value.problems] == [3, 4, 5, 6, 7]
    late = [
        "ann@kairan.test,secret,,,,",
        "g@kairan.test,secret,,,,none such",
        "h@x.test,secret,,,,",
    ]
    with pytest.raises(ImportRefusedError) as refused:
        brought_in(directory, "\n".join([header, rows[2], *late]))
    assert [one.line for one in refused.value.problems] == [3, 4, 5]
    assert directory.accounts() == []


def test_a_dry_run_writes_nothing(directory):
    result = brought_in(directory, "address,password\na@kairan.test,secret\n", dry_run=True)
    assert result.report == ImportReport(added=1)
    assert directory.accounts() == []


def test_a_column_that_is_none_is_named_with_those_there_are(directory):
    with pytest.raises(ImportRefusedError, match=f"columns are {', '.join(ACCOUNT_COLUMNS)}"):
        brought_in(directory, "address,secret\n")


def test_two_hundred_are_written_in_a_handful_of_statements(directory):
    text = "address,password\n" + "".join(f"a{n}@kairan.test,secret\n" for n in range(200))
    statements = []
    note = partial(event.listen, directory._database._engine, "before_cursor_execute")
    note(lambda *arguments: statements.append(arguments[2]))
    assert brought_in(directory, text).report == ImportReport(added=200)
    assert len(statements) < 20
    assert sorted(one.id for one in directory.accounts()) == list(range(1, 201))
