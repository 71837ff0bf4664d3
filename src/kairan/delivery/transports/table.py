"""The table of transports: the scheme of a destination's text, and what is true of its transport.

A new transport is a file here with `make(destination, context) -> Transport`, and a row below.
The modules are imported when a transport is made: routes and configuration read the table in every
command, and few commands need DNS and TLS.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from kairan.delivery.transport import Transport
from kairan.delivery.transports.context import NO_IDENTITIES, TransportContext
from kairan.delivery.transports.settings import TransportSettings
from kairan.relay.next_hop import NextHopIdentity

if TYPE_CHECKING:
    from kairan.capture.faults import FaultWatch
    from kairan.capture.settings import CapturePlace


class DestinationError(ValueError):
    """The operator wrote a destination that we cannot use; the text says what to write."""


@dataclass(frozen=True, slots=True)
class TransportKind:
    """`is_final`: into the mailbox; behind the others comes a further hop (RFC 3464 section 2.3.3).

    `by_domain`: one session reaches one recipient domain, so each domain is a destination.
    `names_path`: a file path follows the colon.
    """

    module: str  # of this package
    forms: tuple[str, ...]  # how it is written, for the operator
    is_final: bool = False
    by_domain: bool = False
    names_path: bool = False

    def make(self, destination: str, context: TransportContext) -> Transport:
        """Raises DestinationError."""
        transport: Transport = import_module(f"{__package__}.{self.module}").make(
            destination, context
        )
        return transport


TRANSPORTS: Mapping[str, TransportKind] = {
    "maildir": TransportKind("maildir", ("maildir:DIR",), is_final=True, names_path=True),
    "lmtp": TransportKind("smtp", ("lmtp://HOST:PORT", "lmtp:///SOCKET"), is_final=True),
    "smtp": TransportKind("smtp", ("smtp://HOST:PORT",)),
    "smtps": TransportKind("smtp", ("smtps://HOST:PORT",)),
    "hve": TransportKind("smtp", ("hve://?identity=NAME",)),
    "mx": TransportKind("mx", ("mx:",), by_domain=True),
    "capture": TransportKind("capture", ("capture:", "capture:maildir:DIR"), is_final=True),
}


def kind_of(destination: str) -> TransportKind:
    """Raises DestinationError for a scheme that is not in the table."""
    kind = TRANSPORTS.get(destination.partition(":")[0].lower())
    if kind is None:
        *forms, last = (form for kind in TRANSPORTS.values() for form in kind.forms)
        raise DestinationError(f"{destination}: write {', '.join(forms)} or {last}")
    return kind


def transport_for(
    destination: str,
    settings: TransportSettings,
    identities: Mapping[str, NextHopIdentity] = NO_IDENTITIES,
    *,
    capture: "CapturePlace | None" = None,
    faults: "FaultWatch | None" = None,
) -> Transport:
    """Raises DestinationError, whose text tells the operator what to write instead."""
    return kind_of(destination).make(
        destination, TransportContext(settings, identities, capture, faults)
    )
