"""Accounts, mailboxes and a group's members from CSV, as `kairan … import`: all of the file, or nothing."""

from collections.abc import Callable
from dataclasses import asdict
from io import BytesIO
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request

from kairan.api.accounts import AddressInPath
from kairan.api.bodies import expected, media_type, read_body
from kairan.api.documented import KEY, answers
from kairan.api.parts import Parts
from kairan.api.problems import ApiError
from kairan.auth.passwords.bulk import BulkPasswords
from kairan.auth.passwords.generated import generate_password
from kairan.directory.bulk.csv_import import Leavers
from kairan.directory.bulk.csv_rows import ImportRefusedError
from kairan.directory.bulk.mailbox_rows import ImportReport
from kairan.outcomes import http_api
from kairan.outcomes.outcome import Text

_T = TypeVar("_T")

# Some 300,000 mailboxes; a larger file is the command's, which reads it from the disk.
IMPORT_OCTETS_MAX = 32 * 1024 * 1024
MEDIA_TYPE_CSV = "text/csv"
Update = Annotated[bool, Query(description="Change those that exist instead of refusing them.")]
DryRun = Annotated[bool, Query(description="Only say what would be; nothing is written.")]


class Imported(BaseModel):
    """How many rows; `dry_run`: nothing was written."""

    added: int
    updated: int
    unchanged: int
    removed: int
    dry_run: bool


class ImportedAccounts(Imported):
    """`passwords`: those that were made, by address, shown this once."""

    passwords: dict[str, str]


BODIES: tuple[type[BaseModel], ...] = ()
_ANSWERS = answers(401, 403, 404, 408, 409, 413, 415, 422)
_OPENAPI: dict[str, Any] = {
    "security": KEY,
    "requestBody": {
        "required": True,
        "description": "The first line names the columns; UTF-8, UTF-16 or code page 932.",
        "content": {MEDIA_TYPE_CSV: {"schema": {"type": "string"}}},
    },
}


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["imports"])

    @router.post(
        "/v1/accounts/import",
        responses=_ANSWERS,
        summary="Import accounts from CSV",
        openapi_extra=_OPENAPI,
    )
    async def accounts(
        request: Request,
        update: Update = False,
        generate: Annotated[
            bool, Query(description="Make a password where a new account has none.")
        ] = False,
        dry_run: DryRun = False,
    ) -> ImportedAccounts:
        """Scope admin.  Columns as of `kairan account import`; where rows are broken, 422 names them in `rows`."""
        key = await parts.administrator(request)
        octets = await _read_csv(parts, request)
        make = generate_password if generate else None
        passwords = BulkPasswords(parts.configuration.auth, make)
        result = await _imported(
            parts,
            lambda: parts.directory.import_accounts(
                BytesIO(octets), passwords=passwords, update=update, dry_run=dry_run
            ),
        )
        if not dry_run:
            parts.tell(request, key, "account.import", "", report=asdict(result.report))
        made = {} if dry_run else dict(result.made)
        return ImportedAccounts(**asdict(result.report), dry_run=dry_run, passwords=made)

    @router.post(
        "/v1/mailboxes/import",
        responses=_ANSWERS,
        summary="Import mailboxes from CSV",
        openapi_extra=_OPENAPI,
    )
    async def mailboxes(
        request: Request,
        update: Update = False,
        prune: Annotated[
            bool, Query(description="With `update`: mailboxes that are not in the file go.")
        ] = False,
        prune_max: Annotated[
            int | None,
            Query(ge=0, description="So many may go; without it a twentieth of all, or ten."),
        ] = None,
        dry_run: DryRun = False,
    ) -> Imported:
        """Scope admin.  Columns as of `kairan mailbox import`; where rows are broken, 422 names them in `rows`."""
        key = await parts.administrator(request)
        octets = await _read_csv(parts, request)
        if prune and not update:
            raise ApiError(http_api.INVALID, "prune: only with update=true")
        report = await _imported(
            parts,
            lambda: parts.directory.import_mailboxes(
                BytesIO(octets),
                update=update,
                leavers=Leavers(prune_max) if prune else None,
                dry_run=dry_run,
            ),
        )
        if not dry_run:
            parts.tell(request, key, "mailbox.import", "", report=asdict(report))
        return Imported(**asdict(report), dry_run=dry_run)

    @router.post(
        "/v1/groups/{address}/members/import",
        responses=_ANSWERS,
        summary="Add the members in a CSV",
        openapi_extra=_OPENAPI,
    )
    async def members(
        request: Request, address: AddressInPath, dry_run: DryRun = False
    ) -> Imported:
        """Scope admin.  Its column `address` counts; where rows are broken, 422 names them in `rows`."""
        key = await parts.administrator(request)
        octets = await _read_csv(parts, request)

        def work() -> ImportReport:
            if parts.directory.group(address) is None:
                raise ApiError(http_api.NOT_FOUND)
            return parts.directory.import_members(address, BytesIO(octets), dry_run=dry_run)

        report = await _imported(parts, work)
        if not dry_run:
            parts.tell(request, key, "group.import-members", address, report=asdict(report))
        return Imported(**asdict(report), dry_run=dry_run)

    return router


async def _read_csv(parts: Parts, request: Request) -> bytes:
    if media_type(request) != MEDIA_TYPE_CSV:
        raise ApiError(http_api.MEDIA_TYPE, f"{MEDIA_TYPE_CSV} is read here")
    with parts.bodies.room_for(expected(request, IMPORT_OCTETS_MAX)):
        return await read_body(request, IMPORT_OCTETS_MAX)


async def _imported(parts: Parts, work: Callable[[], _T]) -> _T:
    try:
        return await parts.apart(work)
    except ImportRefusedError as refused:
        rows = [(one.line, one.said) for one in refused.problems]
        detail = Text(
            f"broken rows: {refused.number}; nothing was imported",
            f"エラーのある行: {refused.number}。何もインポートされていません",
        )
        raise ApiError(http_api.BROKEN_ROWS, detail, rows=rows) from refused
