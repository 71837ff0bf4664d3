"""One message: which reply belongs to whom, whatever the peer says."""

import pytest

from kairan.mail.address import Address
from kairan.mail.envelope import Notify, Recipient
from kairan.mail.reply import Reply
from kairan.smtp.client.capabilities import Capabilities
from kairan.smtp.client.commands import plain_rcpt_commands, rcpt_command
from kairan.smtp.client.engine import Phase
from kairan.smtp.client.events import ContentWanted, Ended, Sent
from smtp.client.talk import (
    HELLO,
    PLAIN_HELLO,
    begin,
    codes,
    end_of,
    envelope,
    new_client,
    ready_client,
    to,
)

LOST = Reply.of(451, "4.4.2", "lost")


def test_with_pipelining_everything_before_the_content_is_one_write():
    client = ready_client()
    begin(client, "a@x.test", "b@x.test")
    assert client.take() == (
        b"MAIL FROM:<from@us.test> SIZE=4\r\nRCPT TO:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n"
    )


def test_without_pipelining_each_command_waits_for_its_answer():
    client = ready_client(PLAIN_HELLO)
    begin(client, "a@x.test", "b@x.test")
    said = [client.take()]
    for reply in (b"250 ok\r\n", b"250 ok\r\n", b"550 no\r\n", b"354 go\r\n"):
        client.receive(reply)
        said.append(client.take())
    assert said == [
        b"MAIL FROM:<from@us.test>\r\n",
        b"RCPT TO:<a@x.test>\r\n",
        b"RCPT TO:<b@x.test>\r\n",
        b"DATA\r\n",
        b"hi\r\n.\r\n",
    ]
    (sent,) = client.receive(b"250 taken\r\n")
    assert codes(sent) == [250, 550]


WHOLE = b"250 m\r\n250 a\r\n550 5.1.1 b\r\n450 c\r\n354 go\r\n250 2.0.0 taken\r\n"


@pytest.mark.parametrize("step", [1, 2, 7, len(WHOLE)])
def test_replies_find_their_recipients_in_pieces_of_any_size(step):
    client = ready_client()
    begin(client, "a@x.test", "b@x.test", "c@x.test")
    pieces = (WHOLE[n : n + step] for n in range(0, len(WHOLE), step))
    (sent,) = [event for piece in pieces for event in client.receive(piece)]
    assert codes(sent) == [250, 550, 450]
    assert sent.dot_sent
    assert client.phase is Phase.READY


def test_a_reply_beyond_the_last_one_ends_the_session_and_changes_no_result():
    client = ready_client()
    begin(client)
    sent, ended = client.receive(b"250 m\r\n250 r\r\n354 go\r\n250 taken\r\n250 more\r\n")
    assert codes(sent) == [250]
    assert isinstance(ended, Ended)


def test_the_next_message_needs_no_reset_after_a_clean_one():
    client = ready_client()
    for _ in range(3):
        begin(client)
        assert client.take().startswith(b"MAIL")
        (sent,) = client.receive(b"250 m\r\n250 r\r\n354 go\r\n250 taken\r\n")
        assert codes(sent) == [250]
        client.take()


def test_mail_refused_is_the_answer_for_everybody():
    client = ready_client()
    begin(client, "a@x.test", "b@x.test")
    (sent,) = client.receive(b"550 5.7.1 not you\r\n503 r\r\n503 r\r\n503 d\r\n")
    assert [reply.enhanced for reply in sent.replies] == ["5.7.1", "5.7.1"]
    assert not sent.dot_sent


def test_all_recipients_refused_and_data_refused_resets_before_the_next_message():
    client = ready_client()
    begin(client, "a@x.test", "b@x.test")
    client.take()
    (sent,) = client.receive(b"250 m\r\n550 a\r\n551 b\r\n554 no valid recipients\r\n")
    assert codes(sent) == [550, 551]
    begin(client)
    assert client.take().startswith(b"RSET\r\nMAIL FROM")
    (sent,) = client.receive(b"250 r\r\n250 m\r\n250 a\r\n354 go\r\n250 ok\r\n")
    assert codes(sent) == [250]


def test_all_recipients_refused_but_data_accepted_sends_the_lone_dot():
    """RFC 2920 section 3.1.  The content must not go to a server that has nobody to give it to."""
    client = ready_client()
    begin(client)
    client.take()
    assert client.receive(b"250 m\r\n550 a\r\n354 go\r\n") == []
    assert client.take() == b".\r\n"
    (sent,) = client.receive(b"250 whatever it says\r\n")
    assert codes(sent) == [550]
    assert not sent.dot_sent


