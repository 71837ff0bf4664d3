"""account, mailbox, group, organisation and domain."""

import time

import pytest

PRINTER = "printer@example.com"
AKIKO = "akiko@example.com"
SALES = "sales@example.com"


def hash_of(shell, address):
    from kairan.config.read import load
    from kairan.directory.store import Directory

    with Directory.open(load(shell.place / "kairan.toml").directory_url) as directory:
        return directory.account(address).password_hash


# Accounts


def test_a_generated_password_is_printed_this_once(shell):
    added = shell.done("account", "add", PRINTER, "--generate", "--json").json
    assert len(added["password"]) >= 20
    assert "password" not in shell.done("account", "show", PRINTER, "--json").json


def test_no_answer_holds_the_hash(shell):
    outputs = [
        shell.done("account", "add", PRINTER, "--generate", "--json").out,
        shell.done("account", "show", PRINTER, "--json").out,
        shell.done("account", "show", PRINTER).out,
        shell.done("account", "list", "--json").out,
    ]
    assert not any("argon2" in output for output in outputs)


def test_an_account_has_what_was_said(shell):
    words = ("--alias", "Scanner@example.com", "--display-name", "3F", "--reply-to", AKIKO)
    shell.done("account", "add", PRINTER, "--generate", *words, "--messages-per-minute", 30)
    account = shell.done("account", "show", "scanner@example.com", "--json").json
    assert account["address"] == PRINTER
    assert account["aliases"] == ["scanner@example.com"]
    assert account["display_name"] == "3F"
    assert account["reply_to"] == AKIKO
    assert account["messages_per_minute"] == 30


def test_set_changes_what_is_named_and_nothing_else(shell):
    shell.done("account", "add", PRINTER, "--generate", "--alias", "a@example.com")
    words = ("--add-alias", "b@example.com", "--remove-alias", "a@example.com", "--disabled")
    before = hash_of(shell, PRINTER)
    account = shell.done("account", "set", PRINTER, *words, "--json").json
    assert account["aliases"] == ["b@example.com"]
    assert account["enabled"] is False
    assert hash_of(shell, PRINTER) == before


def test_0_takes_an_accounts_own_limit_away(shell):
    shell.done("account", "add", PRINTER, "--generate", "--connections-max", 3)
    account = shell.done("account", "set", PRINTER, "--connections-max", 0, "--json").json
    assert account["connections_max"] is None


def test_a_password_comes_from_standard_input_or_a_file_and_is_changed(shell):
    shell.done("account", "add", PRINTER, "--password-stdin", stdin="correct horse\n")
    before = hash_of(shell, PRINTER)
    (shell.place / "password").write_text("battery staple\n")
    shell.done("account", "password", PRINTER, "--password-file", "password")
    assert hash_of(shell, PRINTER) != before


@pytest.mark.parametrize(
    ("words", "stdin", "sentence"),
    [
        ((), "", "a password is needed: --password-stdin, --password-file or --generate"),
        (("--generate", "--password-stdin"), "", "choose one of"),
        (("--password-stdin",), "", "standard input holds no password"),
        (("--password-stdin",), "short\n", "at least 8 characters; choose another one"),
        (("--password-stdin",), f"{PRINTER}\n", "must not be the account's address"),
        (("--password-file", "nowhere"), "", "the password file nowhere cannot be read"),
    ],
)
def test_without_a_usable_password_no_account_is_made(shell, words, stdin, sentence):
    assert sentence in shell.refused("account", "add", PRINTER, *words, stdin=stdin)
    assert shell.done("account", "list", "--json").json == []


def test_a_removed_account_is_gone(shell):
    shell.done("account", "add", PRINTER, "--generate")
    assert shell.done("account", "remove", PRINTER, "--json").json == {"removed": PRINTER}
    assert "there is no account" in shell.refused("account", "show", PRINTER)


def test_an_alias_that_is_not_there_cannot_be_removed(shell):
    shell.done("account", "add", PRINTER, "--generate")
    words = ("--remove-alias", "x@example.com")
    assert "x@example.com is no alias here" in shell.refused("account", "set", PRINTER, *words)


# Mailboxes


def test_a_mailbox_has_what_was_said(shell):
    words = ("--display-name", "Akiko Mori", "--alias", "a.mori@example.com")
    before = int(time.time())
    shell.done("mailbox", "add", AKIKO, *words, "--set", "department=Sales", "--set", "city=Kyoto")
    mailbox = shell.done("mailbox", "show", "a.mori@example.com", "--json").json
    assert before <= mailbox.pop("when_created") <= time.time()
    assert mailbox == {
        "address": AKIKO,
        "display_name": "Akiko Mori",
        "aliases": ["a.mori@example.com"],
        "hidden": False,
        "attributes": {"department": "Sales", "city": "Kyoto"},
        "country_code": None,
        "recipient_type": "UserMailbox",
        "enabled": True,
        "disabled_since": None,
        "source": "",
        "source_id": "",
    }


