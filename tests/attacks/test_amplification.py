"""One message made into many: nested lists, the same member again and again, spellings.

Lists of 100,000 members are tested in tests/expansion.
"""

import pytest

from kairan.cli import sample
from kit.live import make_installation, open_directory, running_service

DEPTH = 50
PEOPLE = [sample.user(number) for number in range(1, 6)]


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    place = tmp_path_factory.mktemp("lists") / "k"
    make_installation(place, workers=1)
    with open_directory(place) as directory:
        directory.set_mailbox(PEOPLE[0], aliases=["first.user@kairan.test"])
        for level in range(DEPTH, 0, -1):
            name = f"level{level}@kairan.test"
            directory.add_group(name)
            deeper = [f"level{level + 1}@kairan.test"] if level < DEPTH else []
            directory.add_members(name, [*deeper, *PEOPLE])
    with running_service(place, install=False) as service:
        yield service


def test_fifty_lists_in_each_other_make_one_message_each(lists):
    with lists.client("device") as client:
        assert client.send(b"Subject: fifty deep\r\n\r\nx", "level1@kairan.test").startswith("250")
    lists.wait_message(b"fifty deep")
    lists.wait_empty()
    for person in PEOPLE:
        assert len([m for m in lists.messages(person) if b"fifty deep" in m]) == 1


def test_fifty_spellings_of_one_mailbox_make_one_message(lists):
    name, _, domain = PEOPLE[0].partition("@")
    spellings = [PEOPLE[0], name.upper() + "@" + domain.upper(), "First.User@kairan.test"] * 16
    with lists.client("device") as client:
        assert client.send(b"Subject: spelt often\r\n\r\nx", *spellings).startswith("250")
    lists.wait_message(b"spelt often")
    lists.wait_empty()
    assert len([m for m in lists.messages() if b"spelt often" in m]) == 1


def test_a_tag_makes_no_new_recipient(lists):
    with lists.client("device") as client:
        for tagged in ("user001+a@kairan.test", "user001+b@kairan.test"):
            assert client.envelope(tagged).startswith("550 5.1.10")
            client.ask(b"RSET")


def test_a_large_message_to_a_list_is_stored_once(lists):
    size = 4_000_000
    spool = lists.place / "data" / "spool"
    with lists.client("device") as client:
        content = b"Subject: large to many\r\n\r\n" + (b"x" * 998 + b"\r\n") * (size // 1_000)
        assert client.send(content, "all-hands@kairan.test").startswith("250")
        octets = sum(path.stat().st_size for path in spool.rglob("*") if path.is_file())
    lists.wait_message(b"large to many")
    assert octets < 200 * size / 4
    lists.wait_empty()
