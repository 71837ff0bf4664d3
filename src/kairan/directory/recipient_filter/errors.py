"""A filter that cannot be read, and the character at which that shows."""

from kairan.directory.errors import DirectoryError
from kairan.outcomes.outcome import Text

# So much of the filter is quoted from the place on.
_QUOTED_CHARACTERS = 24


class RecipientFilterError(DirectoryError):
    """`place` counts from 0, `what` says what is wrong there and what was expected."""

    def __init__(self, text: str, place: int, what: Text) -> None:
        rest = text[place : place + _QUOTED_CHARACTERS]
        quoted = f", `{rest}`" if rest.strip() else ""
        super().__init__(
            Text(
                f"the filter cannot be read at character {place + 1}{quoted}: {what.en}",
                f"フィルターの {place + 1} 文字目{quoted} を読み取れません: {what.ja}",
            )
        )
        self.place = place
        self.what = what