def test_no_empty_message_goes_to_whom_a_server_takes_after_it_refused_mail():
    """Its 354 would make of the lone dot a message of nothing for them."""
    client = ready_client()
    begin(client, "a@x.test", "b@x.test")
    client.take()
    sent, ended = client.receive(b"451 4.7.0 later\r\n250 a\r\n250 b\r\n354 go\r\n")
    assert client.take() == b""
    assert codes(sent) == [451, 451]
    assert not sent.dot_sent
    assert "after MAIL was refused" in str(ended.reply)


def test_without_pipelining_refused_recipients_end_the_transaction_before_data():
    client = ready_client(PLAIN_HELLO)
    begin(client)
    client.receive(b"250 m\r\n")
    client.take()
    (sent,) = client.receive(b"550 a\r\n")
    assert codes(sent) == [550]
    assert client.take() == b""
    begin(client)
    assert client.take() == b"RSET\r\n"


def test_a_refused_reset_ends_the_session_and_blames_no_recipient():
    """A server that answered RSET with 503 made others bounce mail."""
    client = ready_client()
    begin(client)
    client.receive(b"250 m\r\n550 a\r\n554 d\r\n")
    begin(client)
    sent, ended = client.receive(b"503 no\r\n")
    assert codes(sent) == [451]
    assert not sent.dot_sent
    assert isinstance(ended, Ended)


def test_data_refused_is_the_answer_for_those_accepted_before():
    client = ready_client()
    begin(client, "a@x.test", "b@x.test")
    (sent,) = client.receive(b"250 m\r\n250 a\r\n550 b\r\n452 full\r\n")
    assert codes(sent) == [452, 550]


# Recipients that are too many at once (RFC 5321 section 4.5.3.1.10).


@pytest.mark.parametrize(
    "no", [b"452 4.5.3 Too many recipients", b"452 too many", b"552 too many", b"550 5.5.3 x"]
)
def test_who_is_too_many_gets_no_answer_but_the_next_transaction(no):
    client = ready_client()
    begin(client, "a@x.test", "b@x.test", "c@x.test", "d@x.test")
    no += b"\r\n"
    (sent,) = client.receive(b"250 m\r\n250 a\r\n250 b\r\n" + no + no + b"354 go\r\n250 ok\r\n")
    assert codes(sent) == [250, 250]
    assert sent.limit == 2


def test_a_limit_counts_whether_the_message_was_then_taken_or_not():
    client = ready_client()
    begin(client, "a@x.test", "b@x.test")
    (sent,) = client.receive(b"250 m\r\n250 a\r\n452 4.5.3 b\r\n354 go\r\n452 4.3.1 full\r\n")
    assert [reply.enhanced for reply in sent.replies] == ["4.3.1"]
    assert sent.limit == 1


@pytest.mark.parametrize(
    "replies",
    [
        b"452 4.5.3 a\r\n452 4.5.3 b\r\n452 4.5.3 c\r\n354 go\r\n250 ok\r\n",  # the first already
        b"250 a\r\n452 4.2.2 b\r\n452 4.3.1 c\r\n354 go\r\n250 ok\r\n",  # for another reason
        b"250 a\r\n452 b\r\n250 c\r\n354 go\r\n250 ok\r\n",  # another one passed
        b"250 a\r\n450 b\r\n550 c\r\n354 go\r\n250 ok\r\n",
    ],
)
def test_other_refusals_are_answers(replies):
    client = ready_client()
    begin(client, "a@x.test", "b@x.test", "c@x.test")
    sent = client.receive(b"250 m\r\n" + replies)
    if not sent:  # the lone dot
        sent = client.receive(b"554 none\r\n")
    assert len(sent[0].replies) == 3
    assert sent[0].limit is None


def test_a_refused_sender_leaves_nothing_to_reset():
    client = ready_client()
    begin(client)
    client.receive(b"550 5.7.1 not you\r\n503 r\r\n503 d\r\n")
    client.take()
    begin(client)
    assert client.take().startswith(b"MAIL FROM")
    assert client.resets == 0


# Sessions that end in the middle.

REPLIES = [b"250 m\r\n", b"250 a\r\n", b"550 b\r\n", b"354 go\r\n"]


def test_421_behind_an_accepted_recipient_answers_nobody_for_fewer_may_pass():
    client = ready_client()
    begin(client, "a@x.test", "b@x.test", "c@x.test")
    sent, ended = client.receive(b"250 m\r\n250 a\r\n421 4.7.0 too many\r\n")
    assert sent.replies == ()
    assert not sent.unknown
    assert isinstance(ended, Ended)


