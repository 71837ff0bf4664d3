"""The WAL of queue.db, read by ourselves: what SQLite would drop without a word.

SQLite replays a WAL up to the first frame whose checksum does not match, and throws away the
rest, since that is what a crash leaves.  One flipped bit looks the same to it, and takes every
later commit with it.  So a start looks first.  The file (SQLite's file format, section 4.1):

     0  32  header: magic, version, page size, sequence, 8 octets of salt, 8 of checksum
    32   -  frames of 24 + 4096 octets: page number; pages of the database after this commit, or
            0 within a transaction; salt; checksum; the page

All numbers are big-endian; the checksum is a running one over the header and, of each frame, its
first 8 octets and its page.  A WAL that was copied into the database is written again from its
start with a new salt, so behind the frames of this generation lie those of earlier ones, whose
salts differ.  They are in the database already and count for nothing.

What a crash leaves, and what only damage does:

- A process that dies leaves its frames in order.  The last may be half written; behind it there
  is no frame of this generation, and its transaction was never acknowledged, for a commit is
  acknowledged after its fsync.  That is a torn tail: normal, nothing is lost.
- A frame of this generation *behind* one that does not read was written after it.  That is damage.
  A power cut in the middle of the last commit can look the same, where a disk wrote out of order;
  we count it all the same, for a false alarm costs a look and silence costs mail.
- The index beside the WAL (queue.db-shm) says how many frames were committed.  It is never synced
  and may be old after a power cut, but it is never ahead of what was synced: more frames in it
  than can be read is damage.  (With `durability = os` it may also be what that setting risks.)

Since the checksum runs on, each frame can be judged by the stored checksum of the one before: what
lies behind the damage still reads.  And since it is linear, it can be computed which single 32-bit
word must have had which value.  Where that is one word of the frame it is mended.  A change of a
word's highest bits can have been in one of several: such a page is taken as it was found, nearly
right, and the checksum of each record on it judges.

Pure: octets in, values out.
"""

import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

PAGE_OCTETS = 4096
HEADER_OCTETS = 32
FRAME_HEADER_OCTETS = 24
FRAME_OCTETS = FRAME_HEADER_OCTETS + PAGE_OCTETS
# How many frames are summed at a time: the running sums then fit the processor's cache.
BATCH_FRAMES = 1_024

_MAGIC = 0x377F0682  # the lowest bit: words of the checksum are big-endian
_VERSION = 3_007_000
_MASK = 0xFFFFFFFF
_WORDS = 2 + PAGE_OCTETS // 4  # of a frame that its checksum covers
_FRAME_QUADS = FRAME_OCTETS // 8
_HEADER = struct.Struct(">IIII8sII")
_FRAME_HEADER = struct.Struct(">II8sII")
_INDEX_HEADER_OCTETS = 48
_INDEX = struct.Struct("=IIIBBHII8s8sII")  # WalIndexHdr; numbers in the machine's order
_COPIED = struct.Struct("=I")

Sum = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Index:
    """What the process that wrote last knew, from queue.db-shm."""

    salt: bytes
    frames: int  # committed
    copied: int  # of those, already in the database


@dataclass(frozen=True, slots=True)
class Frame:
    number: int  # from 0
    page: int
    commit: int  # pages of the database, or 0
    current: bool  # carries the salt of this generation, or one half of it
    as_written: bool  # nothing about it has changed
    reads: bool  # its page is known to be right, perhaps after `mend`
    nearly: bool = False  # one word of it is wrong, and it is not known which
    mend: tuple[int, int] | None = None  # which word of page number, commit and page; its value

    @property
    def is_worth_replaying(self) -> bool:
        return self.reads or self.nearly


@dataclass(frozen=True, slots=True)
class Walk:
    salt: bytes
    valid: int  # frames that SQLite would replay
    frames: tuple[Frame, ...]  # up to the last of this generation
    header_reads: bool
    capacity: int  # how many frames the file is long enough for


@dataclass(frozen=True, slots=True)
class WalVerdict:
    """`damage` None: nothing that was acknowledged is missing, as far as anybody can tell."""

    damage: str | None
    keep: int  # frames that are worth replaying, where there is damage
    exact: bool  # all of those read: replaying them loses nothing


def index_of(octets: bytes) -> Index | None:
    """None where it is not whole: it has two copies and a checksum for that."""
    if len(octets) < 2 * _INDEX_HEADER_OCTETS + _COPIED.size:
        return None
    first = octets[:_INDEX_HEADER_OCTETS]
    if first != octets[_INDEX_HEADER_OCTETS : 2 * _INDEX_HEADER_OCTETS]:
        return None
    version, _, _, is_set, _, _, frames, _, _, salt, *stored = _INDEX.unpack(first)
    words = struct.unpack("=10I", first[:40])
    if version != _VERSION or not is_set or _sum_of(words) != tuple(stored):
        return None
    (copied,) = _COPIED.unpack_from(octets, 2 * _INDEX_HEADER_OCTETS)
    return Index(salt, frames, copied)


