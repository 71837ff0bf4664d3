"""What is done with each request, once it is known who asks.  Blocks: run it in a thread.

A change is one transaction: the document, the recipient that is made of it, and its memberships.
"""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from scim2_models import (
    Context,
    Meta,
    PatchOp,
    ResponseParameters,
    SCIMException,
)

from kairan.directory.operations.scim_resources import Pushed, PushedKind, ScimRows
from kairan.directory.store import Directory
from kairan.outcomes import scim_endpoint
from kairan.scim.documents import MODELS, POLICY, ListDocument, PersonDocument
from kairan.scim.errors import ScimRequestError, refused
from kairan.scim.filters import condition_of
from kairan.scim.memberships import MemberChange, divided, ids_of
from kairan.scim.operations import DOCUMENT_OPERATIONS_MAX, operations_of
from kairan.scim.pushing import forget, push_group, push_members, push_person
from kairan.scim.recipients import emails_of
from kairan.scim.settings import ScimSettings

# Members of all groups of one page, some 150 octets each: with more the page ends earlier, so that
# no question makes an answer of a gigabyte.  A single group is answered whole.
_PAGE_MEMBERS_MAX = 10_000
_ENDPOINTS = {PushedKind.USER: "Users", PushedKind.GROUP: "Groups"}
_MEMBERS = "members"
_LIST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ScimAnswer:
    status: int
    content: Mapping[str, Any] | None = None
    location: str = ""