@pytest.mark.parametrize("after", [0, 1, 3, 4])
def test_421_elsewhere_is_the_answer_for_who_had_none(after):
    client = ready_client()
    begin(client, "a@x.test", "b@x.test")
    client.receive(b"".join(REPLIES[:after]))
    sent, ended = client.receive(b"421 4.3.2 closing\r\n")
    assert codes(sent) == [421, 550 if after >= 3 else 421]
    assert isinstance(ended, Ended)
    assert not sent.unknown  # it said that it did not take it


@pytest.mark.parametrize("after", range(5))
def test_a_connection_lost_before_the_dot_is_a_plain_no_and_after_it_unknown(after):
    client = ready_client()
    begin(client, "a@x.test", "b@x.test")
    client.receive(b"".join(REPLIES[:after]))
    assert client.dot_is_sent == (after == 4)
    sent, ended = client.end(LOST)
    assert codes(sent) == [451, 550 if after >= 3 else 451]
    assert sent.unknown == ({0} if after == 4 else set())
    assert ended == Ended(LOST)


@pytest.mark.parametrize("bad", [b"hello\r\n", b"250-a\r\n251 b\r\n", b"250 a\n"])
@pytest.mark.parametrize("after", range(5))
def test_a_fault_of_the_peer_ends_the_session_with_a_deferral(bad, after):
    client = ready_client()
    begin(client, "a@x.test", "b@x.test")
    client.receive(b"".join(REPLIES[:after]))
    sent, ended = client.receive(bad)
    assert codes(sent)[0] == 451
    assert "protocol-broken" in str(ended.reply)
    assert sent.unknown == ({0} if after == 4 else set())


@pytest.mark.parametrize(
    "replies",
    [b"354 m\r\n", b"250 m\r\n354 a\r\n", b"250 m\r\n250 a\r\n250 d\r\n", b"250 m\r\n250 a\r\n354 g\r\n354 again\r\n"],
)  # fmt: skip
def test_a_reply_that_cannot_be_one_to_this_command_ends_the_session(replies):
    client = ready_client()
    begin(client)
    assert "is answered with" in end_of(client.receive(replies))


# Streamed contents.


def test_a_streamed_content_is_asked_for_and_sent_in_pieces():
    client = ready_client()
    begin(client, content=None)
    client.take()
    assert client.receive(b"250 m\r\n250 a\r\n354 go\r\n") == [ContentWanted()]
    wire = b""
    for piece in (b"a\r", b"\n.", b".b\r\n", b".", b"c"):
        client.content(piece)
        wire += client.take()
    assert not client.dot_is_sent
    client.content_finished()
    assert wire + client.take() == b"a\r\n...b\r\n..c\r\n.\r\n"
    assert client.dot_is_sent
    (sent,) = client.receive(b"250 taken\r\n")
    assert codes(sent) == [250]


def test_a_refusal_in_the_middle_of_the_content_is_final_and_not_unknown():
    client = ready_client()
    begin(client, content=None)
    client.receive(b"250 m\r\n250 a\r\n354 go\r\n")
    client.content(b"a")
    sent, _ = client.receive(b"552 5.3.4 too much\r\n")
    assert codes(sent) == [552]
    assert not sent.unknown


def test_a_yes_in_the_middle_of_the_content_is_no_yes():
    client = ready_client()
    begin(client, content=None)
    client.receive(b"250 m\r\n250 a\r\n354 go\r\n")
    sent, _ = client.receive(b"250 taken already\r\n")
    assert codes(sent) == [451]
    assert not sent.unknown


# LMTP.


def test_lmtp_gives_each_accepted_recipient_its_own_answer():
    """RFC 2033 section 4.2."""
    client = ready_client(lmtp=True)
    begin(client, "a@x.test", "b@x.test", "c@x.test")
    events = client.receive(b"250 m\r\n250 a\r\n550 b\r\n250 c\r\n354 go\r\n250 a has it\r\n")
    assert events == []
    (sent,) = client.receive(b"452 4.2.2 c is full\r\n")
    assert codes(sent) == [250, 550, 452]


def test_lmtp_session_lost_between_two_answers_keeps_the_first():
    client = ready_client(lmtp=True)
    begin(client, "a@x.test", "b@x.test")
    client.receive(b"250 m\r\n250 a\r\n250 b\r\n354 go\r\n250 a has it\r\n")
    sent, _ = client.end(LOST)
    assert codes(sent) == [250, 451]
    assert sent.unknown


