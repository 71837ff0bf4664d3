"""What goes out after DATA: the content comes back whole at the other end, and ends only once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairan.smtp.client.stuffing import Stuffer, stuff

pieces_of_trouble = st.lists(
    st.sampled_from([b".", b"..", b"\r\n", b"\r", b"\n", b"a", b"\r\n.\r\n", b"\n.\n", b"\0"])
    | st.binary(max_size=20),
    max_size=20,
)


def unstuffed(wire: bytes) -> bytes:
    """As a strict receiver reads it: RFC 5321 section 4.5.2."""
    assert wire.endswith(b".\r\n")
    lines = wire.split(b"\r\n")
    assert lines[-2:] == [b".", b""]
    assert b"." not in lines[:-2], "the data ended before its end"
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:-2])


def stuffed_in(pieces: list[bytes]) -> bytes:
    stuffer = Stuffer()
    return b"".join(stuffer.piece(piece) for piece in pieces) + stuffer.finish()


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b".a\r\n..b\r\nc.\r\n", b"..a\r\n...b\r\nc.\r\n.\r\n"),
        # A bare CR or LF never goes out, whatever might take `LF.CRLF` for the end.
        (b"a\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r.\r\nb\r", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\n\r\n", b"a\r\n\r\n.\r\n"),
        (b"a\r\r\n", b"a\r\n\r\n.\r\n"),
    ],
)
def test_examples(content, wire):
    assert stuff(content) == wire


@given(pieces_of_trouble)
def test_any_content_arrives_as_it_was_but_for_bare_line_ends(pieces):
    content = b"".join(pieces)
    crlf = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    expected = crlf if crlf.endswith(b"\r\n") or not crlf else crlf + b"\r\n"
    assert unstuffed(stuff(content)) == expected


@given(pieces_of_trouble)
def test_pieces_make_no_difference(pieces):
    assert stuffed_in(pieces) == stuff(b"".join(pieces))


@given(pieces_of_trouble)
def test_only_crlf_goes_out(pieces):
    rest = stuffed_in(pieces).replace(b"\r\n", b"")
    assert b"\r" not in rest
    assert b"\n" not in rest
