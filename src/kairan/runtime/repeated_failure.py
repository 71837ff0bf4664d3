"""Something fails again and again: that is said when it begins, when it becomes another, at its end.

if trouble.is_new(str(error)):
log.error("trace.not-written", reason=str(error))
…
if trouble.is_over():
log.info("trace.written-again")
"""


class RepeatedFailure:
    def __init__(self) -> None:
        self._reason: str | None = None

    def is_new(self, reason: str) -> bool:
        is_new, self._reason = reason != self._reason, reason
        return is_new

    def is_over(self) -> bool:
        """True once, when it works again."""
        was, self._reason = self._reason, None
        return was is not None
