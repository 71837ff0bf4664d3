"""The routes, for the process that answers HTTP to mount.

    GET /metrics   the text that Prometheus reads
    GET /livez     200 as long as this process answers: restart it where it does not
    GET /readyz    200, or 503 and what is not ready: send no mail here for now

They carry numbers, and the names of accounts and destinations: no secrets, but nobody else's business
either; who may ask is for the process to say.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from kairan.config.model import Configuration
from kairan.metrics.exposition import Exposition
from kairan.metrics.readiness import unready
from kairan.metrics.watch import Watcher

# They wait for one another in any case (watch.py); the loop's own threads stay free for others.
_THREADS = 2


class MetricsParts(Protocol):
    """What the process that mounts the routes has at hand."""

    @property
    def configuration(self) -> Configuration: ...


def routes(
    parts: MetricsParts, admits: Callable[[Request], Awaitable[None]] | None = None
) -> list[BaseRoute]:
    """`admits` raises what the application answers where this caller may not see the numbers; None:
    whoever reaches the port may.
    """
    configuration = parts.configuration
    watcher = Watcher(configuration)
    exposition = Exposition(watcher)
    threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="metrics")

    async def metrics(request: Request) -> Response:
        if admits is not None:
            await admits(request)
        accept = request.headers.get("accept", "")
        loop = asyncio.get_running_loop()
        content, media_type = await loop.run_in_executor(threads, exposition.text, accept)
        return Response(content, headers={"Content-Type": media_type, "Cache-Control": "no-store"})

    async def livez(_request: Request) -> Response:
        return _fresh({"status": "alive"}, 200)

    async def readyz(_request: Request) -> Response:
        seen = await asyncio.get_running_loop().run_in_executor(threads, watcher.look)
        reasons = unready(seen, workers_expected=configuration.workers)
        state = "not ready" if reasons else "ready"
        return _fresh({"status": state, "not_ready": reasons}, 503 if reasons else 200)

    return [
        Route("/metrics", metrics, methods=["GET"]),
        Route("/livez", livez, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
    ]


def _fresh(body: dict[str, object], status: int) -> Response:
    return JSONResponse(body, status, headers={"Cache-Control": "no-store"})
