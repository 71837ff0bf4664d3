"""Who is meant, where devices write what no grammar has; and nobody where two could be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairan.mail.authors import Authors, Unclear, read_authors

MINE = "mfp@kairan.test"
NAME = "\u8907\u5408\u6a5f 3F \u8868\u30bd"  # in Shift_JIS the last two end in a backslash
OFFICE = "\u793e\u5ba4\u30bc"  # in ISO-2022-JP these are full of < and %
IN_RAW_OCTETS = [
    form.encode(charset)
    for charset in ("cp932", "euc_jp", "iso2022_jp", "utf-8")
    for name in (NAME, OFFICE)
    for form in (f"{name} <{MINE}>", f'"{name}" <{MINE}>', f"{name}<{MINE}>", f"{MINE} ({name})")
]
IN_RAW_OCTETS += [form.encode("latin-1") for form in (f"B\xfcro <{MINE}>", f'"B\xfcro" <{MINE}>')]


@pytest.mark.parametrize("value", IN_RAW_OCTETS, ids=repr)
def test_names_in_any_charset_are_taken(value):
    found = read_authors(b" " + value + b"\r\n")
    assert isinstance(found, Authors)
    assert found.addresses == (MINE,)
    assert found.others == ()


@pytest.mark.parametrize(
    "name",
    [
        "[MFP 3F]",
        "Tanaka, Taro",
        "Scan: 3F",
        "Scan; 3F",
        "a, b, c: d",
        "MFP (3F",
        "MFP 3F)",
        'MFP "3F',
        "MFP\\3F",
        "<",
    ],
)
def test_a_name_that_wants_quotes_leaves_one_reading(name):
    found = read_authors(f" {name} <{MINE}>\r\n".encode())
    if name == "<":
        assert found == Unclear("<>@")
        return
    assert isinstance(found, Authors)
    assert (found.addresses, found.others) == ((MINE,), ())


TWO_READINGS = {
    "boss@kairan.test <mfp@kairan.test>": "boss@kairan.test",
    "boss @ kairan.test <mfp@kairan.test>": "boss@kairan.test",
    "Scan: boss@kairan.test, <mfp@kairan.test>": "boss@kairan.test",
    '"x" boss@kairan.test, [x] <mfp@kairan.test>': "boss@kairan.test",
    '"boss"@kairan.test [x] <mfp@kairan.test>': '" "@kairan.test',
    "boss(x)@kairan.test [x] <mfp@kairan.test>": '" "@kairan.test',
    "boss@[192.0.2.1] <mfp@kairan.test>": "boss@[192.0.2.1]",
    "scan@3F <mfp@kairan.test>": "scan@3f",
    "mfp@kairan.test <mfp@kairan.test>": "mfp@kairan.test",
    "\x1b$Bboss@kairan.test\x1b(B <mfp@kairan.test>": "$Bboss@kairan.test",
    "\x1b(Iboss@kairan.test,!\x1b(J <mfp@kairan.test>": "BOSS",
}


@pytest.mark.parametrize(("value", "other"), TWO_READINGS.items(), ids=repr)
def test_what_some_reader_could_take_for_an_address_is_told(value, other):
    found = read_authors(value.encode())
    if other == "BOSS":  # small letters are no katakana: what has them is in no charset at all
        assert isinstance(found, Unclear)
        return
    assert isinstance(found, Authors)
    assert found.addresses == (MINE,)
    assert other in found.others


UNCLEAR = {
    b"boss@kairan.test, mfp@kairan.test, x": "@,",
    b"<boss@kairan.test> <mfp@kairan.test>": "<>@",
    b"Scan <mfp@kairan.test> x": "<>@",
    b"mfp@kairan.test (x) boss@kairan.test": "()@",
    b"group: boss@kairan.test;": ":;@",
    b"\x1b$B!!!<mfp@kairan.test>": "\x1b",
    b"A\x00 <mfp@kairan.test>": "\x00",
    b"\xff <mfp\xff@kairan.test>": "",
    b"": "",
}


@pytest.mark.parametrize(("value", "characters"), UNCLEAR.items(), ids=repr)
def test_where_nobody_is_meant_for_certain_the_characters_are_named(value, characters):
    found = read_authors(value)
    assert isinstance(found, Unclear)
    assert set(characters) <= set(found.characters)


SHOWN = [
    '"boss@kairan.test" <mfp@kairan.test>',
    "=?utf-8?q?boss=40kairan.test?= <mfp@kairan.test>",
    "=?UTF-8?B?Ym9zc0BrYWlyYW4udGVzdA==?= <mfp@kairan.test>",
    "=?utf-8?q?boss=40?=\r\n\t=?utf-8?q?kairan.test?= <mfp@kairan.test>",
    "boss\uff20kairan.test <mfp@kairan.test>",
    "mfp@kairan.test (boss@kairan.test)",
    "=?iso-8859-1*de?q?boss=40kairan.test?= <mfp@kairan.test>",
    "=?nonsense?q?boss=40kairan.test?= <mfp@kairan.test>",
    "[x] =?utf-8?q?boss=40kairan.test?= <mfp@kairan.test>",
]


@pytest.mark.parametrize("value", SHOWN)
def test_addresses_that_a_display_name_shows_are_found_however_they_are_encoded(value):
    found = read_authors(value.encode())
    assert isinstance(found, Authors)
    assert found.addresses == (MINE,)
    assert "boss@kairan.test" in found.shown


@given(
    st.lists(
        st.sampled_from(
            [b"a@b.test", b"c@d.test", *(b'<>"(),:;\\@ [].'[n : n + 1] for n in range(15))]
        )
        | st.binary(max_size=2),
        max_size=12,
    ).map(b"".join)
)
def test_no_address_in_the_octets_is_overlooked(value):
    """Else a reader could show the one that the rule has not seen."""
    found = read_authors(value)
    if isinstance(found, Authors):
        seen = "".join(found.addresses + found.others + found.shown)
        for address in (b"a@b.test", b"c@d.test"):
            # Glued to other letters it is another address, which is seen instead.
            if address in value.split() or value.endswith(b"<" + address + b">"):
                assert address.decode() in seen


@pytest.mark.parametrize(
    "value",
    [
        b'"\\' * 4_000,
        b"\x1b$B!!" * 1_600,
        b"@" * 8_000,
        b" " * 8_000 + b"x",
        b"=?" * 4_000,
        b"(" * 8_000,
        b"<" * 8_000,
        b"\x83\x40" * 4_000 + b" <mfp@kairan.test>",
        b"x" * 100_000,
    ],
    ids=lambda value: repr(value[:12]),
)
def test_hostile_values_are_answered(value):
    assert isinstance(read_authors(value), Authors | Unclear)
