"""Whether the name servers that `mx:` needs are there and answer."""

from collections.abc import Iterator
from pathlib import Path

from dns.exception import DNSException, Timeout
from dns.resolver import NXDOMAIN, NoAnswer, NoNameservers, Resolver

from kairan.config.model import Configuration
from kairan.config.setting_problem import SettingProblem
from kairan.delivery.transports.mx_hosts import RESOLV_CONF
from kairan.delivery.transports.table import TRANSPORTS

# Of one question: a resolver that has to ask others answers within a second or two.
ANSWER_SECONDS_MAX = 4.0


def name_server_problems(
    configuration: Configuration, *, file: Path = RESOLV_CONF, port: int = 53
) -> Iterator[SettingProblem]:
    """Asked once for all routes by `mx:`; said at the first of them."""
    for position, route in enumerate(configuration.delivery.routes):
        kind = TRANSPORTS.get(route.to.partition(":")[0].lower())
        if kind is None or not kind.by_domain:
            continue
        if why := _why_none_answers(_question(route.pattern), file, port):
            sentence = f'"{route.to}" needs the DNS, and {why}; its mail waits until one answers'
            yield ("delivery", "routes", position, "to"), sentence
        return


def _question(pattern: str) -> str:
    """A name that its mail would ask for; where it is any, the root of all."""
    domain = pattern.rpartition("@")[2].removeprefix("*").removeprefix(".")
    return domain or "."


def _why_none_answers(name: str, file: Path, port: int) -> str:
    try:
        resolver = Resolver(str(file))
    except (DNSException, OSError, ValueError) as error:  # as in mx_hosts.SystemResolver
        return f"{file} names no name server ({error})"
    resolver.port = port
    servers = ", ".join(str(one) for one in resolver.nameservers)
    try:
        resolver.resolve(name, "MX" if name != "." else "NS", lifetime=ANSWER_SECONDS_MAX)
    except (NXDOMAIN, NoAnswer):
        return ""  # an answer, if not one that mail could use
    except Timeout:
        return f"no name server of {file} answers ({servers})"
    except NoNameservers as error:
        return f"no name server of {file} is willing to answer ({error})"
    except (DNSException, UnicodeError, OSError) as error:
        return f"the name servers of {file} cannot be asked ({error})"
    return ""
