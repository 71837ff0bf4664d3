"""Hostile replies and sessions out of step: no message is lost, doubled, or answered for another."""

import asyncio
from dataclasses import replace

import pytest

from kairan.relay.session import _IDLE_SECONDS
from kairan.sender.async_sender import AsyncSender
from kairan.sender.result import State
from kairan.testing.peer import Cut, Hang, Pause, Rule, Say, ScriptedPeer
from sender.sender_talk import SETTINGS, letter, many, sender_to

STAGES = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA")
HOSTILE = {
    "100,000 lines": b"250-more\r\n" * 100_000 + b"250 end\r\n",
    "a line without an end": b"250 " + b"x" * 2_000_000,
    "other code in the last line": b"250-yes\r\n550 no\r\n",
    "no code at all": b"\x00\xff\xfe\r\n",
    "a bare line feed": b"250 yes\n",
    "nothing but a line end": b"\r\n",
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_reply_costs_its_session_and_no_message(stage, name):
    rules = [Rule(stage, Say(HOSTILE[name]), times=1)]
    async with ScriptedPeer(rules) as peer, sender_to(peer) as sender:
        async with asyncio.timeout(60):
            report = await sender.send(letter(), many(3))
    assert report.all_sent
    assert [len(message.recipients) for message in peer.messages] == [3]


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_reply_to_the_whole_message_is_unknown(name):
    rules = [Rule("DOT", Say(HOSTILE[name]), Cut())]
    async with ScriptedPeer(rules) as peer, sender_to(peer) as sender:
        async with asyncio.timeout(60):
            report = await sender.send(letter(), many(3))
    assert {result.state for result in report} == {State.UNKNOWN}
    assert len(peer.messages) == 1


@pytest.mark.parametrize("stage", [*STAGES, "DOT"])
async def test_421_at_any_stage_is_tried_again_and_arrives_once(stage):
    rules = [Rule(stage, Say("421 4.3.2 Service not available"), Cut(), times=1)]
    async with ScriptedPeer(rules) as peer, sender_to(peer) as sender:
        report = await sender.send(letter(), many(3))
    assert report.all_sent
    # The peer counts a message when it is whole, whatever it answers.
    arrived = peer.messages[1:] if stage == "DOT" else peer.messages
    assert sorted(one for message in arrived for one in message.recipients) == sorted(
        f"<{one}>" for one in many(3)
    )


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("reset", [False, True])
async def test_a_connection_cut_at_any_stage_before_the_content_loses_nothing(stage, reset):
    rules = [Rule(stage, Say(b"25"), Cut(reset=reset), times=1)]
    async with ScriptedPeer(rules) as peer, sender_to(peer) as sender:
        report = await sender.send(letter(), many(3))
    assert report.all_sent
    assert len(peer.messages) == 1


@pytest.mark.parametrize(
    "reply", ["550 5.1 Nobody", "550 5.1.1.1 Nobody", "550 5.99999.1 Nobody", "550 Nobody"]
)
async def test_an_enhanced_code_that_is_none_leaves_the_refusal_a_refusal(reply):
    rules = [Rule("RCPT", Say(reply), nth=2)]
    async with ScriptedPeer(rules) as peer, sender_to(peer) as sender:
        report = await sender.send(letter(), many(3))
    assert [result.state for result in report] == [State.SENT, State.REFUSED, State.SENT]
    assert report.results[1].reply.code == 550
    assert not report.results[1].may_pass_later


@pytest.mark.parametrize("answer", ["503 5.5.1 Bad sequence", "421 4.3.2 Bye", "500 What?"])
async def test_a_refused_rset_is_no_refusal_of_the_message_behind_it(answer):
    """Where nobody was accepted, RSET stands in front of the next message."""
    rules = [Rule("RCPT", Say("550 5.1.1 Nobody"), nth=1, session=1), Rule("RSET", Say(answer))]
    async with ScriptedPeer(rules) as peer, sender_to(peer, sessions_max=1) as sender:
        assert (await sender.send(letter("nobody@x.test"))).results[0].state is State.REFUSED
        report = await sender.send(letter("a@x.test"))
    assert report.all_sent
    assert [message.session for message in peer.messages] == [2]


@pytest.mark.parametrize("reset", [False, True])
async def test_a_session_that_the_server_closed_while_idle_is_not_a_failure(reset):
    rules = [Rule("MAIL", Cut(reset=reset), nth=2, session=1)]
    async with ScriptedPeer(rules) as peer, sender_to(peer, sessions_max=1) as sender:
        for _ in range(2):
            assert (await sender.send(letter())).all_sent
        statistics = sender.statistics()
    assert [message.session for message in peer.messages] == [1, 2]
    assert statistics.stale == 1


async def test_a_session_that_died_without_a_word_is_found_before_the_message_is_risked():
    rules = [Rule("MAIL", Hang(), nth=2, session=1)]
    async with ScriptedPeer(rules) as peer, sender_to(peer, sessions_max=1) as sender:
        assert (await sender.send(letter())).all_sent
        pool = sender._pool
        pool.settings = replace(pool.settings, idle_answer_timeout_seconds=0.2)
        (session,) = pool._live
        session.settings = pool.settings
        session.used -= _IDLE_SECONDS  # so long ago
        async with asyncio.timeout(30):
            assert (await sender.send(letter())).all_sent
    assert [message.session for message in peer.messages] == [1, 2]


async def test_a_late_second_answer_is_never_read_for_the_next_message():
    rules = [Rule("DOT", Say("250 2.0.0 One\r\n550 5.7.1 Two"), nth=1, session=1)]
    async with ScriptedPeer(rules) as peer, sender_to(peer, sessions_max=1) as sender:
        first = await sender.send(letter("a@x.test"))
        second = await sender.send(letter("b@x.test"))
    assert first.results[0].reply.text == "One"
    assert second.results[0].reply.text == "Taken"
    assert [message.session for message in peer.messages] == [1, 2]


async def test_two_accounts_never_share_a_session(certificates):
    context, ca_file = certificates
    async with ScriptedPeer(capabilities=("PIPELINING", "AUTH PLAIN"), tls=context) as peer:
        senders = [
            AsyncSender(
                f"127.0.0.1:{peer.port}",
                user=user,
                password="x",
                ca_file=ca_file,
                settings=SETTINGS,
            )
            for user in ("one@us.test", "two@us.test")
        ]
        for _ in range(3):
            for sender in senders:
                assert (await sender.send(letter())).all_sent
        for sender in senders:
            await sender.close()
    assert peer.sessions == 2
    assert [peer.verbs(session).count("AUTH") for session in (1, 2)] == [1, 1]


async def test_after_the_login_there_is_no_second_greeting(certificates):
    """EHLO after AUTH makes some servers forget the login."""
    context, ca_file = certificates
    async with ScriptedPeer(capabilities=("PIPELINING", "AUTH PLAIN"), tls=context) as peer:
        where = f"127.0.0.1:{peer.port}"
        async with AsyncSender(where, user="a@us.test", password="x", ca_file=ca_file) as sender:
            for _ in range(2):
                assert (await sender.send(letter())).all_sent
    verbs = peer.verbs(1)
    assert verbs[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert "EHLO" not in verbs[4:]


async def test_one_message_that_hangs_does_not_starve_the_others():
    rules = [Rule("DOT", Hang(), times=1)]
    async with ScriptedPeer(rules) as peer:
        sender = sender_to(peer, sessions_max=2)
        stuck = asyncio.ensure_future(sender.send(letter("stuck@x.test")))
        while not peer.messages:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(30):
            reports = await asyncio.gather(*(sender.send(letter(one)) for one in many(50)))
        assert all(report.all_sent for report in reports)
        await sender.close()
        assert (await stuck).results[0].state is State.UNKNOWN


async def test_fifty_at_once_share_one_session_in_turn():
    async with ScriptedPeer() as peer, sender_to(peer, sessions_max=1) as sender:
        reports = await asyncio.gather(*(sender.send(letter(one)) for one in many(50)))
    assert all(report.all_sent for report in reports)
    assert peer.sessions == 1
    assert len(peer.messages) == 50


async def test_an_answer_later_than_we_wait_is_unknown():
    rules = [Rule("DOT", Pause(3.0), Say("250 2.0.0 Taken"))]
    async with ScriptedPeer(rules) as peer, sender_to(peer, answer_timeout_seconds=0.2) as sender:
        report = await sender.send(letter())
    assert report.results[0].state is State.UNKNOWN
    assert len(peer.messages) == 1


async def test_caps_on_messages_and_age_close_sessions_between_messages():
    async with ScriptedPeer() as peer, sender_to(peer, session_messages_max=2) as sender:
        for _ in range(5):
            assert (await sender.send(letter())).all_sent
    assert [message.session for message in peer.messages] == [1, 1, 2, 2, 3]
    async with ScriptedPeer() as peer, sender_to(peer, session_age_seconds=0.0) as sender:
        for _ in range(3):
            assert (await sender.send(letter())).all_sent
    assert [message.session for message in peer.messages] == [1, 2, 3]
    assert peer.verbs(1)[-1] == "QUIT"


async def test_the_servers_mailmax_is_obeyed():
    capabilities = ("PIPELINING", "LIMITS MAILMAX=2 RCPTMAX=10")
    async with (
        ScriptedPeer(capabilities=capabilities) as peer,
        sender_to(peer, sessions_max=1) as sender,
    ):
        report = await sender.send(letter(), many(50))
    assert report.all_sent
    assert [message.session for message in peer.messages] == [1, 1, 2, 2, 3]
