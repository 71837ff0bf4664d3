"""What a refusal is about, and so what becomes of the mail: one class for each entry and each reply.

    recipient      this one gets nothing; the others do        reported
    message        this message goes nowhere as it is          reported
    permanent      no, and nothing says about what             reported
    wait           later; and fewer sessions where it says so  tried again
    session        this session; the next one may do           tried again, on another
    token          the access token; a new one may do          tried again, with another
    account        the account we send by, for now             kept; its route is held
    configuration  our settings or the service's               kept; its route is held

The last five are never the message's fault, whatever the digits say: HVE answers `501` to a token that
ends soon.  They only count where we log in: to a stranger's server a 5xx is a no (RFC 5321 section
4.2.1), but for one that says that the session is out of step.
"""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from kairan.mail.reply import Reply
from kairan.outcomes import catalogue
from kairan.outcomes.causes import OneOf, outcome_of
from kairan.outcomes.outcome import Outcome


class RefusalClass(StrEnum):
    RECIPIENT = "recipient"
    MESSAGE = "message"
    ACCOUNT = "account"
    SESSION = "session"
    WAIT = "wait"
    TOKEN = "token"  # noqa: S105 - a word, no secret
    CONFIGURATION = "configuration"
    PERMANENT = "permanent"

    @property
    def holds_route(self) -> bool:
        """Nothing on the route gets through until somebody mends something, or a day is over."""
        return self in {RefusalClass.ACCOUNT, RefusalClass.CONFIGURATION}

    @property
    def keeps_mail(self) -> bool:
        """The message may well go later, though the reply be a 5xx."""
        return self in _KEEPS

    @property
    def ends_session(self) -> bool:
        """The next message would be refused on it as well."""
        return self.keeps_mail and self is not RefusalClass.WAIT


_KEEPS = frozenset(
    {
        RefusalClass.WAIT,
        RefusalClass.SESSION,
        RefusalClass.TOKEN,
        RefusalClass.ACCOUNT,
        RefusalClass.CONFIGURATION,
    }
)

_XOAUTH2_MALFORMED = (
    catalogue.XOAUTH2_NOT_BASE64,
    catalogue.XOAUTH2_FORMAT,
    catalogue.XOAUTH2_USER_MISSING,
    catalogue.XOAUTH2_USER_INVALID,
    catalogue.XOAUTH2_TYPE_MISSING,
    catalogue.XOAUTH2_TOKEN_MISSING,
)

# Where the digits would say something else.
_CLASSES: Mapping[str, RefusalClass] = {
    outcome.key: kind
    for kind, outcomes in {
        RefusalClass.TOKEN: (
            catalogue.TOKEN_EXPIRES_SOON,
            catalogue.TOKEN_EXPIRES_SOON_2026,
            catalogue.TOKEN_EXPIRED,
            catalogue.TOKEN_EXPIRED_2026,
            catalogue.OAUTH_UNSUCCESSFUL,
            catalogue.AUTH_UNSUCCESSFUL,
        ),
        RefusalClass.SESSION: (
            catalogue.NOT_AUTHENTICATED,
            catalogue.LOGIN_REVOKED,
            catalogue.LOGIN_TOO_OLD,
            catalogue.SESSION_ENDED,
            catalogue.TOKEN_SESSION_EXPIRED,
            catalogue.PEER_REFUSED_SESSION,
            catalogue.PEER_DROPPED,
            catalogue.PEER_TLS_FAILED,
        ),
        RefusalClass.WAIT: (catalogue.STS_UNREACHABLE,),
        RefusalClass.ACCOUNT: (
            catalogue.ACCOUNT_HELD,
            catalogue.SENDER_THROTTLED,
            catalogue.SENDER_THROTTLED_FOR_SEND_AS,
            catalogue.BAD_OUTBOUND_SENDER,
            catalogue.DAILY_QUOTA_EXCEEDED,
            catalogue.SUBMISSION_QUOTA_EXCEEDED,
            catalogue.RECIPIENT_LIMIT_DAILY,
            catalogue.SENT_ITEMS_FULL,
            catalogue.TENANT_RECIPIENT_BLOCK,
            catalogue.TENANT_THRESHOLD,
            catalogue.SENDING_ADDRESS_BANNED,
            catalogue.TENANT_TRAFFIC_REFUSED,
            catalogue.TENANT_EXTERNAL_LIMIT,
            catalogue.SENDER_BANNED,
        ),
        RefusalClass.MESSAGE: (catalogue.DMARC_FAILED, catalogue.SENDER_AUTHENTICATION_LEVEL),
        RefusalClass.CONFIGURATION: (
            *_XOAUTH2_MALFORMED,
            catalogue.AUTH_MECHANISM_UNKNOWN,
            catalogue.AUTH_NEEDS_TLS,
            catalogue.AUTH_LINE_TOO_LONG,
            catalogue.BASIC_AUTH_NOT_ALLOWED,
            catalogue.SECURITY_DEFAULTS_BLOCK,
            catalogue.BASIC_AUTH_DISABLED,
            catalogue.SMTP_AUTH_DISABLED_TENANT,
            catalogue.SMTP_AUTH_DISABLED_MAILBOX,
            catalogue.CRITERIA_NOT_MET,
            catalogue.CREDENTIALS_INCORRECT,
            catalogue.STS_WITHOUT_HTTPS,
            catalogue.TOKEN_PERMISSION,
            catalogue.TOKEN_PERMISSION_2026,
            catalogue.APP_NOT_ALLOWED,
            catalogue.HVE_BILLING_NOT_VALID,
            catalogue.TENANT_WITHOUT_SUBSCRIPTION,
            catalogue.CLIENT_BASIC_AUTH_ENDED,
            catalogue.DIRECT_SEND_REFUSED,
            catalogue.PARTNER_CONNECTOR_REFUSED,
            catalogue.CONNECTOR_BANNED,
            catalogue.NOT_AN_HVE_ACCOUNT,
            catalogue.UNREGISTERED_DOMAIN,
            catalogue.ACCESS_TOKEN_REFUSED,
            catalogue.SIGN_IN_NEEDED,
            catalogue.ROUTE_HELD,
        ),
    }.items()
    for outcome in outcomes
}

