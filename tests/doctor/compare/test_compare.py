"""Two servers, one dialogue: our service agrees with itself, and not with a Postfix."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from kairan.doctor.answer import Language, Verdict
from kairan.doctor.compare.compare import Difference, compare, difference_of
from kairan.doctor.compare.dialogue import DIALOGUE, DialogueAction, DialogueNeeds
from kairan.doctor.compare.mask import masked, own_name
from kairan.doctor.compare.session import ComparedServer, ComparisonPlan, transcript
from kairan.doctor.compare.text import lines_of, record_of
from kairan.doctor.wire import ServerLogin
from kairan.testing.service import running_demo
from peers.postfix import postfix_smtp

PASSWORD = "correct horse"
LOGIN = ServerLogin("printer@kairan.test", password=PASSWORD)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("demo") / "demo") as running:
        yield running


def plan_of(demo, **more):
    account = demo.accounts[0]
    return ComparisonPlan(
        ServerLogin(account.address, password=account.password), demo.ca_file, **more
    )


def test_our_demo_answers_as_itself(demo):
    server = ComparedServer(demo.smtp_host, demo.smtp_port)
    found = compare(server, server, plan_of(demo))
    assert [pair for pair in found.pairs if pair.difference] == []
    assert found.verdict is Verdict.HEALTHY
    assert {step.name for step in DIALOGUE if step.needs is not DialogueNeeds.SEND} == {
        pair.step for pair in found.pairs
    }


def test_nothing_is_sent_unless_asked_for(demo):
    server = ComparedServer(demo.smtp_host, demo.smtp_port)
    transcript(server, plan_of(demo))
    transcript(server, plan_of(demo, send_to="user200@kairan.test"))
    demo.wait_messages("user200@kairan.test", count=1)
    assert len(demo.messages("user200@kairan.test")) == 1


def test_a_certificate_that_cannot_be_verified_keeps_the_password_at_home(demo):
    server = ComparedServer(demo.smtp_host, demo.smtp_port)
    turns = transcript(server, replace(plan_of(demo), ca_file=None))
    assert turns[-1].step.action is DialogueAction.STARTTLS
    assert turns[-1].lines[0].startswith("(TLS failed")


@pytest.mark.peers
def test_a_postfix_answers_otherwise_and_the_differences_are_shown(demo):
    with postfix_smtp(tls=True) as postfix:
        ours, theirs = (
            ComparedServer(demo.smtp_host, demo.smtp_port),
            ComparedServer("127.0.0.1", postfix.port),
        )
        found = compare(ours, theirs, ComparisonPlan())
    said = "\n".join(line.text for line in lines_of(found, Language.EN, everything=False))
    differences = {pair.step: pair.difference for pair in found.pairs}
    assert found.verdict is Verdict.PROBLEM
    assert differences["MAIL before TLS"] is Difference.CODE
    assert differences["EHLO after TLS"] is Difference.LINES
    assert differences["RSET"] is not Difference.CODE
    assert "another code: clients will behave differently" in said


async def test_who_is_not_there_leaves_it_unclear():
    server = ComparedServer("127.0.0.1", 1)
    found = await asyncio.to_thread(compare, server, server, ComparisonPlan())
    assert found.verdict is Verdict.UNCLEAR
    assert "127.0.0.1:1" in next(lines_of(found, Language.JA, everything=False)).text


# Scripted servers.


@asynccontextmanager
async def server_that(answer):
    """`answer(line)` gives what to say; None: hang up.  Yields the server and what it heard."""
    heard = []

    async def talk(reader, writer):
        writer.write(b"220 mx.test ready\r\n")
        while line := (await reader.readline()).decode().strip():
            heard.append(line)
            said = answer(line)
            if said is None:
                break
            writer.write(f"{said}\r\n".encode())
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield ComparedServer("127.0.0.1", server.sockets[0].getsockname()[1]), heard
    finally:
        server.close()


async def test_two_dialogues_that_both_ended_early_are_not_called_alike():
    async with server_that(lambda line: None if line == "NOOP" else "250 fine") as (server, _):
        found = await asyncio.to_thread(compare, server, server, ComparisonPlan())
    said = [line.text for line in lines_of(found, Language.EN, everything=False)]
    assert found.verdict is Verdict.UNCLEAR
    assert found.cut == "NOOP"
    assert any("ended early" in line for line in said)


async def test_without_tls_no_credentials_are_said():
    async with server_that(lambda _line: "250 fine") as (server, heard):
        turns = await asyncio.to_thread(transcript, server, ComparisonPlan(LOGIN))
    assert not any(PASSWORD in line or "cHJpbnRlckBrYWlyYW4udGVzdA" in line for line in heard)
    assert "login" not in {turn.step.name for turn in turns}


async def test_a_server_that_wants_a_message_where_none_is_meant_gets_none():
    def answer(line):
        return "354 go ahead" if line == "DATA" else "250 fine"

    async with server_that(answer) as (server, heard):
        await asyncio.to_thread(transcript, server, ComparisonPlan())
    assert "." not in heard


async def test_a_server_that_hangs_up_ends_its_column_there():
    async with server_that(lambda line: None if line == "KAIRAN" else "250 fine") as (server, _):
        turns = await asyncio.to_thread(transcript, server, ComparisonPlan())
    assert turns[-1].step.name == "unknown command"
    assert turns[-1].lines == ("(the server closed the connection)",)


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("\r\n".join(["250-x"] * 200), "(no SMTP: a reply has too many lines)"),
        ("250-" + "x" * 70_000, "(no SMTP: a reply line is too long)"),
        ("250-x", "(no answer in time)"),
        ("hello", "(no SMTP: a reply does not begin with a reply code)"),
    ],
)
async def test_an_answer_without_end_ends_the_dialogue(answer, shown):
    plan = ComparisonPlan(timeout_seconds=1.0)
    async with server_that(lambda _line: answer) as (server, _):
        turns = await asyncio.to_thread(transcript, server, plan)
    assert turns[-1].lines == (shown,)


async def test_words_in_plain_text_behind_starttls_end_the_dialogue_before_any_login():
    """RFC 3207 section 4.2: who sits between could have put them there."""

    def answer(line):
        return "220 go ahead\r\n250 mine" if line == "STARTTLS" else "250 fine"

    async with server_that(answer) as (server, _):
        turns = await asyncio.to_thread(transcript, server, ComparisonPlan(LOGIN))
    assert turns[-1].step.action is DialogueAction.STARTTLS
    assert "plain text" in turns[-1].lines[0]


async def test_a_server_cannot_move_the_terminals_cursor():
    async with server_that(lambda _line: "250 \x1b[2J\x07") as (server, _):
        turns = await asyncio.to_thread(transcript, server, ComparisonPlan())
    assert not any("\x1b" in line for turn in turns for line in turn.lines)


def test_a_login_does_not_show_its_secret():
    assert PASSWORD not in repr(ComparisonPlan(LOGIN))


# What counts as a difference.


@pytest.mark.parametrize(
    ("a", "b", "difference"),
    [
        (("250 2.0.0 OK",), ("250 2.0.0 OK",), Difference.NONE),
        (("250 2.0.0 OK",), ("250 2.0.0 Ok",), Difference.TEXT),
        (("250 2.0.0 OK",), ("250 2.1.0 OK",), Difference.ENHANCED),
        (("250 2.0.0 OK",), ("250 OK",), Difference.ENHANCED),
        (("530 5.7.57 no",), ("550 5.7.57 no",), Difference.CODE),
        (("250-A", "250 B"), ("250 A",), Difference.LINES),
        (("250-A", "250 B"), ("250-B", "250 A"), Difference.LINES),
        (("250 x",), ("(not reached)",), Difference.CODE),
        (("220 go", "(TLSv1.3)"), ("220 go", "(TLSv1.2)"), Difference.LINES),
    ],
)
def test_the_gravest_difference_is_named(a, b, difference):
    assert difference_of(a, b) is difference


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            "535 5.7.3 no [SN2PR00CA0018.namprd00.prod.outlook.com 2024-08-13T18:27:55.030Z 08DC]",
            "535 5.7.3 no […]",
        ),
        (
            "220 mx.test Microsoft ESMTP MAIL Service ready at Sun, 23 Nov 2025 11:12:20 +0000 [08DE2A6028D26C22]",
            "220 HOST Microsoft ESMTP MAIL Service ready at TIME […]",
        ),
        ("250-MX.test Hello [172.105.184.101]", "250-HOST Hello ADDRESS"),
        ("250-mx.test Hello [IPv6:2001:db8::1]", "250-HOST Hello ADDRESS"),
        ("250 2.0.0 Ok: queued as 4Yk2Qz1Abc", "250 2.0.0 Ok: queued as ID"),
        ("250-SIZE 157286400", "250-SIZE 157286400"),
        ("550 5.7.54 Unable to relay", "550 5.7.54 Unable to relay"),
    ],
)
def test_what_is_different_each_time_is_masked_and_nothing_else(line, shown):
    assert masked(line, "mx.test") == shown


def test_a_greeting_without_a_name_masks_nothing():
    assert own_name("220 ready") == ""
    assert own_name("220 mx.test ESMTP") == "mx.test"


def test_a_program_gets_every_step(demo):
    server = ComparedServer(demo.smtp_host, demo.smtp_port)
    record = record_of(compare(server, server, ComparisonPlan()))
    assert record["differences"] == 0
    assert record["steps"][0]["step"] == "greeting"
    assert {step.action for step in DIALOGUE} == set(DialogueAction)


def test_the_login_is_shown_as_a_word_and_never_as_it_was_sent(demo):
    server, plan = ComparedServer(demo.smtp_host, demo.smtp_port), plan_of(demo)
    turns = transcript(server, plan)
    (login,) = [turn for turn in turns if turn.step.action is DialogueAction.LOGIN]
    assert login.sent == "login"
    assert login.lines[-1].startswith("235 ")
    assert plan.login.password not in repr(turns)
