"""Held sessions with an identity: no session outlives its token, and no refusal of one is passed on."""

import asyncio
import base64
import time
from dataclasses import replace

import pytest

from kairan.outcomes import catalogue
from kairan.relay.tokens.identity import Identity
from kairan.relay.tokens.keeper import TokenKeeper
from kairan.relay.tokens.times import Margins
from kairan.relay.tokens.token import AccessToken, Fetched, TokenFault
from kairan.sender.async_sender import AsyncSender
from kairan.sender.result import State
from kairan.testing.peer import Rule, Say, ScriptedPeer
from sender.sender_talk import SETTINGS, letter, many

CAPABILITIES = ("PIPELINING", "AUTH LOGIN XOAUTH2")
MARGINS = Margins(renew_seconds=1_200, refused_seconds=600)


class Issuer:
    def __init__(self, life=3_600.0):
        self.life = life
        self.requests = 0
        self.fault = None

    def __call__(self, _state):
        self.requests += 1
        now = time.time()
        token = AccessToken(f"token-{self.requests}", now, now + self.life)
        return self.fault or Fetched(token)


def identity_with(issuer, margins=MARGINS):
    return Identity("app@us.test", TokenKeeper("test", issuer, margins))


def sender_as(identity, peer, ca_file, **settings):
    return AsyncSender(
        f"127.0.0.1:{peer.port}",
        identity=identity,
        ca_file=ca_file,
        settings=replace(SETTINGS, **settings),
    )


def tokens_heard(peer):
    logins = [line.split()[2] for _, line in peer.commands if line.startswith(b"AUTH")]
    return [base64.b64decode(one).decode().split("Bearer ")[1].strip("\x01") for one in logins]


async def test_all_sessions_log_in_with_one_token(certificates):
    context, ca_file = certificates
    issuer = Issuer()
    async with (
        ScriptedPeer(capabilities=CAPABILITIES, tls=context) as peer,
        sender_as(identity_with(issuer), peer, ca_file) as sender,
    ):
        report = await sender.send(letter(), many(400))
    assert report.all_sent
    assert 1 < peer.sessions <= 4
    assert set(tokens_heard(peer)) == {"token-1"}
    assert issuer.requests == 1


@pytest.mark.parametrize(
    "refusal",
    [
        "501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon",
        "501 5.5.128 Token expired",
        "535 5.7.142 Token will expire soon",
        "535 5.7.143 Expired token",
        "535 5.7.3 Authentication unsuccessful",
        "535 5.7.8 Username and Password not accepted",
    ],
)
async def test_a_refused_token_is_renewed_and_the_caller_hears_nothing_of_it(certificates, refusal):
    context, ca_file = certificates
    issuer = Issuer()
    rules = [Rule("AUTH", Say(refusal), times=1)]
    async with (
        ScriptedPeer(rules, capabilities=CAPABILITIES, tls=context) as peer,
        sender_as(identity_with(issuer), peer, ca_file, tries_max=1) as sender,
    ):
        report = await sender.send(letter())
    assert report.all_sent
    assert tokens_heard(peer) == ["token-1", "token-2"]


async def test_a_token_that_is_refused_always_is_renewed_once_and_then_said(certificates):
    context, ca_file = certificates
    issuer = Issuer()
    rules = [Rule("AUTH", Say("535 5.7.3 Authentication unsuccessful"))]
    async with (
        ScriptedPeer(rules, capabilities=CAPABILITIES, tls=context) as peer,
        sender_as(identity_with(issuer), peer, ca_file, tries_max=3) as sender,
    ):
        report = await sender.send(letter(), many(100))
    assert {result.outcome for result in report} == {catalogue.PEER_REFUSED_LOGIN}
    assert issuer.requests == 2


@pytest.mark.parametrize(
    "refusal", ["535 5.7.144 Invalid API permissions", "550 5.7.240 The application is not allowed"]
)
async def test_what_no_token_cures_asks_for_none(certificates, refusal):
    context, ca_file = certificates
    issuer = Issuer()
    rules = [Rule("AUTH", Say(refusal))]
    async with (
        ScriptedPeer(rules, capabilities=CAPABILITIES, tls=context) as peer,
        sender_as(identity_with(issuer), peer, ca_file, tries_max=2) as sender,
    ):
        await sender.send(letter())
    assert issuer.requests == 1


async def test_without_a_token_nothing_is_dialled_and_mail_may_pass_later(certificates):
    context, ca_file = certificates
    issuer = Issuer()
    issuer.fault = TokenFault(catalogue.SIGN_IN_NEEDED, "nobody has signed in")
    async with (
        ScriptedPeer(capabilities=CAPABILITIES, tls=context) as peer,
        sender_as(identity_with(issuer), peer, ca_file, tries_max=1) as sender,
    ):
        report = await sender.send(letter())
    assert report.results[0].may_pass_later
    assert report.results[0].outcome is catalogue.SIGN_IN_NEEDED
    assert peer.sessions == 0


async def test_a_session_is_left_between_two_messages_before_its_token_ends(certificates):
    context, ca_file = certificates
    issuer = Issuer(life=0.5)
    identity = identity_with(issuer, Margins(renew_seconds=0.1, refused_seconds=0.1))
    async with (
        ScriptedPeer(capabilities=CAPABILITIES, tls=context) as peer,
        sender_as(identity, peer, ca_file) as sender,
    ):
        assert (await sender.send(letter())).all_sent
        await asyncio.sleep(0.6)
        assert (await sender.send(letter())).all_sent
    assert [message.session for message in peer.messages] == [1, 2]
    assert peer.verbs(1)[-1] == "QUIT"


async def test_no_token_leaves_over_clear_text(certificates):
    _, ca_file = certificates
    issuer = Issuer()
    async with (
        ScriptedPeer(capabilities=CAPABILITIES) as peer,
        sender_as(identity_with(issuer), peer, ca_file, tries_max=1) as sender,
    ):
        report = await sender.send(letter())
    assert report.results[0].state is State.REFUSED
    assert "AUTH" not in peer.verbs()


async def test_a_server_without_xoauth2_is_offered_oauthbearer(certificates):
    context, ca_file = certificates
    async with (
        ScriptedPeer(capabilities=("AUTH PLAIN OAUTHBEARER",), tls=context) as peer,
        sender_as(identity_with(Issuer()), peer, ca_file) as sender,
    ):
        assert (await sender.send(letter())).all_sent
    assert [line for _, line in peer.commands if line.startswith(b"AUTH OAUTHBEARER ")]
