"""The catalogue itself, in the order in which a client meets its entries.

The modules below hold one constant for each entry; here all of them stand under one roof, by name
(`catalogue.SENDER_NOT_YOURS`) and by key (`CATALOGUE["sender-not-yours"]`).
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType, ModuleType

from kairan.outcomes import (
    authentication,
    clients,
    commands,
    connection,
    delivery,
    exchange,
    handshakes,
    limits,
    lists,
    message,
    oauth,
    peers,
    recipients,
    sender,
    upstream,
)
from kairan.outcomes.authentication import *
from kairan.outcomes.clients import *
from kairan.outcomes.commands import *
from kairan.outcomes.connection import *
from kairan.outcomes.delivery import *
from kairan.outcomes.exchange import *
from kairan.outcomes.handshakes import *
from kairan.outcomes.limits import *
from kairan.outcomes.lists import *
from kairan.outcomes.message import *
from kairan.outcomes.oauth import *
from kairan.outcomes.outcome import Outcome
from kairan.outcomes.peers import *
from kairan.outcomes.recipients import *
from kairan.outcomes.sender import *
from kairan.outcomes.upstream import *

TOPICS: tuple[ModuleType, ...] = (
    connection,
    commands,
    authentication,
    oauth,
    sender,
    recipients,
    lists,
    message,
    limits,
    delivery,
    peers,
    upstream,
    handshakes,
    exchange,
    clients,
)


def outcomes_of(topic: ModuleType) -> Iterator[Outcome]:
    return (value for value in vars(topic).values() if isinstance(value, Outcome))


CATALOGUE: Mapping[str, Outcome] = MappingProxyType(
    {outcome.key: outcome for topic in TOPICS for outcome in outcomes_of(topic)}
)