# RFC 3463 section 3: what the second number is about.
_BY_SUBJECT: Mapping[str, RefusalClass] = {
    "1": RefusalClass.RECIPIENT,
    "2": RefusalClass.RECIPIENT,
    "6": RefusalClass.MESSAGE,
}
_MESSAGE_TOO_LARGE = "3.4"
_CLOSING_CODE = 421  # the server closes the session with it (RFC 5321 section 3.8)
_LOGIN_CODES = frozenset({530, 534, 535})  # RFC 4954 section 6
# Commands out of order, or not known where every server knows them (RFC 5321 section 4.2.2); the numbers
# of RFC 3463 section 3.6 that go with it, so that a policy under such a code stays a policy.
_OUT_OF_STEP = {
    500: frozenset({"5.5.1"}),  # without a number it may be a line too long, and so an address
    502: frozenset({"", "5.0.0", "5.5.0", "5.5.1", "5.5.2"}),
    503: frozenset({"", "5.0.0", "5.5.0", "5.5.1", "5.5.2"}),
}


def is_out_of_step(reply: Reply) -> bool:
    """The server lost count of the session: we say MAIL, RCPT and DATA in their order, always.  Whoever it
    is, that is about the session and never about the message.
    """
    return reply.enhanced in _OUT_OF_STEP.get(reply.code, ())


def class_of(outcome: Outcome) -> RefusalClass:
    return _known(outcome) or _by_digits(outcome.code, outcome.enhanced)


def refusal_class(reply: Reply) -> RefusalClass:
    outcome = outcome_of(reply)
    known = _known(outcome) if outcome is not None else None
    if known is None and is_out_of_step(reply):
        return RefusalClass.SESSION
    return known or _by_digits(reply.code, reply.enhanced)


def _known(outcome: Outcome) -> RefusalClass | None:
    """Of several entries that fit alike, what most of them are; None: the digits say more."""
    if not isinstance(outcome, OneOf):
        return _CLASSES.get(outcome.key)
    kinds = Counter(_CLASSES.get(one.key) for one in outcome.candidates).most_common()
    (kind, number), *others = kinds
    return kind if all(count < number for _, count in others) else None


def _by_digits(code: int, enhanced: str) -> RefusalClass:
    if code == _CLOSING_CODE:
        return RefusalClass.SESSION
    if code < 500:
        return RefusalClass.WAIT
    if code in _LOGIN_CODES:
        return RefusalClass.TOKEN
    subject = enhanced.partition(".")[2]
    if subject == _MESSAGE_TOO_LARGE:
        return RefusalClass.MESSAGE
    return _BY_SUBJECT.get(subject.partition(".")[0], RefusalClass.PERMANENT)
