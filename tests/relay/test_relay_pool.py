"""Held sessions against a peer that misbehaves on command."""

import asyncio

import pytest

from kairan.mail.address import Address
from kairan.mail.envelope import Content, ContentFile, Recipient
from kairan.relay.pool import _Ceiling
from kairan.testing.peer import Cut, Hang, Rule, Say, ScriptedPeer
from kit.until import until
from relay.relay_talk import CONTENT, ENVELOPE, codes, pool_to, send


async def test_messages_share_a_session_and_handshakes_are_counted():
    async with ScriptedPeer() as peer:
        pool = pool_to(peer)
        for _ in range(3):
            assert codes(await send(pool)) == [250]
        statistics = pool.statistics()
        await pool.close()
    assert (peer.sessions, statistics.sessions_opened, statistics.handshakes_saved) == (1, 1, 2)
    assert [message.content for message in peer.messages] == [CONTENT] * 3
    assert peer.verbs() == ["EHLO", *["MAIL", "RCPT", "DATA"] * 3, "QUIT"]


async def test_sessions_stay_below_their_cap_and_nobody_is_forgotten():
    async with ScriptedPeer() as peer:
        pool = pool_to(peer, sessions_max=3)
        answers = await asyncio.gather(*(send(pool, f"u{n}@x.test") for n in range(30)))
        await pool.close()
    assert all(codes(answer) == [250] for answer in answers)
    assert peer.sessions == 3
    assert sorted(message.recipients[0] for message in peer.messages) == sorted(
        f"<u{n}@x.test>" for n in range(30)
    )


async def test_each_message_gets_its_own_answer_on_shared_sessions():
    """The answer of one must never be read for another."""
    rules = [Rule("RCPT", Say(f"550 5.1.1 no {n}"), nth=n) for n in range(2, 20, 3)]
    async with ScriptedPeer(rules) as peer:
        pool = pool_to(peer, sessions_max=1)
        answers = await asyncio.gather(*(send(pool) for _ in range(20)))
        await pool.close()
    expected = [550 if n in range(2, 20, 3) else 250 for n in range(1, 21)]
    assert [codes(answer)[0] for answer in answers] == expected


async def test_messages_max_and_the_peers_mailmax_end_a_session():
    async with ScriptedPeer(capabilities=["PIPELINING", "LIMITS MAILMAX=2"]) as peer:
        pool = pool_to(peer)
        for _ in range(6):
            assert codes(await send(pool)) == [250]
        await pool.close()
    assert [message.session for message in peer.messages] == [1, 1, 2, 2, 3, 3]


async def test_idle_sessions_are_left_politely():
    async with ScriptedPeer() as peer:
        pool = pool_to(peer, idle_seconds=0.05)
        await send(pool)
        await until(lambda: not peer.open_sessions)
        assert pool.statistics().idle == 0
        await pool.close()
    assert peer.verbs()[-1] == "QUIT"


async def test_recipients_over_the_peers_rcptmax_go_in_further_transactions():
    async with ScriptedPeer(capabilities=["PIPELINING", "LIMITS RCPTMAX=2"]) as peer:
        pool = pool_to(peer)
        answers = await send(pool, *(f"u{n}@x.test" for n in range(5)))
        await pool.close()
    assert codes(answers) == [250] * 5
    assert [len(message.recipients) for message in peer.messages] == [2, 2, 1]


# A held session that died.

DEATHS = {
    "421 at MAIL": Rule("MAIL", Say("421 4.4.2 too old"), Cut(), session=1, nth=2),
    "cut at MAIL": Rule("MAIL", Cut(), session=1, nth=2),
    "reset at MAIL": Rule("MAIL", Cut(reset=True), session=1, nth=2),
    "421 at RCPT": Rule("RCPT", Say("421 4.4.2 too old"), session=1, nth=2),
    "cut at DATA": Rule("DATA", Cut(), session=1, nth=2),
}


@pytest.mark.parametrize("death", DEATHS)
async def test_a_message_that_meets_a_dead_session_goes_by_a_fresh_one(death):
    async with ScriptedPeer([DEATHS[death]]) as peer:
        pool = pool_to(peer)
        assert codes(await send(pool)) == [250]
        assert codes(await send(pool)) == [250]
        assert pool.statistics().stale == 1
        await pool.close()
    assert len(peer.messages) == 2


async def test_a_peer_that_restarted_while_we_were_idle_is_not_noticed_by_the_message():
    async with ScriptedPeer() as peer:
        pool = pool_to(peer)
        assert codes(await send(pool)) == [250]
        await peer.stop()
        await peer.start()
        assert codes(await send(pool)) == [250]
        await pool.close()


