"""What both servers are asked, step by step.

The words are chosen to show how a server refuses, and to leave nothing behind: no password is
guessed, no message is begun, nothing is sent to anybody, but for the last steps, which need
`--send`.  A step that needs what there is not (TLS, a login, a recipient) is left out.

`{user}`, `{domain}`, `{to}` are the login, its domain, the recipient; `^A` stands for byte 0x01 and
is encoded in base64 with the rest of the word that begins with `b64:`.
"""

from dataclasses import dataclass
from enum import Enum


class DialogueAction(Enum):
    GREETING = "greeting"  # listen
    LINE = "line"  # send `line`
    STARTTLS = "starttls"
    LOGIN = "login"  # never shown
    MESSAGE = "message"  # DATA and a message


class DialogueNeeds(Enum):
    NOTHING = 0
    TLS = 1
    LOGIN = 2
    SEND = 3


@dataclass(frozen=True, slots=True)
class DialogueStep:
    name: str
    line: str = ""
    action: DialogueAction = DialogueAction.LINE
    needs: DialogueNeeds = DialogueNeeds.NOTHING


_TLS, _LOGIN, _SEND = DialogueNeeds.TLS, DialogueNeeds.LOGIN, DialogueNeeds.SEND
_TOKEN = "auth=Bearer eyJ.x.y"  # noqa: S105 - nobody's

DIALOGUE: tuple[DialogueStep, ...] = (
    DialogueStep("greeting", action=DialogueAction.GREETING),
    DialogueStep("EHLO before TLS", "EHLO doctor.invalid"),
    DialogueStep("NOOP", "NOOP"),
    DialogueStep("unknown command", "KAIRAN"),
    DialogueStep("MAIL before TLS", "MAIL FROM:<probe@doctor.invalid>"),
    DialogueStep("RSET", "RSET"),
    DialogueStep("AUTH before TLS", "AUTH LOGIN"),
    DialogueStep("STARTTLS with an argument", "STARTTLS now"),
    DialogueStep("STARTTLS", "STARTTLS", DialogueAction.STARTTLS),
    DialogueStep("EHLO after TLS", "EHLO doctor.invalid", needs=_TLS),
    DialogueStep("STARTTLS again", "STARTTLS", needs=_TLS),
    DialogueStep("MAIL before login", "MAIL FROM:<probe@doctor.invalid>", needs=_TLS),
    DialogueStep("RSET before login", "RSET", needs=_TLS),
    DialogueStep("RCPT before MAIL", "RCPT TO:<probe@doctor.invalid>", needs=_TLS),
    DialogueStep("DATA before MAIL", "DATA", needs=_TLS),
    DialogueStep("AUTH without mechanism", "AUTH", needs=_TLS),
    DialogueStep("unknown mechanism", "AUTH KAIRAN", needs=_TLS),
    DialogueStep("AUTH LOGIN, given up", "AUTH LOGIN", needs=_TLS),
    DialogueStep("XOAUTH2: not base64", "AUTH XOAUTH2 %%%", needs=_TLS),
    DialogueStep(
        "XOAUTH2: wrong order", f"AUTH XOAUTH2 b64:{_TOKEN}^Auser=a@doctor.invalid^A^A", needs=_TLS
    ),
    DialogueStep("XOAUTH2: no user", f"AUTH XOAUTH2 b64:user=^A{_TOKEN}^A^A", needs=_TLS),
    DialogueStep(
        "XOAUTH2: user is no address", f"AUTH XOAUTH2 b64:user=a^A{_TOKEN}^A^A", needs=_TLS
    ),
    DialogueStep(
        "XOAUTH2: no Bearer", "AUTH XOAUTH2 b64:user=a@doctor.invalid^Aauth=eyJ.x.y^A^A", needs=_TLS
    ),
    DialogueStep(
        "XOAUTH2: no token", "AUTH XOAUTH2 b64:user=a@doctor.invalid^Aauth=Bearer ^A^A", needs=_TLS
    ),
    DialogueStep("login", action=DialogueAction.LOGIN, needs=_LOGIN),
    DialogueStep("login again", "AUTH LOGIN", needs=_LOGIN),
    DialogueStep("MAIL too large", "MAIL FROM:<{user}> SIZE=999999999", needs=_LOGIN),
    DialogueStep("RSET after size", "RSET", needs=_LOGIN),
    DialogueStep("MAIL malformed", "MAIL FROM:nobody", needs=_LOGIN),
    DialogueStep("MAIL as somebody else", "MAIL FROM:<probe@doctor.invalid>", needs=_LOGIN),
    DialogueStep("RSET after MAIL", "RSET", needs=_LOGIN),
    DialogueStep("MAIL", "MAIL FROM:<{user}>", needs=_LOGIN),
    DialogueStep("MAIL twice", "MAIL FROM:<{user}>", needs=_LOGIN),
    DialogueStep("DATA before RCPT", "DATA", needs=_LOGIN),
    DialogueStep("RCPT malformed", "RCPT TO:nobody", needs=_LOGIN),
    DialogueStep("RCPT outside", "RCPT TO:<probe@doctor.invalid>", needs=_LOGIN),
    DialogueStep("RCPT unknown", "RCPT TO:<kairan-doctor-nobody@{domain}>", needs=_LOGIN),
    DialogueStep("RSET after RCPT", "RSET", needs=_LOGIN),
    DialogueStep("MAIL to send", "MAIL FROM:<{user}>", needs=_SEND),
    DialogueStep("RCPT to send", "RCPT TO:<{to}>", needs=_SEND),
    DialogueStep("message", action=DialogueAction.MESSAGE, needs=_SEND),
    DialogueStep("QUIT", "QUIT"),
)
