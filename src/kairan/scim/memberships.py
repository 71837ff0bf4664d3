"""What a PATCH of a group does to its members, without having them all at hand.

A group of 100,000 is no document that one reads, changes and writes: of the operations those that are
about members become a `MemberChange`, the others are left to the group's head.  Pure functions, in
one pass over the operations.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scim2_models import Path, SCIMException
from scim2_models.path import (
    CompareOperator,
    Comparison,
    FilterNode,
    LogicalExpr,
    LogicalOperator,
    ValuePath,
)

from kairan.outcomes import scim_endpoint
from kairan.scim.documents import GROUP_URN
from kairan.scim.errors import ScimRequestError

_MEMBERS = "members"
_QUALIFIED = f"{GROUP_URN.lower()}:{_MEMBERS}"
Operation = Mapping[str, Any]


@dataclass(slots=True)
class MemberChange:
    """`is_all`: `added` are all the members there are from now on."""

    is_all: bool = False
    added: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return self.is_all or bool(self.added or self.removed)

    def replace(self, ids: Iterable[str]) -> None:
        self.is_all, self.added, self.removed = True, set(ids), set()

    def add(self, ids: Iterable[str]) -> None:
        for one in ids:
            self.added.add(one)
            self.removed.discard(one)

    def remove(self, ids: Iterable[str]) -> None:
        for one in ids:
            self.added.discard(one)
            if not self.is_all:
                self.removed.add(one)


@dataclass(frozen=True, slots=True)
class GroupPatch:
    head: Sequence[Operation]  # what is not about members
    members: MemberChange


def divided(operations: Sequence[Operation]) -> GroupPatch:
    """Raises ScimRequestError where an operation about members means nothing."""
    head: list[Operation] = []
    change = MemberChange()
    for operation in operations:
        rest = _without_members(operation, change)
        if rest is not None:
            head.append(rest)
    return GroupPatch(head, change)


def _without_members(operation: Operation, change: MemberChange) -> Operation | None:
    """The operation, or what is left of it, after its members have gone into `change`."""
    verb = str(operation.get("op", "")).lower()
    path, value = operation.get("path"), operation.get("value")
    if not path and isinstance(value, Mapping) and verb in {"add", "replace"}:
        names = [name for name in value if _is_members(name)]
        for name in names:
            _write(change, verb, value[name])
        rest = {name: given for name, given in value.items() if name not in names}
        return {**operation, "value": rest} if rest or not names else None
    if not isinstance(path, str) or not _is_members(path.partition("[")[0]):
        return operation
    if "[" in path:
        _by_filter(change, verb, path)
    elif verb == "remove":
        change.replace(()) if value is None else change.remove(ids_of(value))
    elif verb in {"add", "replace"}:
        _write(change, verb, value)
    else:
        raise ScimRequestError(scim_endpoint.INVALID_VALUE, f"{verb!r} is no operation of PATCH")
    return None


def _is_members(name: str) -> bool:
    return name.strip().lower() in {_MEMBERS, _QUALIFIED}


def _write(change: MemberChange, verb: str, value: object) -> None:
    ids = ids_of(value)
    change.add(ids) if verb == "add" else change.replace(ids)


def ids_of(value: object) -> list[str]:
    """Of members as they are sent: one or many, as objects or (which some send) as bare ids."""
    entries = value if isinstance(value, list) else [] if value is None else [value]
    ids = [entry.get("value") if isinstance(entry, Mapping) else entry for entry in entries]
    texts = [one for one in ids if isinstance(one, str) and one]
    if len(texts) != len(ids):
        raise ScimRequestError(scim_endpoint.INVALID_VALUE, "each member needs the value: its id")
    return texts


def _by_filter(change: MemberChange, verb: str, path: str) -> None:
    """`members[value eq "id"]`, several joined by `or`: RFC 7644 section 3.5.2.2."""
    if verb != "remove":
        raise ScimRequestError(
            scim_endpoint.INVALID_PATH, "members are added and replaced by the path members"
        )
    try:
        node = Path(path).ast
    except SCIMException as error:
        raise ScimRequestError(scim_endpoint.INVALID_PATH, str(error)) from error
    if not isinstance(node, ValuePath) or node.sub_attr is not None:
        raise ScimRequestError(scim_endpoint.INVALID_PATH, f"{path} names no members")
    change.remove(_ids_named(node.val_filter))


def _ids_named(node: FilterNode) -> list[str]:
    terms = (
        node.terms if isinstance(node, LogicalExpr) and node.op is LogicalOperator.or_ else (node,)
    )
    ids: list[str] = []
    for term in terms:
        if not (
            isinstance(term, Comparison)
            and term.op is CompareOperator.eq
            and str(term.attr_path).lower() == "value"
            and isinstance(term.value, str)
        ):
            raise ScimRequestError(
                scim_endpoint.INVALID_PATH, 'members are named by members[value eq "id"] alone'
            )
        ids.append(term.value)
    return ids
