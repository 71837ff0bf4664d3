"""The server engine, bytes to events and replies: sessions that lie as files in transcripts/."""

import pytest

from smtp.server.talk import feedings, transcripts

ALL = transcripts()


def check(transcript, pieces, feeding):
    talk = transcript.talk().say(*pieces)
    assert talk.replies == list(transcript.replies), feeding
    assert talk.events == list(transcript.events), feeding


@pytest.mark.parametrize("transcript", ALL, ids=lambda t: t.name)
def test_line_by_line(transcript):
    check(transcript, transcript.lines, "line by line")


@pytest.mark.parametrize("transcript", [t for t in ALL if t.splits], ids=lambda t: t.name)
def test_the_same_comes_of_it_however_the_octets_are_cut(transcript):
    for feeding, pieces in feedings(b"".join(transcript.lines)):
        check(transcript, pieces, feeding)


def test_there_are_transcripts():
    assert len(ALL) > 10
