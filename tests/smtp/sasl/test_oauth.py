"""XOAUTH2 and OAUTHBEARER, step by step: what each malformation is answered with."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairan.outcomes import catalogue as outcomes
from kairan.smtp.sasl.oauth import OAuthBearer, XOAuth2
from kairan.smtp.sasl.step import (
    BearerToken,
    Challenge,
)

USER = "printer@kairan.test"
TOKEN = "eyJh.eyJi.c2ln-_~+/=="
OK = BearerToken(USER, TOKEN)


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode())


XOAUTH2_MESSAGES = [
    (f"user={USER}\1auth=Bearer {TOKEN}\1\1", OK),
    (f"user={USER}\1auth=bearer {TOKEN}\1\1", OK),
    (
        f"user=プリンター@kairan.test\1auth=Bearer {TOKEN}\1\1",
        BearerToken("プリンター@kairan.test", TOKEN),
    ),
    # The examples of Troubleshoot High Volume Email (Microsoft Learn, 2025).
    (f"auth=Bearer\1user={USER} {TOKEN}\1\1", outcomes.XOAUTH2_FORMAT),
    (f"user=\1auth=Bearer {TOKEN}\1\1", outcomes.XOAUTH2_USER_MISSING),
    (f"user=InvalidEmailAddress\1auth=Bearer {TOKEN}\1\1", outcomes.XOAUTH2_USER_INVALID),
    (f"user={USER}\1auth= {TOKEN}\1\1", outcomes.XOAUTH2_TYPE_MISSING),
    (f"user={USER}\1auth=Bearer \1\1", outcomes.XOAUTH2_TOKEN_MISSING),
    # What people do.
    (f"auth=Bearer {TOKEN}\1user={USER}\1\1", outcomes.XOAUTH2_FORMAT),
    (f"user={USER}^Aauth=Bearer {TOKEN}^A^A", outcomes.XOAUTH2_FORMAT),
    (f"user={USER}\0auth=Bearer {TOKEN}\0\0", outcomes.XOAUTH2_FORMAT),
    (f"user={USER}\1auth=Bearer {TOKEN}\1", outcomes.XOAUTH2_FORMAT),
    (f"user={USER}\1auth=Bearer {TOKEN}", outcomes.XOAUTH2_FORMAT),
    (f"user={USER}\1auth=Bearer {TOKEN}\1\1\1", outcomes.XOAUTH2_FORMAT),
    (f"user={USER}\1auth=Bearer {TOKEN}\1\1\r\n", outcomes.XOAUTH2_FORMAT),
    (f"user={USER}\1auth=Bearer {TOKEN}\n\1\1", outcomes.XOAUTH2_FORMAT),
    (f"user={USER}\1auth=Bearer  {TOKEN}\1\1", outcomes.XOAUTH2_FORMAT),
    (f"user={USER}\1auth=Bearer {TOKEN} more\1\1", outcomes.XOAUTH2_FORMAT),
    (f"\0{USER}\0password", outcomes.XOAUTH2_FORMAT),
    ("", outcomes.XOAUTH2_FORMAT),
    (TOKEN, outcomes.XOAUTH2_FORMAT),
    (f"user={USER}\1auth={TOKEN}\1\1", outcomes.XOAUTH2_TYPE_MISSING),
    (f"user={USER}\1auth=\1\1", outcomes.XOAUTH2_TYPE_MISSING),
    (f"user={USER}\1auth=Basic {TOKEN}\1\1", outcomes.XOAUTH2_TYPE_MISSING),
    (f"user={USER}\1auth=Bearer{TOKEN}\1\1", outcomes.XOAUTH2_TYPE_MISSING),
    (f"user={USER}\1auth=Bearer\1\1", outcomes.XOAUTH2_TOKEN_MISSING),
    (f"user={USER}\1auth=Bearer    \1\1", outcomes.XOAUTH2_TOKEN_MISSING),
    (f"user=<{USER}>\1auth=Bearer {TOKEN}\1\1", outcomes.XOAUTH2_USER_INVALID),
    (f"user= {USER}\1auth=Bearer {TOKEN}\1\1", outcomes.XOAUTH2_USER_INVALID),
    (f"user={USER}\r\nX\1auth=Bearer {TOKEN}\1\1", outcomes.XOAUTH2_USER_INVALID),
    (f"user=a\u2028@kairan.test\1auth=Bearer {TOKEN}\1\1", outcomes.XOAUTH2_USER_INVALID),
    (f"user={'u' * 400}@kairan.test\1auth=Bearer {TOKEN}\1\1", outcomes.XOAUTH2_USER_INVALID),
    (b"user=\xff@kairan.test\1auth=Bearer x\1\1", outcomes.XOAUTH2_USER_INVALID),
    (b"user=printer@kairan.test\1auth=Bearer \xff\1\1", outcomes.XOAUTH2_FORMAT),
]


@pytest.mark.parametrize(("message", "step"), XOAUTH2_MESSAGES)
def test_each_malformation_of_xoauth2_has_its_own_code(message, step):
    assert XOAuth2().step(b64(message)) == step


@pytest.mark.parametrize("line", [b"?", b"YQ", b"Y Q==", b"eyJ-_w==", TOKEN.encode()])
def test_xoauth2_that_is_not_base64(line):
    assert XOAuth2().step(line) is outcomes.XOAUTH2_NOT_BASE64


def test_xoauth2_without_initial_response_asks_with_nothing_and_refuses_directly():
    mechanism = XOAuth2()
    assert mechanism.step(None) == Challenge(b"")
    assert mechanism.step(b64(f"user={USER}\1auth=Bearer {TOKEN}\1\1")) == OK
    assert mechanism.refused(outcomes.TOKEN_EXPIRED) is outcomes.TOKEN_EXPIRED


OAUTHBEARER_MESSAGES = [
    (f"n,a={USER},\1host=mail.kairan.test\1port=587\1auth=Bearer {TOKEN}\1\1", OK),
    (f"n,a={USER},\1auth=Bearer {TOKEN}\1\1", OK),
    (f"y,a={USER},\1auth=bearer {TOKEN}\1\1", OK),
    (f"n,,\1auth=Bearer {TOKEN}\1\1", BearerToken("", TOKEN)),
    (f"n,a=a=3Db@kairan.test,\1auth=Bearer {TOKEN}\1\1", BearerToken("a=b@kairan.test", TOKEN)),
    (f"n,a={USER},\1auth=Bearer {TOKEN}\1auth=Bearer {TOKEN}\1\1", None),
    (f"p=tls-unique,a={USER},\1auth=Bearer {TOKEN}\1\1", None),
    (f"n,a=printer,\1auth=Bearer {TOKEN}\1\1", None),
    (f"n,a=a=2@kairan.test,\1auth=Bearer {TOKEN}\1\1", None),
    (f"n,a={USER},\1auth=Bearer {TOKEN}\1", None),
    (f"n,a={USER},\1auth=Bearer \1\1", None),
    (f"n,a={USER},\1\1", None),
    (f"user={USER}\1auth=Bearer {TOKEN}\1\1", None),
    ("", None),
    ("\1\1", None),
]


@pytest.mark.parametrize(("message", "step"), OAUTHBEARER_MESSAGES)
def test_oauthbearer_reads_what_its_rfc_writes(message, step):
    assert OAuthBearer().step(b64(message)) == (step or outcomes.AUTH_MALFORMED)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (outcomes.TOKEN_EXPIRED, "invalid_token"),
        (outcomes.TOKEN_PERMISSION_2026, "insufficient_scope"),
    ],
)
def test_oauthbearer_says_why_before_it_refuses(outcome, status):
    mechanism = OAuthBearer()
    mechanism.step(b64(OAUTHBEARER_MESSAGES[0][0]))
    challenge = mechanism.refused(outcome)
    assert isinstance(challenge, Challenge)
    assert json.loads(challenge.text) == {"status": status}
    assert mechanism.step(b64("\1")) is outcome


def test_oauthbearer_has_no_json_for_later():
    refusal = outcomes.TOKEN_ISSUER_UNREACHABLE
    assert OAuthBearer().refused(refusal) is refusal


def test_a_token_does_not_show_in_logs():
    assert repr(OK) == "BearerToken(…)"


PIECES = st.sampled_from([b"user=", b"auth=", b"Bearer ", b"n,a=", b",", b"\1", b"=2C", b"a@b"])


@given(st.lists(PIECES | st.binary(max_size=20)).map(b"".join), st.sampled_from([b64, bytes]))
def test_any_octets_are_answered(octets, encode):
    for mechanism in (XOAuth2(), OAuthBearer()):
        step = mechanism.step(encode(octets))
        assert isinstance(step, BearerToken | outcomes.Outcome)
        if isinstance(step, BearerToken):
            assert step.token.isascii()
            assert step.user.isprintable()