def test_set_with_nothing_behind_the_sign_removes_an_attribute(people):
    words = ("--set", "department=", "--set", "office=3F", "--hidden")
    mailbox = people.done("mailbox", "set", AKIKO, *words, "--json").json
    assert mailbox["attributes"] == {"office": "3F"}
    assert mailbox["hidden"] is True


def test_list_finds_by_text_and_by_attribute(people):
    by_text = people.done("mailbox", "list", "--search", "CLE", "--json").json
    by_attribute = people.done("mailbox", "list", "--where", "department=sales", "--json").json
    assert [one["address"] for one in by_text] == ["cleo@example.com"]
    assert [one["address"] for one in by_attribute] == [AKIKO, "ben@example.com"]


def test_an_attribute_that_nobody_knows_is_said(people):
    assert "no attribute 'shoe'" in people.refused("mailbox", "set", AKIKO, "--set", "shoe=42")
    assert '"shoe" is not NAME=VALUE' in people.refused("mailbox", "set", AKIKO, "--set", "shoe")


def test_who_hears_of_a_moderators_no_is_said_as_exchange_says_it(people):
    people.done("group", "set", "everyone@example.com", "--moderation-notifications", "Never")
    shown = people.done("group", "show", "everyone@example.com", "--json").json
    assert shown["moderation_notifications"] == "never"
    said = people.refused(
        "group", "set", "everyone@example.com", "--moderation-notifications", "External"
    )
    assert "'always', 'internal', 'never'" in said


def test_import_adds_and_with_update_changes(people):
    (people.place / "people.csv").write_text(
        "address,displayName,department\ndan@example.com,Dan,IT\nakiko@example.com,Akiko,IT\n"
    )
    assert "people.csv:3: " in people.refused("mailbox", "import", "people.csv")
    assert len(people.done("mailbox", "list", "--json").json) == 3
    report = people.done("mailbox", "import", "people.csv", "--update", "--json").json
    assert report == {"added": 1, "updated": 1, "unchanged": 0, "removed": 0}


# Groups


def test_a_group_has_what_was_said(people):
    words = ("--owner", AKIKO, "--accept-from", "everyone@example.com", "--reject-from", AKIKO)
    switches = ("--no-require-sender-authentication", "--no-report-to-originator", "--hidden")
    people.done("group", "add", "board@example.com", *words, *switches)
    assert people.done("group", "show", "board@example.com", "--json").json == {
        "address": "board@example.com",
        "display_name": "",
        "owners": [AKIKO],
        "require_sender_authentication": False,
        "accept_from": ["everyone@example.com"],
        "reject_from": [AKIKO],
        "hidden": True,
        "report_to_originator": False,
        "report_to_manager": False,
        "enabled": True,
        "moderated": False,
        "moderators": [],
        "bypass": [],
        "bypass_nested_moderation": False,
        "moderation_notifications": "always",
        "reply_to": "",
        "list_headers": False,
        "unsubscribe": "",
        "message_octets_max": None,
        "send_window": "",
        "is_dynamic": False,
    }


def test_set_replaces_a_list_and_none_empties_it(people):
    people.done("group", "set", SALES, "--owner", AKIKO, "--accept-from", AKIKO)
    group = people.done("group", "set", SALES, "--owner", "none", "--json").json
    assert group["owners"] == []
    assert group["accept_from"] == [AKIKO]


def test_preview_shows_each_recipient_once_whatever_the_nesting(people):
    preview = people.done("group", "preview", "everyone@example.com", "--json").json
    assert preview == {"count": 3, "members": [AKIKO, "ben@example.com", "cleo@example.com"]}


def test_preview_asks_no_sender(people):
    people.done("group", "set", SALES, "--accept-from", "cleo@example.com", "--disabled")
    assert people.done("group", "preview", SALES, "--json").json["count"] == 2


def test_members_are_added_listed_and_removed(people):
    members = ("group", "members")
    assert people.done(*members, "add", SALES, AKIKO, "cleo@example.com", "--json").json == {
        "added": 1
    }
    assert len(people.done(*members, "list", SALES, "--json").json) == 3
    people.done(*members, "remove", SALES, AKIKO, "ben@example.com")
    assert people.done(*members, "list", SALES, "--json").json == ["cleo@example.com"]


def test_removing_a_stranger_removes_nobody(people):
    words = ("remove", SALES, AKIKO, "cleo@example.com")
    assert "is not a member" in people.refused("group", "members", *words)
    assert len(people.done("group", "members", "list", SALES, "--json").json) == 2