async def test_a_fresh_session_that_dies_is_a_deferral_and_no_second_try():
    async with ScriptedPeer([Rule("MAIL", Cut())]) as peer:
        pool = pool_to(peer)
        (answer,) = await send(pool)
        await pool.close()
    assert codes([answer]) == [451]
    assert not answer.reached
    assert peer.sessions == 1


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("death", [Rule("DOT", Cut()), Rule("DOT", Hang())])
async def test_after_the_final_dot_no_session_is_tried_again(death, held):
    """The peer has the message, whatever became of its answer: a second try would double it."""
    async with ScriptedPeer() as peer:
        pool = pool_to(peer, dot_timeout_seconds=0.1)
        if held:
            await send(pool)
        peer.messages.clear()
        peer.rules.append(death)
        (answer,) = await send(pool)
        statistics = pool.statistics()
        await pool.close()
    assert codes([answer]) == [451]
    assert answer.reached
    assert "may have arrived" in answer.replies[0].text
    assert len(peer.messages) == 1
    assert (statistics.unknown, statistics.stale, statistics.open) == (1, 0, 0)


async def test_a_late_answer_is_not_read_by_the_next_message():
    """The 250 that comes after our time-out belongs to nobody."""
    async with ScriptedPeer([Rule("DOT", Hang(), session=1)]) as peer:
        pool = pool_to(peer, dot_timeout_seconds=0.1, sessions_max=1)
        assert codes(await send(pool)) == [451]
        peer.rules.append(Rule("DOT", Say("554 5.6.0 no"), session=2))
        assert codes(await send(pool)) == [554]
        await pool.close()


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
async def test_a_silent_peer_is_given_up(verb):
    async with ScriptedPeer([Rule(verb, Hang())]) as peer:
        pool = pool_to(
            peer,
            greeting_timeout_seconds=0.1,
            command_timeout_seconds=0.1,
            data_timeout_seconds=0.1,
        )
        (answer,) = await send(pool)
        await pool.close()
    assert "no answer in time" in answer.replies[0].text
    assert not answer.reached


HOSTILE = [b"250-x\r\n" * 1000, b"2" * 5000, b"250-a\r\n550 b\r\n", b"250 a\n", b"x\r\n"]  # fmt: skip


@pytest.mark.parametrize("reply", HOSTILE)
@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "DOT"])
async def test_a_hostile_reply_costs_the_session_and_nothing_else(verb, reply):
    async with ScriptedPeer([Rule(verb, Say(reply), session=1)]) as peer:
        pool = pool_to(peer)
        assert codes(await send(pool)) == [451]
        assert codes(await send(pool)) == [250]
        await pool.close()


# Refusals of the whole session.


async def test_a_refused_connection_defers_everybody_who_waited():
    async with ScriptedPeer() as peer:
        pool = pool_to(peer, sessions_max=2)
    answers = await asyncio.gather(*(send(pool) for _ in range(10)))
    assert all(codes(answer) == [451] for answer in answers)
    assert all("refused" in answer[0].replies[0].text for answer in answers)
    await pool.close()


async def test_a_permanent_refusal_of_the_session_bounces_nothing():
    async with ScriptedPeer([Rule("CONNECT", Say("554 5.7.1 your address is blocked"))]) as peer:
        pool = pool_to(peer)
        (answer,) = await send(pool)
        await pool.close()
    assert answer.replies[0].code == 451
    assert "blocked" in answer.replies[0].text


async def test_a_peer_that_allows_few_sessions_gets_everything_by_those():
    """Exchange Online's client submission allows three."""
    rules = [Rule("CONNECT", Say("421 4.3.2 too many"), Cut(), session=n) for n in range(3, 40)]
    async with ScriptedPeer(rules) as peer:
        pool = pool_to(peer, sessions_max=10)
        answers = await asyncio.gather(*(send(pool) for _ in range(40)))
        await pool.close()
    assert all(codes(answer) == [250] for answer in answers)
    assert {message.session for message in peer.messages} == {1, 2}


# Cancelling and closing.


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "DATA", "DOT"])
async def test_a_cancelled_message_leaves_no_session_in_doubt(verb):
    async with ScriptedPeer([Rule(verb, Hang(), session=1)]) as peer:
        pool = pool_to(peer, sessions_max=1)
        sending = asyncio.ensure_future(send(pool))
        waiting = asyncio.ensure_future(send(pool))
        await until(lambda: peer.heard(verb))
        sending.cancel()
        assert codes(await waiting) == [250]
        assert pool.statistics().open == 1
        await pool.close()
        assert pool.statistics().open == 0


