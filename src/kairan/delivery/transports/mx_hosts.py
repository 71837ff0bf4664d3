"""Which hosts take the mail of a domain: RFC 5321 section 5.1, RFC 7505 (null MX)."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

import structlog
from dns.asyncresolver import Resolver
from dns.exception import DNSException, Timeout
from dns.resolver import NXDOMAIN, NoAnswer, NoNameservers

from kairan.mail.reply import Reply
from kairan.outcomes import catalogue
from kairan.runtime.files import Stamp, stamp_of

log = structlog.get_logger()

RESOLV_CONF = Path("/etc/resolv.conf")

Hosts: TypeAlias = tuple[str, ...]

NULL_MX = catalogue.NO_ROUTE.reply_with("(a null MX: the domain accepts no mail)")
NO_DOMAIN = catalogue.NO_ROUTE.reply_with("(there is no such domain)")
NO_HOST = catalogue.NO_ROUTE.reply_with("(the domain has no mail server and no address)")
LOOP = catalogue.LOOP_DETECTED.reply_with("(the best mail server of the domain is this one)")
NO_DNS = catalogue.NAME_LOOKUP_FAILED.reply


class MxResolver(Protocol):
    async def wait_hosts(self, domain: str) -> Hosts | Reply:
        """Best host first; a Reply says why there is none."""


class SystemResolver:
    """Asks whom resolv.conf names now: the network may change under us (DHCP, VPN, a new server).

    As the C library does it, by a look at the file before each question; a file that cannot be
    used (missing, empty, just being written) means no name server, and is looked at again.
    """

    def __init__(self, file: Path = RESOLV_CONF) -> None:
        self._file = file
        self._stamp: Stamp | None = None
        self._resolver: Resolver | None = None

    def present(self) -> Resolver | None:
        stamp = stamp_of(self._file)
        if stamp != self._stamp:
            self._stamp = stamp
            self._resolver = self._read()
        return self._resolver

    def _read(self) -> Resolver | None:
        try:
            return Resolver(str(self._file))
        except (DNSException, OSError, ValueError) as error:  # ValueError: no address, no UTF-8
            log.warning("delivery.no-name-server", file=str(self._file), reason=str(error))
            return None


class DnsResolver:
    """By the system's name servers.  `hostname` is us, so that we do not send to ourselves."""

    def __init__(
        self,
        *,
        hostname: str,
        timeout_seconds: float,
        resolver: Callable[[], Resolver | None] | None = None,
    ) -> None:
        self._hostname = hostname.lower()
        self._timeout_seconds = timeout_seconds
        self._present = resolver or SystemResolver().present

    async def wait_hosts(self, domain: str) -> Hosts | Reply:
        if domain.startswith("["):
            return (domain[1:-1].removeprefix("IPv6:").removeprefix("ipv6:"),)
        resolver = self._present()
        if resolver is None:
            return NO_DNS
        try:
            return self._by_preference(await self._wait_records(resolver, domain))
        except NXDOMAIN:
            return NO_DOMAIN
        except NoAnswer:
            return await self._wait_implicit(resolver, domain)
        except (NoNameservers, Timeout):
            return NO_DNS
        except (DNSException, UnicodeError):  # a name that DNS cannot even ask for
            return NO_DOMAIN

    async def _wait_records(self, resolver: Resolver, domain: str) -> list[tuple[int, str]]:
        answer = await resolver.resolve(domain, "MX", lifetime=self._timeout_seconds)
        return [
            (record.preference, record.exchange.to_text(omit_final_dot=True)) for record in answer
        ]

    def _by_preference(self, records: list[tuple[int, str]]) -> Hosts | Reply:
        if [host for _, host in records] in ([""], ["."], ["@"]):
            return NULL_MX
        ours = [preference for preference, host in records if host.lower() == self._hostname]
        # RFC 5321 section 5.1: hosts of our own rank or below are no nearer to the mailbox.
        better = [item for item in records if not ours or item[0] < min(ours)]
        random.shuffle(better)  # equal ones share the load
        return tuple(host for _, host in sorted(better, key=lambda item: item[0])) or LOOP

    async def _wait_implicit(self, resolver: Resolver, domain: str) -> Hosts | Reply:
        """No MX: the domain itself, if it has an address."""
        try:
            await resolver.resolve_name(domain, lifetime=self._timeout_seconds)
        except (NXDOMAIN, NoAnswer):
            return NO_HOST
        except DNSException:
            return NO_DNS
        return (domain,)
