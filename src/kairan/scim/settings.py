"""SCIM's settings: whether it is there, and what a request may cost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScimSettings:
    # Off where nobody pushes people and groups; on, it is at /scim/v2 of the issuer's host and port.
    enabled: bool = False
    # The domain of groups that come without an address, as Entra's do; none: the only accepted domain.
    group_domain: str | None = None
    # A member of a group takes some 60 octets, so this is some 15,000 of them in one request.
    body_octets_max: int = 1_048_576
    # A document has some 2 KiB; many mail addresses make it longer.
    document_octets_max: int = 65_536
    # Resources of one answer; who asks for more gets the rest with the next page.
    page_max: int = 200
