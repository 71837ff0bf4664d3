"""What the directory must hold for this configuration, and what the configuration for the directory."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from kairan.config.lines import Path_
from kairan.config.model import Configuration, default_directory_url
from kairan.config.reach import has_route, reaches_everywhere, router_of
from kairan.config.setting_problem import SettingProblem
from kairan.delivery.routes import Router
from kairan.directory.errors import DirectoryError, DirectoryOfOldShapeError
from kairan.directory.model import Organisation
from kairan.directory.operations.names import AddressKind
from kairan.directory.store import Directory
from kairan.mail.address import Address, domain_of

_ROUTES: Path_ = ("delivery", "routes")


@dataclass(slots=True)
class DirectoryFindings:
    """`problems`: mail is refused or comes back; `warnings`: it may be meant."""

    problems: list[SettingProblem] = field(default_factory=list)
    warnings: list[SettingProblem] = field(default_factory=list)


def directory_findings(configuration: Configuration) -> DirectoryFindings:
    """Asks a directory that is there; one that is not, the start makes."""
    found = DirectoryFindings()
    where = _place(configuration)
    file = configuration.directory_url.removeprefix("sqlite:///")
    if file != configuration.directory_url and not Path(file).exists():
        sentence = (
            f"there is no directory {file} yet: the start makes an empty one, without postmaster, "
            "domains and accounts (`kairan domain add DOMAIN`, `kairan organisation set --postmaster "
            "ADDRESS`)"
        )
        found.warnings.append((where, sentence))
        return found
    try:
        with Directory.open(configuration.directory_url, migrate=False) as directory:
            found.problems += _problems(configuration, directory)
            found.warnings += _domains_without_recipients(configuration, directory)
    except DirectoryOfOldShapeError as error:
        found.warnings.append((where, str(error)))
    except DirectoryError as error:
        found.problems.append((where, str(error)))
    return found


def _place(configuration: Configuration) -> Path_:
    """Where the file says which directory it is."""
    is_default = configuration.directory_url == default_directory_url(configuration.data_directory)
    return ("server", "data_directory") if is_default else ("directory", "url")


def _problems(configuration: Configuration, directory: Directory) -> Iterator[SettingProblem]:
    if postmaster := directory.postmaster_problem():
        yield _place(configuration), postmaster
    yield from _device_accounts(configuration, directory)
    yield from _without_route(configuration, directory)


def _device_accounts(
    configuration: Configuration, directory: Directory
) -> Iterator[SettingProblem]:
    for position, listener in enumerate(configuration.listeners):
        for network, address in listener.devices:
            account = directory.account(address)
            if account is None:
                why = f"there is no account {address}: `kairan account add {address} --generate`"
            elif not account.enabled:
                why = f"the account {address} is disabled: `kairan account set {address} --enabled`"
            else:
                continue
            sentence = f"devices of {network} can send nothing, for {why}"
            yield ("listener", position, "devices", network), sentence


def _without_route(configuration: Configuration, directory: Directory) -> Iterator[SettingProblem]:
    """What is accepted for them comes back to its sender."""
    router = router_of(configuration.delivery.routes)
    organisation = directory.organisation()
    bare = {domain for domain in organisation.accepted_domains if not has_route(router, domain)}
    for domain, (count, example) in sorted(_unrouted(directory, router, bare).items()):
        mailboxes = (
            f"so mail for {example}{f' and {count - 1:,} more' if count > 1 else ''} comes back"
            if count
            else "so no mail for it could be delivered"
        )
        sentence = (
            f"the accepted domain {domain} has no route, {mailboxes}; "
            f'write a [[delivery.routes]] with pattern = "{domain}"'
        )
        yield _ROUTES, sentence
    yield from _outside(configuration, organisation, router)


def _unrouted(
    directory: Directory, router: Router, domains: set[str]
) -> dict[str, tuple[int, str]]:
    """By domain how many mailboxes have no route and the first of them.  A domain in which each has
    a route of its own is not among them, one without mailboxes is.
    """
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    routed: set[str] = set()
    if domains:
        for address, kind, owner in directory.recipients():
            domain = domain_of(Address(address))
            if domain not in domains or kind is not AddressKind.MAILBOX:
                continue
            if router.route(owner) is None:
                counts[domain] += 1
                examples.setdefault(domain, address)
            else:
                routed.add(domain)
    return {
        domain: (counts[domain], examples.get(domain, ""))
        for domain in domains
        if domain in counts or domain not in routed
    }


def _outside(
    configuration: Configuration, organisation: Organisation, router: Router
) -> Iterator[SettingProblem]:
    allowed = organisation.external_recipients_allowed
    where: Path_ = _ROUTES
    for position, listener in enumerate(configuration.listeners):
        if listener.external_recipients and not allowed:
            allowed, where = True, ("listener", position, "external_recipients")
    if allowed and not reaches_everywhere(router):
        sentence = (
            "recipients outside the organisation are allowed and no route leads there, so their mail "
            'comes back; write a [[delivery.routes]] with pattern = "*"'
        )
        yield where, sentence
    postmaster = organisation.postmaster
    if (
        postmaster
        and domain_of(Address(postmaster)) not in organisation.accepted_domains
        and router.route(postmaster) is None
    ):
        yield _ROUTES, f"no route leads to the organisation's postmaster {postmaster}"


def _domains_without_recipients(
    configuration: Configuration, directory: Directory
) -> Iterator[SettingProblem]:
    organisation = directory.organisation()
    domains = set(organisation.accepted_domains - organisation.relayed_domains)
    with closing(directory.recipients()) as recipients:
        while domains and (one := next(recipients, None)):
            domains.discard(domain_of(Address(one[0])))
    for domain in sorted(domains):
        sentence = (
            f"the accepted domain {domain} has neither mailboxes nor groups, so all mail for it is "
            f"refused: `kairan mailbox import FILE.csv`, or `kairan domain remove {domain}`"
        )
        yield _place(configuration), sentence
