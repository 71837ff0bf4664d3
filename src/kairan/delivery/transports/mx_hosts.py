"""Which hosts take the mail of a domain: RFC 5321 section 5.1, RFC 7505 (null MX)."""

import random
from typing import Protocol, TypeAlias

from dns.asyncresolver import Resolver
from dns.exception import DNSException, Timeout
from dns.resolver import NXDOMAIN, NoAnswer, NoNameservers

from kairan.mail import Reply
from kairan.outcomes import catalogue

Hosts: TypeAlias = tuple[str, ...]

NULL_MX = catalogue.NO_ROUTE.reply_with("(a null MX: the domain accepts no mail)")
NO_DOMAIN = catalogue.NO_ROUTE.reply_with("(there is no such domain)")
NO_HOST = catalogue.NO_ROUTE.reply_with("(the domain has no mail server and no address)")
LOOP = catalogue.LOOP_DETECTED.reply_with("(the best mail server of the domain is this one)")
NO_DNS = catalogue.NAME_LOOKUP_FAILED.reply


class MxResolver(Protocol):
    async def wait_hosts(self, domain: str) -> Hosts | Reply:
        """Best host first; a Reply says why there is none."""


class DnsResolver:
    """By the system's name servers.  `hostname` is us, so that we do not send to ourselves."""

    def __init__(
        self, *, hostname: str, timeout_seconds: float, resolver: Resolver | None = None
    ) -> None:
        self._hostname = hostname.lower()
        self._timeout_seconds = timeout_seconds
        self._resolver = resolver or Resolver()

    async def wait_hosts(self, domain: str) -> Hosts | Reply:
        if domain.startswith("["):
            return (domain[1:-1].removeprefix("IPv6:").removeprefix("ipv6:"),)
        try:
            return self._by_preference(await self._wait_records(domain))
        except NXDOMAIN:
            return NO_DOMAIN
        except NoAnswer:
            return await self._wait_implicit(domain)
        except (NoNameservers, Timeout):
            return NO_DNS
        except (DNSException, UnicodeError):  # a name that DNS cannot even ask for
            return NO_DOMAIN

    async def _wait_records(self, domain: str) -> list[tuple[int, str]]:
        answer = await self._resolver.resolve(domain, "MX", lifetime=self._timeout_seconds)
        return [
            (record.preference, record.exchange.to_text(omit_final_dot=True)) for record in answer
        ]

    def _by_preference(self, records: list[tuple[int, str]]) -> Hosts | Reply:
        if [host for _, host in records] in ([""], ["."], ["@"]):
            return NULL_MX
        ours = [preference for preference, host in records if host.lower() == self._hostname]
        # RFC 5321 section 5.1: from our own rank downwards nobody is nearer to the mailbox.
        better = [item for item in records if not ours or item[0] < min(ours)]
        random.shuffle(better)  # equal ones share the load
        return tuple(host for _, host in sorted(better, key=lambda item: item[0])) or LOOP

    async def _wait_implicit(self, domain: str) -> Hosts | Reply:
        """No MX: the domain itself, if it has an address."""
        try:
            await self._resolver.resolve_name(domain, lifetime=self._timeout_seconds)
        except (NXDOMAIN, NoAnswer):
            return NO_HOST
        except DNSException:
            return NO_DNS
        return (domain,)
