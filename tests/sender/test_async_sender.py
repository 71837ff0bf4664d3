"""Messages go out in batches over held sessions, and each recipient has a result."""

import asyncio

import pytest

from kairan.outcomes import catalogue
from kairan.sender.result import State
from kairan.testing.peer import Cut, Hang, Pause, Rule, Say, ScriptedPeer
from sender.sender_talk import letter, many, sender_to


async def test_a_message_to_many_goes_out_in_batches_of_fifty():
    async with ScriptedPeer() as peer, sender_to(peer, sessions_max=1) as sender:
        report = await sender.send(letter(), many(120))
    assert [len(message.recipients) for message in peer.messages] == [50, 50, 20]
    assert peer.sessions == 1
    assert report.all_sent
    assert [result.recipient for result in report] == many(120)


async def test_batches_share_the_sessions_there_may_be():
    rules = [Rule("DOT", Pause(0.05), Say("250 2.0.0 Taken"))]
    async with ScriptedPeer(rules) as peer, sender_to(peer, sessions_max=3) as sender:
        report = await sender.send(letter(), many(400))
        statistics = sender.statistics()
    assert report.all_sent
    assert peer.sessions == 3
    assert (statistics.messages, statistics.recipients) == (8, 400)


async def test_a_limit_that_the_server_announces_is_obeyed():
    capabilities = ["PIPELINING", "LIMITS RCPTMAX=7"]
    async with ScriptedPeer(capabilities=capabilities) as peer, sender_to(peer) as sender:
        report = await sender.send(letter(), many(20))
    assert [len(message.recipients) for message in peer.messages] == [7, 7, 6]
    assert report.all_sent


async def test_an_address_twice_gets_one_copy():
    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        report = await sender.send(letter(), ["a@x.test", "A@X.test", "b@x.test", "a@x.test"])
    assert peer.messages[0].recipients == ("<a@x.test>", "<b@x.test>")
    assert [result.recipient for result in report] == ["a@x.test", "b@x.test"]


async def test_what_is_no_address_is_refused_and_the_others_get_their_mail():
    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        report = await sender.send(letter(), ["a@x.test", "nobody", "b@x.test"])
    assert [result.state for result in report] == [State.SENT, State.REFUSED, State.SENT]
    assert report.results[1].outcome is catalogue.RECIPIENT_INVALID
    assert report.results[1].remedies
    assert len(peer.messages) == 1


async def test_a_message_to_nobody_opens_no_session():
    async with ScriptedPeer() as peer, sender_to(peer) as sender:
        report = await sender.send(letter(), [])
    assert (report.results, peer.sessions) == ((), 0)


async def test_a_refusal_comes_with_its_cause_and_remedy():
    rules = [Rule("RCPT", Say("550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found"), nth=2)]
    async with ScriptedPeer(rules) as peer, sender_to(peer) as sender:
        report = await sender.send(letter(), many(3))
    assert [result.state for result in report] == [State.SENT, State.REFUSED, State.SENT]
    refused = report.results[1]
    assert not refused.may_pass_later
    assert (refused.reply.code, refused.reply.enhanced) == (550, "5.1.10")
    assert refused.outcome is not None
    assert refused.causes[0].ja
    assert refused.remedies[0].en


async def test_those_refused_for_now_are_tried_again_and_nobody_else_is():
    rules = [Rule("RCPT", Say("451 4.7.1 Later"), nth=2)]
    async with ScriptedPeer(rules) as peer, sender_to(peer) as sender:
        report = await sender.send(letter(), many(3))
    assert report.all_sent
    sent = [recipient for message in peer.messages for recipient in message.recipients]
    assert sent == ["<user001@x.test>", "<user003@x.test>", "<user002@x.test>"]


async def test_a_throttle_after_the_dot_is_waited_for():
    throttled = "432 4.3.2 Concurrent connections limit exceeded."
    rules = [Rule("DOT", Say(throttled), times=2)]
    async with ScriptedPeer(rules) as peer, sender_to(peer) as sender:
        report = await sender.send(letter())
    assert report.all_sent


