"""What an entry's attributes are called: Active Directory's names by default, the settings' where they differ."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from kairan.directory.errors import DirectoryError
from kairan.directory.recipient_filter.predicate import ATTRIBUTE_OF
from kairan.directory.recipient_filter.properties import PROPERTIES

# What of a person or group is no attribute of Exchange's filters, and its name there.
_OTHERS = {
    "id": "objectGUID",
    "mail": "mail",
    "proxyAddresses": "proxyAddresses",
    "targetAddress": "targetAddress",
    "displayName": "displayName",
    "name": "cn",
    "hidden": "msExchHideFromAddressLists",
    "countryCode": "countryCode",
    "whenCreated": "whenCreated",
    "recipientType": "msExchRecipientTypeDetails",
    "control": "userAccountControl",
    "member": "member",
}
_ATTRIBUTES = {
    ATTRIBUTE_OF[one.name]: one.ldap for one in PROPERTIES if one.name in ATTRIBUTE_OF
} | {"manager": "manager"}
DEFAULT_NAMES: Mapping[str, str] = MappingProxyType({**_ATTRIBUTES, **_OTHERS})


@dataclass(frozen=True, slots=True)
class AttributeNames:
    """What each thing is called at one server, in lower case."""

    by_ours: Mapping[str, str]
    attributes: Sequence[tuple[str, str]]  # of Exchange's filters, with the name there

    def __getitem__(self, ours: str) -> str:
        return self.by_ours[ours]

    @property
    def of_people(self) -> list[str]:
        return sorted({name for ours, name in self.by_ours.items() if ours != "member"})

    @property
    def of_groups(self) -> list[str]:
        wanted = ("id", "mail", "proxyAddresses", "displayName", "name", "hidden", "member")
        return sorted({self.by_ours[ours] for ours in wanted})


def attribute_names(changed: Iterable[tuple[str, str]]) -> AttributeNames:
    """`changed`: the settings' own.  Raises DirectoryError where one of ours is not known."""
    ours = {name.lower(): name for name in DEFAULT_NAMES}
    by_ours = {name: there.lower() for name, there in DEFAULT_NAMES.items()}
    for name, there in changed:
        if name.lower() not in ours:
            raise DirectoryError(
                f"there is no attribute {name!r}; there are {', '.join(ours.values())}"
            )
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)+", there):
            raise DirectoryError(f"{there!r} is no name of an attribute (RFC 4512 section 2.5)")
        by_ours[ours[name.lower()]] = there.lower()
    return AttributeNames(by_ours, [(ours, by_ours[ours]) for ours in _ATTRIBUTES])
