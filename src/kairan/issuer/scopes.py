"""What an app asks for, against what it may have."""

from kairan.directory.model import App
from kairan.outcomes.token_endpoint import INVALID_SCOPE, Problem

_DEFAULT = "/.default"
# Not permissions: they ask for an identity token or a refresh token, which we do not give.  Entra
# ignores them here, and libraries send them unasked.
_IGNORED = frozenset({"openid", "profile", "offline_access", "email"})


def granted(app: App, scope: str, audience: str) -> frozenset[str] | Problem:
    """Nothing or `AUDIENCE/.default` means all that the app has; `AUDIENCE/Mail.Send` some of it.

    RFC 6749 section 3.3: words with blanks between them.
    """
    asked = {word.removeprefix(audience).lstrip("/") for word in scope.split()} - _IGNORED
    if not asked or asked == {_DEFAULT.lstrip("/")}:
        return app.permissions
    if asked <= app.permissions:
        return frozenset(asked)
    return INVALID_SCOPE
