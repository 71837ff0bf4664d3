"""Reports: what `kairan report` and the console's page say, as JSON or CSV."""

import time
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from kairan.api.documented import KEY, answers
from kairan.api.looking import seconds_of
from kairan.api.parts import Parts
from kairan.api.problems import language_asked
from kairan.directory.operations.api_keys import Scope
from kairan.usage.causes import causes_report
from kairan.usage.clients import clients_report
from kairan.usage.growth import GrowthBy, growth_report
from kairan.usage.report import DAY_SECONDS, ReportSpan, ReportTable, csv_of, record_of_report
from kairan.usage.sent import UsageBy, sent, usage_report

_SPAN_DAYS = 30


class ReportForm(StrEnum):
    JSON = "json"
    CSV = "csv"


class ReportQuery(BaseModel):
    """Times are UTC unless they name a zone; without any it is the last 30 days."""

    since: datetime | None = None
    until: datetime | None = None
    format: ReportForm = ReportForm.JSON


class UsageQuery(ReportQuery):
    by: UsageBy = UsageBy.ACCOUNT


class GrowthQuery(ReportQuery):
    by: GrowthBy = GrowthBy.DAY


class ReportShown(BaseModel):
    """`rows` have the columns of the report; `left_out`: rows beyond its bound.  `total`, and of usage the
    currency and its price, are of the whole.
    """

    report: str
    since: datetime
    until: datetime
    rows: list[dict[str, Any]]
    left_out: int
    by: str | None = None
    currency: str | None = None
    price_per_million: float | None = None
    total: dict[str, float] | None = None


_FORMS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": ReportShown,
        "description": "The report.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


BODIES: tuple[type[BaseModel], ...] = ()


def routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    def place() -> Path:
        """Asked late: the document is made without parts."""
        return parts.configuration.trace_directory

    async def answer(
        request: Request, wanted: ReportQuery, made: Callable[[ReportSpan], ReportTable]
    ) -> Response:
        await parts.key_of(request, Scope.READ)
        language = language_asked(request)
        report = await parts.apart(made, _span(wanted))
        if wanted.format is ReportForm.CSV:
            text = await parts.apart(csv_of, report, language)
            return Response(text, media_type="text/csv; charset=utf-8")
        return JSONResponse(await parts.apart(record_of_report, report, language))

    def document(summary: str) -> dict[str, Any]:
        return {
            "response_model": ReportShown,
            "responses": {**answers(401, 403, 422), **_FORMS},
            "tags": ["reports"],
            "summary": summary,
            "openapi_extra": {"security": KEY},
        }

    @router.get("/v1/reports/usage", **document("Messages, billed recipients, bytes and cost"))
    async def usage(request: Request, wanted: Annotated[UsageQuery, Query()]) -> Response:
        """Scope `read`.  As `kairan report usage`: by account, group or day."""

        def made(span: ReportSpan) -> ReportTable:
            return usage_report(sent(place(), span), span, wanted.by, parts.configuration.billing)

        return await answer(request, wanted, made)

    @router.get("/v1/reports/clients", **document("Who submits, with which login and TLS version"))
    async def clients(request: Request, wanted: Annotated[ReportQuery, Query()]) -> Response:
        """Scope `read`.  As `kairan report clients`."""
        return await answer(request, wanted, lambda span: clients_report(place(), span))

    @router.get("/v1/reports/refusals", **document("What was refused, by cause, and what to do"))
    async def refusals(request: Request, wanted: Annotated[ReportQuery, Query()]) -> Response:
        """Scope `read`.  As `kairan report refusals`, in the language of `Accept-Language`."""
        return await answer(request, wanted, lambda span: causes_report(place(), span))

    @router.get("/v1/reports/growth", **document("How mail grows by day, week or month"))
    async def growth(request: Request, wanted: Annotated[GrowthQuery, Query()]) -> Response:
        """Scope `read`.  As `kairan report growth`."""
        return await answer(request, wanted, lambda span: growth_report(place(), span, wanted.by))

    return router


def _span(wanted: ReportQuery) -> ReportSpan:
    """Nothing is counted of what is to come."""
    now, since, until = time.time(), seconds_of(wanted.since), seconds_of(wanted.until)
    end = now if until is None else min(until, now)
    begin = end - _SPAN_DAYS * DAY_SECONDS if since is None else since
    return ReportSpan(max(begin, 0.0), max(end, 0.0))
