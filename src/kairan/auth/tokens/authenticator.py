"""Who is it, by an access token?

1. `read_token` reads what the token says, 2. `Keyring` has the key that would prove it, 3. its
signature is checked, 4. `judge_token` decides.  Steps 1-3 are remembered by a keyed digest of the
token; step 4 is done at every login, so that a changed account, a nearing expiry, another listener
or another setting is never answered from memory.

A signature costs a hundredth of a password's hash, so nothing here runs in threads.
Waiting is for one thing only: keys that are not there yet.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from kairan.auth.attempts import LoginAttempts
from kairan.auth.networks import may_come_from
from kairan.auth.policies import judge_modern
from kairan.auth.settings import AuthSettings
from kairan.auth.tokens.claims import Claimed, read_token
from kairan.auth.tokens.judge import (
    ClaimContext,
    JudgedIssuer,
    TokenLogin,
    is_app_only,
    judge_token,
    kept_claims,
    user_of,
)
from kairan.auth.tokens.jwks import signer_of
from kairan.auth.tokens.keys import Keyring, Keys
from kairan.auth.tokens.settings import IssuerSettings
from kairan.directory.model import Account, Snapshot
from kairan.mail.role import Role
from kairan.outcomes.catalogue import (
    AUTH_THROTTLED,
    OAUTH_UNSUCCESSFUL,
    TOKEN_ISSUER_UNREACHABLE,
)
from kairan.outcomes.decision import Refuse

_DIGEST_OCTETS = 32
# What remembered tokens may cost beside their number: an issuer may write long claims, and what is
# kept of a token is about as large as its text.
_GENUINE_OCTETS_MAX = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Genuine:
    """A token whose signature was right, under the keys of then."""

    claims: Mapping[str, Any]
    keyring: Keyring
    generation: int
    octets: int  # of its text
    kid: str


class TokenAuthenticator:
    """`clock` is monotonic, for delays; `now` is the time of day, for tokens."""

    def __init__(
        self,
        settings: AuthSettings,
        keys: Keys,
        *,
        clock: Callable[[], float],
        now: Callable[[], float],
        random: Callable[[int], bytes],
        own_issuer: str = "",
    ) -> None:
        self._own_issuer = own_issuer
        self._settings = settings.tokens
        self._keys = keys
        self._now = now
        self._attempts = LoginAttempts(_patient(settings), clock=clock)
        self._key = random(_DIGEST_OCTETS)
        self._genuine: OrderedDict[bytes, _Genuine] = OrderedDict()
        self._genuine_octets = 0

    def decide(
        self, snapshot: Snapshot, user: str, token: str, source: str, *, role: Role
    ) -> TokenLogin | Refuse | None:
        """None: its issuer must be asked for keys first; `verify` does."""
        known = self._remembered(token, snapshot)
        if known is not None:
            return self._judge(snapshot, user, known, source, role)
        claimed = read_token(token)
        if isinstance(claimed, str):
            return self._not_genuine(source, user, claimed)
        keyring = self._keys.of(claimed.issuer)
        if keyring is None:
            return self._not_genuine(source, user, "of an issuer that is not configured")
        if not keyring.find(claimed.kid, claimed.algorithm) and keyring.may_ask:
            return None
        return self._decide(snapshot, user, token, source, role, claimed, keyring)

    async def verify(
        self, snapshot: Snapshot, user: str, token: str, source: str, *, role: Role
    ) -> TokenLogin | Refuse:
        """As `decide`, after its issuer's keys were asked for, however that ended."""
        claimed = read_token(token)
        keyring = None if isinstance(claimed, str) else self._keys.of(claimed.issuer)
        if isinstance(claimed, str) or keyring is None:
            return self._not_genuine(source, user, "not a token of an issuer that is configured")
        await keyring.wait_asked()
        return self._decide(snapshot, user, token, source, role, claimed, keyring)

    def _decide(
        self,
        snapshot: Snapshot,
        user: str,
        token: str,
        source: str,
        role: Role,
        claimed: Claimed,
        keyring: Keyring,
    ) -> TokenLogin | Refuse:
        withdrawn = snapshot.trust.withdrawn_keys
        keys = [
            key for key in keyring.find(claimed.kid, claimed.algorithm) if key.kid not in withdrawn
        ]
        if not keys and keyring.is_empty:
            # The token may be a good one: RFC 4954 section 6 has a temporary failure for that.
            return Refuse(TOKEN_ISSUER_UNREACHABLE, "no keys of its issuer could be had")
        if not keys:
            return self._not_genuine(source, user, "signed with a key that its issuer has not")
        signer = signer_of(keys, token)
        if signer is None:
            return self._not_genuine(source, user, "its signature is wrong")
        kept = kept_claims(claimed.claims, keyring.issuer)
        genuine = _Genuine(kept, keyring, keyring.generation, len(token), signer.kid)
        self._remember(token, genuine)
        return self._judge(snapshot, user, genuine, source, role)

    def _judge(
        self, snapshot: Snapshot, user: str, genuine: _Genuine, source: str, role: Role
    ) -> TokenLogin | Refuse:
        issuer = genuine.keyring.issuer
        account = _account(snapshot, user, genuine.claims, issuer)
        context = ClaimContext(
            issuer=JudgedIssuer(issuer, snapshot.trust, self.is_own(issuer.issuer)),
            settings=self._settings,
            account=account,
            role=role,
            now=self._now(),
        )
        verdict = judge_token(genuine.claims, context)
        if isinstance(verdict, Refuse):
            return verdict
        if not may_come_from(verdict.account, source):
            return Refuse(OAUTH_UNSUCCESSFUL, f"app={verdict.app} from outside its networks")
        if not user:
            # Nobody could judge the account before the token had named it.
            barred = judge_modern(account, snapshot.organisation, role=role)
            if isinstance(barred, Refuse):
                return barred
        return replace(verdict, kid=genuine.kid)

    def is_own(self, issuer: str) -> bool:
        return bool(issuer) and issuer == self._own_issuer

    def _not_genuine(self, source: str, user: str, why: str) -> Refuse:
        """Only these count against the address, and only these are put off: a genuine token is
        nobody's guess, and a signature is quickly looked at.
        """
        if not self._attempts.may_try(source, user):
            return Refuse(AUTH_THROTTLED, "too many refused tokens from here")
        self._attempts.failed(source, user)
        return Refuse(OAUTH_UNSUCCESSFUL, why)

    # Memory.

    def _digest(self, token: str) -> bytes:
        return blake2b(token.encode(), key=self._key, digest_size=_DIGEST_OCTETS).digest()

    def _remember(self, token: str, genuine: _Genuine) -> None:
        digest = self._digest(token)
        self._forget(digest)
        self._genuine[digest] = genuine
        self._genuine_octets += genuine.octets
        while (
            len(self._genuine) > self._settings.verified_max
            or self._genuine_octets > _GENUINE_OCTETS_MAX
        ):
            self._forget(next(iter(self._genuine)))

    def _forget(self, digest: bytes) -> None:
        known = self._genuine.pop(digest, None)
        if known is not None:
            self._genuine_octets -= known.octets

    def _remembered(self, token: str, snapshot: Snapshot) -> _Genuine | None:
        digest = self._digest(token)
        known = self._genuine.get(digest)
        if known is None:
            return None
        is_withdrawn = known.kid in snapshot.trust.withdrawn_keys
        is_old = known.generation != known.keyring.generation
        if is_withdrawn or is_old or known.keyring.is_empty:
            self._forget(digest)  # its key may be among those withdrawn
            return None
        self._genuine.move_to_end(digest)
        return known


def _account(
    snapshot: Snapshot, user: str, claims: Mapping[str, Any], issuer: IssuerSettings
) -> Account | None:
    """OAUTHBEARER may leave it to the token whom it logs in (RFC 7628 section 3.1)."""
    name = user or ("" if is_app_only(claims) else user_of(claims, issuer))
    return snapshot.account(name) if name else None


def _patient(settings: AuthSettings) -> AuthSettings:
    """The same back-off, later: of a pair, of an address, of a network."""
    free = settings.tokens.failures_free
    return replace(
        settings,
        pair_failures_free=free,
        address_failures_free=4 * free,
        network_failures_free=20 * free,
    )
