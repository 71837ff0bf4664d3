"""What goes wrong between an administrator and the directory: one sentence, with what to do."""

from kairan.outcomes.outcome import Text
from kairan.runtime.operator_error import BAD_INPUT, FAILED, OperatorError


class DirectoryError(OperatorError):
    """The change or question cannot be carried out; nothing of it has been written.

    `about` is the address at fault, where there is one: an import finds its line by it.  `said`: in the
    languages that console and API speak; what is a plain sentence has English for both.
    """

    exit_code = BAD_INPUT

    def __init__(self, sentence: str | Text, *, about: str = "") -> None:
        self.said = sentence if isinstance(sentence, Text) else Text(sentence, sentence)
        super().__init__(self.said.en)
        self.about = about


class DirectoryUnavailableError(DirectoryError):
    """The database does not answer; the same call may succeed later."""

    exit_code = FAILED


class DirectoryOfOldShapeError(DirectoryError):
    """It was written by an older version; the next start brings it to this one's shape."""


def said_of(error: OperatorError) -> Text:
    """In both languages, as far as it is; an error of the directory's is."""
    return error.said if isinstance(error, DirectoryError) else Text(str(error), str(error))
