"""An address as callers write it, with a name or without; what is none stays none."""

import pytest

from kairan.sender.addresses import address_of, recipient_key
from kairan.sender.journal import Journal
from kairan.sender.message import Message
from kairan.testing.peer import ScriptedPeer
from sender.sender_talk import letter, sender_to


@pytest.mark.parametrize(
    "text",
    [
        "ann@x.test",
        " ann@x.test ",
        "<ann@x.test>",
        "Ann <ann@x.test>",
        '"Lee, Ann" <ann@x.test>',
        "\u6797 <ann@x.test>",
    ],
)
def test_a_name_before_the_address_is_no_part_of_it(text):
    assert recipient_key(text) == "ann@x.test"
    assert str(address_of(text)) == "ann@x.test"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "@x.test",
        "ann@",
        "Ann <ann@x.test>, Bob <bob@x.test>",
        "a@x.test b@x.test",
        "to@other.test <to@x.test>",
        '"evil@x.test\r\nto"@x.test',
        "Ann\r\n <ann@x.test>",
        "Ann <ann@x.test>\0",
    ],
)
def test_what_is_not_one_address_is_none(text):
    assert address_of(text) is None


async def test_recipients_and_senders_with_names_are_sent_to():
    message = Message.from_bytes(letter().content, sender="App <app@us.test>")
    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        report = await sender.send(message, ["Ann <ann@x.test>", "ann@X.test", "bob@x.test"])
    assert report.all_sent
    assert len(report.results) == 2
    assert peer.messages[0].recipients == ("<ann@x.test>", "<bob@x.test>")
    assert peer.messages[0].sender.startswith("<app@us.test>")


def test_the_journal_knows_a_recipient_by_the_address_alone():
    with Journal(None) as journal:
        journal.begin(b"digest")
        journal.claim([letter("Ann <ann@x.test>")])
        assert list(journal.wanted(["ann@x.test", "b@x.test"])) == ["b@x.test"]
