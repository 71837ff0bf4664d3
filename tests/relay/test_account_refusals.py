"""What a service where we log in means by a refusal, and what it does to sessions."""

import pytest

from kairan.mail.reply import Reply
from kairan.relay.account_refusals import judge_refusals
from kairan.relay.contact import Contact
from kairan.relay.next_hop import NextHop, TlsPolicy
from kairan.relay.pool import Pool
from kairan.testing.peer import Rule, Say, ScriptedPeer
from kit.plain_identity import PlainIdentity
from peers.servers import make_certificate
from relay.relay_talk import CONTENT, SETTINGS, codes, send

YES = Reply.of(250, "2.0.0", "Ok")
NO_USER = Reply.of(550, "5.1.10", "Recipient not found")
CROWDED = Reply.of(432, "4.3.2", "Concurrent connections limit exceeded. Visit https://aka.ms/x.")
THREADS = Reply.of(432, "4.3.2", "STOREDRV.Deliver; recipient thread limit exceeded")
APP = Reply.of(550, "5.7.240", "The application is not allowed for use with this account")
SPENT = Reply.of(535, "5.7.143", "Expired token")
OUT_OF_STEP = Reply.of(503, "5.5.1", "Bad sequence of commands")
UNKNOWN_COMMAND = Reply.of(502, "", "Command not implemented")
WITHOUT_LOGIN = Reply.of(530, "5.7.57", "Client not authenticated to send mail")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"), "localhost")


@pytest.mark.parametrize(
    ("replies", "kept", "contact", "ends_session"),
    [
        ((YES, YES), set(), None, False),
        ((YES, NO_USER), set(), None, False),
        ((NO_USER,), set(), None, False),
        ((APP, APP), {0, 1}, Contact.REFUSES_US, True),
        ((APP, YES), {0}, Contact.BROKEN, True),
        ((SPENT,), {0}, Contact.BROKEN, True),
        ((WITHOUT_LOGIN, WITHOUT_LOGIN), {0, 1}, Contact.BROKEN, True),
        ((OUT_OF_STEP,), {0}, Contact.BROKEN, True),
        ((OUT_OF_STEP, YES), {0}, Contact.BROKEN, True),
        ((UNKNOWN_COMMAND,), {0}, Contact.BROKEN, True),
        ((Reply.of(503, "5.7.1", "Not from here"),), set(), None, False),
        ((Reply.of(500, "", "Line too long"),), set(), None, False),
        ((CROWDED,), set(), Contact.CROWDED, True),
        ((NO_USER, CROWDED), set(), Contact.CROWDED, True),
        ((THREADS,), set(), None, False),
    ],
)
def test_whom_a_refusal_blames(replies, kept, contact, ends_session):
    judged = judge_refusals(replies, dot_sent=False)
    assert (judged.kept, judged.contact) == (kept, contact)
    assert judged.ends_session is ends_session


async def sent_by_token(certificate, *rules, messages=1, identity=None, **settings):
    """The replies, and the peer."""
    async with ScriptedPeer(
        rules, tls=certificate.server_context(), capabilities=["AUTH XOAUTH2"]
    ) as peer:
        next_hop = NextHop(
            host="localhost",
            port=peer.port,
            tls=TlsPolicy.REQUIRE,
            ca_file=certificate.file,
            identity=identity or PlainIdentity(),
        )
        pool = Pool(next_hop, SETTINGS)
        answers = [answer for _ in range(messages) for answer in await send(pool)]
        await pool.close()
    return answers, peer


@pytest.mark.parametrize(
    "refusal",
    [
        "501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon",
        "501 5.5.128 Invalid XOAUTH2 auth data - Token has expired",
        "535 5.7.142 Token will expire soon",
        "535 5.7.143 Expired token",
        "535 5.7.127 Authentication unsuccessful",
        "535 5.7.3 Authentication unsuccessful [X]",
    ],
)
async def test_a_refused_token_is_renewed_once_before_anything_is_deferred(certificate, refusal):
    answers, peer = await sent_by_token(certificate, Rule("AUTH", Say(refusal), times=1))
    assert codes(answers) == [250]
    assert peer.sessions == 2


async def test_a_token_that_is_refused_twice_defers_and_holds_nothing(certificate):
    answers, peer = await sent_by_token(certificate, Rule("AUTH", Say("535 5.7.143 Expired token")))
    assert codes(answers) == [451]
    assert answers[0].contact is Contact.DOWN
    assert peer.sessions == 2


