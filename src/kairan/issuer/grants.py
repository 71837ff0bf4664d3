"""The two ways to a token: an app's own secret, or a person's approval of a device's code.

Functions of a form that was sent; the web around them knows HTTP, the directory keeps state.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kairan.auth.attempts import address_of
from kairan.directory.model import App, DeviceLogin
from kairan.directory.store import Directory
from kairan.issuer.clients import Clients
from kairan.issuer.keys.ring import KeyRing
from kairan.issuer.scopes import granted
from kairan.issuer.settings import IssuerServiceSettings
from kairan.issuer.tokens import TokenTimes, WantedToken, make_token
from kairan.issuer.web.places import Places
from kairan.outcomes import token_endpoint
from kairan.outcomes.token_endpoint import Problem

CLIENT_CREDENTIALS = "client_credentials"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"  # RFC 8628 section 3.4

# RFC 8628 section 6.1: consonants only, so that no word comes out; 20^8 are 34 bits, against which
# stand the codes' quarter of an hour and an approval that only the administrator's console gives.
_USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_USER_CODE_HALF = 4
# When each waiting device asked last; as many as can wait.
_POLLS_MAX = 10_000

TokenAnswer = Mapping[str, Any] | Problem


@dataclass(frozen=True, slots=True)
class Grants:
    settings: IssuerServiceSettings
    places: Places
    keys: KeyRing
    directory: Directory
    clients: Clients
    clock: Callable[[], float]
    told: Callable[..., None] = lambda *_, **__: None  # the audit
    _polls: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def token(self, authorization: str, form: Mapping[str, str], source: str) -> TokenAnswer:
        match form.get("grant_type"):
            case "client_credentials":
                return self._by_secret(authorization, form, source)
            case "urn:ietf:params:oauth:grant-type:device_code":
                return self._by_device_code(form, source)
            case None:
                return token_endpoint.INVALID_REQUEST
            case _:
                return token_endpoint.UNSUPPORTED

    def device(self, form: Mapping[str, str], source: str) -> TokenAnswer:
        """RFC 8628 section 3.1 and 3.2."""
        app = self.clients.public(form, source)
        if isinstance(app, Problem):
            return app
        permissions = granted(app, form.get("scope", ""), self.settings.audience)
        if isinstance(permissions, Problem):
            return permissions
        now = int(self.clock())
        device_code, user_code = secrets.token_urlsafe(32), _user_code()
        expires = now + self.settings.device_code_seconds
        login = DeviceLogin(user_code, app.client_id, expires, source=address_of(source))
        if not self.directory.device_logins.add(_hash(device_code), login, now=now):
            return token_endpoint.BUSY
        return {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": self.places.verification,
            "expires_in": self.settings.device_code_seconds,
            "interval": self.settings.device_interval_seconds,
            "message": f"Have the administrator run: kairan app approve {user_code} --user ADDRESS",
        }

    def _by_secret(self, authorization: str, form: Mapping[str, str], source: str) -> TokenAnswer:
        app = self.clients.identify(authorization, form, source)
        if isinstance(app, Problem):
            return app
        permissions = granted(app, form.get("scope", ""), self.settings.audience)
        if isinstance(permissions, Problem):
            return permissions
        return self._answer(app, permissions, source)

    def _by_device_code(self, form: Mapping[str, str], source: str) -> TokenAnswer:
        app = self.clients.public(form, source)
        if isinstance(app, Problem):
            return app
        device_hash = _hash(form.get("device_code", ""))
        login = self.directory.device_logins.find(device_hash)
        problem = self._why_not_yet(app, login, device_hash)
        if problem is not None:
            return problem
        assert login is not None, "asked above"
        # A code is good for one token, whoever asks at the same moment.
        if not self.directory.device_logins.take(device_hash):
            return token_endpoint.INVALID_GRANT
        return self._answer(app, app.permissions, source, login.account)

    def _why_not_yet(self, app: App, login: DeviceLogin | None, device_hash: str) -> Problem | None:
        now = self.clock()
        if login is None or login.client_id != app.client_id:
            return token_endpoint.INVALID_GRANT
        if login.expires <= now:
            return token_endpoint.EXPIRED
        if self._asks_too_often(device_hash, now):
            return token_endpoint.SLOW_DOWN
        return None if login.account else token_endpoint.PENDING

    def _asks_too_often(self, device_hash: str, now: float) -> bool:
        before = self._polls.get(device_hash)
        self._polls[device_hash] = now
        if len(self._polls) > _POLLS_MAX:
            self._polls.popitem(last=False)
        return before is not None and now - before < self.settings.device_interval_seconds

    def _answer(
        self, app: App, permissions: frozenset[str], source: str, user: str = ""
    ) -> TokenAnswer:
        """RFC 6749 section 5.1."""
        facts = {"client": source, "permissions": sorted(permissions)}
        now = int(self.clock())
        wanted = WantedToken(
            issuer=self.places.issuer,
            audience=self.settings.audience,
            tenant=self.settings.tenant,
            permissions=permissions,
            times=TokenTimes(now, now, now + self.settings.token_seconds),
            user=user,
        )
        self.told("token", app=app.name, client_id=app.client_id, account=user, **facts)
        answer = {
            "token_type": "Bearer",
            "expires_in": self.settings.token_seconds,
            "access_token": make_token(app, wanted, self.keys.signing()),
        }
        return answer | ({"scope": " ".join(sorted(permissions))} if user else {})


def _user_code() -> str:
    letters = [secrets.choice(_USER_CODE_LETTERS) for _ in range(2 * _USER_CODE_HALF)]
    return "".join((*letters[:_USER_CODE_HALF], "-", *letters[_USER_CODE_HALF:]))


def _hash(device_code: str) -> str:
    return hashlib.sha256(device_code.encode("utf-8", "surrogatepass")).hexdigest()