async def test_who_is_refused_for_now_for_too_long_is_said_so():
    rules = [Rule("RCPT", Say("451 4.7.1 Later"))]
    async with ScriptedPeer(rules) as peer, sender_to(peer, tries_max=3) as sender:
        report = await sender.send(letter())
    assert report.results[0].may_pass_later
    assert peer.verbs().count("RCPT") == 3


@pytest.mark.parametrize("reset", [False, True])
async def test_a_connection_lost_after_the_dot_is_unknown_and_nothing_is_sent_again(reset):
    rules = [Rule("RCPT", Say("550 5.1.1 Nobody"), nth=2), Rule("DOT", Cut(reset=reset))]
    async with ScriptedPeer(rules) as peer, sender_to(peer) as sender:
        report = await sender.send(letter(), many(3))
    assert [one.state for one in report] == [State.UNKNOWN, State.REFUSED, State.UNKNOWN]
    assert not any(result.may_pass_later for result in report)
    assert len(peer.messages) == 1


async def test_a_server_that_is_not_there_is_a_value():
    async with ScriptedPeer() as peer:
        sender = sender_to(peer, tries_max=2)
    report = await sender.send(letter(), many(60))
    await sender.close()
    assert {result.outcome for result in report} == {catalogue.PEER_UNREACHABLE}
    assert all(result.may_pass_later for result in report)


async def test_a_stream_holds_its_sessions_and_reports_each_message():
    async with ScriptedPeer() as peer, sender_to(peer, sessions_max=2) as sender:
        letters = [letter(recipient, text=recipient) for recipient in many(40)]
        reports = [report async for report in sender.stream(letters)]
        again = [report async for report in sender.stream(_slowly(letters[:3]))]
    assert sorted(report.results[0].recipient for report in reports) == many(40)
    assert {report.message_id for report in reports} == {one.message_id for one in letters}
    assert len(again) == 3
    assert peer.sessions == 2


async def _slowly(letters):
    for one in letters:
        yield one


async def test_a_stream_takes_no_more_than_it_can_send():
    taken = 0

    def letters():
        nonlocal taken
        for recipient in many(100):
            taken += 1
            yield letter(recipient)

    async with ScriptedPeer() as peer, sender_to(peer, sessions_max=2) as sender:
        async for _ in sender.stream(letters()):
            assert taken - len(peer.messages) <= 6
    assert taken == 100


@pytest.mark.parametrize(
    "garbage",
    [b"250 2.0.0 Ta", b"\xff\xfe\r\n", b"250-a\r\n550 b\r\n", b"354 Go on\r\n", b"99\r\n"],
)
async def test_half_an_answer_after_the_dot_and_nonsense_are_unknown_too(garbage):
    rules = [Rule("DOT", Say(garbage), Cut())]
    async with ScriptedPeer(rules) as peer, sender_to(peer) as sender:
        report = await sender.send(letter())
    assert report.results[0].state is State.UNKNOWN
    assert len(peer.messages) == 1


async def test_421_after_the_dot_is_an_answer_and_is_tried_again():
    rules = [Rule("DOT", Say("421 4.3.2 Going down"), Cut(), times=1)]
    async with ScriptedPeer(rules) as peer, sender_to(peer) as sender:
        report = await sender.send(letter())
    assert report.all_sent


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "DOT"])
async def test_who_cannot_wait_has_an_answer_in_time(stage):
    begun = asyncio.get_running_loop().time()
    async with (
        ScriptedPeer([Rule(stage, Hang())]) as peer,
        sender_to(peer, timeout_seconds=0.3, retry_pause_seconds=0.2, tries_max=50) as sender,
    ):
        (result,) = await sender.send(letter())
    assert result.state is (State.UNKNOWN if stage == "DOT" else State.REFUSED)
    # A look at the clock of a session comes once a second; fifty tries would take a minute.
    assert asyncio.get_running_loop().time() - begun < 20


async def test_what_is_refused_for_now_is_not_tried_again_when_the_time_is_over():
    async with (
        ScriptedPeer([Rule("RCPT", Say("451 4.7.500 Later"))]) as peer,
        sender_to(peer, timeout_seconds=0.3, retry_pause_seconds=10.0) as sender,
    ):
        (result,) = await sender.send(letter())
    assert result.may_pass_later
    assert peer.verbs().count("RCPT") == 1
