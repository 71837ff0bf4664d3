"""A request's body as JSON: bounded in octets and in depth, and no member of an object twice.

Two members of one name mean one thing to this reader and another to the next (RFC 8259 section 4).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kairan.outcomes import scim_endpoint
from kairan.scim.errors import ScimRequestError

# RFC 7643 section 2.3.8 has no complex values within complex values: the deepest there is are the
# members of an operation's value.
_DEPTH_MAX = 10


def read_object(octets: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(octets, object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise ScimRequestError(scim_endpoint.INVALID_SYNTAX, "the body is no JSON") from error
    if not isinstance(value, dict):
        raise ScimRequestError(scim_endpoint.INVALID_SYNTAX, "the body is no JSON object")
    _check_depth(value, _DEPTH_MAX)
    return value


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice")
    return found


def _constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _check_depth(value: object, left: int) -> None:
    if not isinstance(value, dict | list):
        return
    if left == 0:
        raise ScimRequestError(scim_endpoint.INVALID_SYNTAX, "it is nested too deeply")
    for one in value.values() if isinstance(value, dict) else value:
        if isinstance(one, dict | list):
            _check_depth(one, left - 1)