@dataclass(frozen=True, slots=True)
class ScimEndpoint:
    directory: Directory
    settings: ScimSettings
    clock: Callable[[], float]
    told: Callable[..., None] = lambda *_, **__: None  # the audit

    def create(self, kind: PushedKind, body: Body, base: str) -> ScimAnswer:
        document = _document(kind, body)
        now = self._now()
        new = self._filled(Pushed(str(uuid.uuid4()), kind, "", "", now, now), document)
        with self._changing(recipients=True) as rows:
            _check_name(rows, new)
            made = self._recipient(rows, new, document)
            rows.add(made)
            if kind is PushedKind.GROUP:
                change = MemberChange(added=set(ids_of(body.get(_MEMBERS))))
                push_members(rows, made, change)
            content = self._content(rows, made, base, ResponseParameters())
        self.told("scim-create", kind=str(kind), id=made.id, name=made.name, address=made.address)
        return ScimAnswer(201, content, content["meta"]["location"])

    def read(self, kind: PushedKind, id_: str, query: Mapping[str, str], base: str) -> ScimAnswer:
        shown = _shown(query)
        with self.directory.scim.reading() as rows:
            return ScimAnswer(200, self._content(rows, _known(rows, id_, kind), base, shown))

    def search(self, kind: PushedKind, query: Mapping[str, str], base: str) -> ScimAnswer:
        """RFC 7644 section 3.4.2."""
        shown = _shown(query)
        condition = condition_of(query["filter"], kind) if query.get("filter") else None
        start = max(_number(query, "startIndex", 1), 1)
        count = min(max(_number(query, "count", self.settings.page_max), 0), self.settings.page_max)
        with self.directory.scim.reading() as rows:
            total = rows.count(kind, condition)
            found = rows.page(kind, condition, start=start - 1, count=count) if count else ()
            page = self._bounded(rows, found, shown)
            resources = [self._content(rows, one, base, shown) for one in page]
        return ScimAnswer(200, list_of(resources, total=total, start=start))

    def replace(self, kind: PushedKind, id_: str, body: Body, base: str) -> ScimAnswer:
        """RFC 7644 section 3.5.1.  Members that are not named stay: who renames a group by PUT does
        not mean to empty it.
        """
        document = _document(kind, body)
        with self._changing(recipients=True) as rows:
            before = _known(rows, id_, kind)
            after = self._kept(rows, before, document)
            if kind is PushedKind.GROUP and _MEMBERS in body:
                change = MemberChange()
                change.replace(ids_of(body[_MEMBERS]))
                push_members(rows, after, change)
            content = self._content(rows, after, base, ResponseParameters())
        self.told("scim-replace", kind=str(kind), id=id_, name=after.name, address=after.address)
        return ScimAnswer(200, content)

    def patch(self, kind: PushedKind, id_: str, body: Body, base: str) -> ScimAnswer:
        """RFC 7644 section 3.5.2.  A group's answer is empty, as Entra wants it."""
        operations = operations_of(body)
        parts = divided(operations) if kind is PushedKind.GROUP else None
        head = parts.head if parts is not None else operations
        if len(head) > DOCUMENT_OPERATIONS_MAX:
            raise ScimRequestError(
                scim_endpoint.TOO_LARGE, f"it has more than {DOCUMENT_OPERATIONS_MAX} operations"
            )
        with self._changing(recipients=bool(head)) as rows:
            before = _known(rows, id_, kind)
            after = before
            if head:
                document = _stored(before)
                _patch(kind, document, head)
                after = self._kept(rows, before, document)
            if parts is not None:
                push_members(rows, after, parts.members)
            content = None
            if kind is PushedKind.USER:
                content = self._content(rows, after, base, ResponseParameters())
        self.told("scim-patch", kind=str(kind), id=id_, name=after.name, address=after.address)
        return ScimAnswer(204 if content is None else 200, content)

    def delete(self, kind: PushedKind, id_: str) -> ScimAnswer:
        with self._changing(recipients=True) as rows:
            gone = _known(rows, id_, kind)
            forget(rows, gone)
            rows.remove(id_)
        self.told("scim-delete", kind=str(kind), id=id_, name=gone.name, address=gone.address)
        return ScimAnswer(204)

    def _changing(self, *, recipients: bool) -> Any:
        return self.directory.scim.changing(recipients=recipients)

    def _now(self) -> int:
        return int(self.clock() * 1_000)

    def _filled(self, pushed: Pushed, document: Any) -> Pushed:
        """With what is looked for, and the document as it is stored."""
        is_user = pushed.kind is PushedKind.USER
        name = document.user_name if is_user else document.display_name
        text = _text_of(document)
        if len(text.encode()) > self.settings.document_octets_max:
            raise ScimRequestError(
                scim_endpoint.TOO_LARGE,
                f"a document has at most {self.settings.document_octets_max} octets",
            )
        return replace(
            pushed,
            name=name or "",
            external_id=document.external_id or "",
            document=text,
            emails=emails_of(document) if is_user else frozenset(),
        )

    def _kept(self, rows: ScimRows, before: Pushed, document: Any) -> Pushed:
        after = self._filled(before, document)
        if replace(after, emails=frozenset()) == before:
            return before
        _check_name(rows, after)
        after = self._recipient(rows, replace(after, modified=self._now()), document)
        rows.change(after)
        rows.replace_emails(after)
        return after

    def _recipient(self, rows: ScimRows, pushed: Pushed, document: Any) -> Pushed:
        if pushed.is_group:
            return push_group(rows, pushed, document, self.settings.group_domain)
        return push_person(rows, pushed, document)

    def _bounded(
        self, rows: ScimRows, found: Sequence[Pushed], shown: ResponseParameters[Any]
    ) -> Sequence[Pushed]:
        if not found or found[0].kind is PushedKind.USER or not _wants_members(shown):
            return found
        counts = rows.member_counts(one.id for one in found)
        members = 0
        for number, one in enumerate(found):
            members += counts.get(one.id, 0)
            if members > _PAGE_MEMBERS_MAX and number:
                return found[:number]
        return found

    def _content(
        self, rows: ScimRows, pushed: Pushed, base: str, shown: ResponseParameters[Any]
    ) -> dict[str, Any]:
        document = _stored(pushed)
        document.id = pushed.id
        document.meta = Meta(
            resource_type=str(pushed.kind),
            created=_moment(pushed.created),
            last_modified=_moment(pushed.modified),
            location=_location(base, pushed.kind, pushed.id),
        )
        content: dict[str, Any] = document.model_dump(
            scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=shown
        )
        if pushed.kind is PushedKind.GROUP and _wants_members(shown):
            content[_MEMBERS] = _members(rows, pushed.id, base)
        return content


