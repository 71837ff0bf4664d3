r"""PHPMailer tells one refusal up to four times: the reply, its own error, and the application's.

    2026-03-09 07:00:01 SERVER -> CLIENT: 535 5.7.3 Authentication unsuccessful
    2026-03-09 07:00:01 SMTP ERROR: Password command failed: 535 5.7.3 Authentication unsuccessful
    2026-03-09 07:00:01 SMTP Error: Could not authenticate.
    Mailer Error: SMTP Error: Could not authenticate. SMTP server error: … SMTP code: 535 …

Which of them are there depends on SMTPDebug and on the application.  The first that is there counts;
what follows shortly behind it in an order that one sending can have is told again.
"""

import re
from dataclasses import dataclass, field
from enum import IntEnum

# Versions before 5.2 write "SMTP -> FROM SERVER:" and "SMTP -> ERROR:".
_TELLING = re.compile(
    r"(?P<reply>SERVER -(?:>|&gt;) CLIENT:|SMTP -> FROM SERVER:)"
    r"|(?P<error>SMTP ERROR:|SMTP -> ERROR:)"
    r"|(?P<summary>SMTP Error[:!]|Mailer Error:|SMTP connect\(\) failed)"
)
_CODE = re.compile(r"[45]\d\d(?!\d)")
_NO_DIGITS = {ord(digit): None for digit in "0123456789"}
# The session is closed and the exception handled within it.
_ONE_SENDING_SECONDS = 30


class _TellingStep(IntEnum):
    """In the order in which one sending tells them."""

    REPLY = 0
    ERROR = 1
    SUMMARY = 2


@dataclass(slots=True)
class _ToldRefusal:
    """What was told of the last refusal."""

    first: _TellingStep
    code: str  # empty: none was told
    time: float | None
    end: int  # octets from the log's beginning
    step: _TellingStep = _TellingStep.REPLY  # the last one
    summaries: set[str] = field(default_factory=set)  # as they stand, without figures


class PhpMailerLines:
    """`reach`: octets within which one sending stays."""

    def __init__(self, reach: int) -> None:
        self._reach = reach
        self._last: _ToldRefusal | None = None

    def tells_again(self, line: str, time: float | None, *, begin: int, end: int) -> bool:
        found = _TELLING.search(line)
        if found is None:
            return False
        step = _TellingStep[(found.lastgroup or "").upper()]
        code = _CODE.search(line, found.end())
        told = _ToldRefusal(step, code[0] if code else "", time, end, step)
        words = line[found.start() :].translate(_NO_DIGITS).strip()
        if self._last is not None and self._is_of(self._last, told, words, begin):
            self._last.step, self._last.end = step, end
            self._last.summaries.add(words)
            return True
        self._last = told
        told.summaries.add(words)
        return False

    def _is_of(self, last: _ToldRefusal, told: _ToldRefusal, words: str, begin: int) -> bool:
        if begin - last.end > self._reach:
            return False
        apart = 0.0 if None in {told.time, last.time} else abs((told.time or 0) - (last.time or 0))
        if apart > _ONE_SENDING_SECONDS:
            return False
        match told.step:
            case _TellingStep.REPLY:
                return False  # each reply of the server is one
            case _TellingStep.ERROR:
                return last.step is _TellingStep.REPLY and told.code == last.code
            case _TellingStep.SUMMARY if last.first is not _TellingStep.SUMMARY:
                return words not in last.summaries
            case _TellingStep.SUMMARY:  # of the next sending, unless it repeats the words
                return any(words != one and one.rstrip(".") in words for one in last.summaries)
