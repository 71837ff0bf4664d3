"""What goes wrong between an administrator and the directory: one sentence, with what to do."""

from kairan.runtime.operator_error import BAD_INPUT, FAILED, OperatorError


class DirectoryError(OperatorError):
    """The change or question cannot be carried out; nothing of it has been written.

    `about` is the address at fault, where there is one: an import finds its line by it.
    """

    exit_code = BAD_INPUT

    def __init__(self, sentence: str, *, about: str = "") -> None:
        super().__init__(sentence)
        self.about = about


class DirectoryUnavailableError(DirectoryError):
    """The database does not answer; the same call may succeed later."""

    exit_code = FAILED


class DirectoryOfOldShapeError(DirectoryError):
    """It was written by an older version; the next start brings it to this one's shape."""