async def test_close_answers_those_who_wait():
    async with ScriptedPeer([Rule("DOT", Hang())]) as peer:
        pool = pool_to(peer, sessions_max=1)
        sending = [asyncio.ensure_future(send(pool)) for _ in range(3)]
        await until(lambda: peer.messages)
        await pool.close()
        answers = [codes(await task) for task in sending]
    assert answers == [[451]] * 3


async def test_the_row_before_a_session_has_an_end():
    async with ScriptedPeer([Rule("DOT", Hang())]) as peer:
        pool = pool_to(peer, sessions_max=1, waiting_max=2)
        sending = [asyncio.ensure_future(send(pool)) for _ in range(5)]
        done, _ = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
        assert {codes(task.result())[0] for task in done} == {451}
        await pool.close()
        await asyncio.gather(*sending)


# Large contents.


@pytest.mark.parametrize("capabilities", [["PIPELINING"], []])
async def test_a_file_is_streamed_as_it_is(tmp_path, capabilities):
    content = b".line\r\n" * 100_000
    path = tmp_path / "content"
    path.write_bytes(content)
    async with ScriptedPeer(capabilities=capabilities) as peer:
        pool = pool_to(peer, piece_octets=4_099)
        answers = await send(pool, content=ContentFile(path, len(content)))
        assert codes(answers + await send(pool)) == [250, 250]
        await pool.close()
    assert [message.content for message in peer.messages] == [content, CONTENT]


PADDING = b"X-Padding: " + b"x" * 900 + b"\r\n"
UTF8_MESSAGES = [
    # header, the answer of a next hop without SMTPUTF8
    (b"Subject: hi\r\n", 250),
    (b"Subject: hi\r\n" + PADDING * 100, 250),
    ("Subject: h\u00fc\r\n".encode(), 550),
    (PADDING * 100 + "Subject: h\u00fc\r\n".encode(), 550),
]


