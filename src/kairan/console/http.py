"""What comes in and goes out: Host, forms, cookies, headers, language, places within the console."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kairan.doctor.answer import Language

PREFIX = "/console"
LANGUAGE_COOKIE = "kairan-language"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# A percent sign and two digits for each octet of a pasted million.
FORM_OCTETS_MAX = 3_200_000
_FIELDS_MAX = 40  # a group has some 25
_SAFE_PLACE = re.compile(r"/console(?:/[a-z-]+)*(?:\?[A-Za-z0-9%&=._~+@:,*-]*)?")

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "vary": "Accept-Language, Cookie",
}


class FormError(Exception):
    """No form of ours: of another kind, or too large."""


def host_of(request: Request) -> str:
    """The name in the Host field, without port; empty: it is none (RFC 9110 section 7.2)."""
    values = request.headers.getlist("host")
    if len(values) != 1 or not re.fullmatch(r"[A-Za-z0-9.\-:\[\]]{1,255}", values[0]):
        return ""
    try:
        return (urlsplit(f"//{values[0]}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def is_our_host(request: Request, hosts: frozenset[str]) -> bool:
    """Else a name of an attacker's that leads to this machine reads our pages (DNS rebinding)."""
    return host_of(request) in hosts | _LOOPBACK


def is_secure(request: Request) -> bool:
    """Behind a proxy that speaks TLS the browser names another host than loopback's."""
    return request.url.scheme == "https" or host_of(request) not in _LOOPBACK


def is_from_elsewhere(request: Request) -> bool:
    """Whether the browser says that another site's page sent this.  `Origin: null` says nothing: our
    own forms have it under `referrer-policy: no-referrer`.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin", "null")
    return site not in {"same-origin", "none"} or (
        origin != "null" and urlsplit(origin).netloc != request.headers.get("host")
    )


async def wait_form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != (
        "application/x-www-form-urlencoded"
    ):
        raise FormError
    octets = bytearray()
    async for piece in request.stream():
        octets += piece
        if len(octets) > FORM_OCTETS_MAX:
            raise FormError
    try:
        pairs = parse_qsl(
            octets.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS_MAX
        )
    except ValueError as error:
        raise FormError from error
    return dict(pairs)


def place_within(text: str) -> str:
    """Where to go after signing in: a page of ours, whatever was asked for."""
    return text if _SAFE_PLACE.fullmatch(text) else PREFIX


def cookie_name(request: Request, name: str) -> str:
    return f"__Host-{name}" if is_secure(request) else name


def set_cookie(
    request: Request, response: Response, name: str, value: str, *, from_elsewhere: bool = False
) -> None:
    """`from_elsewhere`: it must come along when another site leads back to us."""
    response.set_cookie(
        cookie_name(request, name),
        value,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax" if from_elsewhere else "strict",
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    response.delete_cookie(
        cookie_name(request, name),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def see_other(place: str) -> Response:
    return RedirectResponse(place, status_code=303, headers=dict(HEADERS))


def language_of(request: Request) -> Language:
    """What was chosen, else what the browser likes best of the two."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in set(Language):
        return Language(chosen)
    best, weight = Language.EN, 0.0
    for part in request.headers.get("accept-language", "")[:1_000].split(","):
        name, _, rest = part.strip().partition(";")
        found = re.fullmatch(r"\s*q=([01](?:\.\d{1,3})?)\s*", rest)
        liked = float(found[1]) if found else 1.0
        short = name.lower()[:2]
        if short in set(Language) and liked > weight:
            best, weight = Language(short), liked
    return best
