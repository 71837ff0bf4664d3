"""A filter that cannot be read, and the character at which that shows."""

from kairan.directory.errors import DirectoryError

# So much of the filter is quoted from the place on.
_QUOTED_CHARACTERS = 24


class RecipientFilterError(DirectoryError):
    """`place` counts from 0, `sentence` says what is wrong there and what was expected."""

    def __init__(self, text: str, place: int, sentence: str) -> None:
        rest = text[place : place + _QUOTED_CHARACTERS]
        where = f"character {place + 1}, `{rest}`" if rest.strip() else f"character {place + 1}"
        super().__init__(f"the filter cannot be read at {where}: {sentence}")
        self.place = place
        self.sentence = sentence
