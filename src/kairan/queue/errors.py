"""What is asked of the queue and cannot be done as it was said."""

from kairan.runtime.operator_error import BAD_INPUT, OperatorError


class QueueRequestError(OperatorError):
    """The sentence ends with what to do."""

    exit_code = BAD_INPUT


class NotInQueueError(QueueRequestError):
    """An id that is no longer there, or never was."""
