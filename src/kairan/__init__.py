"""Kairan: high-volume mail inside an organisation.

`kairan.Sender`, `AsyncSender` and `Message` are for applications (docs/sender.md).  They are
imported when they are asked for, so that nobody else waits for them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kairan.sender.async_sender import AsyncSender
    from kairan.sender.message import Message
    from kairan.sender.sync_sender import Sender

__version__ = "0.1.0"
__all__ = ["AsyncSender", "Message", "Sender", "__version__"]

_FROM = {
    "AsyncSender": "kairan.sender.async_sender",
    "Message": "kairan.sender.message",
    "Sender": "kairan.sender.sync_sender",
}


def __getattr__(name: str) -> Any:
    if name in _FROM:
        return getattr(import_module(_FROM[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
