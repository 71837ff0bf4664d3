"""An entry of a directory server as a person or a group."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

from kairan.directory.errors import DirectoryError
from kairan.directory.operations import names
from kairan.directory.recipient_filter.properties import DETAILS, WITHOUT_LOGIN
from kairan.directory.sources.attribute_names import AttributeNames
from kairan.directory.sources.values import SourceGroup, SourcePerson, SourceProblem

LdapEntry: TypeAlias = Mapping[str, Sequence[bytes]]
"""An entry's attributes by their names in lower case, values as they came."""

_DISABLED = 2  # ACCOUNTDISABLE of userAccountControl, [MS-ADTS] section 2.2.16
_NAME_OF_TYPE = {number: name for name, number in DETAILS.items()}
_GUID_OCTETS = 16
_TIME = re.compile(r"([0-9]{4})" + r"([0-9]{2})" * 5)


def person_of(entry: LdapEntry, called: AttributeNames) -> SourcePerson | SourceProblem:
    id_ = id_of(entry, called)
    kind = _recipient_type(entry, called)
    try:
        primary, aliases = _addresses(entry, called, is_contact=kind == "MailContact")
    except DirectoryError as error:
        return SourceProblem(id_, _text(entry, called["mail"]), str(error))
    attributes = {
        ours: _text(entry, there, keeps_lines=ours == "notes")
        for ours, there in called.attributes
        if there in entry
    }
    is_disabled = bool(_number(entry, called["control"]) & _DISABLED) and kind not in WITHOUT_LOGIN
    return SourcePerson(
        id=id_,
        address=primary,
        aliases=aliases,
        display_name=_text(entry, called["displayName"]) or _text(entry, called["name"]),
        attributes={name: value for name, value in attributes.items() if value},
        country_code=_number(entry, called["countryCode"]) or None,
        recipient_type=kind,
        enabled=not is_disabled,
        hidden=_text(entry, called["hidden"]).upper() == "TRUE",
        when_created=seconds_of(_text(entry, called["whenCreated"])),
    )


def group_of(
    entry: LdapEntry, called: AttributeNames, members: frozenset[str] | None
) -> SourceGroup | SourceProblem:
    id_ = id_of(entry, called)
    try:
        primary, _ = _addresses(entry, called, is_contact=False)
    except DirectoryError as error:
        return SourceProblem(id_, _text(entry, called["mail"]), str(error))
    return SourceGroup(
        id=id_,
        address=primary,
        display_name=_text(entry, called["displayName"]) or _text(entry, called["name"]),
        hidden=_text(entry, called["hidden"]).upper() == "TRUE",
        members=members,
    )


def id_of(entry: LdapEntry, called: AttributeNames) -> str:
    """Empty: it has none, or we may not read it."""
    value = next(iter(entry.get(called["id"], ())), b"")
    if called["id"] == "objectguid" and len(value) == _GUID_OCTETS:
        return str(UUID(bytes_le=value))
    return value.decode("utf-8", errors="replace")


def has_address(entry: LdapEntry, called: AttributeNames) -> bool:
    return bool(entry.get(called["mail"]) or _proxies(entry, called))


def seconds_of(text: str) -> int | None:
    """GeneralizedTime in UTC, RFC 4517 section 3.3.13, as servers write it: 20261127023415.0Z."""
    written = _TIME.fullmatch(text.partition(".")[0].rstrip("Z"))
    if written is None:
        return None
    try:
        return int(datetime(*map(int, written.groups()), tzinfo=UTC).timestamp())  # type: ignore[misc,arg-type]
    except ValueError:
        return None


def _addresses(
    entry: LdapEntry, called: AttributeNames, *, is_contact: bool
) -> tuple[str, frozenset[str]]:
    """`SMTP:` before the primary address of proxyAddresses, `smtp:` before the others.  Mail for a
    contact goes to its target.
    """
    mail = _text(entry, called["mail"])
    proxies = _proxies(entry, called)
    primaries = [text for scheme, text in proxies if scheme == "SMTP"]
    target = _text(entry, called["targetAddress"])
    first = _without_scheme(target) if is_contact and target else ""
    primary = names.key(first or next(iter(primaries), "") or mail)
    others = []
    for text in dict.fromkeys([*(text for _, text in proxies), mail]):
        try:
            others.append(names.key(text))
        except DirectoryError:
            continue  # of an address that mail cannot have nobody writes to us
    return primary, frozenset(others) - {primary}


def _proxies(entry: LdapEntry, called: AttributeNames) -> list[tuple[str, str]]:
    texts = (_decoded(value).partition(":") for value in entry.get(called["proxyAddresses"], ()))
    return [(scheme, rest) for scheme, _, rest in texts if scheme.upper() == "SMTP"]


def _without_scheme(text: str) -> str:
    scheme, colon, rest = text.partition(":")
    return rest if colon and scheme.upper() == "SMTP" else text


def _recipient_type(entry: LdapEntry, called: AttributeNames) -> str:
    named = _NAME_OF_TYPE.get(_number(entry, called["recipientType"]))
    if named is not None:
        return named
    classes = {_decoded(value).lower() for value in entry.get("objectclass", ())}
    return "MailContact" if "contact" in classes else "UserMailbox"


def _text(entry: LdapEntry, name: str, *, keeps_lines: bool = False) -> str:
    """The first value; what is no text to be shown becomes a blank."""
    text = _decoded(next(iter(entry.get(name, ())), b""))
    if text.isprintable():
        return text.strip()
    allowed = "\t\r\n" if keeps_lines else ""
    return "".join(one if one.isprintable() or one in allowed else " " for one in text).strip()


def _number(entry: LdapEntry, name: str) -> int:
    try:
        return int(_decoded(next(iter(entry.get(name, ())), b"0")))
    except ValueError:
        return 0


def _decoded(value: bytes) -> str:
    return value.decode("utf-8", errors="replace")