def list_of(
    resources: Sequence[Mapping[str, Any]], *, total: int, start: int = 1
) -> Mapping[str, Any]:
    """RFC 7644 section 3.4.2."""
    return {
        "schemas": [_LIST_SCHEMA],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


def _document(kind: PushedKind, body: Body) -> Any:
    """`id` and `meta` are ours, and members are kept apart."""
    given = {name: value for name, value in body.items() if name.lower() != _MEMBERS}
    try:
        return MODELS[kind].model_validate(
            given, scim_ctx=Context.RESOURCE_CREATION_REQUEST, scim_policy=POLICY
        )
    except (ValidationError, SCIMException) as error:
        raise refused(error) from error


def _patch(kind: PushedKind, document: Any, operations: Sequence[Body]) -> None:
    body = {"schemas": [_PATCH_SCHEMA], "Operations": operations}
    model: Any = MODELS[kind]
    try:
        patch = PatchOp[model].model_validate(
            body, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY
        )
        patch.patch(document, scim_policy=POLICY)
    except (ValidationError, SCIMException) as error:
        raise refused(error) from error


def _stored(pushed: Pushed) -> Any:
    return MODELS[pushed.kind].model_validate_json(pushed.document, scim_policy=POLICY)


def _text_of(document: PersonDocument | ListDocument) -> str:
    kept = document.model_dump(scim_ctx=Context.DEFAULT)
    ours = {name: value for name, value in kept.items() if name not in {"id", "meta", _MEMBERS}}
    return json.dumps(ours, ensure_ascii=False, separators=(",", ":"))


def _known(rows: ScimRows, id_: str, kind: PushedKind) -> Pushed:
    found = rows.one(id_, kind)
    if found is None:
        raise ScimRequestError(scim_endpoint.NOT_FOUND, id_)
    return found


def _check_name(rows: ScimRows, pushed: Pushed) -> None:
    """UserName is nobody else's.  Groups may share a name, as they may in Entra."""
    if pushed.kind is PushedKind.GROUP:
        return
    if rows.named(pushed.name, pushed.kind) not in {None, pushed.id}:
        raise ScimRequestError(scim_endpoint.UNIQUENESS, f"userName {pushed.name}")


def _wants_members(shown: ResponseParameters[Any]) -> bool:
    def named(paths: Iterable[Any] | None) -> bool:
        return any(
            str(path).lower().rpartition(":")[2].partition(".")[0] == _MEMBERS
            for path in paths or ()
        )

    if shown.attributes:
        return named(shown.attributes)
    return not named(shown.excluded_attributes)


def _members(rows: ScimRows, group: str, base: str) -> list[dict[str, str]]:
    ids = rows.members(group)
    kinds = rows.kinds(ids)
    return [
        {
            "value": id_,
            "$ref": _location(base, kinds[id_][0], id_),
            "type": str(kinds[id_][0]),
        }
        for id_ in ids
    ]


def _location(base: str, kind: PushedKind, id_: str) -> str:
    return f"{base}/{_ENDPOINTS[kind]}/{id_}"


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC)


def _shown(query: Mapping[str, str]) -> ResponseParameters[Any]:
    named = {
        ours: query[theirs]
        for ours, theirs in (
            ("attributes", "attributes"),
            ("excluded_attributes", "excludedAttributes"),
        )
        if query.get(theirs)
    }
    try:
        return ResponseParameters.model_validate(named)
    except (ValidationError, SCIMException) as error:
        raise refused(error) from error


def _number(query: Mapping[str, str], name: str, otherwise: int) -> int:
    text = query.get(name, "")
    if not text:
        return otherwise
    digits = text.removeprefix("-")
    # Longer ones are no number that a page can have.
    if not digits.isdecimal() or not digits.isascii() or len(digits) > 9:
        raise ScimRequestError(scim_endpoint.INVALID_VALUE, f"{name} must be a number")
    return int(text)
