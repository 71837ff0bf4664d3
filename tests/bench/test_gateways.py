"""What the comparison of gateways says of one that only passes on what the upstream says."""

import asyncio
from pathlib import Path

from bench.gateways import CASES, TokenPeer, makers, meet
from bench.load import TargetListener
from kairan.testing.peer import Rule, Say
from kit.live import in_thread


class PassedOn:
    """The upstream itself."""

    name = "passed on"

    def __init__(self, peer, log: Path) -> None:
        self.listener = TargetListener(peer.port)
        self.log = log


def case_of(words):
    return next(case for case in CASES if case.name == words)


def test_a_refusal_that_is_passed_on_is_what_the_client_hears(tmp_path):
    with in_thread(TokenPeer()) as peer:
        heard = meet(PassedOn(peer, tmp_path / "log"), peer, case_of("432 after the final dot"))
    assert heard.startswith("the client hears 432 4.3.2 STOREDRV")


def test_a_message_that_is_kept_and_does_not_go_out_is_said_as_the_log_says_it(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("bench.gateways.WAIT_SECONDS", 0.1)
    log = tmp_path / "log"
    log.write_text("to=<a>, status=sent (250 Ok)\nto=<a>, status=deferred (host said: 432)\n")
    with in_thread(TokenPeer()) as peer:
        gateway = PassedOn(peer, log)
        peer.rules = [Rule("MAIL", Say("250 kept"))]
        heard = meet(gateway, peer, case_of("token refused at login, 501 5.5.127"))
        assert heard.startswith("250; through after"), "nobody logged in, so nothing was refused"
        log_only = TokenPeer()
        assert meet(gateway, log_only, case_of("432 at login")) == "250; deferred"


def test_credentials_are_asked_for_where_they_do_not_come_with_the_command():
    async def say(peer):
        reader, writer = await asyncio.open_connection("127.0.0.1", peer.port)
        await reader.readline()
        answers = []
        for line in (b"AUTH XOAUTH2\r\n", b"dXNlcg==\r\n", b"AUTH XOAUTH2 dXNlcg==\r\n"):
            writer.write(line)
            answers.append((await reader.readline())[:3])
        writer.close()
        return answers

    with in_thread(TokenPeer()) as peer:
        assert asyncio.run(say(peer)) == [b"334", b"235", b"235"]


def test_only_what_is_installed_takes_part():
    assert "Kairan" in makers(None)
    assert "email-oauth2-proxy" not in makers(None)
