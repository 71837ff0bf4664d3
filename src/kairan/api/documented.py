"""What the OpenAPI document says of every operation: who may ask, and which refusals there are."""

from typing import Any

from kairan.api.problems import MEDIA_TYPE, ProblemDocument
from kairan.outcomes.http_api import API_PROBLEMS

ACCOUNT: list[dict[str, list[str]]] = [{"accountPassword": []}, {"accountToken": []}]
KEY: list[dict[str, list[str]]] = [{"apiKey": []}]
SECURITY_SCHEMES: dict[str, Any] = {
    "accountPassword": {
        "type": "http",
        "scheme": "basic",
        "description": "An account's address and password, as SMTP's AUTH PLAIN.",
    },
    "accountToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "An account's access token, as SMTP's AUTH XOAUTH2; `Kairan-Account` names the "
        "account where the token does not.",
    },
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key of `kairan api-key add`, or an access token of the identity provider in "
        "`[oidc]`, whose claim says the scope.",
    },
}
_ALWAYS = (400, 429, 500, 503)
_WORDS = {one.status: one.what.en for one in API_PROBLEMS}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """ProblemDocument documents under these; those of every operation beside."""
    return {
        status: {
            "model": ProblemDocument,
            "description": _WORDS.get(status, "The request cannot be read."),
            "content": {MEDIA_TYPE: {}},
        }
        for status in sorted({*statuses, *_ALWAYS})
    }
