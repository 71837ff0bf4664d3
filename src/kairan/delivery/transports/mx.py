"""Delivery to whichever servers the recipients' domains name."""

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from itertools import islice

from kairan.delivery.transport import Failed, RecipientResult
from kairan.delivery.transports.context import TransportContext
from kairan.delivery.transports.destination import (
    LOGIN_OPTIONS,
    read_file,
    read_limits,
    read_options,
    read_tls,
    read_verify,
)
from kairan.delivery.transports.mx_hosts import DnsResolver, MxResolver
from kairan.delivery.transports.settings import TransportSettings
from kairan.delivery.transports.smtp import results_of
from kairan.delivery.transports.table import DestinationError
from kairan.mail.address import domain_of
from kairan.mail.envelope import Content, Envelope, Recipient
from kairan.mail.reply import Reply
from kairan.relay.contact import Contact
from kairan.relay.next_hop import NextHop, TlsPolicy
from kairan.relay.pool import Pool, TransactionResult
from kairan.relay.reach import Reach
from kairan.relay.settings import RelaySettings

MX_PORT = 25
# What all hosts have in common, where the route says nothing else.
ANY_HOST = NextHop(tls=TlsPolicy.MAY, verify=False)


def make(destination: str, context: TransportContext) -> "MxTransport":
    """`mx:` with options as smtp:// has them, but a login.

    Most of the world's mail servers show certificates that fit no name, so TLS is what a
    host offers; `verify=yes` takes mail to none but those whose certificate fits their name.
    """
    settings = context.settings
    rest = destination.partition(":")[2]
    if rest and not rest.startswith("?"):
        raise DestinationError(f"{destination}: write mx: alone, or mx:?tls=require")
    options = read_options(destination, rest.removeprefix("?"))
    for name in LOGIN_OPTIONS:
        if name in options:
            raise DestinationError(f"{destination}: mx: knows no option {name!r}")
    defaults = replace(settings.relay, sessions_max=settings.mx_sessions_max)
    relay = read_limits(destination, options, defaults)
    resolver = DnsResolver(
        hostname=relay.hostname or socket.gethostname(),
        timeout_seconds=settings.dns_timeout_seconds,
    )
    wanted = TlsPolicy.REQUIRE if options.get("verify") == "yes" else TlsPolicy.MAY
    tls = read_tls(destination, options, default=wanted)
    template = NextHop(
        tls=tls,
        verify=read_verify(destination, options, tls, default=False),
        ca_file=read_file(destination, "ca", options),
    )
    return MxTransport(settings, relay=relay, resolver=resolver, template=template)


class MxTransport:
    """A pool per host, not per domain: thousands of domains share the servers of a few."""

    def __init__(
        self,
        settings: TransportSettings,
        *,
        relay: RelaySettings,
        resolver: MxResolver,
        template: NextHop = ANY_HOST,
        port: int = MX_PORT,
    ) -> None:
        self._settings = settings
        self._relay = relay
        self._resolver = resolver
        allowed = tuple(ip_network(text) for text in settings.mx_networks_allowed)
        self._template = replace(template, port=port, reach=Reach(allowed))
        self._pools: OrderedDict[str, Pool] = OrderedDict()
        self._parting: set[asyncio.Task[None]] = set()

    @property
    def recipients_max(self) -> int:
        return self._relay.recipients_max

    @property
    def concurrency_max(self) -> int:
        """No wider than the sessions that one host is given: more would only wait for them."""
        return self._relay.sessions_max

    @property
    def is_remote(self) -> bool:
        return True

    async def deliver(
        self, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> Sequence[RecipientResult]:
        """Each domain on its own, side by side."""
        domains: dict[str, list[int]] = {}
        for n, recipient in enumerate(recipients):
            domains.setdefault(domain_of(recipient.address), []).append(n)
        groups = list(domains.items())
        outcomes = await asyncio.gather(
            *(
                self._deliver_domain(domain, envelope, [recipients[n] for n in places], content)
                for domain, places in groups
            )
        )
        by_place = {
            place: result
            for (_, places), results in zip(groups, outcomes, strict=True)
            for place, result in zip(places, results, strict=True)
        }
        return [by_place[n] for n in range(len(recipients))]

    async def close(self) -> None:
        await asyncio.gather(*(pool.close() for pool in self._pools.values()), *self._parting)

    # One domain.

    async def _deliver_domain(
        self, domain: str, envelope: Envelope, recipients: list[Recipient], content: Content
    ) -> list[RecipientResult]:
        hosts = await self._resolver.wait_hosts(domain)
        if isinstance(hosts, Reply):
            answer = TransactionResult(
                (hosts,) * len(recipients), domain, reached=False, contact=Contact.DOWN
            )
            return results_of([answer], recipients)
        known: dict[int, RecipientResult] = {}
        last: dict[int, RecipientResult] = {}
        # In the order of preference, but for those that were down a moment ago.
        for host in sorted(hosts[: self._settings.mx_hosts_max], key=self._is_down):
            # RFC 5321 section 5.1: the next host for those whom this one did not answer.
            rest = [n for n in range(len(recipients)) if n not in known]
            asked = [recipients[n] for n in rest]
            answers = await self._pool_of(host).send(envelope, asked, content)
            results = results_of(answers, asked)
            reached = [answer.reached for answer in answers for _ in answer.replies]
            known |= {n: one for n, one, yes in zip(rest, results, reached, strict=True) if yes}
            for n, result in zip(rest, results, strict=True):
                # A host that may come back outweighs one to which mail may never go.
                if n not in last or not isinstance(result, Failed):
                    last[n] = result
            if len(known) == len(recipients):
                break
        return [known.get(n) or last[n] for n in range(len(recipients))]

    def _is_down(self, host: str) -> bool:
        pool = self._pools.get(host)
        return pool is not None and pool.is_down

    def _pool_of(self, host: str) -> Pool:
        pool = self._pools.get(host)
        if pool is None:
            self._make_room()
            pool = Pool(replace(self._template, host=host), self._relay)
            self._pools[host] = pool
        self._pools.move_to_end(host)
        return pool

    def _make_room(self) -> None:
        """Pools in use stay: their number is bounded by what runs at once."""
        excess = len(self._pools) + 1 - self._settings.mx_pools_max
        unused = [host for host, pool in self._pools.items() if pool.is_unused]
        for host in islice(unused, max(0, excess)):
            parting = asyncio.ensure_future(self._pools.pop(host).close())
            self._parting.add(parting)
            parting.add_done_callback(self._parting.discard)
