"""The doctor: what is pasted is explained or judged, and forgotten."""

import time
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request

from kairan.api.bodies import SMALL_OCTETS_MAX
from kairan.api.compose import Line
from kairan.api.documented import KEY, answers
from kairan.api.json_bodies import StrictBody, json_body, read_json
from kairan.api.parts import Parts
from kairan.api.problems import ApiError, language_asked
from kairan.directory.model import Account
from kairan.doctor.device.fleet import FleetError, judge_fleet_text
from kairan.doctor.device.judge import DeviceSettings, DeviceTls, judge_device
from kairan.doctor.device.text import device_record as device_row_record
from kairan.doctor.device.text import record_of as device_record
from kairan.doctor.explain.explain import explain
from kairan.doctor.explain.text import record_of as explanation_record
from kairan.doctor.log.pasted import read_pasted
from kairan.doctor.log.text import record_of as log_record
from kairan.doctor.token.input import INPUT_OCTETS_MAX, read_input
from kairan.doctor.token.judge import TokenContext, TokenUser, wait_report
from kairan.doctor.token.text import record_of as token_record
from kairan.mail.address import key_of
from kairan.outcomes import http_api


class AskedText(StrictBody):
    text: Annotated[str, Field(min_length=1, max_length=SMALL_OCTETS_MAX)]


class ExplanationsShown(BaseModel):
    """As `kairan doctor explain --json` has them, likeliest first."""

    explanations: list[dict[str, Any]]


class AskedDevice(StrictBody):
    """A printer's fields as they were typed; empty where one is."""

    server: Line
    port: Line = "587"
    tls: DeviceTls = DeviceTls.STARTTLS
    user: Line = ""
    sender: Line = ""
    tls_version: Line = ""
    auth: Line = ""


class FindingsShown(BaseModel):
    """As `kairan doctor device --json` has them, worst first."""

    findings: list[dict[str, Any]]


class AskedToken(StrictBody):
    """The token, `Bearer …`, an XOAUTH2 line, or the token endpoint's answer.  `user`: who shall log in with it."""

    text: Annotated[str, Field(min_length=1, max_length=INPUT_OCTETS_MAX)]
    user: Line = ""


class TokenReportShown(BaseModel):
    """As `kairan doctor token --json` has it; never the token or its signature."""

    report: dict[str, Any]


class AskedFleet(StrictBody):
    """`csv`: name, server, port, tls, user, from; the first line names the columns."""

    csv: Annotated[str, Field(min_length=1, max_length=SMALL_OCTETS_MAX)]


class FleetShown(BaseModel):
    """As `kairan doctor device --csv --json` has it, a device a row."""

    devices: list[dict[str, Any]]


class LogShown(BaseModel):
    """As `kairan doctor log --json` has it: what repairs most comes first."""

    report: dict[str, Any]


BODIES = (AskedText, AskedDevice, AskedFleet, AskedToken)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["doctor"])

    @router.post(
        "/v1/doctor/explain",
        responses=answers(401, 403, 408, 413, 422),
        summary="What a pasted reply, log line or bounce means",
        openapi_extra={"security": KEY, **json_body(AskedText)},
    )
    async def explain_(request: Request) -> ExplanationsShown:
        """Scope `read`; the text is not kept."""
        await parts.reader(request)
        asked = await read_json(parts, request, AskedText, 2 * SMALL_OCTETS_MAX)
        language = language_asked(request)

        def work() -> list[dict[str, Any]]:
            return [explanation_record(one, language) for one in explain(asked.text)]

        return ExplanationsShown(explanations=await parts.apart(work))

    @router.post(
        "/v1/doctor/device",
        responses=answers(401, 403, 408, 413, 422),
        summary="Whether a printer's or an application's settings are right",
        openapi_extra={"security": KEY, **json_body(AskedDevice)},
    )
    async def device(request: Request) -> FindingsShown:
        """Scope `read`."""
        await parts.reader(request)
        asked = await read_json(parts, request, AskedDevice)
        settings = DeviceSettings(**asked.model_dump(mode="json"))
        language = language_asked(request)

        def work() -> list[dict[str, Any]]:
            return [device_record(one, language) for one in judge_device(settings)]

        return FindingsShown(findings=await parts.apart(work))

    @router.post(
        "/v1/doctor/token",
        responses=answers(401, 403, 408, 413, 422),
        summary="What is in a token, and what a server would answer to it",
        openapi_extra={"security": KEY, **json_body(AskedToken)},
    )
    async def token(request: Request) -> TokenReportShown:
        """Scope `read`; it is not kept.  Nobody is asked for keys, for a stranger's token would name whom."""
        await parts.reader(request)
        asked = await read_json(parts, request, AskedToken)
        given = await parts.apart(read_input, asked.text)
        user = asked.user or given.user
        account = Account(0, key_of(user), "") if user else None
        report = await wait_report(given, TokenContext(now=time.time(), user=TokenUser(account)))
        return TokenReportShown(report=dict(token_record(report, language_asked(request))))

    @router.post(
        "/v1/doctor/fleet",
        responses=answers(401, 403, 408, 413, 422),
        summary="Whether the settings of many printers are right",
        openapi_extra={"security": KEY, **json_body(AskedFleet)},
    )
    async def fleet(request: Request) -> FleetShown:
        """Scope `read`; it is not kept."""
        await parts.reader(request)
        asked = await read_json(parts, request, AskedFleet, 2 * SMALL_OCTETS_MAX)
        language = language_asked(request)

        def work() -> list[dict[str, Any]]:
            judged = judge_fleet_text(asked.csv, "csv")
            return [device_row_record(one, language) for one in judged]

        try:
            return FleetShown(devices=await parts.apart(work))
        except FleetError as error:
            raise ApiError(http_api.INVALID, str(error)) from error

    @router.post(
        "/v1/doctor/log",
        responses=answers(401, 403, 408, 413, 422),
        summary="The refusals in a log by cause, account and time",
        openapi_extra={"security": KEY, **json_body(AskedText)},
    )
    async def log(request: Request) -> LogShown:
        """Scope `read`; it is not kept.  Of mail servers, applications and printers."""
        await parts.reader(request)
        asked = await read_json(parts, request, AskedText, 2 * SMALL_OCTETS_MAX)
        language = language_asked(request)
        report = await parts.apart(lambda: log_record(read_pasted(asked.text), language))
        return LogShown(report=report)

    return router
