"""Dialling: addresses, TLS policies, logins."""

import asyncio
import base64
import socket
import ssl
from dataclasses import replace

import pytest

from kairan.relay import dial as dialling
from kairan.relay.dial import DialFault, wait_session
from kairan.relay.next_hop import NextHop, TlsPolicy
from kairan.relay.session import RelaySession
from kairan.smtp.client.login import PasswordCredentials
from kairan.testing.peer import Cut, Hang, Rule, Say, ScriptedPeer
from peers.servers import make_certificate
from relay.relay_talk import SETTINGS

LOGIN = PasswordCredentials("user", "secret")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"), "localhost")


def to(peer: ScriptedPeer, **changes) -> NextHop:
    return replace(NextHop(host="localhost", port=peer.port, tls=TlsPolicy.NONE), **changes)


async def dialled(peer: ScriptedPeer, **changes) -> RelaySession | DialFault:
    outcome = await wait_session(to(peer, **changes), SETTINGS)
    if isinstance(outcome, RelaySession):
        outcome.quit()
    return outcome


async def test_starttls_with_verification(certificate):
    async with ScriptedPeer(tls=certificate.server_context()) as peer:
        session = await dialled(peer, tls=TlsPolicy.REQUIRE, verify=True, ca_file=certificate.file)
    assert session.engine.secure
    assert peer.verbs()[:3] == ["EHLO", "STARTTLS", "EHLO"]


async def test_implicit_tls(certificate):
    async with ScriptedPeer(tls=certificate.server_context(), implicit_tls=True) as peer:
        session = await dialled(peer, tls=TlsPolicy.IMPLICIT, verify=True, ca_file=certificate.file)
    assert session.engine.secure


@pytest.mark.parametrize("policy", [TlsPolicy.REQUIRE, TlsPolicy.IMPLICIT])
async def test_an_unknown_authority_is_not_trusted(certificate, policy):
    implicit = policy is TlsPolicy.IMPLICIT
    async with ScriptedPeer(tls=certificate.server_context(), implicit_tls=implicit) as peer:
        outcome = await dialled(peer, tls=policy, verify=True)
    assert isinstance(outcome, DialFault)
    assert outcome.reply.enhanced == "4.7.5"


async def test_a_certificate_for_another_name_is_not_trusted(certificate, tmp_path):
    other = make_certificate(tmp_path, "other.test")
    async with ScriptedPeer(tls=other.server_context()) as peer:
        outcome = await dialled(peer, tls=TlsPolicy.REQUIRE, verify=True, ca_file=other.file)
    assert isinstance(outcome, DialFault)


async def test_require_without_an_offer_sends_nothing():
    """Somebody on the line takes STARTTLS out."""
    async with ScriptedPeer() as peer:
        outcome = await dialled(peer, tls=TlsPolicy.REQUIRE)
    assert outcome.reply.enhanced == "4.7.5"
    assert "MAIL" not in peer.verbs()


async def test_may_goes_on_without_an_offer():
    async with ScriptedPeer() as peer:
        session = await dialled(peer, tls=TlsPolicy.MAY)
    assert not session.engine.secure


async def test_may_dials_again_without_tls_when_the_handshake_fails(certificate):
    rules = [Rule("STARTTLS", Say("220 go"), Say(b"\x15\x03\x01 this is no TLS\r\n"), times=1)]
    async with ScriptedPeer(rules, capabilities=["STARTTLS"]) as peer:
        session = await dialled(peer, tls=TlsPolicy.MAY)
    assert isinstance(session, RelaySession)
    assert peer.sessions == 2


# What a next hop does instead of a handshake, and how the reply says it.
NO_HANDSHAKES = {
    "stalls": ([Hang()], "but did not answer in time"),
    "closes": ([Cut()], "but closed the connection"),
    "resets": ([Cut(reset=True)], "but closed the connection"),
    "421": ([Say("421 4.3.2 Busy")], "but answered 421 4.3.2 Busy"),
    "421 and closes": ([Say("421 4.3.2 Busy"), Cut()], "but answered 421 4.3.2 Busy"),
    "454": ([Say("454 4.7.0 TLS not available")], "but answered 454 4.7.0 TLS not available"),
    "501": ([Say("501 5.5.4 No")], "but answered 501 5.5.4 No"),
    "nonsense": ([Say("hello")], "but broke the protocol"),
    "220 and stalls": ([Say("220 go"), Hang()], ""),
    "220 and closes": ([Say("220 go"), Cut()], ""),
}


