import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Notify, Recipient
from kairan.spool import record
from kairan.spool.record import (
    DamagedRecordError,
    decode_envelope,
    decode_recipients,
    encode_envelope,
    encode_recipients,
)

TEXT = st.text(max_size=30)
RECIPIENTS = st.lists(
    st.builds(
        Recipient,
        TEXT.map(Address),
        st.integers(0, 15).map(Notify),
        TEXT,
    ),
    max_size=5,
).map(tuple)
ENVELOPES = st.builds(
    Envelope,
    sender=TEXT.map(Address),
    recipients=RECIPIENTS,
    arrived=st.floats(0, 4e9),
    message_id=TEXT,
    account=TEXT,
    client=TEXT,
    ret=TEXT,
    envid=TEXT,
    body=TEXT,
    smtputf8=st.booleans(),
    size=st.integers(0, 2**40),
    coalesce=st.booleans(),
)


@given(ENVELOPES)
def test_an_envelope_reads_as_it_was_written(envelope):
    assert decode_envelope(encode_envelope(envelope)) == envelope


def test_an_envelope_of_an_older_version_reads(monkeypatch):
    """A new field stands at the end and has a default."""
    written = Envelope(Address("a@x.test"), (), 1.0, size=7)
    pack = record._pack
    monkeypatch.setattr(record, "_pack", lambda fields: pack(fields[:-1]))
    assert decode_envelope(encode_envelope(written)) == written


@given(RECIPIENTS)
def test_recipients_read_as_they_were_written(recipients):
    assert decode_recipients(encode_recipients(recipients)) == recipients


@given(RECIPIENTS, st.data())
def test_any_changed_bit_is_seen(recipients, data):
    sealed = bytearray(encode_recipients(recipients))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DamagedRecordError):
        decode_recipients(bytes(sealed))


@given(RECIPIENTS, st.data())
def test_any_cut_is_seen(recipients, data):
    sealed = encode_recipients(recipients)
    with pytest.raises(DamagedRecordError):
        decode_recipients(sealed[: data.draw(st.integers(0, len(sealed) - 1))])


@pytest.mark.parametrize("value", [None, b"", bytes(64), "text", 7])
def test_zeros_and_foreign_values_are_no_records(value):
    with pytest.raises(DamagedRecordError):
        decode_envelope(value)
