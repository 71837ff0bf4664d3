"""The keys of each issuer: fetched rarely, off the login's path where possible, kept through outages.

    login ─ known kid ────────────▶ keys in memory, no waiting
    login ─ unknown kid ──────────▶ one fetch for all who ask, at most one in keys_interval_seconds
    `run` ─ every refresh time ───▶ one fetch, before anybody needs it

A fetch that fails, or brings no usable key, leaves the present keys in place: an issuer that is
down for an hour keeps nobody out.  A fetch that succeeds replaces all: a key that was withdrawn
counts no longer.  Auth opens no sockets: `fetch` is given.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from kairan.auth.tokens.jwks import PublicKey, read_jwks
from kairan.auth.tokens.settings import IssuerSettings, TokenSettings
from kairan.auth.tokens.trust import is_trustworthy

log = structlog.get_logger()

# Gives the whole answer, or raises: OSError and its like for an issuer that is not reached, says no,
# or says too much.  It follows no redirects, for those would lead to keys of somebody else.
Fetch = Callable[[str], Awaitable[bytes]]

# An issuer of which we have no key at all is asked as often as this, known kids or not: it may be
# starting together with us, and until it answers nobody gets in by token.
EMPTY_INTERVAL_SECONDS = 1.0


class FetchFailed(Exception):  # noqa: N818 - the issuer's failure, not ours
    """The issuer's answer could not be had or not be used; the text says why."""


class Keys:
    """All issuers, by the name that stands in `iss`.  Belongs to one event loop."""

    def __init__(
        self,
        issuers: Sequence[IssuerSettings],
        settings: TokenSettings,
        *,
        fetch: Fetch,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._rings: Mapping[str, Keyring] = {
            issuer.issuer: Keyring(issuer, settings, fetch=fetch, clock=clock) for issuer in issuers
        }

    def of(self, issuer: str) -> "Keyring | None":
        return self._rings.get(issuer)

    async def run(self) -> None:
        """Keeps the keys fresh; ends by being cancelled."""
        while True:
            await asyncio.gather(*(ring.refresh_if_due() for ring in self._rings.values()))
            await asyncio.sleep(EMPTY_INTERVAL_SECONDS)


class Keyring:
    """The keys of one issuer.  `generation` grows whenever they become others."""

    def __init__(
        self,
        issuer: IssuerSettings,
        settings: TokenSettings,
        *,
        fetch: Fetch,
        clock: Callable[[], float],
    ) -> None:
        self.issuer = issuer
        self.generation = 0
        self._settings = settings
        self._fetch = fetch
        self._clock = clock
        self._keys: Sequence[PublicKey] = ()
        self._document = b""
        self._failure = ""  # of the last fetch
        self._asked = self._fetched = float("-inf")
        self._under_way: asyncio.Task[None] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing of this issuer can be judged: never reached, or not for too long."""
        return not self._keys or self._age() > self._settings.keys_kept_seconds

    def find(self, kid: str, algorithm: str) -> Sequence[PublicKey]:
        """Those that may have signed: of this kid, or all where the token names none."""
        if self.is_empty:
            return ()
        fitting = (key for key in self._keys if key.algorithm == algorithm)
        return [key for key in fitting if not kid or key.kid == kid]

    @property
    def may_ask(self) -> bool:
        """Whether waiting may help: a fetch is under way, or allowed again."""
        if self._under_way is not None:
            return True
        interval = self._settings.keys_interval_seconds
        if self.is_empty:
            interval = min(interval, EMPTY_INTERVAL_SECONDS)
        return self._clock() - self._asked >= interval

    async def wait_asked(self) -> None:
        """Until a fetch has ended, well or badly: the one under way, or one that starts now."""
        if self._under_way is None:
            if not self.may_ask:
                return
            self._asked = self._clock()
            self._under_way = asyncio.create_task(self._refresh())
            self._under_way.add_done_callback(self._ended)
        # Shielded: who hangs up must not take the others' answer along.
        await asyncio.shield(self._under_way)

    async def refresh_if_due(self) -> None:
        if self._age() >= self._settings.keys_refresh_seconds:
            await self.wait_asked()

    def _age(self) -> float:
        return self._clock() - self._fetched

    def _ended(self, _task: "asyncio.Task[None]") -> None:
        self._under_way = None

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(self._settings.fetch_timeout_seconds):
                document = await self._fetch_jwks()
            keys = read_jwks(document)
            if not keys:
                raise FetchFailed("the answer holds no key that we can use")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001 - whatever it is, the present keys stay
            self._fetch_failed(str(error) or type(error).__name__)
            return
        self._fetched, self._failure = self._clock(), ""
        if document != self._document:
            self._keys, self._document = keys, document
            self.generation += 1
            log.info(
                "auth.issuer-keys-fetched",
                issuer=self.issuer.issuer,
                keys=sorted({key.kid for key in keys}),
            )

    def _fetch_failed(self, reason: str) -> None:
        """Told once, and again when the reason becomes another."""
        if reason != self._failure:
            self._failure = reason
            log.warning("auth.issuer-keys-not-fetched", issuer=self.issuer.issuer, reason=reason)

    async def _fetch_jwks(self) -> bytes:
        return await self._get(self.issuer.jwks_url or await self._discover())

    async def _discover(self) -> str:
        """OpenID Connect Discovery 1.0 section 4: where the keys are, said by the issuer itself."""
        name = self.issuer.issuer
        document = await self._get(name.rstrip("/") + "/.well-known/openid-configuration")
        try:
            found = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise FetchFailed("its openid-configuration is no JSON") from error
        if not isinstance(found, dict) or found.get("issuer") != name:
            raise FetchFailed("its openid-configuration is of another issuer")
        url = found.get("jwks_uri")
        if not isinstance(url, str):
            raise FetchFailed("its openid-configuration has no jwks_uri")
        return url

    async def _get(self, url: str) -> bytes:
        if not is_trustworthy(url):
            raise FetchFailed(f"{url} is neither https nor on this machine")
        document = await self._fetch(url)
        if len(document) > self._settings.fetch_octets_max:
            raise FetchFailed("the answer is too long")
        return document
