"""SMTP to one next hop: replies become results."""

import pytest

from delivery.transport_talk import CONTENT, SETTINGS, envelope, kinds, to
from kairan.delivery.transports.smtp import results_of
from kairan.delivery.transports.table import transport_for
from kairan.mail.envelope import Notify
from kairan.mail.reply import Reply
from kairan.relay.pool import TransactionResult
from kairan.testing.peer import Cut, Rule, Say, ScriptedPeer


async def deliver(peer: ScriptedPeer, *addresses: str, notify: Notify = Notify.UNSET):
    transport = transport_for(f"smtp://127.0.0.1:{peer.port}", SETTINGS)
    recipients = to(*addresses, notify=notify)
    results = await transport.deliver(envelope(), recipients, CONTENT)
    await transport.close()
    return results


async def test_each_recipient_has_its_own_result_in_order():
    rules = [Rule("RCPT", Say("550 5.1.1 who"), nth=2), Rule("RCPT", Say("452 4.2.2 full"), nth=3)]
    async with ScriptedPeer(rules) as peer:
        results = await deliver(peer, "a@x.test", "b@x.test", "c@x.test", "d@x.test")
    assert kinds(results) == ["Delivered", "Failed", "Deferred", "Delivered"]
    assert results[0].relay == f"127.0.0.1[127.0.0.1]:{peer.port}"
    assert [str(result.reply) for result in results[1:3]] == ["550 5.1.1 who", "452 4.2.2 full"]


async def test_a_result_names_the_host_that_was_reached_and_whose_words_it_has():
    rules = [Rule("RCPT", Say("550 5.1.1 who"))]
    async with ScriptedPeer(rules) as peer:
        (refused,) = await deliver(peer, "a@x.test")
    (unreached,) = await deliver(peer, "a@x.test")
    assert (refused.remote, refused.reply.is_ours) == ("127.0.0.1", False)
    assert (unreached.remote, unreached.reply.is_ours) == ("", True)


async def test_success_is_reported_by_the_next_hop_only_if_it_was_asked_and_can():
    async with ScriptedPeer() as peer:
        (asked,) = await deliver(peer, "a@x.test", notify=Notify.SUCCESS)
        (unasked,) = await deliver(peer, "a@x.test")
    async with ScriptedPeer(capabilities=["PIPELINING"]) as peer:
        (unable,) = await deliver(peer, "a@x.test", notify=Notify.SUCCESS)
    assert asked.reported_by_next_hop
    assert not unasked.reported_by_next_hop
    assert not unable.reported_by_next_hop


async def test_no_connection_is_a_deferral():
    async with ScriptedPeer() as peer:
        pass
    (result,) = await deliver(peer, "a@x.test")
    assert kinds([result]) == ["Deferred"]
    assert result.reply.enhanced == "4.4.1"


@pytest.mark.parametrize(
    "answer",
    [
        [Cut()],
        [Cut(reset=True)],
        [Say(b"250-half of it\r\n25"), Cut()],
        [Say(b"250-yes\r\n550 no\r\n")],
        [Say("354 What is it?")],
        [Say("999 5.0.0 No such code")],
    ],
)
async def test_who_may_have_it_without_a_final_answer_is_unknown(answer):
    async with ScriptedPeer(
        [Rule("RCPT", Say("452 4.2.2 full"), nth=2), Rule("DOT", *answer)]
    ) as peer:
        results = await deliver(peer, "a@x.test", "b@x.test", "c@x.test")
    assert kinds(results) == ["Deferred"] * 3
    assert [result.is_unknown for result in results] == [True, False, True]


@pytest.mark.parametrize("verb", ["CONNECT", "MAIL", "RCPT", "DATA"])
async def test_who_cannot_have_it_is_not_unknown(verb):
    async with ScriptedPeer([Rule(verb, Cut())]) as peer:
        results = await deliver(peer, "a@x.test", "b@x.test")
    assert kinds(results) == ["Deferred"] * 2
    assert not any(result.is_unknown for result in results)


async def test_a_no_to_the_whole_message_leaves_nothing_open():
    for text in ("421 4.3.2 Closing", "432 4.3.2 Too many", "451 4.3.0 Later"):
        async with ScriptedPeer([Rule("DOT", Say(text), Cut())]) as peer:
            (result,) = await deliver(peer, "a@x.test")
        assert not result.is_unknown


YES, OTHER, NO = (
    Reply.of(250, "2.0.0", "Ok"),
    Reply.of(250, "2.1.5", "Ok"),
    Reply.of(550, "", "no"),
)


@pytest.mark.parametrize(
    ("replies", "notify", "shared"),
    [
        ([YES, YES, YES], Notify.UNSET, True),
        ([YES, YES, YES], Notify.SUCCESS, False),
        ([YES, OTHER, YES], Notify.UNSET, False),
        ([YES, NO, YES], Notify.UNSET, False),
        ([NO, NO, NO], Notify.UNSET, False),
    ],
)
def test_one_reply_for_all_is_one_result_and_says_the_same_as_one_for_each(replies, notify, shared):
    recipients = to("a@x", "b@x", "c@x", notify=notify)
    together = results_of([TransactionResult(tuple(replies), "relay", dsn=True)], recipients)
    one_by_one = [
        result
        for reply, one in zip(replies, recipients, strict=True)
        for result in results_of([TransactionResult((reply,), "relay", dsn=True)], [one])
    ]
    assert together == one_by_one
    assert all(one is together[0] for one in together) == shared


def test_one_reply_of_each_transaction_is_for_its_own_recipients():
    answers = [TransactionResult((YES, YES), "relay"), TransactionResult((OTHER,), "relay")]
    results = results_of(answers, to("a@x", "b@x", "c@x"))
    assert [one.reply for one in results] == [YES, YES, OTHER]
