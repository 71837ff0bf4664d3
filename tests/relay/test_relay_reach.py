"""Where mail by MX may go: judged on the address that is dialled."""

import asyncio
import socket
from dataclasses import replace
from ipaddress import ip_network

import pytest

from kairan.relay import reach as reaching
from kairan.relay.dial import DialFault, wait_session
from kairan.relay.next_hop import NextHop, TlsPolicy
from kairan.relay.reach import Reach, is_public
from kairan.relay.session import RelaySession
from kairan.testing.peer import ScriptedPeer
from relay.relay_talk import SETTINGS

NOWHERE = Reach()
LOOPBACK = Reach((ip_network("127.0.0.0/8"),))

NOT_PUBLIC = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2002:c0a8:101::1",
    "2001:0:7f00:1::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "100::1",
    "4000::1",
]
PUBLIC = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.255.255",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1a",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_of_no_public_network_is_not_admitted(address):
    assert not NOWHERE.admits(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_admitted(address):
    assert NOWHERE.admits(address)
    assert is_public(reaching.ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203"])
def test_an_allowed_network_is_admitted_however_it_is_written(address):
    reach = Reach((ip_network("10.1.0.0/16"),))
    assert reach.admits(address)
    assert not reach.admits("10.2.0.1")


def test_a_public_address_of_this_machine_is_not_admitted_unless_allowed(monkeypatch):
    ours = "1.1.1.1"
    monkeypatch.setattr(reaching, "_can_be_bound", lambda address, _: address == ours)
    assert not NOWHERE.admits(ours)
    assert NOWHERE.admits("1.0.0.1")
    assert Reach((ip_network("1.1.1.1/32"),)).admits(ours)


def test_where_any_address_can_be_bound_that_says_nothing(monkeypatch):
    monkeypatch.setattr(reaching, "_can_be_bound", lambda *_: True)
    assert NOWHERE.admits("1.1.1.1")


def test_the_kernel_knows_this_machines_addresses():
    assert reaching._is_own(reaching.ipaddress.ip_address("127.0.0.1"))
    assert not reaching._is_own(reaching.ipaddress.ip_address("1.1.1.1"))


# At the moment of dialling.


def to(peer: ScriptedPeer, host: str, reach: Reach | None) -> NextHop:
    return NextHop(host=host, port=peer.port, tls=TlsPolicy.NONE, reach=reach)


# Whatever inet_aton reads as loopback, names of it, and its embeddings.
WRITTEN = ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0"]


@pytest.mark.parametrize("host", [*WRITTEN, "::ffff:127.0.0.1"])
async def test_nothing_is_connected_to_however_loopback_is_written(host):
    async with ScriptedPeer() as peer:
        outcome = await wait_session(to(peer, host, NOWHERE), SETTINGS)
        assert isinstance(outcome, DialFault)
        await asyncio.sleep(0)
        assert not peer.sessions
    assert (outcome.reply.code, outcome.reply.enhanced) == (550, "5.4.4")
    assert "127" not in outcome.reply.text, "a bounce tells no stranger what our names resolve to"


async def test_of_several_addresses_only_those_that_are_admitted_are_dialled(monkeypatch):
    async with ScriptedPeer() as peer:
        addresses = ["10.255.255.1", "127.0.0.1"]
        found = [(socket.AF_INET, 0, 0, "", (one, peer.port)) for one in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        destination = to(peer, "several.test", LOOPBACK)
        outcome = await wait_session(destination, replace(SETTINGS, address_delay_seconds=60))
        assert isinstance(outcome, RelaySession)
        outcome.quit()
    assert outcome.peer.startswith("several.test[127.0.0.1]")


async def test_a_host_that_the_operator_named_is_dialled_wherever_it_is():
    async with ScriptedPeer() as peer:
        outcome = await wait_session(to(peer, "127.0.0.1", None), SETTINGS)
        assert isinstance(outcome, RelaySession)
        outcome.quit()
