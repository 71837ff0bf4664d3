"""What a refusal is about, whatever its digits say."""

import pytest

from kairan.mail.reply import Reply
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.refusal_class import RefusalClass, class_of, refusal_class


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("432 4.3.2 Concurrent connections limit exceeded.", "wait"),
        ("451 4.7.500 Access denied, please try again later", "wait"),
        ("421 4.4.2 Connection dropped", "session"),
        ("421 anything", "session"),
        ("530 5.7.57 Client not authenticated to send mail", "session"),
        ("501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon", "token"),
        ("501 5.5.128 whatever", "token"),
        ("535 5.7.142 Token will expire soon", "token"),
        ("535 5.7.143 Expired token", "token"),
        ("535 5.7.127 Authentication unsuccessful", "token"),
        ("535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6", "token"),
        (
            "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy.",
            "configuration",
        ),
        ("535 5.7.139 Authentication unsuccessful, the words of next year", "configuration"),
        ("535 5.7.139 Authentication unsuccessful, federated STS service was unreachable.", "wait"),
        ("535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions.", "configuration"),
        (
            "550 5.7.240 The application is not allowed for use with this High Volume Email account",
            "configuration",
        ),
        ("550 5.7.1 This account has no valid billing policy", "configuration"),
        ("554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "account"),
        ("550 5.1.8 Access denied, bad outbound sender", "account"),
        ("550 5.1.10 Recipient not found", "recipient"),
        ("550 5.1.1 User unknown", "recipient"),
        ("552 5.3.4 Message too big", "message"),
        ("550 5.6.11 bare LF", "message"),
        ("550 5.7.1 No", "permanent"),
        ("550 go away", "permanent"),
    ],
)
def test_the_class_of_a_reply(text, expected):
    code, _, rest = text.partition(" ")
    enhanced, _, words = rest.partition(" ")
    if "." not in enhanced:
        enhanced, words = "", rest
    assert refusal_class(Reply.of(int(code), enhanced, words)) == expected


@pytest.mark.parametrize("outcome", CATALOGUE.values(), ids=lambda one: one.key)
def test_what_may_be_tried_again_never_counts_as_a_no_for_good(outcome):
    """A 4xx is a 4xx; only a 5xx may be more lenient than its digits."""
    kind = class_of(outcome)
    assert kind.keeps_mail or not outcome.is_transient or kind is RefusalClass.MESSAGE
    assert not (kind.holds_route and kind is RefusalClass.WAIT)