def walk(data: memoryview, index: Index | None) -> Walk:
    count = max(0, (len(data) - HEADER_OCTETS) // FRAME_OCTETS)
    heads = [
        _FRAME_HEADER.unpack_from(data, HEADER_OCTETS + number * FRAME_OCTETS)
        for number in range(count)
    ]
    header = bytes(data[:HEADER_OCTETS]).ljust(HEADER_OCTETS, b"\0")
    magic, version, page_octets, _, salt, *stored = _HEADER.unpack(header)
    big_endian = magic == _MAGIC + 1
    computed = _sum_of(struct.unpack(">6I" if big_endian else "<6I", header[:24]))
    starts = (computed, (stored[0], stored[1]))
    header_reads = (
        magic in (_MAGIC, _MAGIC + 1)
        and (version, page_octets) == (_VERSION, PAGE_OCTETS)
        and starts[0] == starts[1]
    )
    if not header_reads:
        sums = _sums(data, count, big_endian=big_endian)
        salt = index.salt if index is not None else _salt_of(heads, sums, starts)
    last = max((n for n, head in enumerate(heads) if _is_current(head[2], salt)), default=-1)
    heads = heads[: last + 1]
    if header_reads:
        sums = _sums(data, len(heads), big_endian=big_endian)
    frames = tuple(_judge_frames(data, heads, sums, salt, starts, big_endian=big_endian))
    return Walk(salt, _valid(frames) if header_reads else 0, frames, header_reads, count)


def judge(found: Walk, index: Index | None) -> WalVerdict:
    """Whether anything that was acknowledged is missing from what SQLite would replay."""
    if index is not None and index.frames == 0 and not found.header_reads:
        return WalVerdict(None, 0, exact=True)  # the first write of a generation was torn
    known = index if index is not None and index.salt == found.salt else None
    reason = _reason(found, known)
    if reason is None:
        return WalVerdict(None, found.valid, exact=True)
    commits = [frame.number + 1 for frame in found.frames if frame.commit and frame.current]
    wanted = max([found.valid, known.frames if known else 0, *commits])
    keep = min(wanted, len(found.frames))
    exact = keep == wanted > 0 and all(frame.reads for frame in found.frames[:keep])
    return WalVerdict(reason, keep, exact=exact)


def is_proven_whole(found: Walk | None, index: Index | None) -> bool:
    """The index is there and no older than the WAL, which holds all that it says was committed.

    So it is after a process has died while the machine went on.  Between a commit's fsync and the
    index lies a moment, hence one commit more may be in the WAL.
    """
    if index is None:
        return False
    if found is None or index.salt != found.salt:
        return index.copied >= index.frames
    later = [f for f in found.frames[index.frames : found.valid] if f.commit]
    return index.frames <= found.valid and len(later) <= 1


def mended(data: memoryview, found: Walk, keep: int) -> Iterator[bytes]:
    """A WAL of the frames that read, in pieces; SQLite replays all of it.  At least one must."""
    frames = [frame for frame in found.frames[:keep] if frame.is_worth_replaying]
    pages = _pages_at_the_end(found.frames[:keep])
    header = _HEADER.pack(_MAGIC, _VERSION, PAGE_OCTETS, 0, found.salt, 0, 0)[:24]
    running = _sum_of(struct.unpack("<6I", header))
    yield header + struct.pack(">II", *running)
    for start in range(0, len(frames), BATCH_FRAMES):
        piece = bytearray()
        batch = frames[start : start + BATCH_FRAMES]
        for frame in batch:
            octets = _octets_of(data, frame)
            page, commit = struct.unpack_from(">II", octets)
            if frame is frames[-1]:
                commit = commit or pages
            piece += _FRAME_HEADER.pack(page, commit, found.salt, 0, 0) + octets[8:]
        sums = _sums(memoryview(piece), len(batch), big_endian=False, offset=0)
        for number, one in enumerate(sums):
            running = _after(running, one)
            struct.pack_into(">II", piece, number * FRAME_OCTETS + 16, *running)
        yield bytes(piece)


# -- judging ---------------------------------------------------------------------------------------


def _reason(found: Walk, known: Index | None) -> str | None:
    if not found.header_reads:
        if not found.frames:
            nothing_missing = known is not None and known.frames <= known.copied
            return None if nothing_missing or not found.capacity else _NOTHING_READS
        return "the WAL's header does not read"
    if known is not None and known.frames > found.valid:
        return f"{known.frames} frames of the WAL were committed, {found.valid} of them read"
    broken = next((f for f in found.frames[found.valid :] if not f.as_written), None)
    if broken is None:
        return None
    last = found.frames[-1]
    if broken is not last:
        behind = sum(frame.current for frame in found.frames[broken.number + 1 :])
        reason = f"frame {broken.number + 1} of the WAL does not read, with {behind} behind it"
        commits = [f for f in found.frames[found.valid :] if f.commit and f.current]
        # A person should know which of the two it may be.
        return reason if len(commits) > 1 else f"{reason}; {_OR_A_POWER_CUT}"
    if last.is_worth_replaying or (last.commit and known is None):
        return f"frame {last.number + 1} of the WAL, its last, does not read; {_OR_A_POWER_CUT}"
    return None


_NOTHING_READS = "nothing of the WAL reads"
_OR_A_POWER_CUT = (
    "it belongs to the last commit, so this may also be a power cut during it, "
    "and then nobody was told that its mail was accepted"
)


def _valid(frames: Sequence[Frame]) -> int:
    valid = 0
    for frame in frames:
        if not (frame.as_written and frame.page):
            break
        if frame.commit:
            valid = frame.number + 1
    return valid


def _salt_of(
    heads: Sequence[tuple[int, int, bytes, int, int]], sums: Sequence[Sum], starts: Sequence[Sum]
) -> bytes:
    """Of the first frame that follows from the one before it."""
    before = list(starts)
    for (_, _, salt, *stored), one in zip(heads, sums, strict=True):
        if any(_after(start, one) == tuple(stored) for start in before):
            return salt
        before = [(stored[0], stored[1])]
    return b""


def _is_current(of_frame: bytes, salt: bytes) -> bool:
    """Both halves change with each generation: one grows by one, the other is drawn anew.  With one
    half alone a frame is of this generation, and damaged.
    """
    half = len(salt) // 2
    return bool(salt) and (of_frame[:half] == salt[:half] or of_frame[half:] == salt[half:])


def _judge_frames(
    data: memoryview,
    heads: Sequence[tuple[int, int, bytes, int, int]],
    sums: Sequence[Sum],
    salt: bytes,
    starts: Sequence[Sum],
    *,
    big_endian: bool,
) -> Iterator[Frame]:
    computed: Sum | None = starts[0]  # of all before, where that is known
    before: Sum = starts[1]  # as it stands in the frame before
    reads = True
    for number, (page, commit, frame_salt, *checksum) in enumerate(heads):
        stored = (checksum[0], checksum[1])
        current = _is_current(frame_salt, salt)
        # Two frames of an earlier generation follow from each other too.
        known = [computed] if computed is not None else []
        known += [before] if current or reads else []
        ends = [_after(start, sums[number]) for start in known]
        end = _end(ends, stored, _following(heads, sums, number))
        mends = []
        if end is None and current:
            mends = _mends(data, number, before, stored, sums[number], big_endian=big_endian)
        as_written = frame_salt == salt and end == stored
        mend = mends[0] if len(mends) == 1 else None
        reads = end is not None or mend is not None
        if mend is not None:
            end = stored
        changed = dict([mend] if mend is not None else [])
        yield Frame(
            number,
            page=changed.get(0, page),
            commit=changed.get(1, commit),
            current=current,
            as_written=as_written,
            reads=reads,
            nearly=len(mends) > 1,
            mend=mend if mend is not None and mend[0] < _WORDS else None,
        )
        computed, before = end, stored


def _following(
    heads: Sequence[tuple[int, int, bytes, int, int]], sums: Sequence[Sum], number: int
) -> tuple[Sum, Sum] | None:
    """What the frame behind holds: the sum of its own words, and the checksum it has stored."""
    if number + 1 == len(heads):
        return None
    _, _, _, *stored = heads[number + 1]
    return sums[number + 1], (stored[0], stored[1])


def _end(ends: Sequence[Sum], stored: Sum, follows: tuple[Sum, Sum] | None) -> Sum | None:
    """The checksum behind a frame whose page is right, be its own checksum damaged or not."""
    for end in ends:
        if end == stored:
            return end
    for end in ends:
        if follows is not None and _after(end, follows[0]) == follows[1]:
            return end
    return None


def _mends(
    data: memoryview, number: int, before: Sum, stored: Sum, found: Sum, *, big_endian: bool
) -> list[tuple[int, int]]:
    """Each single word that may have changed, and what it was; `_WORDS`: one of the checksum."""
    end = _after(before, found)
    first, second = (stored[0] - end[0]) & _MASK, (stored[1] - end[1]) & _MASK
    mends = [(_WORDS, 0)] if first == 0 or second == 0 else []
    for word in range(_WORDS):
        a, b = _WEIGHTS[_WORDS - 1 - word]
        # One of two neighbours in the row of Fibonacci is odd, and can be divided by.
        change = first * _inverse(a) if a & 1 else second * _inverse(b)
        change &= _MASK
        if (change * a - first) & _MASK or (change * b - second) & _MASK:
            continue
        place = HEADER_OCTETS + number * FRAME_OCTETS + _offset(word)
        order: Literal["big", "little"] = "big" if big_endian else "little"
        value = (int.from_bytes(data[place : place + 4], order) + change) & _MASK
        mends.append((word, int.from_bytes(value.to_bytes(4, order), "big")))
    return mends


def _offset(word: int) -> int:
    """Of a summed word within its frame: salt and checksum lie between."""
    return 4 * word if word < 2 else FRAME_HEADER_OCTETS + 4 * (word - 2)


def _octets_of(data: memoryview, frame: Frame) -> bytearray:
    """Page number, commit and page, in order."""
    place = HEADER_OCTETS + frame.number * FRAME_OCTETS
    octets = bytearray(data[place : place + 8])
    octets += data[place + FRAME_HEADER_OCTETS : place + FRAME_OCTETS]
    if frame.mend is not None:
        word, value = frame.mend
        struct.pack_into(">I", octets, 4 * word, value)
    return octets


def _pages_at_the_end(frames: Sequence[Frame]) -> int:
    """How long the database is after these, though the last commit may not read."""
    commits = [frame for frame in frames if frame.commit and frame.reads]
    pages = commits[-1].commit if commits else 1
    after = commits[-1].number if commits else -1
    return max([pages, *(f.page for f in frames if f.reads and f.number > after)])


# -- the checksum ----------------------------------------------------------------------------------


def _sum_of(words: Sequence[int], start: Sum = (0, 0)) -> Sum:
    first, second = start
    pairs = iter(words)
    for a, b in zip(pairs, pairs, strict=True):
        first = (first + a + second) & _MASK
        second = (second + b + first) & _MASK
    return first, second


def _after(start: Sum, frame: Sum) -> Sum:
    """The checksum behind a frame whose own sum, begun at nought, is `frame`."""
    a, b, c, d = _STEP
    return (
        (a * start[0] + b * start[1] + frame[0]) & _MASK,
        (c * start[0] + d * start[1] + frame[1]) & _MASK,
    )


def _step() -> tuple[int, int, int, int]:
    """What a frame of noughts does to a checksum."""
    noughts = [0] * _WORDS
    (a, c), (b, d) = _sum_of(noughts, (1, 0)), _sum_of(noughts, (0, 1))
    return a, b, c, d


def _weights() -> tuple[Sum, ...]:
    """What a 1 in a word adds to the checksum, for the last word, the last but one, ..."""
    row = [0, 1]
    while len(row) < _WORDS + 1:
        row.append((row[-1] + row[-2]) & _MASK)
    return tuple((row[n], row[n + 1]) for n in range(_WORDS))


def _inverse(odd: int) -> int:
    return pow(odd, -1, 1 << 32)


_STEP = _step()
_WEIGHTS = _weights()


def _sums(
    data: memoryview, count: int, *, big_endian: bool, offset: int = HEADER_OCTETS
) -> list[Sum]:
    """Of each frame by itself.

    A loop over all words takes 70 us for a frame and more; so the frames are summed side by side,
    each in 64 bits of one long integer, which is about twenty times as fast.
    """
    sums: list[Sum] = []
    for start in range(0, count, BATCH_FRAMES):
        frames = min(BATCH_FRAMES, count - start)
        place = offset + start * FRAME_OCTETS
        quads = array("Q", bytes(data[place : place + frames * FRAME_OCTETS]))
        sums += _sums_side_by_side(quads, frames, big_endian=big_endian)
    return sums


def _sums_side_by_side(quads: "array[int]", frames: int, *, big_endian: bool) -> Iterator[Sum]:
    low = int.from_bytes(b"\xff\xff\xff\xff\0\0\0\0" * frames, "little")
    first = second = 0
    for quad in (0, *range(3, _FRAME_QUADS)):  # 1 and 2: salt and checksum
        column = quads[quad::_FRAME_QUADS]
        if big_endian:
            column.byteswap()
        words = int.from_bytes(column.tobytes(), "little")
        a, b = words & low, (words >> 32) & low
        if big_endian:
            a, b = b, a
        first = (first + a + second) & low
        second = (second + b + first) & low
    octets = 8 * frames
    return zip(
        _apart(first.to_bytes(octets, "little")),
        _apart(second.to_bytes(octets, "little")),
        strict=True,
    )


def _apart(octets: bytes) -> "array[int]":
    sums = array("Q", octets)
    if sys.byteorder == "big":
        sums.byteswap()
    return sums
