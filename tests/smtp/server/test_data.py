"""Where a message ends: body in is body out, in any cutting, and only CRLF dot CRLF is the end."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kairan.smtp.client.stuffing import stuff
from kairan.smtp.line_endings import has_bare_line_ending
from kairan.smtp.server.data import ChunkLines, DataDecoder
from smtp.server.talk import Talk, feedings

# Octets of which dots, line ends and their near misses are made, and a letter.
LINES = st.lists(st.sampled_from([b".", b"..", b"\r\n", b"a", b"\r\n.", b".\r\n"]), max_size=12)
ANY = st.lists(
    st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"a", b"\0", b"\xff", b"\r\n.\r\n"]), max_size=14
).map(b"".join)
CUTS = st.lists(st.integers(1, 5), max_size=30)


def cut(octets, sizes):
    pieces, rest = [], octets
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    return [piece for piece in (*pieces, rest) if piece]


def decode(pieces):
    decoder, out = DataDecoder(), []
    for number, piece in enumerate(pieces):
        out.append(decoder.decode(piece))
        if decoder.finished:
            return b"".join(out), decoder, decoder.rest + b"".join(pieces[number + 1 :])
    return b"".join(out), decoder, b""


@given(LINES, CUTS)
def test_a_body_stuffed_and_decoded_is_the_body(lines, sizes):
    body = b"".join(lines)
    decoded, decoder, rest = decode(cut(stuff(body) + b"NOOP\r\n", sizes))
    assert decoder.finished
    assert decoded == (body if body.endswith(b"\r\n") or not body else body + b"\r\n")
    assert rest == b"NOOP\r\n"
    assert not decoder.bare_line_ending


@given(ANY, CUTS)
def test_the_cutting_of_the_octets_changes_nothing(octets, sizes):
    whole, one, rest_one = decode([octets])
    pieces, many, rest_many = decode(cut(octets, sizes))
    assert many.finished == one.finished
    if one.finished:
        assert (pieces, rest_many) == (whole, rest_one)
        assert many.bare_line_ending == one.bare_line_ending


@given(ANY)
def test_a_message_ends_at_the_first_crlf_dot_crlf_and_nowhere_else(octets):
    end = (b"\r\n" + octets).find(b"\r\n.\r\n")
    _, decoder, rest = decode([octets])
    assert decoder.finished == (end >= 0)
    if end >= 0:
        assert rest == octets[end + 3 :]


@given(ANY, CUTS)
def test_bare_line_endings_of_chunks_are_seen_across_cuts(octets, sizes):
    lines = ChunkLines()
    for piece in cut(octets, sizes):
        lines.note(piece)
    lines.finish()
    assert lines.bare_line_ending == bool(octets.replace(b"\r\n", b"").strip(b"a.\0\xff"))


@given(ANY)
@example(b"a CR\r.\nand its LF, one octet apart")
def test_a_cr_or_lf_that_stands_alone_is_seen(octets):
    left = octets.replace(b"\r\n", b"")
    assert has_bare_line_ending(octets) == (b"\r" in left or b"\n" in left)


TRANSACTION = b"EHLO x\r\nMAIL FROM:<a@b.test>%s\r\nRCPT TO:<c@b.test>\r\n"
BODIES = [
    b"",
    b".",
    b".\r\n",
    b"\r\n",
    b"..\r\n.\r\n...\r\n",
    b"Subject: x\r\n\r\n.\r\n.a\r\n\r\n.",
    b"no line end",
    b"\r\n.\r\n",
]


@pytest.mark.parametrize("body", BODIES)
def test_data_brings_the_body_that_was_sent(body):
    sent = TRANSACTION % b"" + b"DATA\r\n" + stuff(body)
    expected = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
    for feeding, pieces in feedings(sent):
        assert Talk(secure=True, authenticated=True).say(*pieces).messages == [expected], feeding


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_bdat_brings_the_body_that_was_sent(body, chunk):
    chunks = [body[n : n + chunk] for n in range(0, len(body), chunk)]
    sent = TRANSACTION % b"" + b"".join(b"BDAT %d\r\n%b" % (len(c), c) for c in chunks)
    for feeding, pieces in feedings(sent + b"BDAT 0 LAST\r\n"):
        talk = Talk(secure=True, authenticated=True).say(*pieces)
        assert talk.messages == [body], feeding


def test_binary_chunks_may_hold_any_octet():
    body = bytes(range(256))
    sent = TRANSACTION % b" BODY=BINARYMIME" + b"BDAT 256 LAST\r\n" + body
    for feeding, pieces in feedings(sent):
        assert Talk(secure=True, authenticated=True).say(*pieces).messages == [body], feeding


def test_chunks_with_bare_line_feeds_are_told_where_the_body_is_not_binary():
    sent = TRANSACTION % b"" + b"BDAT 2\r\na\rBDAT 3 LAST\r\n\nb\n"
    for feeding, pieces in feedings(sent):
        talk = Talk(secure=True, authenticated=True).say(*pieces)
        assert talk.events[-1] == "message of 5 with bare line endings", feeding


def test_data_for_a_binary_message_is_refused_before_its_content_and_bdat_may_follow():
    """RFC 3030 section 3: a client that hears 503 has sent nothing yet."""
    talk = Talk(secure=True, authenticated=True).say(
        TRANSACTION % b" BODY=BINARYMIME" + b"DATA\r\n"
    )
    assert talk.replies[-1] == "503 5.5.1 BODY=BINARYMIME requires BDAT"
    talk.say(b"BDAT 2 LAST\r\nhi")
    assert talk.messages == [b"hi"]


def test_content_sent_blindly_behind_a_refused_data_is_not_taken_for_commands():
    sent = TRANSACTION % b" BODY=BINARYMIME" + b"DATA\r\nRSET\r\n.\r\nNOOP\r\n"
    talk = Talk(secure=True, authenticated=True).say(sent)
    assert talk.replies[-1] == "503 5.5.1 BODY=BINARYMIME requires BDAT"


@pytest.mark.parametrize("body", [b"\0", b"a\0b\r\n", b"x" * 10 + b"\r\n.\0\r\n"])
@pytest.mark.parametrize("step", [1, 3, 100])
def test_a_nul_is_told_however_the_content_is_cut(body, step):
    decoder = DataDecoder()
    wire = body + b"\r\n.\r\n"
    for n in range(0, len(wire), step):
        decoder.decode(wire[n : n + step])
    assert decoder.finished
    assert decoder.nul
    lines = ChunkLines()
    for n in range(0, len(body), step):
        lines.note(body[n : n + step])
    assert lines.nul


def test_what_stands_in_binary_chunks_is_not_looked_at():
    talk = Talk(secure=True, authenticated=True)
    talk.say(TRANSACTION % b" BODY=BINARYMIME" + b"BDAT 2 LAST\r\n\0\n")
    assert not talk.engine.nul
    assert not talk.engine.bare_line_ending
