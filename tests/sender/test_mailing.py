"""A mailing runs through a sender and a journal, and can be stopped and gone on with."""

import asyncio
import threading
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from kairan.sender.async_sender import AsyncSender
from kairan.sender.journal import Journal
from kairan.sender.mailing import Limits, OneMessage, Personalised, Run
from kairan.sender.merge import Template
from kairan.sender.result import State
from kairan.sender.rows import DataRow, RowError
from kairan.testing.peer import Cut, Rule, Say, ScriptedPeer
from kit.certificates import server_certificate
from sender.sender_talk import SETTINGS, letter, many, sender_to

TEMPLATE = Template("From: app@us.test\nSubject: For {{ name }}\n\nDear {{ name }}\n")


@pytest.fixture
def journal():
    with Journal(None) as opened:
        opened.begin(b"digest")
        yield opened


def one(addresses, size=50):
    return OneMessage(letter(), iter(addresses), size)


def rows(count):
    for n in range(1, count + 1):
        yield {"email": f"user{n:03}@x.test", "name": f"N{n}"}


def numbered(source):
    """As rows of a CSV file: the first is 2."""
    for number, row in enumerate(source, 2):
        yield row if isinstance(row, RowError) else DataRow(number, row)


def personal(source, group=8):
    return Personalised(TEMPLATE, numbered(source), "email", None, group)


async def test_a_message_to_many_goes_in_batches_and_each_is_in_the_journal(journal):
    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        made = await Run(sender, one(many(120)), journal).wait_sent()
    assert sorted(len(message.recipients) for message in peer.messages) == [20, 50, 50]
    assert (made.sent, made.failed, made.is_complete) == (120, 0, True)
    assert journal.count() == {State.SENT: 120}


async def test_an_address_named_in_two_batches_gets_one_copy(journal):
    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        await Run(
            sender, one(["a@x.test", "b@x.test", "A@X.TEST", "c@x.test"], 2), journal
        ).wait_sent()
    sent = [recipient for message in peer.messages for recipient in message.recipients]
    assert sorted(sent) == ["<a@x.test>", "<b@x.test>", "<c@x.test>"]


async def test_recipients_are_claimed_before_the_content_goes_out(journal):
    seen = []

    class Watched(ScriptedPeer):
        async def _take(self, session, content):
            entries = {entry.address: entry.state for entry in journal.entries()}
            seen.append([entries[r.strip("<>")] for r in session.recipients])
            await super()._take(session, content)

    async with Watched() as peer, sender_to(peer) as sender:
        await Run(sender, personal(rows(20)), journal).wait_sent()
    assert len(seen) == 20
    assert {state for states in seen for state in states} == {"in flight"}


async def test_each_row_gets_its_own_message(journal):
    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        made = await Run(sender, personal(rows(30)), journal).wait_sent()
    found = {message.recipients[0]: message.content for message in peer.messages}
    assert len(found) == len(peer.messages) == made.sent == 30
    assert b"Subject: For N7\r\n" in found["<user007@x.test>"]
    assert len({entry.message_id for entry in journal.entries()}) == 30


async def test_a_row_that_makes_no_message_is_refused_by_itself(journal):
    source = [RowError("1 columns", 2), {"email": "b@x.test"}, *rows(1)]
    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        made = await Run(sender, personal(source), journal).wait_sent()
    assert (made.sent, made.failed) == (1, 2)
    assert {entry.address: entry.state for entry in journal.entries()} == {
        "row 2": State.REFUSED,
        "b@x.test": State.REFUSED,
        "user001@x.test": State.SENT,
    }


def lines_of(journal):
    return [(entry.row, entry.address, entry.state, entry.outcome) for entry in journal.entries()]


@pytest.mark.parametrize("group", [1, 8])
async def test_a_second_row_for_an_address_is_refused_and_says_which_came_first(journal, group):
    source = [
        {"email": "a@x.test", "name": "First"},
        {"email": "b@x.test", "name": "B"},
        {"email": " A@X.test", "name": "Second"},
        {"email": "a@x.test", "name": "Third"},
    ]
    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        made = await Run(sender, personal(source, group), journal).wait_sent()
    assert (made.read, made.sent, made.failed) == (4, 2, 2)
    assert len(peer.messages) == 2
    assert lines_of(journal) == [
        (2, "a@x.test", State.SENT, ""),
        (4, "A@X.test", State.REFUSED, "row-repeats-address"),
        (5, "a@x.test", State.REFUSED, "row-repeats-address"),
        (3, "b@x.test", State.SENT, ""),
    ]
    assert [entry.reply for entry in journal.entries([State.REFUSED])] == [
        f"554 5.6.5 This row's address has the message of another row: row {n}: row 2 came first"
        for n in (4, 5)
    ]


