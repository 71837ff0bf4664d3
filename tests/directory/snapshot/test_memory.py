import pytest

from kairan.directory.snapshot.memory import read_snapshot
from kairan.directory.store import Directory


@pytest.fixture
def full(directory: Directory) -> Directory:
    directory.add_account("printer@kairan.test", aliases=["scan@kairan.test"])
    directory.add_mailbox("ann@kairan.test", aliases=["a@kairan.test"])
    directory.add_group("all@kairan.test")
    return directory


@pytest.mark.parametrize(
    ("asked", "primary"),
    [
        ("Printer@Kairan.test", "printer@kairan.test"),
        ("SCAN@kairan.test", "printer@kairan.test"),
        ("ann@KAIRAN.test", "ann@kairan.test"),
        ("A@kairan.test", "ann@kairan.test"),
        ("ALL@kairan.test", "all@kairan.test"),
        ("ghost@kairan.test", None),
        ("", None),
    ],
)
def test_any_known_address_leads_to_its_primary(full, asked, primary):
    assert read_snapshot(full).resolve(asked) == primary


def test_it_holds_heads_and_organisation(full):
    snapshot = read_snapshot(full)
    assert snapshot.account("SCAN@kairan.test") == full.account("printer@kairan.test")
    assert snapshot.group("ALL@kairan.test") == full.group("all@kairan.test")
    assert snapshot.account("ann@kairan.test") is None
    assert snapshot.group("ann@kairan.test") is None
    assert snapshot.organisation == full.organisation()


def test_only_what_changed_is_read_again(full):
    first = read_snapshot(full)
    assert read_snapshot(full, first) is first
    full.set_account("printer@kairan.test", enabled=False)
    second = read_snapshot(full, first)
    assert second.mailboxes is first.mailboxes
    assert second.heads is not first.heads
    full.add_mailbox("bob@kairan.test")
    third = read_snapshot(full, second)
    assert third.heads is second.heads
    assert third.resolve("bob@kairan.test") == "bob@kairan.test"
    full.add_members("all@kairan.test", ["bob@kairan.test"])
    fourth = read_snapshot(full, third)
    assert (fourth.heads, fourth.mailboxes) == (third.heads, third.mailboxes)
    versions = [snapshot.version for snapshot in (first, second, third, fourth)]
    assert versions == sorted(set(versions))


def test_a_snapshot_does_not_change_under_its_reader(full):
    snapshot = read_snapshot(full)
    full.remove_mailbox("ann@kairan.test")
    assert snapshot.resolve("a@kairan.test") == "ann@kairan.test"
