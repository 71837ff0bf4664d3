"""Reading a request's body: bounded in octets, in time, and in all bodies together."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import Request

from kairan.api.problems import ApiError
from kairan.outcomes import http_api
from kairan.web.whole_request import WHOLE_BODY

# Of all bodies that are being read or sent, at this process: nine of the largest messages.
OCTETS_MAX = 128 * 1024 * 1024
# As the intake has it: what comes more slowly holds its place for nothing.
OCTETS_PER_SECOND_MIN = 500.0
GRACE_SECONDS = 30.0
# Of everything but messages: a pasted transcript of the doctor's is the longest.
SMALL_OCTETS_MAX = 1_000_000


@dataclass(slots=True)
class Bodies:
    """How many octets may still come."""

    free: int = OCTETS_MAX

    @contextmanager
    def room_for(self, octets: int) -> Iterator[None]:
        if octets > self.free:
            raise ApiError(http_api.BUSY)
        self.free -= octets
        try:
            yield
        finally:
            self.free += octets


def expected(request: Request, limit: int) -> int:
    """How many octets the body may take; what says that it is longer is not read."""
    declared = request.headers.get("content-length", "")
    if not declared.isdecimal():
        return limit
    octets = int(declared[:20])
    if octets > limit:
        raise ApiError(http_api.TOO_LARGE, f"{limit} octets are read")
    return octets


async def read_body(request: Request, limit: int) -> bytes:
    whole: bytes | None = request.scope.get(WHOLE_BODY)
    if whole is not None and len(whole) <= limit:
        return whole
    content = bytearray()
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(GRACE_SECONDS) as patience:
            async for piece in request.stream():
                content += piece
                if len(content) > limit:
                    raise ApiError(http_api.TOO_LARGE, f"{limit} octets are read")
                patience.reschedule(began + GRACE_SECONDS + len(content) / OCTETS_PER_SECOND_MIN)
    except TimeoutError:
        raise ApiError(http_api.TOO_SLOW) from None
    return bytes(content)


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