async def test_rows_that_moved_in_the_file_are_no_second_ones(tmp_path):
    path = tmp_path / "journal"
    first = [{"email": "a@x.test", "name": "A"}, {"email": "a@x.test", "name": "A"}, *rows(3)]
    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        for source, failed in ((first, 1), (first, 1), (list(rows(3))[::-1] + first[:1], 0)):
            with Journal(path) as journal:
                journal.begin(b"digest")
                made = await Run(sender, personal(source), journal).wait_sent()
                assert made.failed == failed
                count = journal.count()
    assert len(peer.messages) == 4
    assert count == {State.SENT: 4}


async def test_a_row_that_made_no_message_leaves_its_address_to_the_next(journal):
    source = [{"email": "a@x.test"}, {"email": "a@x.test", "name": "A"}]
    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        await Run(sender, personal(source), journal).wait_sent()
    assert [line[:3] for line in lines_of(journal)] == [
        (3, "a@x.test", State.SENT),
        (2, "a@x.test", State.REFUSED),
    ]


@pytest.mark.parametrize("nothing", [None, "", "  "])
async def test_a_row_without_an_address_is_refused_by_itself(journal, nothing):
    source = [{"email": nothing, "name": "N"}, {"email": nothing, "name": "N"}, *rows(1)]
    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        made = await Run(sender, personal(source), journal).wait_sent()
    assert (made.sent, made.failed) == (1, 2)
    assert [line[0] for line in lines_of(journal)] == [2, 3, 4]
    assert len(peer.messages) == 1


async def test_a_row_that_was_mended_is_sent_by_the_next_run(tmp_path):
    path = tmp_path / "journal"
    broken = [RowError("1 columns", 2), {"email": "b@x.test"}]
    mended = [{"email": "a@x.test", "name": "A"}, {"email": "b@x.test", "name": "B"}]
    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        for source in (broken, mended):
            with Journal(path) as journal:
                journal.begin(b"digest")
                await Run(sender, personal(source), journal).wait_sent()
                count = journal.count()
    assert len(peer.messages) == 2
    assert count == {State.SENT: 2}


async def test_it_stops_after_so_many_failures_and_can_go_on(tmp_path):
    refuse = [Rule("RCPT", Say("550 5.1.10 Nobody"), times=5)]
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.begin(b"digest")
        async with ScriptedPeer(refuse) as peer, sender_to(peer, sessions_max=1) as sender:
            run = Run(sender, personal(rows(200), 1), journal, Limits(failures_max=5))
            made = await run.wait_sent()
    assert not made.is_complete
    assert 5 <= made.sent + made.failed < 20
    with Journal(path) as journal:
        journal.begin(b"digest")
        async with ScriptedPeer() as peer, sender_to(peer) as sender:
            rest = await Run(sender, personal(rows(200)), journal).wait_sent()
        assert rest.sent == len(peer.messages) == 200 - made.sent - made.failed
        assert journal.count() == {State.SENT: 195, State.REFUSED: 5}


async def test_who_was_not_answered_is_unknown_and_not_sent_to_again(tmp_path):
    cut = [Rule("DOT", Cut(), times=1)]
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.begin(b"digest")
        async with ScriptedPeer(cut) as peer, sender_to(peer, sessions_max=1) as sender:
            made = await Run(sender, one(many(3), 1), journal).wait_sent()
        assert (made.sent, made.failed) == (2, 1)
        assert journal.count() == {State.SENT: 2, State.UNKNOWN: 1}
    with Journal(path) as journal:
        journal.begin(b"digest")
        async with ScriptedPeer() as peer, sender_to(peer) as sender:
            await Run(sender, one(many(3), 1), journal).wait_sent()
        assert not peer.messages


async def test_the_rate_is_kept(journal):
    loop = asyncio.get_running_loop()
    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        began = loop.time()
        await Run(sender, one(many(6), 2), journal, Limits(rate=10)).wait_sent()
        # Two at 0 s, two at 0.2 s, two at 0.4 s.
        assert loop.time() - began >= 0.4
    assert len(peer.messages) == 3


async def test_an_answer_in_a_pause_is_written_before_it_ends(journal):
    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        run = Run(sender, one(many(2), 1), journal, Limits(rate=0.001))
        task = asyncio.create_task(run.wait_sent())
        async with asyncio.timeout(30):
            while journal.count() != {State.SENT: 1}:
                await asyncio.sleep(0.01)
        run.stop.set()
        made = await task
    assert (made.sent, made.is_complete) == (1, False)


