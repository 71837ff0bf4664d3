"""What the token endpoint says when it gives no token: RFC 6749 section 5.2, RFC 8628 section 3.5.

The descriptions name neither app nor account: who asks knows, others need not.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    error: str
    description: str
    status: int = 400


INVALID_REQUEST = Problem("invalid_request", "A parameter is missing, repeated or malformed.")
INVALID_CLIENT = Problem("invalid_client", "Client id or secret is wrong, or the app is off.", 401)
INVALID_SCOPE = Problem(
    "invalid_scope", "Ask for the audience with /.default behind it, or for permissions it has."
)
INVALID_GRANT = Problem("invalid_grant", "The device code is unknown, or has been used.")
UNSUPPORTED = Problem("unsupported_grant_type", "client_credentials or device_code, nothing else.")
NO_LOGIN_PAGE = Problem(
    "unsupported_response_type",
    "There is no login page: use a client secret, or a device code that is approved on the server.",
)
PENDING = Problem("authorization_pending", "Nobody has approved the code yet; ask again later.")
SLOW_DOWN = Problem("slow_down", "Ask less often.")
EXPIRED = Problem("expired_token", "The code has expired; ask for a new one.")
TOO_MANY = Problem("temporarily_unavailable", "Too many failures from here; wait.", 429)
BUSY = Problem("temporarily_unavailable", "Too many logins wait for approval; try later.", 503)
AWAY = Problem("server_error", "The issuer cannot reach what it needs; try later.", 503)
TOO_LARGE = Problem("invalid_request", "The request is too large.", 413)
