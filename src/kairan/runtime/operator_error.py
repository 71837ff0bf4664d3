"""What an operator can do something about: one sentence, ending with what to do, and an exit code."""

FAILED = 1  # may succeed later, or elsewhere
BAD_INPUT = 2  # will fail again until the input changes


class OperatorError(Exception):
    """The family of the errors that commands show as they are, without a traceback."""

    exit_code = FAILED
