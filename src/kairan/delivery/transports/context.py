"""What a transport may need beside the text of its destination."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from kairan.delivery.transports.settings import TransportSettings
from kairan.relay.next_hop import NextHopIdentity

if TYPE_CHECKING:  # every command imports this, and nearly none captures
    from kairan.capture.faults import FaultWatch
    from kairan.capture.settings import CapturePlace

NO_IDENTITIES: Mapping[str, NextHopIdentity] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TransportContext:
    """`identities`: those of the configuration, by their names.

    `capture`: where test mail is kept; None: nowhere.
    """

    settings: TransportSettings
    identities: Mapping[str, NextHopIdentity] = field(default_factory=dict)
    capture: "CapturePlace | None" = None
    faults: "FaultWatch | None" = None  # the worker's
