"""What the directory has to say about the recipients of a mailing, where one is at hand.

An application that sends has none.  On the service's own machine its configuration leads to one, and a
long row of addresses that is, nearly, a list is better sent to the list.  Nothing here may stop a
mailing: what cannot be read, or takes too long, is no advice.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from kairan.config.errors import ConfigError
from kairan.config.locate import locate
from kairan.config.model import Configuration
from kairan.config.read import load
from kairan.config.rules import identity_rules
from kairan.mail.address import key_of
from kairan.runtime.operator_error import OperatorError
from kairan.runtime.privileges import act_as_oneself, act_as_owner_of
from kairan.sender.addresses import address_of
from kairan.sender.advice import KnownList, ListAdvice, advise
from kairan.sender.plan import ListFacts

# A longer row is looked at no more: its keys alone are 10 MB, and it is a list by any name.
_ADDRESSES_MAX = 100_000
# Opening a list of 100,000 takes a second; lists that were not opened by then are not asked.
_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True)
class DirectoryFacts:
    """`lists`: those among the recipients.  `advice`: those that the other recipients nearly are."""

    lists: tuple[ListFacts, ...] = ()
    advice: tuple[ListAdvice, ...] = ()


_NOTHING = DirectoryFacts()


def known_of(recipients: Iterable[str], config: Path | None) -> DirectoryFacts:
    some = list(islice(recipients, _ADDRESSES_MAX + 1))
    configuration = _at_hand(config)
    if configuration is None or not 0 < len(some) <= _ADDRESSES_MAX:
        return _NOTHING
    act_as_owner_of(configuration.data_directory)
    try:
        return _asked(some, configuration)
    finally:
        act_as_oneself()


def _at_hand(config: Path | None) -> Configuration | None:
    """None: there is none, or it is a file of an application's own that has identities alone.  One that
    was named and is neither is a mistake.
    """
    try:
        return load(locate(config))
    except (ConfigError, OSError):
        if config is not None:
            load(config, identity_rules)
        return None


def _asked(recipients: list[str], configuration: Configuration) -> DirectoryFacts:
    # SQLAlchemy is a third of a second, for those alone who have a directory.
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from kairan.directory.store import Directory  # noqa: PLC0415
    from kairan.expansion.preview import Preview  # noqa: PLC0415

    try:
        with Directory.open(configuration.directory_url, migrate=False) as directory:
            preview = Preview(directory, configuration.delivery.expansion)
            return _compared(recipients, preview.groups(), preview.members, preview.primary)
    except (OperatorError, OSError, SQLAlchemyError):
        return _NOTHING


def _compared(
    recipients: list[str],
    groups: list[str],
    members: Callable[[str], list[str]],
    primary: Callable[[str], str],
) -> DirectoryFacts:
    """`primary`: an address as the directory has it first, for aliases are the same recipient."""
    known = set(map(key_of, groups))
    written = (address_of(text) for text in recipients)
    addresses = {primary(address) for address in written if address is not None}
    named = [one for one in addresses if key_of(one) in known]
    lists = tuple(ListFacts(one, len(members(one))) for one in sorted(named))
    others = addresses.difference(named)
    found = advise(others, list(_opened(groups, members)) if others else ())
    return DirectoryFacts(lists, tuple(found))


def _opened(groups: list[str], members: Callable[[str], list[str]]) -> Iterator[KnownList]:
    end = time.monotonic() + _SECONDS_MAX
    for group in groups:
        if time.monotonic() > end:
            return
        yield KnownList(group, frozenset(map(key_of, members(group))))
