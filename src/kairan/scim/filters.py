"""Filters of RFC 7644 section 3.4.2.2 as conditions of SQL, over what is indexed.

Another attribute would mean reading every document there is for each question, and Entra asks one
for each person; such a filter is refused.  Values are bound, never written into the statement.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from scim2_models import SCIMException, ScimFilter
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)
from sqlalchemy import ColumnElement, and_, exists, false, not_, or_

from kairan.directory.database import schema
from kairan.directory.operations.scim_resources import PushedKind, folded
from kairan.outcomes import scim_endpoint
from kairan.scim.documents import GROUP_URN, MODELS, USER_URN
from kairan.scim.errors import ScimRequestError, refused

# Entra's have some 100; this keeps the statement within what databases take.
FILTER_CHARACTERS_MAX = 1_024

Condition = ColumnElement[bool]
Column_ = ColumnElement[Any]

_RESOURCE = schema.scim_resource.c
_EMAIL = schema.scim_email.c
_MEMBER = schema.scim_member.c
_EXACT: Mapping[str, Column_] = {"id": _RESOURCE.id, "externalid": _RESOURCE.external_id}
_TIMES: Mapping[str, Column_] = {
    "meta.created": _RESOURCE.created,
    "meta.lastmodified": _RESOURCE.modified,
}
_NAMES = {PushedKind.USER: "username", PushedKind.GROUP: "displayname"}
_LISTS = {PushedKind.USER: "emails", PushedKind.GROUP: "members"}


def condition_of(text: str, kind: PushedKind) -> Condition:
    """Raises ScimRequestError where the filter is none, or names what is not searched."""
    if len(text) > FILTER_CHARACTERS_MAX:
        raise ScimRequestError(
            scim_endpoint.INVALID_FILTER, f"it has more than {FILTER_CHARACTERS_MAX} characters"
        )
    try:
        model: Any = MODELS[kind]
        tree = ScimFilter[model](text).ast
    except (SCIMException, ValidationError) as error:
        raise refused(error) from error
    return _Resources(kind).visit(tree)


class _Conditions(FilterVisitor[Condition]):
    def visit_not(self, node: Not) -> Condition:
        return not_(self.visit(node.expr))

    def visit_logical_expr(self, node: LogicalExpr) -> Condition:
        join = and_ if node.op is LogicalOperator.and_ else or_
        return join(*(self.visit(term) for term in node.terms))


class _Resources(_Conditions):
    def __init__(self, kind: PushedKind) -> None:
        self._kind = kind

    def visit_comparison(self, node: Comparison) -> Condition:
        name = _name(node.attr_path)
        if name in _EXACT:
            return _compared(_EXACT[name], node, _text(node))
        if name == _NAMES[self._kind]:
            return _compared(_RESOURCE.folded_name, node, folded(_text(node)))
        if name in _TIMES:
            return _compared(_TIMES[name], node, _milliseconds(node))
        if name.removesuffix(".value") == _LISTS[self._kind]:
            return _in_list(self._kind, _Entries(self._kind).visit_comparison(_of_value(node)))
        raise _not_searched(node.attr_path)

    def visit_present(self, node: Present) -> Condition:
        name = _name(node.attr_path)
        if name == "externalid":
            return _RESOURCE.external_id != ""
        if name in {"id", *_TIMES, _NAMES[self._kind]}:
            return not_(false())
        if name.removesuffix(".value") == _LISTS[self._kind]:
            return _in_list(self._kind, not_(false()))
        raise _not_searched(node.attr_path)

    def visit_value_path(self, node: ValuePath) -> Condition:
        if _name(node.attr_path) != _LISTS[self._kind]:
            raise _not_searched(node.attr_path)
        return _in_list(self._kind, _Entries(self._kind).visit(node.val_filter))


class _Entries(_Conditions):
    """Within the brackets: of mail addresses or of members."""

    def __init__(self, kind: PushedKind) -> None:
        self._kind = kind

    def visit_comparison(self, node: Comparison) -> Condition:
        name = _name(node.attr_path)
        if self._kind is PushedKind.GROUP and name == "value":
            return _compared(_MEMBER.member_id, node, _text(node))
        if self._kind is PushedKind.USER and name in {"value", "type"}:
            column = _EMAIL.address if name == "value" else _EMAIL.type
            return _compared(column, node, folded(_text(node)))
        raise _not_searched(node.attr_path)

    def visit_present(self, node: Present) -> Condition:
        if _name(node.attr_path) == "value":
            return not_(false())
        raise _not_searched(node.attr_path)


def _in_list(kind: PushedKind, condition: Condition) -> Condition:
    owner = _EMAIL.resource_id if kind is PushedKind.USER else _MEMBER.group_id
    return exists().where(owner == _RESOURCE.id, condition)


def _of_value(node: Comparison) -> Comparison:
    return Comparison(AttrPath("value"), node.op, node.value)


def _name(path: AttrPath) -> str:
    name = str(path).lower()
    for urn in (USER_URN, GROUP_URN):
        name = name.removeprefix(f"{urn.lower()}:")
    return name


def _text(node: Comparison) -> str:
    """Null is what is not there: an empty text in the store."""
    return "" if node.value is None else str(node.value)


def _milliseconds(node: Comparison) -> int:
    try:
        return int(datetime.fromisoformat(_text(node)).timestamp() * 1_000)
    except (ValueError, OverflowError) as error:
        raise ScimRequestError(
            scim_endpoint.INVALID_FILTER, f"{node.value!r} is no time"
        ) from error


def _compared(column: Column_, node: Comparison, value: str | int) -> Condition:
    operator = node.op
    if isinstance(value, int) and operator in {
        CompareOperator.co,
        CompareOperator.sw,
        CompareOperator.ew,
    }:
        raise ScimRequestError(scim_endpoint.INVALID_FILTER, f"{operator} is for texts")
    match operator:
        case CompareOperator.eq:
            return column == value
        case CompareOperator.ne:
            return column != value
        case CompareOperator.co:
            return column.contains(value, autoescape=True)
        case CompareOperator.sw:
            return column.startswith(value, autoescape=True)
        case CompareOperator.ew:
            return column.endswith(value, autoescape=True)
        case CompareOperator.gt:
            return column > value
        case CompareOperator.ge:
            return column >= value
        case CompareOperator.lt:
            return column < value
        case CompareOperator.le:
            return column <= value


def _not_searched(path: AttrPath) -> ScimRequestError:
    return ScimRequestError(scim_endpoint.INVALID_FILTER, f"{path} is not searched")
