import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairan.mail.xtext import decode_xtext, encode_xtext


@pytest.mark.parametrize(
    ("plain", "encoded"),
    [
        ("user@kairan.test", "user@kairan.test"),
        ("a+b=c d@x", "a+2Bb+3Dc+20d@x"),
        ("日@x", "\\x{65E5}@x"),
    ],
)
def test_known_texts(plain, encoded):
    assert encode_xtext(plain) == encoded
    assert decode_xtext(encoded) == plain


@given(st.text(st.characters(exclude_characters="\\", exclude_categories=["Cs"])))
def test_what_was_encoded_comes_back_and_is_printable_ascii_without_spaces(text):
    encoded = encode_xtext(text)
    assert decode_xtext(encoded) == text
    assert encoded.isascii()
    assert " " not in encoded
    assert encoded == "" or encoded.isprintable()
