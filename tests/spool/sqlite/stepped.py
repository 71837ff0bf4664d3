"""A shard whose threads run only when told: each hand-over between thread and loop is a step.

A commit is two steps: it is durable, and the loop hears of it.  So is a read: it is done, and who
asked hears of it.  Between any two the test does as it likes; everything is in one thread.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.reader import Reader
from kairan.spool.sqlite.shard import SqliteSpool
from kairan.spool.sqlite.writer import Writer


class NoThread:
    def __init__(self, **_: object) -> None:
        pass

    def start(self) -> None:
        pass

    def join(self) -> None:
        pass


class Stepped:
    """Made in a running loop by `open`; `close` it."""

    def __init__(self) -> None:
        self.spool: SqliteSpool | None = None
        self.between: Callable[[], None] = lambda: None  # after the commit, before its look
        self._reads: deque[tuple[Callable[[], object], asyncio.Future[object]]] = deque()
        self._answers: deque[tuple[object, asyncio.Future[object]]] = deque()
        self._outcome: tuple[list[object], object] | None = None
        self._is_closing = False
        self._patches = ExitStack()

    @classmethod
    async def open(
        cls, directory: Path, settings: SpoolSettings, clock: Callable[[], float]
    ) -> "Stepped":
        stepped = cls()
        look = Writer._look

        def look_later(writer: Writer, *arguments: object, **named: object) -> object:
            stepped.between()
            return look(writer, *arguments, **named)

        patches = stepped._patches
        patches.enter_context(patch("kairan.spool.sqlite.writer.Thread", NoThread))
        # On a busy machine too a count is not put off.
        patches.enter_context(patch("kairan.spool.sqlite.writer._QUICK_COUNT_SECONDS", 1e6))
        patches.enter_context(patch.object(Writer, "_look", look_later))
        patches.enter_context(patch.object(Reader, "run", stepped._ask))
        opening = asyncio.create_task(SqliteSpool.open(directory, settings, clock=clock))
        stepped.spool = await stepped._run(opening)
        return stepped

    async def close(self) -> None:
        assert self.spool is not None
        self.between = lambda: None
        await self._run(asyncio.create_task(self.spool.close()))
        self.spool._writer._disconnect()
        self._patches.close()

    async def _run(self, task):
        while not task.done():
            self.all_steps()
            await asyncio.sleep(0)
        return task.result()

    def all_steps(self) -> bool:
        """Each thread does what it has to do; False: nothing."""
        return any([self.read(), self.answer(), self.commit(), self.apply()])

    # -- the reader's thread -----------------------------------------------------------------------

    def _ask(self, function: Callable[[], object]) -> "asyncio.Future[object]":
        future = asyncio.get_running_loop().create_future()
        self._reads.append((function, future))
        return future

    @property
    def can_read(self) -> bool:
        return bool(self._reads)

    @property
    def can_answer(self) -> bool:
        return bool(self._answers)

    def read(self) -> bool:
        if not self.can_read:
            return False
        function, future = self._reads.popleft()
        self._answers.append((function(), future))
        return True

    def answer(self) -> bool:
        if not self.can_answer:
            return False
        answer, future = self._answers.popleft()
        if not future.done():
            future.set_result(answer)
        return True

    # -- the writer's thread -----------------------------------------------------------------------

    @property
    def can_commit(self) -> bool:
        if self.spool is None or self.can_apply:
            return False
        return not self.spool._writer._handed.empty()

    @property
    def can_apply(self) -> bool:
        return self._outcome is not None

    def commit(self) -> bool:
        if not self.can_commit:
            return False
        writer = self.spool._writer
        batch = writer._handed.get()
        if batch is None:
            return False
        self._outcome = (batch.operations, writer._commit(batch))
        return True

    def apply(self) -> bool:
        if self._outcome is None:
            return False
        (operations, outcome), self._outcome = self._outcome, None
        self.spool._writer._done(operations, outcome)
        return True
