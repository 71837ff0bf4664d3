"""What an operator does with an identity's token: fetch it, look at it, try it at a server."""

import time
from collections.abc import Callable
from pathlib import Path

from kairan.mail.reply import Reply
from kairan.outcomes import catalogue
from kairan.relay.dial import DialFault
from kairan.relay.next_hop import NextHop
from kairan.relay.open import wait_open
from kairan.relay.settings import RelaySettings
from kairan.relay.tokens.identity import cache_of, fetch_of
from kairan.relay.tokens.settings import IdentityKind, IdentitySettings
from kairan.relay.tokens.times import Margins, Use, judge
from kairan.relay.tokens.token import AccessToken, Fetched, TokenFault


def stored(settings: IdentitySettings, folder: Path) -> AccessToken | None:
    """The token on disk, be it good or not."""
    found = cache_of(settings, folder).read()
    return found.token if found else None


def obtain(
    settings: IdentitySettings, folder: Path, *, new: bool, show: Callable[[str], None]
) -> AccessToken | TokenFault:
    """The token that the service would use, or a `new` one in its place.  Where somebody must sign
    in, `show` says where and with which code, and we wait for them.
    """
    cache = cache_of(settings, folder)
    with cache.locked():
        kept = cache.read()
        if kept and not new and _is_good(kept.token, settings):
            return kept.token
        fetched = fetch_of(settings)(kept.state if kept else "")
        if _wants_sign_in(fetched, settings):
            from kairan.relay.tokens.entra import sign_in  # noqa: PLC0415 - brings msal

            fetched = sign_in(settings, show)
        if isinstance(fetched, Fetched):
            cache.write(fetched)
            return fetched.token
        return fetched


def _is_good(token: AccessToken, settings: IdentitySettings) -> bool:
    margins = Margins(settings.renew_seconds, settings.refused_seconds)
    return judge(token, time.time(), margins) is Use.USE


def _wants_sign_in(fetched: Fetched | TokenFault, settings: IdentitySettings) -> bool:
    return (
        settings.kind is IdentityKind.DEVICE_CODE
        and isinstance(fetched, TokenFault)
        and fetched.outcome is catalogue.SIGN_IN_NEEDED
    )


async def wait_tried(next_hop: NextHop) -> Reply | None:
    """Logs in at `next_hop`, as its identity, and parts again.  None: it was let in."""
    outcome = await wait_open(next_hop, RelaySettings(connect_timeout_seconds=10.0))
    if isinstance(outcome, DialFault):
        return outcome.login_refusal or outcome.reply
    outcome.quit()
    return None
