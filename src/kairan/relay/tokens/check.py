"""Whether an identity's settings can work: what can be known without asking anybody."""

import re

from kairan.mail.address import parse_address
from kairan.relay.tokens.settings import IdentityKind, IdentitySettings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # it is a part of file names
_URL = re.compile(
    r"https://[^/?#\s]+[^?#\s]*|http://(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?(?:/[^?#\s]*)?"
)
_URL_WANTED = "an https:// URL, or http:// on 127.0.0.1"


def is_url(text: str) -> bool:
    return _URL.fullmatch(text) is not None


def problem_with(settings: IdentitySettings) -> tuple[str, str] | None:
    """The first setting that is wrong, and what is wrong with it."""
    kind = settings.kind
    has_secret = settings.client_secret_file or settings.certificate_file
    checks = (
        ("name", _NAME.fullmatch(settings.name), "letters, digits, dots and hyphens, up to 64"),
        ("user", parse_address(settings.user, utf8=True), "the address of the account"),
        (
            "client_id",
            settings.client_id or kind is IdentityKind.MANAGED_IDENTITY,
            "the application (client) ID",
        ),
        ("issuer", settings.issuer or kind is not IdentityKind.OIDC, "the issuer's URL"),
        ("issuer", not settings.issuer or is_url(settings.issuer), _URL_WANTED),
        ("authority", is_url(settings.authority), _URL_WANTED),
        (
            "tenant",
            settings.tenant or kind in {IdentityKind.OIDC, IdentityKind.MANAGED_IDENTITY},
            "the tenant's name or GUID",
        ),
        (
            "client_secret_file",
            has_secret or kind in {IdentityKind.DEVICE_CODE, IdentityKind.MANAGED_IDENTITY},
            "a file with the client secret (or set certificate_file)",
        ),
        (
            "renew_seconds",
            settings.renew_seconds >= settings.refused_seconds >= 0,
            "at least refused_seconds",
        ),
    )
    return next(((name, what) for name, is_good, what in checks if not is_good), None)