def test_lmtp_that_accepts_data_for_nobody_ends_the_session():
    client = ready_client(lmtp=True)
    begin(client)
    sent, ended = client.receive(b"250 m\r\n550 a\r\n354 go\r\n")
    assert codes(sent) == [550]
    assert isinstance(ended, Ended)


# Extensions.


def send_to(hello: bytes, *, recipient: Recipient | None = None, content: bytes = b"", **more):
    client = ready_client(hello)
    recipients = (recipient or Recipient(Address("a@x.test")),)
    events = client.begin(envelope(**more), recipients, content=content, size=len(content))
    return client.take(), events


def test_dsn_parameters_are_passed_on_where_offered():
    recipient = Recipient(
        Address("a@x.test"), notify=Notify.SUCCESS | Notify.DELAY, orcpt="rfc822;A+40x.test"
    )
    wire, _ = send_to(HELLO, recipient=recipient, ret="HDRS", envid="QQ314")
    assert b"<from@us.test> SIZE=0 RET=HDRS ENVID=QQ314\r\n" in wire
    assert b"<a@x.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;A+40x.test\r\n" in wire
    wire, _ = send_to(PLAIN_HELLO, recipient=recipient, ret="HDRS", envid="QQ314")
    assert wire == b"MAIL FROM:<from@us.test>\r\n"


def test_notify_never_stands_alone():
    wire, _ = send_to(HELLO, recipient=Recipient(Address("a@x.test"), notify=Notify.NEVER))
    assert b"NOTIFY=NEVER\r\n" in wire


def test_the_null_sender_is_an_empty_path():
    wire, _ = send_to(PLAIN_HELLO, sender="")
    assert wire == b"MAIL FROM:<>\r\n"


def test_8bitmime_is_said_where_offered():
    assert b" BODY=8BITMIME" in send_to(HELLO, body="8BITMIME")[0]
    assert b"BODY" not in send_to(PLAIN_HELLO, body="8BITMIME")[0]


UTF8_HELLO = b"250-peer.test\r\n250 SMTPUTF8\r\n"


def test_smtputf8_goes_where_it_is_offered():
    wire, _ = send_to(UTF8_HELLO, sender="ü@us.test", smtputf8=True)
    assert wire == "MAIL FROM:<ü@us.test> SMTPUTF8\r\n".encode()


@pytest.mark.parametrize(
    ("more", "content"),
    [
        ({"sender": "ü@us.test", "smtputf8": True}, b""),
        ({"recipient": Recipient(Address("ü@x.test")), "smtputf8": True}, b""),
        ({"smtputf8": True}, "Subject: ü\r\n\r\nhi".encode()),
    ],
)
def test_a_message_that_needs_smtputf8_fails_where_it_is_not_offered(more, content):
    wire, (sent,) = send_to(HELLO, content=content, **more)
    assert wire == b""
    assert str(sent.replies[0]) == "554 smtputf8-missing"


def test_a_message_that_only_says_smtputf8_goes_anywhere():
    """Clients say it by habit; addresses and header are what counts (RFC 6531 section 3.2)."""
    client = ready_client(PLAIN_HELLO)
    client.begin(
        envelope(smtputf8=True), to("a@x.test"), content=None, size=1_000_000, ascii_header=True
    )
    wire = client.take()
    assert wire == b"MAIL FROM:<from@us.test>\r\n"


def test_a_domain_goes_as_its_a_labels_where_smtputf8_is_not_offered():
    recipient = Recipient(Address("a@b\u00fccher.test"))
    wire, _ = send_to(HELLO, sender="from@b\u00fccher.test", recipient=recipient, smtputf8=False)
    assert b"MAIL FROM:<from@xn--bcher-kva.test>" in wire
    assert b"RCPT TO:<a@xn--bcher-kva.test>" in wire
    wire, _ = send_to(UTF8_HELLO, sender="from@b\u00fccher.test", recipient=recipient)
    assert "MAIL FROM:<from@b\u00fccher.test> SMTPUTF8".encode() in wire


def test_one_utf8_recipient_does_not_keep_the_others_from_theirs():
    client = ready_client()
    begin(client, "ü@x.test", "b@x.test")
    assert "RCPT TO:<ü".encode() not in client.take()
    (sent,) = client.receive(b"250 m\r\n250 b\r\n354 go\r\n250 ok\r\n")
    assert codes(sent) == [554, 250]


BINARY_HELLO = b"250-peer.test\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 BINARYMIME\r\n"


