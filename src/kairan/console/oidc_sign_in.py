"""Signing in at an identity provider: authorization code with PKCE: RFC 6749, RFC 7636, RFC 9207, RFC 9700.

    browser ─ /sign-in/oidc ─▶ a cookie of ours, and on to the provider with `state`, `nonce`, `code_challenge`
    browser ◀─ code ── provider
    browser ─ /sign-in/oidc/answer, with the cookie ─▶ we ask the provider what stands behind the code

Nothing is kept for who has only begun: `state`, `nonce` and the code's verifier are made of the
cookie by a key that this process has alone.  So an answer counts in the browser that began, for ten
minutes, and once.
"""

import base64
import binascii
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import urlencode

from kairan.auth.oidc.judge import NotVouched, OidcFault, judge_id_token
from kairan.auth.oidc.provider import CODE_CHARACTERS_MAX, Provider, ProviderError
from kairan.console.http import PREFIX, place_within
from kairan.directory.operations.console_users import VOUCHED_BEGINS, ConsoleUser

ANSWER_PLACE = "/sign-in/oidc/answer"
# To type a password and to look for a second factor.
ROUND_TRIP_SECONDS = 600.0
# Answers that were taken, 100 octets each, so that none is taken twice; more than are taken in ten minutes.
_TAKEN_MAX = 2_000
# Asking the provider: who makes us ask for nothing keeps nobody out for longer than a time-out.
_ASKING_MAX = 20
_COOKIE_CHARACTERS_MAX = 3_000
_PLACE_CHARACTERS_MAX = 1_500  # browsers keep no cookie beyond 4,096 octets
_STATE = NotVouched(OidcFault.STATE)


@dataclass(frozen=True, slots=True)
class Begun:
    url: str = field(repr=False)
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    user: ConsoleUser
    subject: str
    issuer: str
    place: str  # the page that was asked for at first


class OidcSignIn:
    def __init__(self, provider: Provider, clock: Callable[[], float]) -> None:
        self._provider, self._clock = provider, clock
        self._key = secrets.token_bytes(32)
        self._taken: OrderedDict[str, None] = OrderedDict()
        self._asking = 0

    @property
    def label(self) -> str:
        return self._provider.settings.label

    @property
    def _redirect(self) -> str:
        return f"{self._provider.settings.console_url}{PREFIX}{ANSWER_PLACE}"

    async def wait_begun(self, place: str) -> Begun | NotVouched:
        if self._asking >= _ASKING_MAX:
            return NotVouched(OidcFault.BUSY)
        self._asking += 1
        try:
            places = await self._provider.wait_places()
        except ProviderError as error:
            return NotVouched(OidcFault.AWAY, str(error))
        finally:
            self._asking -= 1
        wanted = place if len(place) <= _PLACE_CHARACTERS_MAX else PREFIX
        packed = base64.urlsafe_b64encode(wanted.encode()).decode().rstrip("=")
        cookie = f"{int(self._clock())}.{secrets.token_urlsafe(32)}.{packed}"
        settings = self._provider.settings
        challenge = sha256(self._made("verifier", cookie).encode()).digest()
        query = urlencode(
            {
                "response_type": "code",
                "client_id": settings.client_id,
                "redirect_uri": self._redirect,
                "scope": " ".join(settings.scopes),
                "state": self._made("state", cookie),
                "nonce": self._made("nonce", cookie),
                "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
                "code_challenge_method": "S256",
            }
        )
        joint = "&" if "?" in places.authorization else "?"
        return Begun(f"{places.authorization}{joint}{query}", cookie)

    async def wait_answered(
        self, query: Sequence[tuple[str, str]], cookie: str
    ) -> Answered | NotVouched:
        given = dict(query)
        if len(given) != len(query):  # RFC 6749 section 3.1: none more than once
            return _STATE
        state = given.get("state", "")
        if not self._is_ours(state, cookie) or state in self._taken:
            return _STATE
        self._taken[state] = None
        if len(self._taken) > _TAKEN_MAX:
            self._taken.popitem(last=False)
        if self._asking >= _ASKING_MAX:
            return NotVouched(OidcFault.BUSY)
        self._asking += 1
        try:
            return await self._wait_judged(given, cookie)
        except ProviderError as error:
            return NotVouched(OidcFault.AWAY, str(error))
        finally:
            self._asking -= 1

    async def _wait_judged(self, given: dict[str, str], cookie: str) -> Answered | NotVouched:
        settings = self._provider.settings
        places = await self._provider.wait_places()
        # RFC 9207 section 2.4: an answer of another provider must not be redeemed at this one.
        if given.get("iss", settings.issuer) != settings.issuer or (
            places.says_issuer and "iss" not in given
        ):
            return NotVouched(OidcFault.REFUSED, "the answer is of another issuer")
        if "error" in given:
            return NotVouched(OidcFault.DENIED, given["error"][:64])
        code = given.get("code", "")
        if not 0 < len(code) <= CODE_CHARACTERS_MAX:
            return NotVouched(OidcFault.REFUSED, "the answer has no code")
        verifier = self._made("verifier", cookie)
        claims = await self._provider.wait_redeemed(code, verifier, self._redirect)
        if isinstance(claims, NotVouched):
            return claims
        now = self._clock()
        person = judge_id_token(claims, settings, nonce=self._made("nonce", cookie), now=now)
        if isinstance(person, NotVouched):
            return person
        user = ConsoleUser(f"{VOUCHED_BEGINS}{person.name}", person.grade, "", int(now))
        return Answered(user, person.subject, settings.issuer, _place_in(cookie))

    def _is_ours(self, state: str, cookie: str) -> bool:
        if not cookie or len(cookie) > _COOKIE_CHARACTERS_MAX:
            return False
        wanted = self._made("state", cookie)
        if not hmac.compare_digest(state.encode("utf-8", "surrogatepass"), wanted.encode()):
            return False
        begun = int(cookie.partition(".")[0])  # ours: the state has proved it
        return 0 <= self._clock() - begun < ROUND_TRIP_SECONDS

    def _made(self, what: str, cookie: str) -> str:
        octets = f"{what}\0{cookie}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, octets, sha256).hexdigest()


def _place_in(cookie: str) -> str:
    packed = cookie.rpartition(".")[2]
    try:
        return place_within(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode())
    except (binascii.Error, ValueError):
        return PREFIX