@pytest.mark.parametrize(
    "refusal",
    [
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
        "535 5.7.139 Authentication unsuccessful, something new.",
        "550 5.7.240 The application is not allowed for use with this account",
        "535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions.",
        "501 5.5.124 Invalid XOAUTH2 auth data - User address provided is not valid.",
        "504 5.7.4 Unrecognized authentication type",
    ],
)
async def test_a_login_that_needs_mending_is_tried_once_alone(certificate, refusal):
    answers, peer = await sent_by_token(certificate, Rule("AUTH", Say(refusal)))
    assert codes(answers) == [451]
    assert answers[0].contact is Contact.REFUSES_US
    assert peer.sessions == 1


async def test_a_session_that_lost_its_login_is_left_and_its_message_goes_out_on_another(
    certificate,
):
    lost = Rule("MAIL", Say("530 5.7.57 Client not authenticated to send mail"), nth=2, session=1)
    answers, peer = await sent_by_token(certificate, lost, messages=3)
    assert codes(answers) == [250, 250, 250]
    assert peer.sessions == 2
    assert len(peer.messages) == 3


async def test_a_session_too_many_is_closed_and_its_message_waits(certificate):
    crowded = Rule("DOT", Say("432 4.3.2 Concurrent connections limit exceeded."), times=1)
    answers, peer = await sent_by_token(certificate, crowded, messages=2)
    assert codes(answers) == [432, 250]
    assert answers[0].contact is Contact.CROWDED
    assert peer.sessions == 2


async def test_an_account_refused_after_the_dot_is_no_refusal_of_the_message(certificate):
    answers, _ = await sent_by_token(certificate, Rule("DOT", Say(f"{APP}")))
    assert answers[0].contact is Contact.REFUSES_US
    assert answers[0].kept == {0}


@pytest.mark.parametrize("fault", ["no STARTTLS", "unknown authority", "no mechanism"])
async def test_what_protects_the_token_is_missing_so_it_does_not_leave(
    certificate, tmp_path, fault
):
    context = None if fault == "no STARTTLS" else certificate.server_context()
    offered = [] if fault == "no mechanism" else ["AUTH XOAUTH2"]
    async with ScriptedPeer(tls=context, capabilities=offered) as peer:
        next_hop = NextHop(
            host="localhost",
            port=peer.port,
            ca_file=None if fault == "unknown authority" else certificate.file,
            identity=PlainIdentity(),
        )
        pool = Pool(next_hop, SETTINGS)
        (answer,) = await send(pool)
        await pool.close()
    assert answer.contact is Contact.REFUSES_US
    assert "AUTH" not in peer.verbs()
    assert "MAIL" not in peer.verbs()


async def test_a_stranger_without_login_is_taken_at_his_word():
    async with ScriptedPeer([Rule("DOT", Say(f"{APP}"))]) as peer:
        pool = Pool(NextHop(host="127.0.0.1", port=peer.port, tls=TlsPolicy.NONE), SETTINGS)
        (answer,) = await send(pool)
        await pool.close()
    assert (codes([answer]), answer.kept) == ([550], frozenset())


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    "refusal",
    [
        "503 5.5.1 Bad sequence of commands",
        "503 RCPT first",
        "502 5.5.2 Error: command not recognized",
        "500 5.5.1 Command unrecognized",
    ],
)
@pytest.mark.parametrize("capabilities", [[], ["PIPELINING"]])
async def test_a_session_out_of_step_is_left_and_the_message_goes_by_another(
    verb, refusal, capabilities
):
    wrong = Rule(verb, Say(refusal), nth=2, session=1)
    async with ScriptedPeer([wrong], capabilities=capabilities) as peer:
        pool = Pool(NextHop(host="127.0.0.1", port=peer.port, tls=TlsPolicy.NONE), SETTINGS)
        answers = [answer for _ in range(3) for answer in await send(pool)]
        await pool.close()
    assert codes(answers) == [250, 250, 250]
    assert peer.sessions == 2
    # A peer without order takes DATA after a refused MAIL, and hears a lone dot.
    assert [one.content for one in peer.messages if one.content] == [CONTENT] * 3


async def test_who_is_always_out_of_step_costs_no_message():
    async with ScriptedPeer([Rule("MAIL", Say("503 5.5.1 Sender already given"))]) as peer:
        pool = Pool(NextHop(host="127.0.0.1", port=peer.port, tls=TlsPolicy.NONE), SETTINGS)
        (answer,) = await send(pool)
        await pool.close()
    assert (answer.kept, answer.contact) == ({0}, Contact.BROKEN)