def test_binary_content_goes_by_bdat_as_it_is():
    content = b"a\n.\r\0\r\n.\r\n"
    client = ready_client(BINARY_HELLO)
    client.begin(envelope(body="BINARYMIME"), to("a@x.test"), content=content, size=len(content))
    assert client.take() == b"MAIL FROM:<from@us.test> BODY=BINARYMIME\r\nRCPT TO:<a@x.test>\r\n"
    client.receive(b"250 m\r\n250 a\r\n")
    assert client.take() == b"BDAT 10 LAST\r\n" + content
    (sent,) = client.receive(b"250 taken\r\n")
    assert codes(sent) == [250]


def test_binary_content_fails_where_bdat_is_not_offered():
    wire, (sent,) = send_to(HELLO, body="BINARYMIME")
    assert wire == b""
    assert str(sent.replies[0]) == "554 binarymime-missing"


def test_a_message_over_the_announced_size_is_not_sent():
    wire, (sent,) = send_to(HELLO, content=b"x" * 1001)
    assert wire == b""
    assert str(sent.replies[0]) == "554 too-large"
    assert isinstance(sent, Sent)


@pytest.mark.parametrize("bad", ["a@x.test>\r\nRCPT TO:<b@x.test", "a\0@x.test", "a@x\n.test"])
def test_an_address_can_not_become_a_command(bad):
    wire, (sent,) = send_to(HELLO, recipient=Recipient(Address(bad)))
    assert (wire, codes(sent)) == (b"", [554])
    wire, (sent,) = send_to(HELLO, sender=bad)
    assert (wire, codes(sent)) == (b"", [554])
    wire, (sent,) = send_to(HELLO, recipient=Recipient(Address("a@x.test"), orcpt=bad))
    assert (wire, codes(sent)) == (b"", [554])


MEMBER = Recipient(Address("a@x.test"), Notify.FAILURE, "rfc822;all@x.test", "all@x.test")


@pytest.mark.parametrize("dsn", [True, False])
@pytest.mark.parametrize(
    ("first", "one", "is_plain"),
    [
        (Recipient(Address("a@x.test")), Recipient(Address("b@x.test")), True),
        (Recipient(Address("a@x.test")), Recipient(Address("b@x.test"), via="all@x.test"), True),
        (MEMBER, MEMBER._replace(address=Address("b@x.test")), True),
        (Recipient(Address("a@x.test")), Recipient(Address("j\u00fcrgen@x.test")), False),
        (Recipient(Address("a@x.test")), Recipient(Address("b@x.test\r\nDATA")), False),
        (Recipient(Address("a@x.test")), Recipient(Address("b@x.test"), Notify.NEVER), False),
        (MEMBER, MEMBER._replace(orcpt="rfc822;b@x.test"), False),
        (MEMBER._replace(orcpt="x\r\nRSET"), MEMBER._replace(orcpt="x\r\nRSET"), False),
    ],
)
def test_a_group_of_plain_recipients_is_said_as_each_of_them_is(first, one, is_plain, dsn):
    peer = Capabilities(pipelining=True, dsn=dsn, smtputf8=True)
    said = [rcpt_command(recipient, peer=peer) for recipient in (first, one)]
    assert plain_rcpt_commands((first, one), peer=peer) == (said if is_plain else None)


def test_a_plain_group_leaves_out_none_and_an_unsafe_one_is_not_said():
    client = ready_client()
    begin(client, "a@x.test", "b@x.test\r\nRSET", "c@x.test")
    assert client.take().count(b"RCPT TO:") == 2


WHOLE_HELLO = b"250-peer.test\r\n250-PIPELINING\r\n250 CHUNKING\r\n"


def sent_whole():
    client = new_client(trusting=True)
    client.receive(b"220 peer.test\r\n" + WHOLE_HELLO)
    client.take()
    begin(client, "a@peer.test", content=b"hi\r\n")
    assert client.take().endswith(b"BDAT 4 LAST\r\nhi\r\n")
    return client


@pytest.mark.parametrize("before", [b"", b"250 ok\r\n"])
def test_421_before_a_whole_content_was_read_says_that_nothing_was_taken(before):
    sent, _ = sent_whole().receive(before + b"421 4.3.2 closing\r\n")
    assert not sent.dot_sent
    assert not sent.unknown


def test_a_whole_content_without_an_answer_may_have_been_taken():
    client = sent_whole()
    client.receive(b"250 ok\r\n")
    sent, _ = client.end(LOST)
    assert sent.dot_sent
    assert sent.unknown == {0}