async def test_a_source_that_breaks_off_leaves_nobody_in_flight(journal):
    def broken():
        yield from many(60)
        raise RowError("the file ended in the middle")

    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        with pytest.raises(RowError):
            await Run(sender, one(broken()), journal).wait_sent()
    assert len(peer.messages) == 1
    assert journal.count() == {State.SENT: 50}


async def test_the_rows_are_taken_when_their_turn_has_come(journal):
    taken = 0

    def counted():
        nonlocal taken
        for row in rows(500):
            taken += 1
            yield row

    ahead = []
    async with ScriptedPeer() as peer, sender_to(peer, sessions_max=1) as sender:
        told = lambda so_far: ahead.append(taken - so_far.sent)  # noqa: E731
        await Run(sender, personal(counted(), 4), journal, told=told).wait_sent()
    assert len(peer.messages) == 500
    assert max(ahead) <= 16


class LateList(list):
    """At its end, when all of it is written, one more answer comes in."""

    def __init__(self, sender):
        self.sender = sender

    def __iter__(self):
        before = self.sender.statistics().messages
        yield from super().__iter__()
        for _ in range(20):
            if self.sender.statistics().messages > before:
                break
            threading.Event().wait(0.002)


async def test_an_answer_that_comes_while_the_journal_is_written_is_not_lost(tmp_path):
    """What is written is forgotten then, and it alone."""
    count = 200
    rows = (DataRow(n, {"email": one}) for n, one in enumerate(many(count), 1))
    template = Template("From: app@us.test\nSubject: Hi\n\nHello\n")
    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        with Journal(tmp_path / "journal") as journal:
            journal._pending = LateList(sender)
            journal.begin(b"digest")
            run = Run(sender, Personalised(template, rows, "email", None, 8), journal)
            assert (await run.wait_sent()).sent == count
            assert journal.count() == {State.SENT: count}


NOT_US = "550 5.7.240 The application is not allowed for use with this account"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return server_certificate(tmp_path_factory.mktemp("certificates"))


@asynccontextmanager
async def logged_in(certificate, *rules):
    context, ca_file = certificate
    async with ScriptedPeer(rules, tls=context, capabilities=["AUTH PLAIN"]) as peer:
        server = f"127.0.0.1:{peer.port}"
        settings = replace(SETTINGS, retry_pause_seconds=0.01)
        async with AsyncSender(
            server, user="app@us.test", password="x", ca_file=ca_file, settings=settings
        ) as sender:
            yield peer, sender


async def test_an_account_that_is_refused_costs_nobody_their_mail(certificate, tmp_path):
    """Not a hundred thousand refusals for good: the run ends, and the next one goes on."""
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.begin(b"digest")
        async with logged_in(certificate, Rule("MAIL", Say(NOT_US))) as (peer, sender):
            made = await Run(sender, personal(rows(200)), journal).wait_sent()
        assert not made.is_complete
        assert made.refused_account.reply.text.endswith(f"({NOT_US})")
        assert made.refused_account.outcome.key == "app-not-allowed"
        assert peer.verbs().count("MAIL") < 30
    with Journal(path) as journal:
        journal.begin(b"digest")
        async with logged_in(certificate) as (peer, sender):
            made = await Run(sender, personal(rows(200)), journal).wait_sent()
    assert (made.sent, made.is_complete) == (200, True)
    assert len(peer.messages) == 200


async def test_a_refusal_of_the_account_now_and_then_ends_nothing(certificate, journal):
    rules = [Rule("MAIL", Say(NOT_US), nth=n, session=1) for n in (3, 9)]
    async with logged_in(certificate, *rules) as (_, sender):
        made = await Run(sender, personal(rows(60)), journal).wait_sent()
    assert made.is_complete
    assert made.refused_account is None


@pytest.mark.parametrize(
    "refusal", ["530 5.7.57 Client not authenticated", "503 5.5.1 Bad sequence", "535 5.7.143 X"]
)
async def test_what_is_about_the_session_is_tried_again(certificate, refusal):
    """On the first message of a session too, where no other session is at fault."""
    rules = [Rule("MAIL", Say(refusal), times=3)]
    async with logged_in(certificate, *rules) as (_, sender):
        (result,) = await sender.send(letter())
    assert result.state is State.SENT


async def test_a_server_that_wants_a_login_costs_nobody_their_mail(journal):
    wanted = Rule("MAIL", Say("530 5.7.57 Client not authenticated to send mail"))
    async with ScriptedPeer([wanted]) as peer, sender_to(peer) as sender:
        made = await Run(sender, personal(rows(200)), journal).wait_sent()
    assert made.refused_account.may_pass_later
    assert made.read < 100
