"""By MX: which hosts, in which order, and what when one does not answer."""

from dataclasses import replace

import pytest

from delivery.dns_server import name_server
from delivery.transport_talk import CONTENT, SETTINGS, envelope, kinds, to
from kairan.delivery.transports import mx_hosts
from kairan.delivery.transports.mx import MxTransport
from kairan.delivery.transports.mx_hosts import (
    LOOP,
    NO_DNS,
    NO_DOMAIN,
    NO_HOST,
    NULL_MX,
    DnsResolver,
    SystemResolver,
)
from kairan.delivery.transports.table import transport_for
from kairan.mail.reply import Reply
from kairan.testing.peer import Cut, Rule, Say, ScriptedPeer

ZONE = {
    ("x.test", "MX"): ["30 last.x.test.", "10 one.x.test.", "20 two.x.test."],
    ("ours.test", "MX"): ["10 one.x.test.", "20 us.test.", "20 beside.test.", "30 behind.test."],
    ("we-are-best.test", "MX"): ["10 us.test.", "20 two.x.test."],
    ("null.test", "MX"): ["0 ."],
    ("implicit.test", "A"): ["192.0.2.1"],
    ("empty.test", "TXT"): ["nothing"],
    ("sick.test", "MX"): ["SERVFAIL"],
}

HOSTS = {
    "x.test": ("one.x.test", "two.x.test", "last.x.test"),
    "ours.test": ("one.x.test",),
    "we-are-best.test": LOOP,
    "null.test": NULL_MX,
    "implicit.test": ("implicit.test",),
    "empty.test": NO_HOST,
    "missing.test": NO_DOMAIN,
    "sick.test": NO_DNS,
    "x" * 64 + ".test": NO_DOMAIN,
    "[192.0.2.7]": ("192.0.2.7",),
    "[IPv6:2001:db8::7]": ("2001:db8::7",),
}


@pytest.mark.parametrize("domain", HOSTS)
async def test_hosts_of_a_domain(domain):
    """RFC 5321 section 5.1, RFC 7505."""
    async with name_server(ZONE) as asked:
        resolver = DnsResolver(hostname="us.test", timeout_seconds=5, resolver=lambda: asked)
        assert await resolver.wait_hosts(domain) == HOSTS[domain]


async def test_equal_preferences_share_the_load():
    async with name_server({("x.test", "MX"): ["10 a.test.", "10 b.test."]}) as asked:
        resolver = DnsResolver(hostname="us.test", timeout_seconds=5, resolver=lambda: asked)
        firsts = {(await resolver.wait_hosts("x.test"))[0] for _ in range(50)}
    assert firsts == {"a.test", "b.test"}


class Fixed:
    """A resolver that knows by heart."""

    def __init__(self, hosts):
        self.hosts = hosts

    async def wait_hosts(self, domain):
        return self.hosts[domain]


def transport_to(peer: ScriptedPeer, hosts, **settings) -> MxTransport:
    return MxTransport(
        replace(SETTINGS, mx_networks_allowed=("127.0.0.0/8", "::1/128"), **settings),
        relay=SETTINGS.relay,
        resolver=Fixed(hosts),
        port=peer.port,
    )


async def deliver(peer: ScriptedPeer, hosts, *addresses: str):
    transport = transport_to(peer, hosts)
    results = await transport.deliver(envelope(), to(*addresses), CONTENT)
    await transport.close()
    return results


# Addresses of the loopback network: the peer listens on 127.0.0.1 only, 127.0.0.9 is down.
UP, DOWN = "127.0.0.1", "127.0.0.9"


async def test_the_next_host_is_asked_when_the_first_is_down():
    async with ScriptedPeer() as peer:
        (result,) = await deliver(peer, {"x.test": (DOWN, UP)}, "a@x.test")
    assert kinds([result]) == ["Delivered"]
    assert result.relay == f"{UP}[{UP}]:{peer.port}"


async def test_all_hosts_down_is_a_deferral():
    async with ScriptedPeer() as peer:
        (result,) = await deliver(peer, {"x.test": (DOWN, DOWN)}, "a@x.test")
    assert kinds([result]) == ["Deferred"]


async def test_a_refused_recipient_is_not_taken_to_the_next_host():
    async with ScriptedPeer([Rule("RCPT", Say("450 4.2.0 greylisted"))]) as peer:
        await deliver(peer, {"x.test": (UP, "localhost")}, "a@x.test")
    assert peer.sessions == 1


async def test_a_message_whose_dot_went_out_is_not_taken_to_the_next_host():
    async with ScriptedPeer([Rule("DOT", Cut())]) as peer:
        (result,) = await deliver(peer, {"x.test": (UP, "localhost")}, "a@x.test")
    assert kinds([result]) == ["Deferred"]
    assert len(peer.messages) == 1


