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
from kairan.api.problems import language_asked
from kairan.directory.model import Account
from kairan.doctor.device.judge import DeviceSettings, DeviceTls, judge_device
from kairan.doctor.device.text import record_of as device_record
from kairan.doctor.explain.explain import explain
from kairan.doctor.explain.text import record_of as explanation_record
from kairan.doctor.token.input import INPUT_OCTETS_MAX, read_input
from kairan.doctor.token.judge import TokenContext, TokenUser, wait_report
from kairan.doctor.token.text import record_of as token_record
from kairan.mail.address import key_of


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


BODIES = (AskedText, AskedDevice, AskedToken)


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

    return router
