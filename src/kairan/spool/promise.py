"""The futures for which intake and delivery wait, answered by a writer's commit."""

import asyncio
from typing import Any, TypeVar

_T = TypeVar("_T")


def resolve(future: "asyncio.Future[_T]", value: _T) -> None:
    """The waiting task may have been cancelled: the promise holds all the same."""
    if not future.done():
        future.set_result(value)


def reject(future: "asyncio.Future[Any]", error: Exception) -> None:
    """The writer has said why; who does not wait for it need not hear of it again."""
    if not future.done():
        future.set_exception(error)
        future.exception()