async def test_domains_stand_on_their_own_and_results_in_order():
    hosts = {"up.test": (UP,), "down.test": (DOWN,), "null.test": NULL_MX}
    async with ScriptedPeer() as peer:
        results = await deliver(peer, hosts, "a@up.test", "a@null.test", "a@down.test", "b@up.test")
    assert kinds(results) == ["Delivered", "Failed", "Deferred", "Delivered"]
    assert [len(message.recipients) for message in peer.messages] == [2]


async def test_a_failing_name_server_is_a_deferral():
    async with ScriptedPeer() as peer:
        (result,) = await deliver(peer, {"x.test": NO_DNS}, "a@x.test")
    assert isinstance(NO_DNS, Reply)
    assert kinds([result]) == ["Deferred"]


async def test_pools_of_hosts_are_bounded_and_the_oldest_goes_first():
    domains = {f"d{n}.test": (f"127.0.0.{n}",) for n in range(1, 9)}
    async with ScriptedPeer(host="0.0.0.0") as peer:
        transport = transport_to(peer, domains, mx_pools_max=3)
        for domain in domains:
            assert kinds(await transport.deliver(envelope(), to(f"a@{domain}"), CONTENT)) == [
                "Delivered"
            ]
        assert list(transport._pools) == ["127.0.0.6", "127.0.0.7", "127.0.0.8"]
        await transport.close()


# Strangers write the records of their domains.

INSIDE = {
    "loopback.test": ("127.0.0.1",),
    "name.test": ("localhost",),
    "metadata.test": ("169.254.169.254",),
    "private.test": ("10.0.0.1", "fd00::1"),
}


@pytest.mark.parametrize("domain", [*INSIDE, "[127.0.0.1]", "[IPv6:::ffff:127.0.0.1]"])
async def test_mx_never_leads_to_this_machine_or_a_private_network(domain):
    resolver = DnsResolver(hostname="us.test", timeout_seconds=5, resolver=None)
    hosts = INSIDE.get(domain) or await resolver.wait_hosts(domain)
    async with ScriptedPeer() as peer:
        transport = MxTransport(
            SETTINGS, relay=SETTINGS.relay, resolver=Fixed({domain: hosts}), port=peer.port
        )
        (result,) = await transport.deliver(envelope(), to(f"a@{domain}"), CONTENT)
        await transport.close()
        assert not peer.sessions
    assert kinds([result]) == ["Failed"]
    assert result.reply.enhanced == "5.4.4"


async def test_a_host_that_may_come_back_outweighs_one_to_which_mail_may_not_go():
    async with ScriptedPeer() as peer:
        hosts = {"x.test": (DOWN, "169.254.169.254")}
        (result,) = await deliver(peer, hosts, "a@x.test")
    assert kinds([result]) == ["Deferred"]


async def test_a_host_that_mail_may_go_to_is_taken_though_others_are_inside():
    async with ScriptedPeer() as peer:
        (result,) = await deliver(peer, {"x.test": ("10.0.0.1", UP)}, "a@x.test")
    assert kinds([result]) == ["Delivered"]


# What the system changes under us.


def resolv_conf(folder, text: str | bytes | None):
    path = folder / "resolv.conf"
    if text is None:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_name_servers_are_read_again_when_the_file_changes(tmp_path):
    system = SystemResolver(resolv_conf(tmp_path, "nameserver 192.0.2.1\n"))
    first = system.present()
    assert first.nameservers == ["192.0.2.1"]
    assert system.present() is first
    resolv_conf(tmp_path, "nameserver 192.0.2.77\n")
    assert system.present().nameservers == ["192.0.2.77"]


def test_a_file_that_is_replaced_by_a_link_is_read_again(tmp_path):
    system = SystemResolver(resolv_conf(tmp_path, "nameserver 192.0.2.1\n"))
    assert system.present().nameservers == ["192.0.2.1"]
    (tmp_path / "other").write_text("nameserver 192.0.2.2\n")
    resolv_conf(tmp_path, None).symlink_to("other")
    assert system.present().nameservers == ["192.0.2.2"]


NO_SERVERS = [None, "", "# none\n", "nameserver\n", "nameserver not-an-address\n", b"\xff\xfe\n"]


@pytest.mark.parametrize("text", NO_SERVERS)
async def test_without_a_name_server_mail_waits_and_goes_on_once_there_is_one(tmp_path, text):
    system = SystemResolver(resolv_conf(tmp_path, text))
    resolver = DnsResolver(hostname="us.test", timeout_seconds=1, resolver=system.present)
    assert await resolver.wait_hosts("x.test") == NO_DNS
    resolv_conf(tmp_path, "nameserver 192.0.2.1\n")
    assert system.present().nameservers == ["192.0.2.1"]


async def test_a_route_by_mx_is_in_order_where_there_is_no_resolv_conf(tmp_path, monkeypatch):
    monkeypatch.setattr(mx_hosts.SystemResolver.__init__, "__defaults__", (tmp_path / "none",))
    transport = transport_for("mx:", SETTINGS)
    (result,) = await transport.deliver(envelope(), to("a@x.test"), CONTENT)
    await transport.close()
    assert kinds([result]) == ["Deferred"]
