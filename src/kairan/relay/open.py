"""A session for a next hop: with an identity, the token first and the connection then.

No connection stands idle while an issuer is asked.  A login that is refused for what may be the
token's age is tried once more, with a new token on a new connection, before anything is deferred.
"""

import asyncio
import time
from dataclasses import replace

from kairan.mail.reply import Reply
from kairan.outcomes.refusal_class import refusal_class
from kairan.relay.contact import Contact
from kairan.relay.dial import DialFault, wait_session
from kairan.relay.next_hop import NextHop, NextHopIdentity
from kairan.relay.session import RelaySession
from kairan.relay.settings import RelaySettings


async def wait_open(next_hop: NextHop, settings: RelaySettings) -> RelaySession | DialFault:
    if next_hop.identity is None:
        return await wait_session(next_hop, settings)
    outcome, may_try_again = await _log_in(next_hop, next_hop.identity, settings)
    if may_try_again:
        outcome, _ = await _log_in(next_hop, next_hop.identity, settings)
    return outcome


async def _log_in(
    next_hop: NextHop, identity: NextHopIdentity, settings: RelaySettings
) -> tuple[RelaySession | DialFault, bool]:
    login = await identity.wait_login()
    if isinstance(login, Reply):
        refuses_us = refusal_class(login).holds_route
        return DialFault(login, contact=Contact.REFUSES_US if refuses_us else Contact.DOWN), False
    outcome = await wait_session(replace(next_hop, credentials=login.credentials), settings)
    if isinstance(outcome, RelaySession):
        outcome.ends = asyncio.get_running_loop().time() + login.ends - time.time()
        return outcome, False
    refusal = outcome.login_refusal
    return outcome, refusal is not None and identity.may_log_in_again(login, refusal)