def no_handshake(what: str) -> ScriptedPeer:
    rules = [Rule("STARTTLS", *NO_HANDSHAKES[what][0])]
    return ScriptedPeer(rules, capabilities=["STARTTLS"])


IMPATIENT = replace(SETTINGS, tls_timeout_seconds=0.2)


@pytest.mark.parametrize("what", NO_HANDSHAKES)
async def test_may_goes_on_without_whatever_comes_in_the_place_of_a_handshake(what):
    async with no_handshake(what) as peer:
        session = await wait_session(to(peer, tls=TlsPolicy.MAY, verify=False), IMPATIENT)
        assert isinstance(session, RelaySession)
        session.quit()
    assert peer.sessions <= 2
    assert peer.verbs(peer.sessions)[:2] in (["EHLO"], ["EHLO", "QUIT"], ["EHLO", "STARTTLS"])


@pytest.mark.parametrize("what", NO_HANDSHAKES)
async def test_require_says_what_came_in_the_place_of_a_handshake(what):
    async with no_handshake(what) as peer:
        outcome = await wait_session(to(peer, tls=TlsPolicy.REQUIRE), IMPATIENT)
    assert isinstance(outcome, DialFault)
    assert (outcome.reply.code, outcome.reply.enhanced) == (451, "4.7.5")
    assert NO_HANDSHAKES[what][1] in outcome.reply.text
    assert peer.sessions == 1


async def test_may_goes_on_without_where_the_peer_closes_behind_the_handshake(certificate):
    """TLS 1.3: a server that wants a certificate of ours says so when we believe to be done."""
    context = certificate.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    async with ScriptedPeer(tls=context) as peer:
        session = await dialled(peer, tls=TlsPolicy.MAY, verify=False)
    assert isinstance(session, RelaySession)
    assert not session.engine.secure


@pytest.mark.parametrize("failure", ["no TLS", "unknown authority", "other name"])
async def test_a_handshake_that_fails_never_becomes_clear_text(certificate, tmp_path, failure):
    other = make_certificate(tmp_path, "other.test")
    rules = [Rule("STARTTLS", Say("220 go"), Say(b"\x15\x03\x01 this is no TLS\r\n"))]
    peers = {
        "no TLS": ScriptedPeer(rules, capabilities=["STARTTLS"]),
        "unknown authority": ScriptedPeer(tls=other.server_context()),
        "other name": ScriptedPeer(tls=other.server_context()),
    }
    ca_file = other.file if failure == "other name" else certificate.file
    async with peers[failure] as peer:
        destination = NextHop(host="localhost", port=peer.port, ca_file=ca_file)
        outcome = await wait_session(destination, SETTINGS)
    assert isinstance(outcome, DialFault)
    assert outcome.reply.enhanced == "4.7.5"
    assert peer.sessions == 1
    assert "MAIL" not in peer.verbs()


