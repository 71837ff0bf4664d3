"""The operations of a PATCH, as Entra sends them: brought to what RFC 7644 section 3.5.2 means."""

from collections.abc import Mapping, Sequence
from typing import Any

from scim2_models import EnterpriseUser

from kairan.outcomes import scim_endpoint
from kairan.scim.errors import ScimRequestError

_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_MANAGER = f"{EnterpriseUser.__schema__}:manager".lower()
# Each names a member, at most; those of a person are fewer than the attributes there are.
OPERATIONS_MAX = 1_000
# Each is applied to the document by itself, in 2 ms.
DOCUMENT_OPERATIONS_MAX = 100


def operations_of(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Raises ScimRequestError where the body is no PATCH."""
    schemas = body.get("schemas")
    if not isinstance(schemas, list) or _SCHEMA not in schemas:
        raise ScimRequestError(scim_endpoint.INVALID_SYNTAX, f"schemas must name {_SCHEMA}")
    given = next((body[name] for name in body if name.lower() == "operations"), None)
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given) or not given:
        raise ScimRequestError(
            scim_endpoint.INVALID_SYNTAX, "Operations must be a list of objects, at least one"
        )
    if len(given) > OPERATIONS_MAX:
        raise ScimRequestError(
            scim_endpoint.TOO_LARGE, f"it has more than {OPERATIONS_MAX} operations"
        )
    return [meant for one in given if (meant := _meant(_in_lower_case(one))) is not None]


def _in_lower_case(operation: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 7643 section 2.1: names of attributes have no case."""
    return {name.lower(): value for name, value in operation.items()}


def _meant(operation: dict[str, Any]) -> dict[str, Any] | None:
    """None: it changes nothing.  Entra adds null where a person has no value."""
    verb = operation.get("op")
    if not isinstance(verb, str):
        raise ScimRequestError(scim_endpoint.INVALID_SYNTAX, "each operation needs an op")
    operation["op"] = verb.lower()
    value = operation.get("value")
    path = operation.get("path")
    if operation["op"] == "add" and value is None:
        return None
    if isinstance(path, str) and path.lower() == _MANAGER:
        operation["value"] = _manager(value)
    elif not path and isinstance(value, dict):
        operation["value"] = {
            name: _manager(one) if name.lower() == _MANAGER else one for name, one in value.items()
        }
    if operation["op"] == "remove" and isinstance(path, str) and path.lower() == _MANAGER:
        operation.pop("value", None)
    return operation


def _manager(value: object) -> object:
    """Entra sends the id alone.  An empty one means that there is none any more."""
    if isinstance(value, str):
        return {"value": value} if value else None
    return value
