"""A recipient filter as a search filter of LDAP (RFC 4515).

Every value is escaped, so no text of a filter can become syntax.  The server compares without
regard to case and width, as `folding.py` says: LDAP's caseIgnoreMatch (RFC 4517 section 4.2.11).
"""

from datetime import UTC, datetime
from typing import assert_never

from kairan.directory.recipient_filter.properties import ACCOUNT_DISABLED, Kind, Property
from kairan.directory.recipient_filter.tree import (
    And,
    Compares,
    Equals,
    Filter,
    Inequality,
    IsBlank,
    Matches,
    Not,
    OfType,
    Or,
)

_ESCAPED = str.maketrans({letter: f"\\{ord(letter):02x}" for letter in "\0()*\\"})
_TYPE = "msExchRecipientTypeDetails"
# LDAP_MATCHING_RULE_BIT_AND, [MS-ADTS] section 3.1.1.3.4.4.1; OpenLDAP has it as integerBitAndMatch.
_ALL_BITS = "1.2.840.113556.1.4.803"


def ldap_filter(tree: Filter) -> str:
    match tree:
        case Equals(wanted, value):
            return _equals(wanted, value)
        case Matches(wanted, parts):
            return f"({wanted.ldap}={'*'.join(map(_escaped, parts))})"
        case Compares(wanted, order, value):
            return _compares(wanted, order, _text(wanted, value))
        case IsBlank(wanted):
            return f"(!({wanted.ldap}=*))"
        case OfType(details):
            return _joined("|", [f"({_TYPE}={number})" for number in sorted(details)])
        case Not(part):
            return f"(!{ldap_filter(part)})"
        case And(parts):
            return _joined("&", map(ldap_filter, parts))
        case Or(parts):
            return _joined("|", map(ldap_filter, parts))
        case _ as never:
            assert_never(never)


def _equals(wanted: Property, value: str | int | bool) -> str:
    if wanted.kind is Kind.ACCOUNT_CONTROL:
        disabled = f"({wanted.ldap}:{_ALL_BITS}:={ACCOUNT_DISABLED})"
        return disabled if value else f"(!{disabled})"
    if value is False:  # not set is as good as false
        return f"(!({wanted.ldap}=TRUE))"
    return f"({wanted.ldap}={_text(wanted, value)})"


def _compares(wanted: Property, order: Inequality, value: str) -> str:
    """LDAP has `<=` and `>=` alone; below is: there is a value, and not at or above."""
    name = wanted.ldap
    match order:
        case Inequality.AT_MOST:
            return f"({name}<={value})"
        case Inequality.AT_LEAST:
            return f"({name}>={value})"
        case Inequality.LESS:
            return f"(&({name}=*)(!({name}>={value})))"
        case Inequality.GREATER:
            return f"(&({name}=*)(!({name}<={value})))"
        case _ as never:
            assert_never(never)


def _joined(operator: str, parts: "map[str] | list[str]") -> str:
    filters = list(parts)
    return filters[0] if len(filters) == 1 else f"({operator}{''.join(filters)})"


def _text(wanted: Property, value: str | int | bool) -> str:
    if isinstance(value, str):
        return _escaped(value)
    if wanted.kind is Kind.DATE:  # GeneralizedTime, RFC 4517 section 3.3.13
        return datetime.fromtimestamp(value, UTC).strftime("%Y%m%d%H%M%S.0Z")
    return "TRUE" if value is True else str(value)


def _escaped(text: str) -> str:
    return text.translate(_ESCAPED)
