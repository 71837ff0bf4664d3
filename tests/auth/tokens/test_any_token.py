"""Whatever a client or even an issuer writes, the answer is a value and never a crash."""

import json

from hypothesis import given
from hypothesis import strategies as st

from auth.tokens.test_judge import ACCOUNT, ISSUER, NOW, SETTINGS
from kairan.auth.tokens.claims import Claimed, read_token
from kairan.auth.tokens.judge import (
    ClaimContext,
    JudgedIssuer,
    TokenLogin,
    judge_token,
    kept_claims,
)
from kairan.auth.tokens.jwks import has_signed, read_jwks
from kairan.mail.role import Role
from kairan.outcomes.decision import Refuse
from kit.token_issuer import APP, TENANT, app_only, delegated

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
NAMES = sorted(app_only("i", 0) | delegated("i", 0) | {"idtyp": "", "sub": "", "scope": ""})
CLAIMS = st.dictionaries(st.sampled_from(NAMES), JSON | st.sampled_from([APP, TENANT, NOW]))


@given(CLAIMS, st.sampled_from([app_only, delegated]), st.sampled_from([Role.HVE, Role.CLIENT]))
def test_any_claims_are_judged(changes, make, role):
    claims = kept_claims(make(ISSUER.issuer, NOW) | changes)
    verdict = judge_token(claims, ClaimContext(JudgedIssuer(ISSUER), SETTINGS, ACCOUNT, role, NOW))
    assert isinstance(verdict, TokenLogin | Refuse)
    if isinstance(verdict, Refuse):
        assert verdict.detail.isprintable()


@given(st.text() | st.lists(st.text(alphabet="eyJhbGciOiJSUzI1NiJ9-_=+/ .")).map(".".join))
def test_any_text_is_read(text):
    assert isinstance(read_token(text), Claimed | str)
    assert not has_signed((), text)


@given(st.binary() | JSON.map(lambda v: json.dumps({"keys": v}).encode()))
def test_any_document_is_read_for_keys(document):
    assert len(read_jwks(document)) >= 0


@given(st.dictionaries(st.sampled_from(["kty", "n", "e", "crv", "x", "y", "kid", "alg"]), JSON))
def test_any_key_is_read(jwk):
    for kind in ("RSA", "EC"):
        assert len(read_jwks(json.dumps({"keys": [{**jwk, "kty": kind}]}).encode())) >= 0
