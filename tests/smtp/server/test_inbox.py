"""The inbox gives out what came, in its order, however it came and however it is taken."""

from hypothesis import given
from hypothesis import strategies as st

from kairan.smtp.server.content import ContentReader
from kairan.smtp.server.inbox import Inbox

# Around the length from which octets that wait are kept as they came.
LENGTHS = st.one_of(st.integers(1, 40), st.integers(16_000, 17_000))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), LENGTHS),
        st.tuples(st.just("take"), LENGTHS),
        st.tuples(st.just("line"), st.just(0)),
        st.tuples(st.just("give back"), st.integers(1, 40)),
    ),
    max_size=40,
)


def octets_of(start, length):
    """Numbered, so that none is like its neighbours, with a line's end now and then."""
    return bytes(0x0A if n % 97 == 0 else 65 + n % 53 for n in range(start, start + length))


@given(STEPS)
def test_what_is_taken_is_what_came(steps):
    inbox, came, gone, last = Inbox(), b"", 0, 0
    for what, number in steps:
        if what == "add":
            new = octets_of(len(came), number)
            came += new
            inbox.add(new)
        elif what == "take":
            taken = inbox.take(number)
            assert taken == came[gone : gone + len(taken)]
            assert len(taken) <= number
            assert taken or gone == len(came)
            gone += len(taken)
            last = len(taken)
        elif what == "line":
            end = came.find(b"\n", gone)
            is_taken = inbox.take_line(asking=False) is not None
            assert is_taken == (end >= 0)
            if end < 0:  # what is no line yet is forgotten where it is too long
                gone = len(came) - len(inbox)
            else:
                gone, last = end + 1, 0
        elif number <= last:
            inbox.give_back(came[gone - number : gone])
            gone, last = gone - number, 0
        assert len(inbox) == len(came) - gone
        if what != "take":
            last = 0
    assert inbox.take_all() == came[gone:]
    assert not inbox


def test_what_is_dripped_while_nobody_reads_is_few_objects():
    inbox = Inbox()
    for _ in range(50_000):
        inbox.add(b"x")
    inbox.add(b"y" * 20_000)
    for _ in range(10_000):
        inbox.add(b"z")
    assert len(inbox._behind) == 3
    assert inbox.take_all() == b"x" * 50_000 + b"y" * 20_000 + b"z" * 10_000


def test_an_end_that_came_in_parts_while_nobody_read_is_found_without_more_octets():
    inbox, reader = Inbox(), ContentReader.of_data()
    for part in (b"Hello\r", b"y" * 16_384, b"\r\n", b".", b"\r", b"\nQUIT\r\n"):
        inbox.add(part)
    pieces = []
    while not pieces or not pieces[-1].message_end:
        pieces.append(reader.read(inbox))
        assert pieces[-1] is not None, "it waits for octets that need not come"
    assert b"".join(one.piece for one in pieces) == b"Hello\r" + b"y" * 16_384 + b"\r\n"
    assert inbox.take_line(asking=False) == b"QUIT"
