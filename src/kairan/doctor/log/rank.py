"""What to do first: much that one change repairs goes before little that needs many."""

from collections.abc import Mapping

from kairan.doctor.log.count import CauseCount
from kairan.outcomes.catalogue import CATALOGUE

# How much one act of repair is worth for each refusal.  One switch for everybody; one account or
# one device; one address or message at a time; what passes when the sender tries again.
ONE_SWITCH, ONE_ACCOUNT, ONE_BY_ONE, PASSES = 4.0, 2.0, 1.0, 0.25

FIXABILITY: Mapping[str, float] = {
    "basic-auth-not-allowed": ONE_SWITCH,
    "security-defaults-block": ONE_SWITCH,
    "basic-auth-disabled": ONE_SWITCH,
    "smtp-auth-disabled-tenant": ONE_SWITCH,
    "sts-unreachable": ONE_SWITCH,
    "sts-without-https": ONE_SWITCH,
    "app-not-allowed": ONE_SWITCH,
    "token-permission": ONE_SWITCH,
    "token-permission-2026": ONE_SWITCH,
    "token-expires-soon": ONE_SWITCH,
    "token-expires-soon-2026": ONE_SWITCH,
    "token-expired": ONE_SWITCH,
    "token-expired-2026": ONE_SWITCH,
    "name-lookup-failed": ONE_SWITCH,
    "peer-unreachable": ONE_SWITCH,
    "peer-tls-failed": ONE_SWITCH,
    "bare-line-ending": ONE_SWITCH,
    "connections-exceeded": ONE_SWITCH,
    "too-many-recipients": ONE_SWITCH,
    "client-basic-auth-ended": ONE_SWITCH,
    "direct-send-refused": ONE_SWITCH,
    "no-mechanism-in-common": ONE_SWITCH,
    "wrong-region": ONE_SWITCH,
    "connector-banned": ONE_SWITCH,
    "hve-billing-not-valid": ONE_SWITCH,
    "access-token-refused": ONE_SWITCH,
    "sign-in-needed": ONE_ACCOUNT,
    "auth-not-offered": ONE_ACCOUNT,
    "credentials-missing": ONE_ACCOUNT,
    "starttls-required": ONE_ACCOUNT,
    "not-authenticated": ONE_ACCOUNT,
    "auth-unsuccessful": ONE_ACCOUNT,
    "credentials-incorrect": ONE_ACCOUNT,
    "smtp-auth-disabled-mailbox": ONE_ACCOUNT,
    "sender-not-yours": ONE_ACCOUNT,
    "header-from-not-yours": ONE_ACCOUNT,
    "hve-sender-mismatch": ONE_ACCOUNT,
    "peer-refused-login": ONE_ACCOUNT,
}


def fixability(cause: str) -> float:
    if cause in FIXABILITY:
        return FIXABILITY[cause]
    outcome = CATALOGUE.get(cause)
    is_transient = outcome.is_transient if outcome else cause.startswith("4")
    return PASSES if is_transient else ONE_BY_ONE


def in_order(counts: list[CauseCount]) -> list[CauseCount]:
    return sorted(
        counts, key=lambda one: (-one.count * fixability(one.cause), -one.count, one.cause)
    )
