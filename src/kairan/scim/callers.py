"""Who asks?  A bearer token of `kairan scim token`, RFC 6750 section 2.1: in the header alone.

Sixteen octets too few or one wrong are one answer, in one time; and who has the right token does not
wait because somebody else guesses.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from kairan.auth.attempts import LoginAttempts
from kairan.auth.made_secrets import matches
from kairan.directory.model import AppSecret
from kairan.directory.operations.scim_tokens import ScimToken
from kairan.outcomes.scim_endpoint import TOO_MANY_FAILURES, UNAUTHORIZED, ScimProblem

_BEARER = "bearer "
_WHO = "scim"  # as the back-off counts them, whichever token was meant


@dataclass(frozen=True, slots=True)
class ScimCallers:
    tokens: Callable[[], Sequence[ScimToken]]
    attempts: LoginAttempts
    clock: Callable[[], float]
    # The web asks from several threads, and the attempts' tables know of one.
    _turn: Lock = field(default_factory=Lock)

    def refusal(self, authorization: str, source: str) -> ScimProblem | None:
        """None: the token is one of ours."""
        shown = authorization[len(_BEARER) :].strip() if _is_bearer(authorization) else ""
        candidates = [AppSecret(one.hash, one.expires) for one in self.tokens()]
        is_right = matches(shown, candidates, now=self.clock())
        with self._turn:
            if is_right:
                self.attempts.succeeded(source, _WHO)
                return None
            if not self.attempts.may_try(source, _WHO):
                return TOO_MANY_FAILURES
            self.attempts.failed(source, _WHO)
            return UNAUTHORIZED


def _is_bearer(authorization: str) -> bool:
    return authorization[: len(_BEARER)].lower() == _BEARER
