"""The store of captured messages: kept once, bounded, searched, removed."""

import pytest

from kairan.capture.store import WantedMail

USERS = ("akiko@example.com", "ben@example.com")


def content(subject="Pay", text="The amount is 100%.", author="Payroll <pay@example.com>"):
    return f"From: {author}\r\nSubject: {subject}\r\nMessage-ID: <1@x>\r\n\r\n{text}\r\n".encode()


def kept(store, *, to=USERS, sender="pay@example.com", now=1.0, **words):
    return store.keep(sender, to, content(**words), now=now)


def test_a_message_is_there_with_what_a_list_shows(opened):
    store = opened()
    number = kept(store)
    found = store.message(number)
    assert (found.subject, found.author) == ("Pay", "Payroll <pay@example.com>")
    assert (found.recipients, found.recipients_number) == (USERS, 2)
    assert (found.message_id, found.size) == ("<1@x>", len(content()))
    assert store.content(number) == content()
    assert store.found(WantedMail()) == [found]


def test_the_same_content_for_further_recipients_is_the_same_message(opened):
    store = opened()
    first = kept(store, to=USERS[:1])
    assert kept(store, to=USERS) == first
    assert kept(opened(), to=("C@example.com",)) == first
    assert store.message(first).recipients_number == 3
    assert kept(store, sender="other@example.com") != first


@pytest.mark.parametrize(("wanted", "fits"), [
    (WantedMail(to="AKIKO"), True),
    (WantedMail(to="carol"), False),
    (WantedMail(sender="payroll"), True),
    (WantedMail(sender="pay@EXAMPLE"), True),
    (WantedMail(subject="pAY"), True),
    (WantedMail(text="100%"), True),
    (WantedMail(text="1%0"), False),
    (WantedMail(text="_"), False),
    (WantedMail(to="akiko", subject="other"), False),
])  # fmt: skip
def test_a_search_finds_parts_whatever_the_case_and_knows_no_wildcards(opened, wanted, fits):
    store = opened()
    kept(store)
    assert len(store.found(wanted)) == store.number(wanted) == fits


def test_japanese_is_found_in_subject_and_text(opened):
    store = opened()
    subject = "=?utf-8?B?57Wm5LiO?="
    kept(store, subject=subject, text="総額は百円です。")
    assert store.number(WantedMail(subject="給与", text="百円")) == 1


@pytest.mark.parametrize("bounds", [{"messages_max": 3}, {"octets_max": 3 * len(content("0"))}])
def test_the_oldest_make_room_and_are_counted(opened, bounds):
    store = opened(**bounds)
    numbers = [kept(store, subject=str(n)) for n in range(5)]
    assert [one.id for one in store.found(WantedMail())] == numbers[:1:-1]
    assert store.removed() == 2
    assert store.content(numbers[0]) is None
    assert store.number(WantedMail(to="akiko")) == 3


def test_the_newest_stays_whatever_its_size(opened):
    store = opened(octets_max=1)
    kept(store, subject="old")
    newest = kept(store, subject="new")
    assert [one.id for one in store.found(WantedMail())] == [newest]


def test_one_is_removed_and_all_that_a_search_finds(opened):
    store = opened()
    first, second, third = (kept(store, subject=one) for one in ("Pay 1", "Pay 2", "Other"))
    assert store.remove(first)
    assert not store.remove(first)
    assert store.remove_found(WantedMail(subject="pay")) == 1
    assert [one.id for one in store.found(WantedMail())] == [third]
    assert store.content(second) is None
    assert store.remove_found(WantedMail()) == 1


def test_each_change_is_told_to_who_watches(opened):
    store, other = opened(), opened()
    before = store.changes()
    number = kept(other)
    came = store.changes()
    other.remove(number)
    assert before < came < store.changes()


def test_a_page_goes_on_with_what_is_older(opened):
    store = opened()
    numbers = [kept(store, subject=str(n)) for n in range(5)]
    first = store.found(WantedMail(), limit=2)
    second = store.found(WantedMail(), before=first[-1].id, limit=2)
    assert [one.id for one in (*first, *second)] == numbers[:0:-1]


def test_nobody_else_reads_the_file(opened, tmp_path):
    kept(opened())
    assert (tmp_path / "capture" / "messages.db").stat().st_mode & 0o077 == 0
    assert (tmp_path / "capture").stat().st_mode & 0o077 == 0


def test_a_file_of_another_version_begins_anew(opened):
    store = opened()
    kept(store)
    store._database.execute("PRAGMA user_version = 99")
    assert opened().number(WantedMail()) == 0


def test_what_no_text_may_hold_is_kept_and_found_all_the_same(opened):
    store = opened()
    number = store.keep(
        "", ["a@x.test"], b"Subject: a\0b\xff\r\n\r\nx\0marker\xff\xfe\r\n", now=1.0
    )
    assert store.message(number).author == ""
    assert store.number(WantedMail(text="marker")) == 1
    assert store.number(WantedMail(text="\ud800")) == 0
