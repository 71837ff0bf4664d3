"""Envelopes and recipients as the spool's rows hold them: msgpack behind its checksum.

A sealed blob is

     0   4  CRC-32 of the rest, big-endian
     4   n  msgpack

An envelope is the array of its fields in the order of the named tuple `Envelope`; a list of
recipients is an array.  A recipient is its address, or [address, notify, orcpt] where RFC 3461 parameters came
with it, and [address, notify, orcpt, via] where it is a list's.  New fields go to the end, with a default: an older record then still reads.
"""

from collections.abc import Iterable
from zlib import crc32

import msgspec

from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Notify, Recipient


class _Recipient(msgspec.Struct, array_like=True, frozen=True):
    address: str
    notify: int
    orcpt: str
    via: str = ""


RecipientRow = str | _Recipient
_PLAIN = Notify.UNSET
_SEAL_OCTETS = 4


class EnvelopeRow(msgspec.Struct, array_like=True, frozen=True):
    """An envelope as it lies there: what a list shows of it needs no `Envelope`."""

    sender: str
    recipients: list[RecipientRow]
    arrived: float
    message_id: str
    account: str
    client: str
    ret: str
    envid: str
    body: str
    smtputf8: bool
    size: int
    coalesce: bool = False


class DamagedRecordError(ValueError):
    """A blob that is not what we wrote: the disk, or another program, changed it."""


_pack = msgspec.msgpack.Encoder().encode
_unpack_envelope = msgspec.msgpack.Decoder(EnvelopeRow).decode
_unpack_recipients = msgspec.msgpack.Decoder(list[RecipientRow]).decode


def _seal(packed: bytes) -> bytes:
    return crc32(packed).to_bytes(_SEAL_OCTETS, "big") + packed


def _unsealed(sealed: object) -> memoryview:
    if not isinstance(sealed, bytes) or len(sealed) <= _SEAL_OCTETS:
        raise DamagedRecordError("the record is cut short")
    packed = memoryview(sealed)[_SEAL_OCTETS:]
    if crc32(packed) != int.from_bytes(sealed[:_SEAL_OCTETS], "big"):
        raise DamagedRecordError("the record's checksum does not match")
    return packed


def _packed_recipients(recipients: Iterable[Recipient]) -> list[object]:
    return [
        (address, int(notify), orcpt, via)
        if via
        else (address, int(notify), orcpt)
        if orcpt or notify is not _PLAIN
        else address
        for address, notify, orcpt, via in recipients
    ]


def _recipients_of(rows: Iterable[RecipientRow]) -> tuple[Recipient, ...]:
    # No generator: nearly all have one recipient, and a list shows a million.
    return tuple(
        [
            Recipient(Address(row))
            if isinstance(row, str)
            # An enum looks a number up in a Python function, and members of lists have asked for nothing.
            else Recipient(
                Address(row.address),
                Notify(row.notify) if row.notify else _PLAIN,
                row.orcpt,
                row.via,
            )
            for row in rows
        ]
    )


def encode_envelope(envelope: Envelope) -> bytes:
    return _seal(_pack((envelope.sender, _packed_recipients(envelope.recipients), *envelope[2:])))


def envelope_row(sealed: object) -> EnvelopeRow:
    packed = _unsealed(sealed)
    try:
        return _unpack_envelope(packed)
    except (msgspec.DecodeError, ValueError) as error:
        raise DamagedRecordError(f"the envelope does not read: {error}") from error


def decode_envelope(sealed: object) -> Envelope:
    row = envelope_row(sealed)
    # In the order of the fields: by name it takes twice as long, and a list shows a million.
    return Envelope(
        Address(row.sender),
        _recipients_of(row.recipients),
        row.arrived,
        row.message_id,
        row.account,
        row.client,
        row.ret,
        row.envid,
        row.body,
        row.smtputf8,
        row.size,
        row.coalesce,
    )


def encode_recipients(recipients: Iterable[Recipient]) -> bytes:
    return _seal(_pack(_packed_recipients(recipients)))


def recipient_rows(sealed: object) -> list[RecipientRow]:
    packed = _unsealed(sealed)
    try:
        return _unpack_recipients(packed)
    except (msgspec.DecodeError, ValueError) as error:
        raise DamagedRecordError(f"the recipients do not read: {error}") from error


def addresses_of(rows: Iterable[RecipientRow]) -> list[str]:
    return [row if isinstance(row, str) else row.address for row in rows]


def decode_recipients(sealed: object) -> tuple[Recipient, ...]:
    return _recipients_of(recipient_rows(sealed))