@pytest.mark.parametrize("host", ["localhost", "localhost."])
async def test_the_next_hops_name_is_said_in_the_handshake_and_verified(
    certificate, host, monkeypatch
):
    said = []
    context = certificate.server_context()
    context.sni_callback = lambda _, name, __: said.append(name)
    async with ScriptedPeer(tls=context) as peer:
        found = [(socket.AF_INET, 0, 0, "", ("127.0.0.1", peer.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        session = await dialled(
            peer, host=host, tls=TlsPolicy.REQUIRE, verify=True, ca_file=certificate.file
        )
    assert isinstance(session, RelaySession)
    assert said == ["localhost"]


async def test_a_forged_reply_before_the_handshake_is_not_believed(certificate):
    """What stands behind the 220 in the clear would promise AUTH inside TLS."""
    forged = Say(b"220 go\r\n250-peer.test\r\n250 AUTH PLAIN\r\n")
    async with ScriptedPeer(
        [Rule("STARTTLS", forged)], tls=certificate.server_context(), capabilities=[]
    ) as peer:
        outcome = await dialled(
            peer, tls=TlsPolicy.REQUIRE, verify=True, ca_file=certificate.file, credentials=LOGIN
        )
    assert isinstance(outcome, DialFault)
    assert "no mechanism" in outcome.reply.text
    assert "AUTH" not in peer.verbs()


# Authorities that are renewed under us.


async def test_a_renewed_list_of_authorities_counts_for_the_next_session(certificate, tmp_path):
    file = tmp_path / "ca.pem"
    other = make_certificate(tmp_path, "other.test")
    file.write_bytes(other.file.read_bytes())
    wanted = {"tls": TlsPolicy.REQUIRE, "verify": True, "ca_file": file}
    async with ScriptedPeer(tls=certificate.server_context()) as peer:
        assert isinstance(await dialled(peer, **wanted), DialFault)
        file.write_bytes(b"")  # just being written: what was read before stays
        assert isinstance(await dialled(peer, **wanted), DialFault)
        file.write_bytes(certificate.file.read_bytes())
        assert isinstance(await dialled(peer, **wanted), RelaySession)
        file.unlink()
        assert isinstance(await dialled(peer, **wanted), RelaySession)


# Logins.


async def test_login_over_tls(certificate):
    async with ScriptedPeer(tls=certificate.server_context(), capabilities=["AUTH PLAIN"]) as peer:
        session = await dialled(
            peer,
            tls=TlsPolicy.REQUIRE,
            verify=True,
            ca_file=certificate.file,
            credentials=LOGIN,
        )
    assert isinstance(session, RelaySession)
    said = base64.b64encode(b"\0user\0secret")
    assert any(said in line for _, line in peer.commands)


@pytest.mark.parametrize("tls", [TlsPolicy.NONE, TlsPolicy.MAY])
async def test_no_login_in_the_clear(tls):
    async with ScriptedPeer(capabilities=["AUTH PLAIN LOGIN"]) as peer:
        outcome = await dialled(peer, tls=tls, credentials=LOGIN)
    assert isinstance(outcome, DialFault)
    assert "AUTH" not in peer.verbs()


async def test_a_wrong_password_defers_and_bounces_nothing(certificate):
    async with ScriptedPeer(
        [Rule("AUTH", Say("535 5.7.3 Authentication unsuccessful"))],
        tls=certificate.server_context(),
        capabilities=["AUTH PLAIN"],
    ) as peer:
        outcome = await dialled(
            peer, tls=TlsPolicy.REQUIRE, ca_file=certificate.file, credentials=LOGIN
        )
    assert outcome.reply.code == 451
    assert "535 5.7.3" in outcome.reply.text
    assert "secret" not in outcome.reply.text


# Addresses.


def address(family: socket.AddressFamily, host: str) -> dialling._Address:
    return dialling._Address(family, (host, 25))


def test_families_take_turns_and_the_resolvers_choice_is_first():
    six = [address(socket.AF_INET6, f"::{n}") for n in range(3)]
    four = [address(socket.AF_INET, f"10.0.0.{n}") for n in range(1)]
    assert dialling._mixed([*six, *four]) == [six[0], four[0], six[1], six[2]]


async def test_a_dead_address_does_not_hold_up_the_next_one(monkeypatch):
    async with ScriptedPeer() as peer:
        live = dialling._Address(socket.AF_INET, ("127.0.0.1", peer.port))
        dead = dialling._Address(socket.AF_INET, ("127.0.0.2", peer.port))
        connect = dialling._connect_one

        async def connect_but_never_to_the_dead(where):
            if where is dead:
                await asyncio.Event().wait()
            return await connect(where)

        monkeypatch.setattr(dialling, "_connect_one", connect_but_never_to_the_dead)
        connection, won = await dialling._first_of([dead, live], delay_seconds=0.01)
        connection.close()
    assert won == live


async def test_when_all_addresses_fail_the_reason_is_theirs():
    with pytest.raises(ConnectionRefusedError):
        await dialling._first_of([dialling._Address(socket.AF_INET, ("127.0.0.1", 1))] * 2, 0.01)


async def test_a_connection_that_takes_too_long_is_deferred(monkeypatch):
    async def never(where):
        await asyncio.Event().wait()

    monkeypatch.setattr(dialling, "_connect_one", never)
    settings = replace(SETTINGS, connect_timeout_seconds=0.05)
    outcome = await wait_session(NextHop(host="127.0.0.1", port=1), settings)
    assert "timed out" in outcome.reply.text


async def test_a_name_that_cannot_be_resolved_is_deferred(monkeypatch):
    def no_name(*_, **__):
        raise socket.gaierror(socket.EAI_AGAIN, "try later")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    outcome = await wait_session(NextHop(host="no-such-host.test", port=25), SETTINGS)
    assert (outcome.reply.code, outcome.reply.enhanced) == (451, "4.4.3")


async def test_a_name_that_dns_cannot_ask_for_is_deferred():
    outcome = await wait_session(NextHop(host="x" * 64 + ".test", port=25), SETTINGS)
    assert (outcome.reply.code, outcome.reply.enhanced) == (451, "4.4.3")


async def test_a_unix_socket_that_is_missing_is_deferred(tmp_path):
    outcome = await wait_session(NextHop(socket_path=str(tmp_path / "none")), SETTINGS)
    assert outcome.reply.code == 451