@pytest.mark.parametrize("body_octets", [10, 300_000])
@pytest.mark.parametrize("in_file", [False, True])
@pytest.mark.parametrize(("header", "code"), UTF8_MESSAGES)
async def test_the_header_decides_who_may_have_a_message_whatever_its_size(
    tmp_path, header, code, in_file, body_octets
):
    """Some clients say SMTPUTF8 with every message (RFC 6531 section 3.2)."""
    content = header + b"\r\n" + "\u00fc\r\n".encode() * (body_octets // 4)
    path = tmp_path / "content"
    path.write_bytes(content)
    async with ScriptedPeer(capabilities=["PIPELINING"]) as peer:
        pool = pool_to(peer)
        answers = await send(
            pool,
            content=ContentFile(path, len(content)) if in_file else content,
            envelope=ENVELOPE._replace(smtputf8=True),
        )
        await pool.close()
    assert codes(answers) == [code]
    assert [message.content for message in peer.messages] == ([content] if code == 250 else [])


@pytest.mark.parametrize("size", [3, 99])
async def test_a_file_that_is_missing_or_cut_off_is_deferred(tmp_path, size):
    path = tmp_path / "content"
    if size == 99:
        path.write_bytes(b"cut off\r\n")
    async with ScriptedPeer() as peer:
        pool = pool_to(peer)
        answers = await send(pool, content=ContentFile(path, size))
        await pool.close()
    assert codes(answers) == [451]
    assert not peer.messages


async def test_lmtp_answers_each_recipient():
    rules = [Rule("DOT", Say("452 4.2.2 full"), nth=2)]
    async with ScriptedPeer(rules, lmtp=True) as peer:
        pool = pool_to(peer, lmtp=True)
        answers = await send(pool, "a@x.test", "b@x.test", "c@x.test")
        await pool.close()
    assert codes(answers) == [250, 452, 250]
    assert peer.verbs()[0] == "LHLO"


# More recipients than the peer takes at once.

TWELVE = [f"r{n}@x.test" for n in range(12)]


def batches(peer: ScriptedPeer) -> list[int]:
    return [len(message.recipients) for message in peer.messages]


@pytest.mark.parametrize("reply", ["452 4.5.3 Too many recipients", "452 Too many", "552 Many"])
async def test_who_is_too_many_goes_at_once_and_the_limit_is_learnt(reply):
    rules = [Rule("RCPT", Say(reply), nth=n) for n in range(6, 13)]
    async with ScriptedPeer(rules) as peer:
        pool = pool_to(peer)
        answers = await send(pool, *TWELVE)
        await send(pool, *TWELVE)
        await pool.close()
    assert codes(answers) == [250] * 12
    assert batches(peer) == [5, 5, 2, 5, 5, 2]
    assert peer.sessions == 1
    assert peer.verbs().count("RCPT") == 12 + 7 + 12, "only the first transaction learns"


async def test_a_limit_in_lmtp_is_learnt_too():
    rules = [Rule("RCPT", Say("452 4.5.3 Too many"), nth=n) for n in range(6, 13)]
    async with ScriptedPeer(rules, lmtp=True) as peer:
        pool = pool_to(peer, lmtp=True)
        answers = await send(pool, *TWELVE)
        await pool.close()
    assert codes(answers) == [250] * 12
    assert batches(peer) == [5, 5, 2]


@pytest.mark.parametrize("capabilities", [["PIPELINING"], []])
async def test_421_in_the_middle_of_the_recipients_halves_the_batch(capabilities):
    twenty = [f"r{n}@x.test" for n in range(20)]
    rules = [Rule("RCPT", Say("421 4.7.0 Too many"), Cut(), nth=11)]
    async with ScriptedPeer(rules, capabilities=capabilities) as peer:
        pool = pool_to(peer)
        answers = await send(pool, *twenty)
        answers_later = await send(pool, *twenty[:10])
        await pool.close()
    assert codes(answers) == [250] * 20
    assert codes(answers_later) == [250] * 10
    assert set(batches(peer)) == {10}


async def test_a_peer_that_wants_none_but_one_gets_one_at_a_time():
    rules = [Rule("RCPT", Say("421 4.7.0 Too many"), Cut(), nth=2)]
    async with ScriptedPeer(rules) as peer:
        pool = pool_to(peer, messages_max=1)
        answers = await send(pool, *TWELVE)
        await pool.close()
    assert codes(answers) == [250] * 12
    assert batches(peer) == [1] * 12


async def test_421_at_the_first_recipient_is_an_answer():
    async with ScriptedPeer([Rule("RCPT", Say("421 4.3.2 Closing"), Cut())]) as peer:
        pool = pool_to(peer)
        answers = await send(pool, *TWELVE)
        await pool.close()
    assert codes(answers) == [421] * 12


async def test_a_session_ends_before_resets_tire_the_peer():
    """Exim ends a session at the eleventh command that is about no mail."""
    rules = [Rule("RCPT", Say("550 5.1.1 unknown")), Rule("DATA", Say("554 none"))]
    async with ScriptedPeer(rules) as peer:
        pool = pool_to(peer)
        for _ in range(12):
            assert codes(await send(pool)) == [550]
        await pool.close()
        resets = [peer.verbs(session).count("RSET") for session in (1, 2)]
    assert resets == [8, 2]


# RFC 6152: what goes out as 8BITMIME.


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("body", "content", "said"),
    [
        ("", b"Subject: x\r\n\r\ngr\xc3\xbc\xdfe\r\n", True),
        ("7BIT", b"Subject: x\r\n\r\n\xff\r\n", True),
        ("", b"Subject: \xe4\r\n\r\nx\r\n", True),
        ("", b"Subject: x\r\n\r\nplain\r\n", False),
        ("8BITMIME", b"Subject: x\r\n\r\nplain\r\n", True),
    ],
)
async def test_octets_beyond_ascii_are_declared_though_the_client_did_not(
    tmp_path, large, body, content, said
):
    stored: Content = content
    if large:
        (tmp_path / "content").write_bytes(content)
        stored = ContentFile(tmp_path / "content", len(content))
    envelope = ENVELOPE._replace(body=body)
    async with ScriptedPeer() as peer, ScriptedPeer(capabilities=["PIPELINING"]) as old:
        for one in (peer, old):
            pool = pool_to(one)
            await pool.send(envelope, [Recipient(Address("a@x.test"))], stored)
            await pool.close()
    assert ("BODY=8BITMIME" in peer.messages[0].sender) == said
    assert "BODY=" not in old.messages[0].sender
    assert peer.messages[0].content == content


async def test_a_connection_that_was_lost_once_does_not_narrow_the_next_hop_for_long():
    """One of a hundred connections lost left five sessions of twenty."""
    async with ScriptedPeer(capabilities=["PIPELINING", "LIMITS MAILMAX=1"]) as peer:
        pool = pool_to(peer, sessions_max=3)
        pool._ceiling = _Ceiling(1, float("inf"))  # as after a loss beside one session
        allowed = []
        for _ in range(3):
            allowed.append(pool._sessions_max())
            assert codes(await send(pool)) == [250]
        await pool.close()
    assert allowed == [1, 2, 3]


async def test_those_who_wait_for_a_next_hop_that_closes_after_each_message_all_get_through():
    """A message that found its session dead was given another dead one, and was put off for it."""
    async with ScriptedPeer([Rule("DOT", Say("250 2.0.0 taken"), Cut())]) as peer:
        pool = pool_to(peer, sessions_max=3)
        answers = await asyncio.gather(*(send(pool) for _ in range(60)))
        await pool.close()
    assert [codes(answer) for answer in answers] == [[250]] * 60
