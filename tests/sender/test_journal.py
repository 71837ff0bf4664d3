"""The journal knows who may have the message, whatever ended the run."""

import sqlite3
import stat

import pytest

from kairan.mail.reply import Reply
from kairan.sender.journal import Journal, JournalError
from kairan.sender.result import Report, Result, State
from sender.sender_talk import letter


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.journal"


def answered(message, state, reply):
    results = [Result(one, state, Reply.of(*reply), "peer") for one in message.recipients]
    return Report(message.message_id, tuple(results))


def states(journal):
    return {entry.address: entry.state for entry in journal.entries()}


def test_who_is_in_flight_at_the_end_is_unknown_and_not_sent_to_again(path):
    with Journal(path) as journal:
        journal.begin(b"digest")
        journal.claim([letter("a@x.test", "b@x.test")])
        assert states(journal) == {"a@x.test": "in flight", "b@x.test": "in flight"}
    with Journal(path) as journal:
        journal.begin(b"digest")
        assert states(journal) == {"a@x.test": State.UNKNOWN, "b@x.test": State.UNKNOWN}
        assert list(journal.wanted(["a@x.test", "c@x.test", "B@X.TEST"])) == ["c@x.test"]


def test_a_claim_is_on_disk_when_it_returns(path):
    with Journal(path) as journal:
        journal.begin(b"digest")
        journal.claim([letter("a@x.test")])
        copy = path.with_name("copy")
        copy.write_bytes(path.read_bytes())
        copy.with_name("copy-wal").write_bytes(path.with_name(path.name + "-wal").read_bytes())
        with sqlite3.connect(copy) as found:
            assert found.execute("SELECT address, state FROM recipient").fetchall() == [
                ("a@x.test", "in flight")
            ]


@pytest.mark.parametrize(
    ("state", "reply", "again"),
    [
        (State.SENT, (250, "2.0.0", "Taken"), False),
        (State.REFUSED, (550, "5.1.1", "Nobody"), False),
        (State.REFUSED, (451, "4.7.1", "Later"), True),
        (State.UNKNOWN, (451, "4.4.2", "Connection lost"), False),
    ],
)
def test_the_next_run_sends_only_to_those_refused_for_now(path, state, reply, again):
    message = letter("a@x.test")
    with Journal(path) as journal:
        journal.begin(b"digest")
        journal.claim([message])
        journal.record(answered(message, state, reply))
        journal.commit()
        assert not list(journal.wanted(["a@x.test"]))
    with Journal(path) as journal:
        journal.begin(b"digest")
        assert bool(list(journal.wanted(["a@x.test"]))) is again


def test_a_journal_serves_one_mailing_alone(path):
    with Journal(path) as journal:
        journal.begin(b"digest")
    with Journal(path) as journal, pytest.raises(JournalError, match="another mailing"):
        journal.begin(b"another")


def test_a_resumed_message_is_the_one_that_began(path):
    first, second = letter("a@x.test"), letter("a@x.test")
    with Journal(path) as journal:
        journal.begin(b"digest", first)
    with Journal(path) as journal:
        kept = journal.begin(b"digest", second)
    assert (kept.content, kept.message_id) == (first.content, first.message_id)
    assert first.message_id != second.message_id


def test_two_runs_at_once_do_not_share_a_journal(path):
    with Journal(path) as journal:
        journal.begin(b"digest")
        with pytest.raises(JournalError, match="another run"):
            Journal(path)


def test_nobody_else_reads_it(path):
    with Journal(path) as journal:
        journal.begin(b"digest")
        journal.claim([letter("a@x.test")])
        files = list(path.parent.iterdir())
        assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * len(files)


def test_what_is_no_journal_is_left_as_it_is(path):
    path.write_bytes(b"a list of names, not a database" * 100)
    before = path.read_bytes()
    with pytest.raises(JournalError, match="no journal"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_list_longer_than_a_question_of_sqlite_may_be_is_compared_whole(path):
    with Journal(path) as journal:
        journal.begin(b"digest")
        some = [f"u{n}@x.test" for n in range(3_000)]
        journal.claim([letter().to(some[:2_999])])
        assert list(journal.wanted(some)) == [some[2_999]]
