"""A token's text, read strictly."""

import base64

import pytest

from kairan.auth.tokens.claims import TOKEN_CHARACTERS_MAX, Claimed, read_token
from kit.token_issuer import signed


def part(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


GOOD_HEADER = '{"alg":"RS256","kid":"k"}'


def token(header=GOOD_HEADER, claims='{"iss":"i"}'):
    return f"{part(header)}.{part(claims)}.c2ln"


def test_what_it_says():
    assert read_token(token()) == Claimed("RS256", "k", "i", {"iss": "i"})
    assert read_token(token('{"alg":"ES256"}', "{}")) == Claimed("ES256", "", "", {})
    assert isinstance(read_token(signed({"iss": "i"})), Claimed)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d.e",
        "....",
        token('{"alg":"none"}'),
        token('{"alg":"None"}'),
        token('{"alg":"HS256"}'),
        token('{"alg":"RS512"}'),
        token('{"alg":["RS256"]}'),
        token('{"alg":null}'),
        token("{}"),
        token("[]"),
        token('"RS256"'),
        token("{'alg':'RS256'}"),
        token('{"alg":"RS256","alg":"none"}'),
        token('{"alg":"none","alg":"RS256"}'),
        token('{"alg":"RS256","crit":["b64"],"b64":false}'),
        token('{"alg":"RS256","crit":[]}'),
        token('{"alg":"RS256","kid":1}'),
        token('{"alg":"RS256","kid":"' + "k" * 257 + '"}'),
        token(claims='{"iss":"a","iss":"b"}'),
        token(claims='{"x":{"y":1,"y":2}}'),
        token(claims='{"iss":["i"]}'),
        token(claims="[]"),
        token(claims="{"),
        token(claims=""),
        f"{part(GOOD_HEADER)}.__79.c2ln",  # no UTF-8
        token() + "." * 3,
        " " + token(),
        token().replace(".", "+/", 1),
        "x" * (TOKEN_CHARACTERS_MAX + 1),
        token(claims='{"a":' * 1_500),
    ],
)
def test_what_is_none(text):
    assert isinstance(read_token(text), str)


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("spoil", ["=", "==", "\n", " ", "+", "/", "%3D", "\u00e9"])
def test_what_is_no_base64url_in_any_segment_is_none(number, spoil):
    """RFC 7515 section 2: without padding, line ends or other characters."""
    segments = signed({"iss": "i"}).split(".")
    segments[number] += spoil
    assert isinstance(read_token(".".join(segments)), str)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_segment_has_one_spelling_only(number):
    """`QQ` and `QR` are one octet to a lenient reader: one signature would have many texts."""
    segments = [part('{"alg":"RS256"} '), part('{"iss":"i"}'), "QQ"]  # none a multiple of three
    assert isinstance(read_token(".".join(segments)), Claimed)
    segments[number] = segments[number][:-1] + chr(ord(segments[number][-1]) + 1)
    assert isinstance(read_token(".".join(segments)), str)


def test_one_that_nests_as_deep_as_a_line_allows_is_refused_without_a_crash():
    nested = token(claims='{"a":' * 1_500 + "1" + "}" * 1_500)
    assert len(nested) < TOKEN_CHARACTERS_MAX
    assert isinstance(read_token(nested), Claimed | str)
