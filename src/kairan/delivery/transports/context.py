"""What a transport may need beside the text of its destination."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from kairan.delivery.transports.settings import TransportSettings
from kairan.relay.next_hop import NextHopIdentity

NO_IDENTITIES: Mapping[str, NextHopIdentity] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TransportContext:
    """`identities`: those of the configuration, by their names."""

    settings: TransportSettings
    identities: Mapping[str, NextHopIdentity] = field(default_factory=dict)
