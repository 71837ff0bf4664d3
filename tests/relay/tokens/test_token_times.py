"""When a token is used, renewed behind, renewed at once: a table."""

import pytest

from kairan.relay.tokens.times import Margins, Use, judge, session_end
from kairan.relay.tokens.token import AccessToken

HVE = Margins(renew_seconds=1_200, refused_seconds=600)
SHORT = Margins(renew_seconds=10, refused_seconds=10)


def token(life: float) -> AccessToken:
    return AccessToken("t", obtained=0.0, expires=life)


@pytest.mark.parametrize(
    ("life", "margins", "at", "use"),
    [
        # An hour, as Entra gives it.
        (3_600, HVE, 0, Use.USE),
        (3_600, HVE, 2_399, Use.USE),
        (3_600, HVE, 2_400, Use.USE_AND_RENEW),
        (3_600, HVE, 2_999, Use.USE_AND_RENEW),
        (3_600, HVE, 3_000, Use.RENEW),
        (3_600, HVE, 9_999, Use.RENEW),
        # A quarter of an hour: the service's ten minutes are kept, five are left.
        (900, HVE, 0, Use.USE),
        (900, HVE, 299, Use.USE),
        (900, HVE, 300, Use.RENEW),
        # Half an hour: renewed behind from the middle on.
        (1_800, HVE, 899, Use.USE),
        (1_800, HVE, 900, Use.USE_AND_RENEW),
        (1_800, HVE, 1_200, Use.RENEW),
        # Shorter than what the service wants: half of it, not a request at each login.
        (300, HVE, 149, Use.USE),
        (300, HVE, 150, Use.RENEW),
        (25, SHORT, 14, Use.USE),
        (25, SHORT, 15, Use.RENEW),
        (0, HVE, 0, Use.RENEW),
    ],
)
def test_a_token_is_used_while_it_is_good_and_renewed_early(life, margins, at, use):
    assert judge(token(life), at, margins) is use


@pytest.mark.parametrize(("life", "end"), [(3_600, 3_540), (900, 840), (25, 22.5), (0, 0)])
def test_a_session_ends_before_its_token(life, end):
    assert session_end(token(life)) == end
