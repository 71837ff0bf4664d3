from collections.abc import Callable

import pytest

from kairan.directory.errors import DirectoryError
from kairan.directory.snapshot.memory import read_snapshot
from kairan.directory.store import Directory


def version(directory: Directory) -> int:
    return read_snapshot(directory).version


def test_an_account_is_found_by_any_of_its_addresses_in_any_case(directory):
    directory.add_account("Printer@Kairan.test", aliases=["Scan@kairan.test"], password_hash="h")
    account = directory.account("SCAN@kairan.TEST")
    assert account is not None
    assert account == directory.account("printer@kairan.test")
    assert account.addresses == {"printer@kairan.test", "scan@kairan.test"}
    assert account.password_hash == "h"
    assert directory.account("other@kairan.test") is None


def test_a_change_touches_only_what_it_names(directory):
    directory.add_account(
        "printer@kairan.test", aliases=["scan@kairan.test"], display_name="Printer",
        reply_to="Desk@kairan.test", allowed_apps=["b", "A"], messages_per_minute=7,
    )  # fmt: skip
    directory.set_account("scan@kairan.test", enabled=False)
    account = directory.account("printer@kairan.test")
    assert account is not None
    assert not account.enabled
    assert account.aliases == {"scan@kairan.test"}
    assert account.allowed_apps == {"a", "b"}
    assert (account.display_name, account.reply_to) == ("Printer", "desk@kairan.test")
    assert (account.messages_per_minute, account.connections_max) == (7, None)


def test_aliases_are_replaced_and_the_old_ones_are_free_again(directory):
    directory.add_account("printer@kairan.test", aliases=["a@kairan.test", "b@kairan.test"])
    directory.set_account("printer@kairan.test", aliases=["b@kairan.test", "c@kairan.test"])
    account = directory.account("printer@kairan.test")
    assert account is not None
    assert account.aliases == {"b@kairan.test", "c@kairan.test"}
    directory.add_mailbox("a@kairan.test")


def test_ids_stay_small_for_those_of_removed_accounts_are_given_again(directory):
    for local in ("a", "b", "c"):
        directory.add_account(f"{local}@kairan.test")
    directory.remove_account("b@kairan.test")
    directory.add_account("d@kairan.test")
    assert {account.address[0]: account.id for account in directory.accounts()} == {
        "a": 1,
        "d": 2,
        "c": 3,
    }


def test_a_removed_account_leaves_nothing_behind(directory):
    directory.add_account("printer@kairan.test", aliases=["scan@kairan.test"], allowed_apps=["app"])
    directory.remove_account("printer@kairan.test")
    assert directory.accounts() == []
    directory.add_account("scan@kairan.test", aliases=["printer@kairan.test"])
    account = directory.account("scan@kairan.test")
    assert account is not None
    assert account.allowed_apps == frozenset()


WAYS: list[Callable[[Directory, str, str], None]] = [
    lambda directory, address, _: directory.add_account(address),
    lambda directory, address, other: directory.add_account(other, aliases=[address]),
    lambda directory, address, _: directory.add_mailbox(address),
    lambda directory, address, other: directory.add_mailbox(other, aliases=[address]),
    lambda directory, address, _: directory.add_group(address),
]


@pytest.mark.parametrize("first", WAYS)
def test_an_address_belongs_to_one_thing_only(directory, first):
    first(directory, "taken@kairan.test", "first@kairan.test")
    before = version(directory)
    for second in WAYS:
        with pytest.raises(DirectoryError, match=r"taken@kairan.test exists already"):
            second(directory, "TAKEN@kairan.test", "second@kairan.test")
    assert version(directory) == before
    assert read_snapshot(directory).resolve("second@kairan.test") is None


@pytest.mark.parametrize(
    ("address", "fields", "sentence"),
    [
        ("printer", {}, "'printer' is not an e-mail address"),
        ("a@b@kairan.test", {}, "is not an e-mail address"),
        ("p\r\nx@kairan.test", {}, "is not an e-mail address"),
        ("printer@other.test", {}, "other.test is not an accepted domain"),
        ("p@kairan.test", {"aliases": ["p@other.test"]}, "other.test is not an accepted domain"),
        ("p@kairan.test", {"reply_to": "nobody"}, "'nobody' is not an e-mail address"),
        ("p@kairan.test", {"display_name": "P\r\nBcc: x"}, "holds a control character"),
        ("p@kairan.test", {"connections_max": 0}, "connections_max must be at least 1"),
        ("p@kairan.test", {"allowed_apps": [str(n) for n in range(11)]}, "at most 10 apps"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(directory, address, fields, sentence):
    before = version(directory)
    with pytest.raises(DirectoryError, match=sentence):
        directory.add_account(address, **fields)
    assert version(directory) == before
    assert directory.accounts() == []


@pytest.mark.parametrize("method", ["set_account", "remove_account"])
def test_an_account_that_is_none_cannot_be_changed(directory, people, method):
    people("ann")
    with pytest.raises(DirectoryError, match=r"there is no account bob@kairan.test"):
        getattr(directory, method)("bob@kairan.test")
    with pytest.raises(DirectoryError, match=r"ann@kairan.test is not an account"):
        getattr(directory, method)("ann@kairan.test")


def test_a_password_hash_is_not_in_the_accounts_text(directory):
    directory.add_account("printer@kairan.test", password_hash="$argon2id$secret")
    assert "secret" not in repr(directory.account("printer@kairan.test"))
