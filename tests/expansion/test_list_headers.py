"""Fields of a list's copies."""

from dataclasses import replace

import pytest

from kairan.directory.model import Group
from kairan.expansion.list_headers import list_id, with_list_fields

LIST = Group("all.hands@kairan.test", owners=frozenset({"ann@kairan.test", "bob@kairan.test"}))
FIELDS = b"From: <a@kairan.test>\r\nReply-To: <a@kairan.test>\r\nList-Id: <forged.test>\r\nSubject: x\r\n"


def test_a_list_says_who_it_is_and_what_was_said_before_goes():
    text = with_list_fields(FIELDS, replace(LIST, list_headers=True)).decode()
    assert "List-Id: <all.hands.kairan.test>\r\n" in text
    assert "List-Post: <mailto:all.hands@kairan.test>\r\n" in text
    assert "List-Owner: <mailto:ann@kairan.test>, <mailto:bob@kairan.test>\r\n" in text
    assert "forged" not in text
    assert text.count("Reply-To:") == 1


def test_one_click_stands_in_two_fields():
    text = with_list_fields(FIELDS, replace(LIST, unsubscribe="https://x.test/leave?l=1")).decode()
    assert "List-Unsubscribe: <https://x.test/leave?l=1>\r\n" in text
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in text
    assert "List-Post" not in text


def test_answers_go_where_the_list_says_and_nowhere_else():
    text = with_list_fields(FIELDS, replace(LIST, reply_to="desk@kairan.test")).decode()
    assert text.count("Reply-To:") == 1
    assert "Reply-To: <desk@kairan.test>\r\n" in text
    assert "List-Id: <forged.test>" in text  # the list has no word about that


def test_a_hidden_list_does_not_say_who_it_is():
    hidden = replace(LIST, hidden=True, list_headers=True, reply_to="desk@kairan.test")
    text = with_list_fields(FIELDS, hidden).decode()
    assert "hands" not in text
    assert "Reply-To: <desk@kairan.test>\r\n" in text


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("all@kairan.test", "all.kairan.test"),
        ('"a b"@kairan.test', "a-b.kairan.test"),
        ("全員@kairan.test", "x.kairan.test"),
        ("a..b@kairan.test", "a.x.b.kairan.test"),
    ],
)
def test_a_list_id_is_dots_and_atoms(address, wanted):
    assert list_id(address) == wanted


def test_a_thousand_owners_stay_on_a_line():
    many = replace(
        LIST, list_headers=True, owners=frozenset(f"u{n}@kairan.test" for n in range(1000))
    )
    assert max(map(len, with_list_fields(FIELDS, many).split(b"\r\n"))) <= 998
