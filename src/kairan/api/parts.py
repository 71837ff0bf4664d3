"""What the web process has in its hands, and what its parts may ask for."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from starlette.requests import Request

from kairan.api.bodies import Bodies
from kairan.api.callers import KeyCallers, bearer_of, client_of, is_access_token, is_local
from kairan.api.idempotency import Idempotency
from kairan.api.just_accepted import JustAccepted
from kairan.api.problems import ApiError, ProblemWriter
from kairan.api.submission import Submitter
from kairan.auth.oidc.judge import NotVouched, OidcFault, judge_access_token
from kairan.auth.oidc.provider import Provider
from kairan.capture.store import CaptureStore
from kairan.config.model import Configuration
from kairan.directory.operations.api_keys import ApiKey, Scope
from kairan.directory.store import Directory
from kairan.outcomes import http_api

_P = ParamSpec("_P")
_T = TypeVar("_T")

# What blocks: a search in the trace may take seconds, and others must not wait with it.
THREADS = 8


@dataclass(slots=True)
class Parts:
    configuration: Configuration
    directory: Directory
    callers: KeyCallers
    submitter: Submitter
    idempotency: Idempotency
    audit: Callable[..., None]
    just_accepted: JustAccepted
    capture: CaptureStore | None = None  # None: [capture] is off
    provider: Provider | None = None  # None: keys alone are taken
    bodies: Bodies = field(default_factory=Bodies)
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, "kairan-api")
    )

    @property
    def problems(self) -> ProblemWriter:
        return ProblemWriter(self.configuration.help_url)

    async def apart(self, work: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs) -> _T:
        """In a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, lambda: work(*arguments, **named))

    async def key_of(self, request: Request, wanted: Scope) -> ApiKey:
        """Raises ApiError where the request has no key, nor token of the identity provider, for this."""
        shown, client = bearer_of(request), client_of(request)
        if self.provider is not None and is_access_token(shown):
            return await self._wait_vouched(self.provider, shown, client, wanted)
        return await self.apart(self.callers.judge, shown, client, wanted)

    async def _wait_vouched(
        self, provider: Provider, token: str, client: str, wanted: Scope
    ) -> ApiKey:
        """As a key for this request, which ends with the token."""
        claims = await provider.wait_genuine(token)
        if isinstance(claims, NotVouched):
            if claims.reason is OidcFault.AWAY:
                raise ApiError(http_api.AWAY, claims.detail)
            self.callers.refuse(client, claims.detail)
        now = self.callers.clock()
        who = judge_access_token(claims, provider.settings, now=now)
        if isinstance(who, NotVouched):
            if who.reason is OidcFault.NO_ROLE:
                raise ApiError(http_api.SCOPE, who.detail)
            self.callers.refuse(client, who.detail)
        return self.callers.admitted(
            ApiKey(f"oidc:{who.name}", "", Scope(who.grade), int(now), int(who.expires)), wanted
        )

    async def reader(self, request: Request) -> ApiKey:
        return await self.key_of(request, Scope.READ)

    async def administrator(self, request: Request) -> ApiKey:
        return await self.key_of(request, Scope.ADMIN)

    def tell(self, request: Request, key: ApiKey, what: str, about: str, **facts: object) -> None:
        """A change goes into the audit, under the name that the command's has."""
        self.audit(what, key=key.name, client=client_of(request), about=about, **facts)

    async def admits_to_metrics(self, request: Request) -> None:
        """Who is on this machine sees the numbers; others need a key, for names of accounts are among them."""
        if not is_local(request):
            await self.key_of(request, Scope.READ)

    def close(self) -> None:
        self.submitter.close()
        self.threads.shutdown()
        if self.capture is not None:
            self.capture.close()
        self.idempotency.close()
