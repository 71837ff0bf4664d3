"""The steps of a move, so that mail is in one place wherever it is interrupted.

    1  target   everything is copied, unseen by a service                   put
    2  target   what stands there is counted and compared with the source   tally
    3  source   the order is written down: an id, and where to              begin
    4  target   it is there, with the id, in one act                        keep
    5  source   it is gone here, in one act                                 end

Interrupted before 4 the target has nothing, and the move is said again.  Interrupted between 4 and 5 both
have everything; said again, the target knows the id and 5 is all that is left.  From 3 on no service
starts on the source: it says that the move is to be said again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from uuid import uuid4

from kairan.runtime.counted import counted
from kairan.spool.moving.stored import MoveError, MoveOrder, MoveSource, MoveTarget, QueueTally


@dataclass(frozen=True, slots=True)
class Moved:
    """`left`: what became of the source, in words."""

    source: str
    tally: QueueTally
    left: str


def move(
    sources: Sequence[MoveSource],
    target_of: Callable[[MoveOrder], MoveTarget],
    target_name: str,
    told: Callable[[int], None] = lambda _: None,
) -> list[Moved]:
    """`told` hears how many messages are done.  Raises MoveError."""
    numbers = count(1)

    def one_more() -> None:
        told(next(numbers))

    found = (_move_one(source, target_of, target_name, one_more) for source in sources)
    return [moved for moved in found if moved is not None]


def _move_one(
    source: MoveSource,
    target_of: Callable[[MoveOrder], MoveTarget],
    target_name: str,
    one_more: Callable[[], None],
) -> Moved | None:
    """None: nothing waits there."""
    with source:
        order, tally = source.order(), source.tally()
        if order is None and not tally.messages:
            return None
        order = order or MoveOrder(str(uuid4()), target_name)
        _check_same(source, order, target_name)
        with target_of(order) as target:
            if not target.has(order):
                _copy(source, target, one_more)
                _compare(source, tally, target)
                source.begin(order)
                target.keep(order)
        return Moved(source.name, tally, source.end(order))


def _check_same(source: MoveSource, order: MoveOrder, target: str) -> None:
    if order.target != target:
        raise MoveError(
            f"{source.name}: a move to {order.target} was begun and has not ended; say that one again"
        )


def _copy(source: MoveSource, target: MoveTarget, one_more: Callable[[], None]) -> None:
    for message in source.messages():
        target.put(message, source.content(message) if message.body is None else None)
        one_more()


def _compare(source: MoveSource, tally: QueueTally, target: MoveTarget) -> None:
    there = target.tally()
    if there != tally:
        raise MoveError(
            f"{target.name} has {_text(there)} of {_text(tally)} in {source.name}; nothing was moved. "
            "Look at both for damage, and say it again"
        )


def _text(tally: QueueTally) -> str:
    return (
        f"{counted(tally.messages, 'message')}, {counted(tally.jobs, 'job')}, "
        f"{counted(tally.recipients, 'recipient')}, {counted(tally.octets, 'octet')}"
    )
