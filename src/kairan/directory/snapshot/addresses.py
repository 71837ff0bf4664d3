r"""Which mailboxes exist, for a million of them in some 30 MB and a look-up of a microsecond.

The addresses, sorted, stand in blocks of 64 lines of plain UTF-8:

    "\n" key "\n" alias "\t" primary "\n" key "\n"

A look-up finds the block by bisecting the blocks' first keys and the line in it by searching its
text; both run in C.  One Python object per 64 addresses instead of one per address is what keeps
it small: a dictionary of a million addresses takes about 200 MB.  Neither "\n" nor "\t" can be
part of an address, and what contains them is turned away before the search.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

# Longer blocks save objects and cost search time; at 64 the search (1.6 KB) takes 0.1 us.
_BLOCK_LINES = 64


class KnownAddresses:
    """Immutable.  Built from (key, primary) pairs in the order of their keys' octets."""

    __slots__ = ("_blocks", "_firsts", "_size")

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._firsts: list[bytes] = []
        self._blocks: list[bytes] = []
        self._size = 0
        for block in _blocks(pairs):
            self._firsts.append(block[0][0].encode())
            self._blocks.append(_text(block))
            self._size += len(block)

    def __len__(self) -> int:
        return self._size

    def primary(self, key: str) -> str | None:
        if not key.isprintable():
            return None
        # A lone surrogate, from octets that were no UTF-8, is in no block.
        wanted = key.encode("utf-8", "surrogatepass")
        index = bisect_right(self._firsts, wanted) - 1
        if index < 0:
            return None
        block = self._blocks[index]
        if b"\n%b\n" % wanted in block:
            return key
        at = block.find(b"\n%b\t" % wanted)
        if at < 0:
            return None
        start = at + len(wanted) + 2
        return block[start : block.index(b"\n", start)].decode()

    def primaries(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys, sorted by their octets, that are primary addresses.

        Blocks are opened once for all keys that fall into them: the members of a list are many, and
        neighbours.
        """
        found: set[str] = set()
        start = 0
        while start < len(keys):
            wanted = keys[start].encode("utf-8", "surrogatepass")
            index = bisect_right(self._firsts, wanted) - 1
            end = len(keys)
            if index + 1 < len(self._firsts):
                end = max(bisect_left(keys, self._firsts[index + 1].decode(), start), start + 1)
            if index >= 0:
                lines = self._blocks[index].decode().split("\n")
                found.update(set(lines).intersection(keys[start:end]))
            start = end
        return {key for key in found if "\t" not in key} - {""}


def _blocks(pairs: Iterable[tuple[str, str]]) -> Iterator[Sequence[tuple[str, str]]]:
    remaining = iter(pairs)
    while block := list(islice(remaining, _BLOCK_LINES)):
        yield block


def _text(block: Sequence[tuple[str, str]]) -> bytes:
    lines = (key if key == primary else f"{key}\t{primary}" for key, primary in block)
    return "\n".join(("", *lines, "")).encode()