def test_members_are_imported_whole_or_not_at_all(people):
    file = people.place / "members.csv"
    file.write_text("address\ncleo@example.com\nnobody@example.com\n")
    assert "members.csv:3: " in people.refused("group", "members", "import", SALES, file)
    assert len(people.done("group", "members", "list", SALES, "--json").json) == 2
    file.write_text("address\ncleo@example.com\n")
    assert people.done("group", "members", "import", SALES, file, "--json").json["added"] == 1


def test_a_group_with_an_unknown_member_is_not_made(people):
    words = ("x@example.com", "--member", AKIKO, "--member", "nobody@example.com")
    assert "there is no mailbox or group nobody@" in people.refused("group", "add", *words)
    assert len(people.done("group", "list", "--json").json) == 2


def test_a_removed_group_leaves_its_members(people):
    people.done("group", "remove", SALES)
    assert "there is no group" in people.refused("group", "preview", SALES)
    assert people.done("mailbox", "show", AKIKO).code == 0


# Organisation and domains


def test_the_organisation_keeps_what_is_not_named(shell):
    shell.done("organisation", "set", "--name", "Example Ltd", "--external-recipients")
    organisation = shell.done("organisation", "set", "--no-external-recipients", "--json").json
    assert organisation["name"] == "Example Ltd"
    assert organisation["external_recipients_allowed"] is False


def test_domains_are_added_listed_and_removed(shell):
    assert shell.done("domain", "add", "example.org", "--json").json == [
        "example.com",
        "example.org",
    ]
    shell.done("domain", "remove", "example.com")
    assert shell.done("domain", "list", "--json").json == ["example.org"]


def test_a_domain_in_use_stays(people):
    assert "still used by" in people.refused("domain", "remove", "example.com")


# Tables


@pytest.mark.parametrize("what", ["account", "mailbox", "group"])
def test_an_empty_list_says_what_to_do(shell, what):
    assert f"`kairan {what} add" in shell.done(what, "list").out


def test_tables_hold_what_json_holds(people):
    table = people.done("mailbox", "list").out
    assert "akiko@example.com" in table
    assert "department=Sales" in table
    assert "\x1b" not in table, "no colour where nobody looks"


# Files


def test_all_broken_rows_are_shown_and_counted(shell, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("address\nbob\nann@example.com\nx@y.test\n")
    answer = shell("mailbox", "import", file, "--json")
    assert answer.code == 2
    assert [one["line"] for one in answer.json["problems"]] == [2, 4]
    lines = answer.err.splitlines()
    assert [line.partition(": ")[0] for line in lines[:2]] == [f"{file}:2", f"{file}:4"]
    assert lines[2] == f"kairan: 2 rows are broken, so nothing of {file} was imported"


def test_a_full_import_removes_leavers_after_a_dry_run(shell, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("address\nann@example.com\nbob@example.com\n")
    shell.done("mailbox", "import", file)
    file.write_text("address\nann@example.com\n")
    words = ("mailbox", "import", file, "--update", "--prune")
    assert "--prune needs --update" in shell.refused("mailbox", "import", file, "--prune")
    said = shell.done(*words, "--dry-run").out
    assert said == (
        "0 mailboxes added, 0 changed, 1 as they were, 1 removed (a dry run: nothing is written)\n"
    )
    assert "at most 0 may go" in shell.refused(*words, "--prune-max", 0)
    report = shell.done(*words, "--json").json
    assert report == {"added": 0, "updated": 0, "unchanged": 1, "removed": 1}
    left = [one["address"] for one in shell.done("mailbox", "list", "--json").json]
    assert left == ["ann@example.com"]


def test_accounts_come_from_a_file_and_their_passwords_are_printed_this_once(shell, tmp_path):
    file = tmp_path / "accounts.csv"
    file.write_text(f"address,aliases,enabled\n{PRINTER},scan@example.com,yes\nb@example.com,,no\n")
    assert "has no password" in shell("account", "import", file).err
    answer = shell.done("account", "import", file, "--generate")
    header, *rows = answer.out.splitlines()
    assert header == "address,password"
    assert [row.partition(",")[0] for row in rows] == [PRINTER, "b@example.com"]
    assert all(len(row.partition(",")[2]) >= 20 for row in rows)
    assert answer.err == "2 accounts added, 0 changed\n"
    again = shell.done("account", "import", file, "--update", "--generate", "--json").json
    assert again == {"added": 0, "updated": 0, "unchanged": 2, "removed": 0, "passwords": {}}
    exported = shell.done("account", "export").out
    assert f"{PRINTER},,scan@example.com,,,,,yes,,,\n" in exported
    assert "argon2" not in exported
    file.write_text(exported)
    said = shell.done("account", "import", file, "--update").out
    assert said == "0 accounts added, 0 changed, 2 as they were\n"
